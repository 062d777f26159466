"""What is appended to schema `raw`: nothing is parsed, nothing is dropped, and the latest row wins.

Each function is part of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import orjson

from loader.warehouse.duckdb_file import now

STAMPS = {
    "loads": "recorded_at",
    "receipts": "loaded_at",
    "batch_requests": "requested_at",
    "batch_jobs": "fetched_at",
    "batch_output": "landed_at",
    "corrections": "corrected_at",
}
"""Table of schema `raw` -> the column that says when a row was appended."""


def moment(connection: duckdb.DuckDBPyConnection, table: str) -> datetime:
    """The moment of the rows that are about to be appended to a table of `raw`: now, but later than all that are there.

    The latest row wins, whichever way the clock was set since the one before. DuckDB answers from its statistics.
    """
    row = connection.execute(f"select max({STAMPS[table]}) from raw.{table}").fetchone()
    latest = row[0] if row else None
    return now() if latest is None else max(now(), latest + timedelta(microseconds=1))


@dataclass(frozen=True)
class ReceiptRow:
    """What is known of a receipt that a source offered: a row of raw.receipts."""

    receipt_id: str
    source: str
    source_key: str
    media_type: str | None
    width: int | None
    height: int | None
    image_bytes: int | None
    currency: str | None
    label: str | None
    rejected_reason: str | None
    default_currency: str | None = None  # of a setting; `currency` is the data set's own word
    location: str | None = None  # where the image can be found again


RECEIPT_COLUMNS = tuple(ReceiptRow.__dataclass_fields__)


def append_load(
    connection: duckdb.DuckDBPyConnection,
    load_id: str,
    source: str | None,
    model: str | None,
    prompt_id: str | None,
    status: str,
) -> None:
    """Note a change of state of a run."""
    connection.execute(
        "insert into raw.loads values (?, ?, ?, ?, ?, ?)",
        [load_id, source, model, prompt_id, status, moment(connection, "loads")],
    )


def append_receipts(connection: duckdb.DuckDBPyConnection, rows: Sequence[ReceiptRow], load_id: str) -> int:
    """Append the receipts that are new, of which something changed, or that have come back to their place; how many.

    A place has what the last load that noted anything of it found there. Where ids of a data set are not unique it may
    be several: as long as one of them is offered, none has come back.
    """
    columns = ", ".join(RECEIPT_COLUMNS)
    unnested = ", ".join(f"unnest(${name}) as {name}" for name in RECEIPT_COLUMNS)
    same = " and ".join(f"known.{name} is not distinct from offered.{name}" for name in RECEIPT_COLUMNS)
    values: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in RECEIPT_COLUMNS}
    types = {"width": "integer[]", "height": "integer[]", "image_bytes": "bigint[]"}
    for name in RECEIPT_COLUMNS:
        unnested = unnested.replace(f"unnest(${name})", f"unnest(${name}::{types.get(name, 'varchar[]')})")
    result = connection.execute(
        f"""
        insert into raw.receipts ({columns}, load_id, loaded_at)
        with offered as (select distinct {columns} from (select {unnested})),
        known as (
            select {columns}
            from raw.receipts
            where receipt_id in (select receipt_id from offered)
            qualify row_number() over (
                partition by receipt_id, source, source_key, location order by loaded_at desc, load_id desc
            ) = 1
        ),
        at_their_places as (
            select location, receipt_id
            from raw.receipts
            where location in (select location from offered)
            qualify load_id = max_by(load_id, loaded_at) over (partition by location)
        )
        select {columns}, $load_id, $loaded_at
        from offered
        where not exists (select 1 from known where {same})
            or (
                location is not null
                and exists (from at_their_places as at_it where at_it.location = offered.location)
                and not exists (
                    from at_their_places as at_it
                    inner join offered as too
                        on too.location = at_it.location and too.receipt_id = at_it.receipt_id
                    where at_it.location = offered.location
                )
            )
        """,
        {**values, "load_id": load_id, "loaded_at": moment(connection, "receipts")},
    ).fetchone()
    return int(result[0]) if result else 0


def append_job(connection: duckdb.DuckDBPyConnection, job: dict[str, Any], shard_id: str) -> None:
    """Append a snapshot of a job, in the JSON of `batch.job.Job.snapshot`."""
    connection.execute(
        "insert into raw.batch_jobs values (?, ?, ?, ?)",
        [job["id"], shard_id, orjson.dumps(job).decode(), moment(connection, "batch_jobs")],
    )


def append_output(
    connection: duckdb.DuckDBPyConnection,
    job_id: str,
    file_id: str,
    kind: str,
    path: Path,
    load_id: str,
    only: str | None = None,
) -> int:
    """Land a downloaded file: all of its lines, verbatim; how many. Nothing when the file has landed before.

    With `only`, a table of `line_number`s, only those.
    """
    from loader.warehouse.lines import line_reader

    if connection.execute("select 1 from ledger.files where file_id = ?", [file_id]).fetchone():
        return 0
    lines = line_reader(path)
    connection.register("landing_lines", lines)
    # No two lines are alike: to look for equal ones, before choosing another compression, takes a fifth of the time.
    # One thread, as the lines come one after the other: a second one would wait for the first, and hold memory.
    connection.execute("set disabled_compression_methods = 'dictionary'")
    connection.execute("set threads = 1")
    row = connection.execute(
        f"""
        insert into raw.batch_output
        select ?, ?, ?, line_number, line, line_bytes, ?, ? from landing_lines
        {f"where line_number in (select line_number from {only})" if only else ""}
        """,
        [job_id, file_id, kind, load_id, moment(connection, "batch_output")],
    ).fetchone()
    connection.execute("reset threads")
    connection.execute("reset disabled_compression_methods")
    connection.unregister("landing_lines")
    count = int(row[0]) if row else 0
    connection.execute("insert into ledger.files values (?, ?, ?)", [file_id, count, now()])
    return count
