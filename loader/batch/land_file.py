"""Landing of output files that came another way: downloaded by hand, or made by another program.

Such a file brings its own ids. Its SHA-256 stands for the file, the job and the shard, so that two files with the ids
`0`, `1`, … stay apart. What is known is known line by line (`known_lines`): a file that holds lines which landed before
adds only the others. Lines that answer requests of this loader are recognised by their id and joined to their receipts.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import orjson

from loader.batch.job import Job
from loader.batch.known_lines import compare
from loader.errors import SourceError
from loader.requests.question import MAX_TOKENS
from loader.sources.locations import printable
from loader.warehouse import ledger, verdicts
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.lines import read_lines
from loader.warehouse.raw import (
    RECEIPT_COLUMNS,
    ReceiptRow,
    append_job,
    append_load,
    append_output,
    append_receipts,
    moment,
)

LOOKED_AT_LINES = 1000
PORTION = 10_000  # receipts in hand
ORIGIN = {"origin": "landed by hand"}


@dataclass(frozen=True)
class Landed:
    """What landing a file did."""

    file: str
    file_id: str
    lines: int  # 0 when all of them had landed before
    known: int  # lines that say what another says that landed, or that stands before it in the file
    requests: int
    currency_changed: int  # receipts whose currency this corrected


def land_file(
    warehouse: Warehouse, path: Path, currency: str | None, load_id: str, default_currency: str | None = None
) -> Landed:
    """Land one output or error file. Raises SourceError when it is not there, is no batch output, or will be fetched.

    `currency` corrects what its answers say, `default_currency` (the setting) is meant where they say nothing. What an
    earlier landing said stays until another is named.
    """
    try:
        _check_is_batch_output(path)
        with path.open("rb") as file:
            file_id = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; name a file that can be read") from error
    source = printable(path.name)
    with warehouse.transaction() as connection:
        new, known = compare(connection, path)
        lines = 0
        if new:
            lines = append_output(connection, file_id, file_id, "output", path, load_id, "new_lines" if known else None)
            verdicts.judge(connection, file_id)
            _check_is_not_under_way(connection, path)
            _record_requests(connection, file_id, load_id)
        changed = 0
        if currency or default_currency:
            for receipts in _known_receipts(connection, currency, default_currency):
                changed += append_receipts(connection, receipts, load_id)
        if new:
            for receipts in _new_receipts(connection, file_id, source, currency, default_currency):
                append_receipts(connection, receipts, load_id)
        (count,) = _row(connection, "select count(*) from raw.batch_requests where shard_id = ?", file_id)
        if new or changed:
            (model,) = _row(connection, "select max(model) from raw.batch_requests where shard_id = ?", file_id)
            for status in ("started", "finished"):
                append_load(connection, load_id, source, model, None, status)
    return Landed(str(path), file_id, lines, known, count if new else 0, changed)


def _check_is_batch_output(path: Path) -> None:
    if not path.is_file():
        raise SourceError(f"{path}: no such file; name an output file of a batch job (JSON lines)")
    for batch in islice(read_lines(path), 1):
        for line in batch.column("line").to_pylist()[:LOOKED_AT_LINES]:
            try:
                answer = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(answer, dict) and ("response" in answer or "error" in answer) and "custom_id" in answer:
                return
    raise SourceError(
        f"{path} is not batch output: none of its first lines is a JSON object with custom_id and response or error"
    )


def _check_is_not_under_way(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse the answers of a job that the loader will fetch: they would be there, and paid for, twice."""
    (job_id, count) = _row(
        connection,
        """
        select max(shard.job_id), count(distinct verdicts.custom_id)
        from verdicts
        inner join ledger.requests as request on request.custom_id = verdicts.custom_id and request.state = 'sent'
        inner join ledger.shards as shard on shard.shard_id = request.shard_id and shard.state = 'submitted'
        """,
        {},
    )
    if count:
        raise SourceError(
            f"{path}: {count:,} of its lines answer job {job_id}, which has not landed yet: run `loader load`, which "
            "fetches it, or give the job up with `loader cancel --forget` first"
        )


