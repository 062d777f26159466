"""Where things stand: what `loader status` tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from loader.warehouse import ledger
from loader.warehouse.duckdb_file import Warehouse

SHOWN_LOADS = 5


@dataclass(frozen=True)
class RequestCount:
    """How many requests to a model are in a state."""

    count: int
    model: str
    state: str


@dataclass(frozen=True)
class Unfinished:
    """A shard that has not landed; its results must be fetched before `fetch_before` (UTC), if that is known."""

    shard_id: str
    request_count: int
    api: str
    state: str
    job_id: str | None
    fetch_before: datetime | None


@dataclass(frozen=True)
class LoadState:
    """The latest state of a run."""

    load_id: str
    source: str | None
    model: str | None
    status: str
    recorded_at: datetime


@dataclass(frozen=True)
class Status:
    """What the warehouse holds and what is still open."""

    receipts: int
    lines: int
    requests: list[RequestCount]
    unfinished: list[Unfinished]
    loads: list[LoadState]


def read_status(warehouse: Warehouse) -> Status:
    """Read it in one transaction. Raises WarehouseError."""
    with warehouse.transaction() as connection:
        counts = connection.execute(
            "select (select count(distinct receipt_id) from raw.receipts), (select count(*) from raw.batch_output)"
        ).fetchone() or (0, 0)
        # Few requests have a second attempt: looking for those takes a tenth of the time of ranking all attempts.
        requests = connection.execute(
            """
            select count(*), model, state
            from ledger.requests as request
            where not exists (
                select 1 from ledger.requests as later
                where later.attempt > 1 and later.attempt > request.attempt
                    and later.custom_id = request.custom_id and later.receipt_id = request.receipt_id
            )
            group by model, state
            order by model, state
            """
        ).fetchall()
        loads = connection.execute(
            """
            select load_id, source, model, status, recorded_at
            from raw.loads
            qualify row_number() over (partition by load_id order by recorded_at desc) = 1
            order by recorded_at desc
            limit ?
            """,
            [SHOWN_LOADS],
        ).fetchall()
        unfinished = [
            Unfinished(s.shard_id, s.request_count, s.api, s.state, s.job_id, s.expires_at)
            for s in ledger.unfinished_shards(connection)
        ]
    return Status(
        receipts=counts[0],
        lines=counts[1],
        requests=[RequestCount(*row) for row in requests],
        unfinished=unfinished,
        loads=[LoadState(*row) for row in loads],
    )
