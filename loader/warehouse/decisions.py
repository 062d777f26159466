"""Which receipts are asked (again): what the ledger says of their requests, read once at the start of a pass.

A receipt is not asked when its request is under way, has a good answer, or has been tried as often as its bounds allow.
An answer to another question about it settles it too, unless `again` says so or it came from the embedded reader and an
API model is asked now. A request that failed for good is asked again only if `again` says so, and once a load.

One load at a time has the lock, so that nothing else plans meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from loader.settings import EMBEDDED_MODEL
from loader.warehouse.ledger import Setbacks

MAX_UNREADABLE = 2  # the temperature is 0: what could not be read twice will not be readable
MAX_FAILED_JOBS = 3  # of a request, in one run
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Bounds:
    """How often a request may be asked, and what has befallen this run."""

    attempts: int = 3
    unreadable: int | None = MAX_UNREADABLE  # None: whatever came of it before
    setbacks: Setbacks = field(default_factory=Setbacks)

    def as_parameters(self) -> dict[str, object]:
        """What `WITHIN_BOUNDS` wants."""
        return {
            "max_attempts": self.attempts,
            "max_unreadable": self.attempts if self.unreadable is None else self.unreadable,
            "failed_shards": self.setbacks.failed,
            "cancelled_shards": self.setbacks.cancelled,
        }


# Whether a request may be asked (again), over its attempts as `known`.
WITHIN_BOUNDS = f"""
    count(*) filter (known.state not in ('unprocessed', 'cancelled')) < $max_attempts
    and count(*) filter (known.state = 'unreadable') < $max_unreadable
    and count(*) filter (
        known.state = 'unprocessed' and list_contains($failed_shards::varchar[], known.shard_id)
    ) < {MAX_FAILED_JOBS}
    and count(*) filter (list_contains($cancelled_shards::varchar[], known.shard_id)) = 0
"""


# The ledger's requests, beside the question that is asked now: its own, and those that settle their receipts.
REQUESTS = """
    requests as (
        select
            *,
            try_cast('0x' || left(receipt_id, 16) as ubigint) as receipt,
            -- as `Question.custom_id` makes it
            custom_id = left(sha256(receipt_id || '/' || $model || '/' || $prompt_id), 32) as is_own,
            state in ('planned', 'sent', 'answered')
                and ((not $again and (model <> $embedded or $model = $embedded)) or is_own) as is_settled
        from ledger.requests
    )