def _record_requests(connection: duckdb.DuckDBPyConnection, file_id: str, load_id: str) -> None:
    """A request for each id in the file: a further attempt of the loader's own request, or one of the file's own."""
    connection.execute(
        """
        insert into raw.batch_requests
        with ids as (
            select custom_id, max(echoed_model) as model
            from verdicts
            where custom_id is not null
            group by all
        ),
        own as (
            select custom_id, receipt_id, model, max(prompt_id) as prompt_id, max(attempt) as attempt
            from raw.batch_requests
            where prompt_id is not null
            group by all
        )
        select
            ids.custom_id,
            coalesce(own.receipt_id, sha256($file_id || '/' || ids.custom_id)),
            coalesce(own.model, ids.model),
            own.prompt_id,
            $file_id,
            coalesce(own.attempt, 0) + 1,
            null,
            $load_id,
            $requested_at
        from ids
        left join own on own.custom_id = ids.custom_id
        """,
        {"file_id": file_id, "load_id": load_id, "requested_at": moment(connection, "batch_requests")},
    )
    connection.execute(
        """
        insert into ledger.requests
        select
            landed.custom_id, landed.attempt, landed.shard_id, landed.receipt_id, landed.model,
            coalesce((select max(max_tokens) from ledger.requests as own where own.custom_id = landed.custom_id), $max),
            'sent'
        from raw.batch_requests as landed
        where landed.shard_id = $file_id and landed.prompt_id is not null
        """,
        {"file_id": file_id, "max": MAX_TOKENS},
    )
    append_job(connection, _job(connection, file_id).snapshot, file_id)
    ledger.settle_judged(connection, file_id, file_id)


def _job(connection: duckdb.DuckDBPyConnection, file_id: str) -> Job:
    """A job for the file: it has ended, and these are its lines."""
    total, failed, model = _row(
        connection,
        f"""
        select count(*), count(*) filter (status = 'failed'),
            (select max(model) from raw.batch_requests where shard_id = ?)
        from ({verdicts.best_lines()})
        """,
        file_id,
    )
    # not before any known job, whose times are the server's: what is landed now is the latest word
    known = connection.execute(
        "select max(try_cast(json_extract(try_cast(job as json), '$.created_at') as bigint)) from raw.batch_jobs"
    ).fetchone()
    made_at = max(int(time.time()), (known and known[0]) or 0)
    return Job(
        id=file_id,
        status="SUCCESS",
        model=model,
        metadata=ORIGIN,
        created_at=made_at,
        completed_at=made_at,
        total=total,
        completed=total,
        succeeded=total - failed,
        failed=failed,
        output_file=file_id,
    )


def _new_receipts(
    connection: duckdb.DuckDBPyConnection,
    file_id: str,
    source: str,
    currency: str | None,
    default_currency: str | None,
) -> Iterator[list[ReceiptRow]]:
    """The receipts that only this file knows; nothing but their id and currency is known of them."""
    empty = dict.fromkeys(("media_type", "width", "height", "image_bytes", "label", "rejected_reason"))
    query = """
        select receipt_id, custom_id
        from raw.batch_requests
        where shard_id = $file_id and prompt_id is null and receipt_id > $last
        order by receipt_id
        limit $portion
    """
    for rows in _in_portions(connection, query, {"file_id": file_id}):
        yield [
            ReceiptRow(
                receipt_id=receipt_id,
                source=source,
                source_key=custom_id,
                currency=currency,
                default_currency=default_currency,
                **empty,
            )
            for receipt_id, custom_id in rows
        ]


def _known_receipts(
    connection: duckdb.DuckDBPyConnection, currency: str | None, default_currency: str | None
) -> Iterator[list[ReceiptRow]]:
    """The receipts of the lines that landed before, as they were offered but with what is said of their currency now.

    Those of the loader's own requests are left out: their source says what they are.
    """
    connection.execute(
        """
        create or replace temporary table known_receipts as
        select distinct asked.receipt_id
        from known_lines
        inner join raw.batch_requests as asked
            on asked.shard_id = known_lines.job_id and asked.custom_id = known_lines.custom_id
        where asked.prompt_id is null
        """
    )
    columns = ", ".join(RECEIPT_COLUMNS)
    query = f"""
        with portion as (
            select receipt_id from known_receipts where receipt_id > $last order by receipt_id limit $portion
        )
        select {columns}
        from raw.receipts
        where receipt_id in (select receipt_id from portion)
        qualify row_number() over (
            partition by receipt_id, source, source_key order by loaded_at desc, load_id desc
        ) = 1
        order by receipt_id
    """
    for rows in _in_portions(connection, query, {}):
        yield [
            replace(
                known, currency=currency or known.currency, default_currency=default_currency or known.default_currency
            )
            for known in (ReceiptRow(*row) for row in rows)
        ]


def _in_portions(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query in the order of their first column, some thousands at a time."""
    last = ""
    while rows := connection.execute(query, {**parameters, "last": last, "portion": PORTION}).fetchall():
        yield rows
        last = rows[-1][0]


def _row(connection: duckdb.DuckDBPyConnection, query: str, parameters: Any) -> tuple[Any, ...]:
    given = parameters if isinstance(parameters, dict) else [parameters]
    row = connection.execute(query, given).fetchone()
    assert row is not None, "an aggregate gives one row"
    return row
