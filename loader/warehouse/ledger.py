"""What the loader has done and is about to do: schema `ledger`. Written before and after every step with an effect.

A shard goes through these states; each is committed before the next step begins, so that a run that was killed
anywhere is taken up by the next one:

    planned     its file is on disk and its requests are noted; nothing has been sent
    uploading   an upload was begun: the server may have the file
    uploaded    the server has the file
    creating    a job creation was begun: the server may have the job (found again by its metadata)
    submitted   the job is known; its requests will be answered and paid for
    landed      the job has ended and its lines are in raw.batch_output

A request attempt is `planned`, then `sent` with its job, and at the end what became of it: `answered`, `truncated`
(the answer was cut off), `unreadable` (no list of items in it), `failed` (an error came back) or `missing` (nothing
came back). What a line is, dbt's models say (`verdicts`). Two ends are no attempt, as nothing was done for the request:
`unprocessed` (its job failed before it came to it) and `cancelled` (its job was).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from loader.warehouse import verdicts
from loader.warehouse.duckdb_file import now
from loader.warehouse.raw import moment

RESULTS_KEPT = timedelta(hours=24)  # after the end of a job; the vendor's stricter page


@dataclass(frozen=True)
class Request:
    """One request attempt that is to be sent."""

    custom_id: str
    receipt_id: str
    attempt: int
    max_tokens: int
    estimated_cost_usd: float


@dataclass(frozen=True)
class Shard:
    """A finished request file and what is in it."""

    shard_id: str
    path: Path
    byte_count: int
    requests: tuple[Request, ...]


@dataclass(frozen=True)
class ShardRecord:
    """A row of ledger.shards."""

    shard_id: str
    api: str
    model: str
    prompt_id: str
    style: str
    load_id: str
    state: str
    request_count: int
    byte_count: int
    estimated_cost_usd: float
    input_file_id: str | None = None
    job_id: str | None = None
    expires_at: datetime | None = None


SHARD_COLUMNS = ", ".join(ShardRecord.__dataclass_fields__)


@dataclass
class Setbacks:
    """The shards whose jobs failed, in this run, before they had come to all of their requests, or were cancelled."""

    failed: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)


def plan_shard(
    connection: duckdb.DuckDBPyConnection,
    shard: Shard,
    *,
    api: str,
    model: str,
    prompt_id: str,
    style: str,
    load_id: str,
) -> ShardRecord:
    """Note a shard whose file stands on disk, and its requests; the row of it."""
    record = ShardRecord(
        shard.shard_id,
        api,
        model,
        prompt_id,
        style,
        load_id,
        state="planned",
        request_count=len(shard.requests),
        byte_count=shard.byte_count,
        estimated_cost_usd=sum(request.estimated_cost_usd for request in shard.requests),
    )
    values = ", ".join("?" for _ in astuple(record))
    connection.execute(
        f"insert into ledger.shards ({SHARD_COLUMNS}, updated_at) values ({values}, ?)", [*astuple(record), now()]
    )
    _insert_requests(connection, shard.shard_id, model, shard.requests)
    return record


def _insert_requests(
    connection: duckdb.DuckDBPyConnection, shard_id: str, model: str, requests: Sequence[Request]
) -> None:
    connection.execute(
        """
        insert into ledger.requests
        select
            unnest($custom_ids::varchar[]), unnest($attempts::integer[]), $shard_id, unnest($receipt_ids::varchar[]),
            $model, unnest($max_tokens::integer[]), 'planned'
        """,
        {
            "custom_ids": [request.custom_id for request in requests],
            "attempts": [request.attempt for request in requests],
            "receipt_ids": [request.receipt_id for request in requests],
            "max_tokens": [request.max_tokens for request in requests],
            "shard_id": shard_id,
            "model": model,
        },
    )


def note_state(
    connection: duckdb.DuckDBPyConnection, shard_id: str, state: str, *, input_file_id: str | None = None
) -> None:
    """Move a shard to a state; the id of its uploaded file is kept when given."""
    connection.execute(
        """
        update ledger.shards
        set state = ?, input_file_id = coalesce(?, input_file_id), updated_at = ?
        where shard_id = ?
        """,
        [state, input_file_id, now(), shard_id],
    )


def note_submitted(connection: duckdb.DuckDBPyConnection, shard: ShardRecord, job_id: str) -> None:
    """The job is known: its requests are sent, and stand in raw.batch_requests from now on.

    Its results are there until a day from now at least, which would be so if it ended at once.
    """
    connection.execute(
        "update ledger.shards set state = 'submitted', job_id = ?, expires_at = ?, updated_at = ? where shard_id = ?",
        [job_id, now() + RESULTS_KEPT, now(), shard.shard_id],
    )
    connection.execute("update ledger.requests set state = 'sent' where shard_id = ?", [shard.shard_id])
    connection.execute(
        """
        insert into raw.batch_requests
        select custom_id, receipt_id, model, ?, shard_id, attempt, max_tokens, ?, ?
        from ledger.requests
        where shard_id = ?
        """,
        [shard.prompt_id, shard.load_id, moment(connection, "batch_requests"), shard.shard_id],
    )


def note_expiry(connection: duckdb.DuckDBPyConnection, shard_id: str, expires_at: datetime) -> None:
    """Note until when the results of a job must be fetched (UTC)."""
    connection.execute(
        "update ledger.shards set expires_at = ?, updated_at = ? where shard_id = ?",
        [expires_at, now(), shard_id],
    )


def abandon(connection: duckdb.DuckDBPyConnection, shard_id: str) -> None:
    """Forget a shard that has no job: nothing was paid for, and its requests will be planned again."""
    connection.execute("delete from ledger.requests where shard_id = ?", [shard_id])
    connection.execute("delete from ledger.shards where shard_id = ?", [shard_id])


def unfinished_shards(connection: duckdb.DuckDBPyConnection) -> list[ShardRecord]:
    """Shards that have not landed, oldest first."""
    rows = connection.execute(
        f"select {SHARD_COLUMNS} from ledger.shards where state <> 'landed' order by load_id, shard_id"
    ).fetchall()
    return [ShardRecord(*row) for row in rows]


def pending_requests(connection: duckdb.DuckDBPyConnection, api: str) -> int:
    """How many requests are in the shards at an API that have not landed."""
    return sum(shard.request_count for shard in unfinished_shards(connection) if shard.api == api)


def landed_files(connection: duckdb.DuckDBPyConnection, file_ids: Sequence[str]) -> set[str]:
    """Those of these files that have landed."""
    rows = connection.execute(
        "select file_id from ledger.files where file_id in (select unnest(?::varchar[]))", [list(file_ids)]
    ).fetchall()
    return {file_id for (file_id,) in rows}


def estimated_cost_usd(connection: duckdb.DuckDBPyConnection, load_id: str) -> float:
    """Estimated cost of a load in US dollars: of all its shards but those of which nothing was processed."""
    row = connection.execute(
        """
        select coalesce(sum(estimated_cost_usd), 0)
        from ledger.shards
        where load_id = ? and exists (
            select 1 from ledger.requests
            where requests.shard_id = shards.shard_id and requests.state not in ('unprocessed', 'cancelled')
        )
        """,
        [load_id],
    ).fetchone()
    return float(row[0]) if row else 0.0


def settle(connection: duckdb.DuckDBPyConnection, shard_id: str, job_id: str) -> dict[str, int]:
    """The job has ended and its lines have landed: note what became of each of its requests; how many of each state.

    Those without a line are `missing`, until somebody knows better (`note_without_line`).
    """
    verdicts.judge(connection, job_id)
    return settle_judged(connection, shard_id, job_id)


def settle_judged(connection: duckdb.DuckDBPyConnection, shard_id: str, job_id: str) -> dict[str, int]:
    """The same, where the lines of the job have just been judged."""
    connection.execute("update ledger.requests set state = 'missing' where shard_id = ? and state = 'sent'", [shard_id])
    connection.execute(
        f"""
        update ledger.requests
        set state = case when best.status in ('extracted', 'empty') then 'answered' else best.status end
        from ({verdicts.best_lines()}) as best
        where ledger.requests.shard_id = ? and ledger.requests.custom_id = best.custom_id
        """,
        [shard_id],
    )
    connection.execute(
        "insert or replace into ledger.judged_jobs values (?, ?, ?)", [job_id, shard_id, verdicts.rules()]
    )
    note_state(connection, shard_id, "landed")
    return dict(
        connection.execute(
            "select state, count(*) from ledger.requests where shard_id = ? group by state", [shard_id]
        ).fetchall()
    )


def note_without_line(connection: duckdb.DuckDBPyConnection, shard_id: str, state: str) -> None:
    """Those requests of a settled shard for which no line came are not `missing` but in this state."""
    connection.execute(
        "update ledger.requests set state = ? where shard_id = ? and state = 'missing'", [state, shard_id]
    )


def judged_otherwise(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """The (shard, job) of those that were settled by other rules than today's."""
    return connection.execute(
        "select shard_id, job_id from ledger.judged_jobs where rules <> ? order by all", [verdicts.rules()]
    ).fetchall()


def missing_requests(connection: duckdb.DuckDBPyConnection, shard_id: str) -> list[str]:
    """The requests of a landed shard for which no line came."""
    rows = connection.execute(
        "select custom_id from ledger.requests where shard_id = ? and state = 'missing' order by custom_id", [shard_id]
    ).fetchall()
    return [custom_id for (custom_id,) in rows]
