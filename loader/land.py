"""Landing of output files that came another way: downloaded by hand, or made by another program.

Such a file brings its own ids. Its SHA-256 stands for the file, the job and the shard, so that two files with the ids
`0`, `1`, … stay apart and a file that is landed again adds nothing. Lines that answer requests of this loader are
recognised by their id and joined to their receipts.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import orjson

from loader import ledger
from loader.errors import SourceError
from loader.lines import read_lines
from loader.locations import printable
from loader.requests import MAX_TOKENS
from loader.warehouse import (
    ReceiptRow,
    Warehouse,
    append_job,
    append_load,
    append_output,
    append_receipts,
    moment,
)

LOOKED_AT_LINES = 1000
ORIGIN = {"origin": "landed by hand"}


@dataclass(frozen=True)
class Landed:
    """What landing a file did."""

    file: str
    file_id: str
    lines: int  # 0 when the file had landed before
    requests: int
    currency_changed: int  # receipts whose currency this corrected


def land_file(
    warehouse: Warehouse, path: Path, currency: str | None, load_id: str, default_currency: str | None = None
) -> Landed:
    """Land one output or error file. Raises SourceError when it is not there or is no batch output.

    `currency` corrects what its answers say, `default_currency` (the setting) is meant where they say nothing. What an
    earlier landing said stays until another is named.
    """
    try:
        _check_is_batch_output(path)
        with path.open("rb") as file:
            file_id = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; name a file that can be read") from error
    with warehouse.transaction() as connection:
        lines = append_output(connection, file_id, file_id, "output", path, load_id)
        if lines and _is_known_line_by_line(connection, file_id):
            raise SourceError(
                f"{path}: every line of it has been landed already, by the loader or from another file; nothing to do"
            )
        if lines:
            _record_requests(connection, file_id, load_id)
            append_job(connection, _job(connection, file_id), file_id)
            ledger.settle(connection, file_id, file_id)
        changed = 0
        if lines or currency or default_currency:
            changed = append_receipts(
                connection,
                _receipts(connection, file_id, printable(path.name), currency, default_currency),
                load_id,
            )
        (count,) = _row(connection, "select count(*) from raw.batch_requests where shard_id = ?", file_id)
        (model,) = _row(connection, "select max(model) from raw.batch_requests where shard_id = ?", file_id)
        for status in ("started", "finished"):
            append_load(connection, load_id, printable(path.name), model, None, status)
    return Landed(str(path), file_id, lines, count, 0 if lines else changed)


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


def _is_known_line_by_line(connection: duckdb.DuckDBPyConnection, file_id: str) -> bool:
    (new_lines,) = _row(
        connection,
        """
        select count(*) from raw.batch_output as landed
        where landed.file_id = $1 and trim(landed.line) <> '' and not exists (
            select 1 from raw.batch_output as known where known.file_id <> $1 and known.line = landed.line
        )
        """,
        file_id,
    )
    return bool(new_lines == 0)


def _record_requests(connection: duckdb.DuckDBPyConnection, file_id: str, load_id: str) -> None:
    """A request for each id in the file: a further attempt of the loader's own request, or one of the file's own."""
    connection.execute(
        f"""
        insert into raw.batch_requests
        with answers as (
            select line_number, {ledger.ANSWER} as answer from raw.batch_output where file_id = $file_id
        ),
        ids as (
            select
                json_extract_string(answer, '$.custom_id') as custom_id,
                max(json_extract_string(answer, '$.response.body.model')) as model
            from answers
            where json_extract_string(answer, '$.custom_id') is not null
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


def _job(connection: duckdb.DuckDBPyConnection, file_id: str) -> dict[str, Any]:
    """A job for the file, in the API's shape: it has ended, and these are its lines."""
    total, failed, model = _row(
        connection,
        f"""
        {ledger.OUTCOMES}
        select count(*), count(*) filter (outcome = 'failed'),
            (select max(model) from raw.batch_requests where shard_id = $job_id)
        from best where custom_id is not null
        """,
        {"job_id": file_id},
    )
    # not before any known job, whose times are the server's: what is landed now is the latest word
    known = connection.execute(
        "select max(try_cast(json_extract(try_cast(job as json), '$.created_at') as bigint)) from raw.batch_jobs"
    ).fetchone()
    made_at = max(int(time.time()), (known and known[0]) or 0)
    return {
        "id": file_id,
        "object": "batch",
        "input_files": [],
        "endpoint": "/v1/chat/completions",
        "model": model,
        "metadata": ORIGIN,
        "output_file": file_id,
        "error_file": None,
        "errors": [],
        "status": "SUCCESS",
        "created_at": made_at,
        "started_at": None,
        "completed_at": made_at,
        "total_requests": total,
        "completed_requests": total,
        "succeeded_requests": total - failed,
        "failed_requests": failed,
    }


def _receipts(
    connection: duckdb.DuckDBPyConnection,
    file_id: str,
    source: str,
    currency: str | None,
    default_currency: str | None,
) -> list[ReceiptRow]:
    """The receipts that only this file knows; nothing but their id and currency is known of them."""
    rows = connection.execute(
        """
        select
            requests.receipt_id,
            any_value(requests.custom_id),
            coalesce($currency, arg_max(known.currency, known.loaded_at)),
            coalesce($default_currency, arg_max(known.default_currency, known.loaded_at))
        from raw.batch_requests as requests
        left join raw.receipts as known on known.receipt_id = requests.receipt_id
        where requests.shard_id = $file_id and requests.prompt_id is null
        group by requests.receipt_id
        """,
        {"file_id": file_id, "currency": currency, "default_currency": default_currency},
    ).fetchall()
    empty = dict.fromkeys(("media_type", "width", "height", "image_bytes", "label", "rejected_reason"))
    return [
        ReceiptRow(
            receipt_id=receipt_id,
            source=source,
            source_key=custom_id,
            currency=known_currency,
            default_currency=known_default,
            **empty,
        )
        for receipt_id, custom_id, known_currency, known_default in rows
    ]


def _row(connection: duckdb.DuckDBPyConnection, query: str, parameters: Any) -> tuple[Any, ...]:
    given = parameters if isinstance(parameters, dict) else [parameters]
    row = connection.execute(query, given).fetchone()
    assert row is not None, "an aggregate gives one row"
    return row