"""


@dataclass(frozen=True)
class Decision:
    """How a receipt is to be asked."""

    attempt: int
    truncated_at: int | None  # max_tokens of the attempt that was cut off, if one was


NEW = Decision(attempt=1, truncated_at=None)


class Decisions:
    """For each receipt whether it is to be asked, and how; one that the ledger does not know is new.

    A receipt is known by the first 64 bits of its id, 85 bytes each in memory. Two of a million share them once in 37
    million such loads; the second would not be asked, so that nothing but planning may rely on this.
    """

    def __init__(self, only: frozenset[str] | None = None) -> None:
        self._known: dict[int, Decision | None] = {}  # None: not asked
        self._only = only

    def __getitem__(self, receipt_id: str) -> Decision | None:
        if self._only is not None and receipt_id not in self._only:
            return None
        return self._known.get(_number(receipt_id), NEW)

    def note_planned(self, receipt_id: str) -> None:
        """The receipt is not asked a second time."""
        self._known[_number(receipt_id)] = None

    @classmethod
    def read(
        cls,
        connection: duckdb.DuckDBPyConnection,
        *,
        model: str,
        prompt_id: str,
        bounds: Bounds,
        again: bool,
        load_id: str | None = None,
        only: frozenset[str] | None = None,
    ) -> Decisions:
        """What the ledger knows, for a question to this model; `only` these receipts are asked, where it names some."""
        identity = {"model": model, "prompt_id": prompt_id, "embedded": EMBEDDED_MODEL, "again": again}
        decisions = cls(only)
        tried = connection.execute(
            f"""
            with {REQUESTS}
            select
                known.receipt,
                {WITHIN_BOUNDS} and not arg_max(
                    coalesce(failure.is_final and (not $again or failure.load_id = $load_id), false), known.attempt
                ),
                max(known.attempt) + 1,
                max(known.max_tokens) filter (known.state = 'truncated')
            from requests as known
            left join ledger.failures as failure
                on failure.shard_id = known.shard_id and failure.custom_id = known.custom_id
            where known.is_own and not known.is_settled
            group by known.receipt
            """,
            {**identity, "load_id": load_id, **bounds.as_parameters()},
        )
        shared: dict[Decision, Decision] = {}  # few are unlike
        while rows := tried.fetchmany(ROWS_AT_ONCE):
            for receipt, may_be_asked, attempt, truncated_at in rows:
                decision = Decision(attempt, truncated_at)
                decisions._known[receipt] = shared.setdefault(decision, decision) if may_be_asked else None
        settled = connection.execute(f"with {REQUESTS} select receipt from requests where is_settled", identity)
        while rows := settled.fetchmany(ROWS_AT_ONCE):
            decisions._known.update((receipt, None) for (receipt,) in rows)
        return decisions


def _number(receipt_id: str) -> int:
    return int(receipt_id[:16], 16)


def unanswered_receipts(connection: duckdb.DuckDBPyConnection, model: str) -> set[str]:
    """The receipts of this model's requests that have no good answer, or none yet."""
    rows = connection.execute(
        "select distinct receipt_id from ledger.requests where model = ? and state <> 'answered'", [model]
    ).fetchall()
    return {receipt_id for (receipt_id,) in rows}


@dataclass(frozen=True)
class Open:
    """A request that has no good answer yet."""

    custom_id: str
    receipt_id: str
    attempt: int
    state: str
    may_be_asked: bool  # by this run
    reason: str | None = None  # why it failed, in the provider's words
    is_final: bool = False  # asking again cannot mend it


def open_requests(
    connection: duckdb.DuckDBPyConnection, model: str, bounds: Bounds, load_id: str, receipt_ids: set[str]
) -> list[Open]:
    """Requests whose last attempt has ended without a good answer, and whose receipt has no other.

    Those that this load has planned, and those of these receipts.
    """
    rows = connection.execute(
        f"""
        with latest as (
            select
                known.custom_id,
                max(known.receipt_id) as receipt_id,
                max(known.attempt) as attempt,
                arg_max(known.state, known.attempt) as state,
                arg_max(known.shard_id, known.attempt) as shard_id,
                bool_or(known.shard_id in (select shard_id from ledger.shards where load_id = $load_id)) as is_planned,
                {WITHIN_BOUNDS} as may_be_asked
            from ledger.requests as known
            where known.model = $model
            group by known.custom_id
        )
        select
            latest.custom_id, latest.receipt_id, latest.attempt, latest.state, latest.may_be_asked, failure.reason,
            coalesce(failure.is_final, false)
        from latest
        left join ledger.failures as failure
            on failure.shard_id = latest.shard_id and failure.custom_id = latest.custom_id
        where latest.state not in ('planned', 'sent', 'answered')
            and (latest.is_planned or latest.receipt_id in (select unnest($receipt_ids::varchar[])))
            and not exists (
                select 1 from ledger.requests as good
                where good.receipt_id = latest.receipt_id
                    and good.state = 'answered'
                    and (good.model <> $embedded or $model = $embedded)
            )
        order by latest.custom_id
        """,
        {
            "model": model,
            "embedded": EMBEDDED_MODEL,
            "load_id": load_id,
            "receipt_ids": list(receipt_ids),
            **bounds.as_parameters(),
        },
    ).fetchall()
    return [Open(*row) for row in rows]
