"""What the loader knows of its own doings: schema `ledger`. Written before and after every step with an effect.

A shard goes through these states; each is committed before the next step begins, so that a run that was killed
anywhere is taken up by the next one:

    planned     its file is on disk and its requests are noted; nothing has been sent
    uploading   an upload was begun: the server may have the file
    uploaded    the server has the file
    creating    a job creation was begun: the server may have the job (found again by its metadata)
    submitted   the job is known; its requests will be answered and paid for
    landed      the job has ended and its lines are in raw.batch_output

A request attempt is `planned`, then `sent` with its job, and at the end what became of it: `answered`, `truncated`
(the answer was cut off), `failed` (an error came back) or `missing` (nothing came back).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from loader.settings import EMBEDDED_MODEL
from loader.shards import Request, Shard
from loader.warehouse import moment, now

RESULTS_KEPT = timedelta(hours=24)  # after the end of a job; the vendor's stricter page


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
    input_file_id: str | None
    job_id: str | None
    expires_at: datetime | None


SHARD_COLUMNS = ", ".join(ShardRecord.__dataclass_fields__)


@dataclass(frozen=True)
class Decision:
    """Whether a receipt is to be asked, and how."""

    attempt: int | None  # None: not asked (again)
    truncated_at: int | None  # max_tokens of the attempt that was cut off, if the last one was


def decide(
    connection: duckdb.DuckDBPyConnection,
    custom_ids: Sequence[str],
    receipt_ids: Sequence[str],
    model: str,
    max_attempts: int,
    again: bool,
    load_id: str | None = None,
) -> dict[str, Decision]:
    """For each request (by custom_id) whether it is to be sent.

    It is not when it is under way, or has a good answer, or has been tried `max_attempts` times. An answer to another
    question about the same receipt settles it too, unless `again` says so or it came from the embedded reader and an
    API model is asked now. A request that failed for good is asked again only if `again` says so, and once a load.
    """
    rows = connection.execute(
        """
        with offered as (
            select distinct unnest($custom_ids::varchar[]) as custom_id, unnest($receipt_ids::varchar[]) as receipt_id
        )
        select
            offered.custom_id,
            coalesce(bool_or(
                known.state in ('planned', 'sent', 'answered')
                and (
                    known.custom_id = offered.custom_id
                    or (not $again and (known.model <> $embedded or $model = $embedded))
                )
            ), false) or coalesce(
                arg_max(
                    coalesce(failure.is_final and (not $again or failure.load_id = $load_id), false), known.attempt
                ) filter (known.custom_id = offered.custom_id),
                false
            ) as is_settled,
            coalesce(max(known.attempt) filter (known.custom_id = offered.custom_id), 0) as attempts,
            max(known.max_tokens) filter (known.custom_id = offered.custom_id and known.state = 'truncated')
        from offered
        left join ledger.requests as known on known.receipt_id = offered.receipt_id
        left join ledger.failures as failure
            on failure.shard_id = known.shard_id and failure.custom_id = known.custom_id
        group by offered.custom_id
        """,
        {
            "custom_ids": list(custom_ids),
            "receipt_ids": list(receipt_ids),
            "again": again,
            "model": model,
            "embedded": EMBEDDED_MODEL,
            "load_id": load_id,
        },
    ).fetchall()
    return {
        custom_id: Decision(None if is_settled or attempts >= max_attempts else attempts + 1, truncated_at)
        for custom_id, is_settled, attempts, truncated_at in rows
    }


def receipt_ids(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """The receipts of all requests, in no order and some of them several times."""
    found = connection.execute("select receipt_id from ledger.requests")
    while rows := found.fetchmany(10_000):
        yield from (receipt_id for (receipt_id,) in rows)


def plan_shard(
    connection: duckdb.DuckDBPyConnection,
    shard: Shard,
    *,
    api: str,
    model: str,
    prompt_id: str,
    style: str,
    load_id: str,
) -> None:
    """Note a shard whose file stands on disk, and its requests."""
    cost = sum(request.estimated_cost_usd for request in shard.requests)
    connection.execute(
        f"""
        insert into ledger.shards ({SHARD_COLUMNS}, updated_at)
        values (?, ?, ?, ?, ?, ?, 'planned', ?, ?, ?, null, null, null, ?)
        """,
        [
            *(shard.shard_id, api, model, prompt_id, style, load_id),
            *(len(shard.requests), shard.byte_count, cost, now()),
        ],
    )
    _insert_requests(connection, shard.shard_id, model, shard.requests)


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
    """Forget a shard that has no job: nothing was paid for, and its requests will be planned anew."""
    connection.execute("delete from ledger.requests where shard_id = ?", [shard_id])
    connection.execute("delete from ledger.shards where shard_id = ?", [shard_id])


def unfinished_shards(connection: duckdb.DuckDBPyConnection) -> list[ShardRecord]:
    """Shards that have not landed, oldest first."""
    rows = connection.execute(
        f"select {SHARD_COLUMNS} from ledger.shards where state <> 'landed' order by load_id, shard_id"
    ).fetchall()
    return [ShardRecord(*row) for row in rows]


def landed_files(connection: duckdb.DuckDBPyConnection, file_ids: Sequence[str]) -> set[str]:
    """Those of these files that have landed."""
    rows = connection.execute(
        "select file_id from ledger.files where file_id in (select unnest(?::varchar[]))", [list(file_ids)]
    ).fetchall()
    return {file_id for (file_id,) in rows}


def estimated_cost_usd(connection: duckdb.DuckDBPyConnection, load_id: str) -> float:
    """Estimated cost of all shards of a load, in US dollars."""
    row = connection.execute(
        "select coalesce(sum(estimated_cost_usd), 0) from ledger.shards where load_id = ?", [load_id]
    ).fetchone()
    return float(row[0]) if row else 0.0


# A landed line as JSON, or null. A byte order mark or blanks before it do not make it unreadable, here as in dbt.
# DuckDB's parser takes many times the length of a line, so that a few of 20 MB would never land: of a line that is far
# longer than an answer can be, the content (a text, or chunks of text) is left out, as nothing here reads it, and only
# a beginning is parsed.
LONG = 1_000_000
ANSWER = rf"""try_cast(
    regexp_replace(
        case
            when strlen(line) <= {LONG} then line
            else left(regexp_replace(line, '("(?:content|text)"\s*:\s*)"(?:[^"\\]|\\.)*"', '\1""', 'g'), {LONG})
        end,
        '^[\s\x{{FEFF}}\p{{Z}}]+',
        ''
    ) as json
)"""

# What became of each request of a job, from its landed lines. It reads only what decides whether to ask again; dbt
# reads the answers. Several lines for one request: the best one counts.
OUTCOMES = f"""
    with lines as (
        select {ANSWER} as answer
        from raw.batch_output
        where job_id = $job_id
    ),
    fields as (
        select
            json_extract_string(answer, '$.custom_id') as custom_id,
            coalesce(try_cast(json_extract_string(answer, '$.response.status_code') as integer), 200) as status_code,
            coalesce(json_extract_string(answer, '$.error'), '') in ('', '{{}}') as has_no_error,
            coalesce(json_type(answer, '$.response.body.choices[0].message'), 'NULL') <> 'NULL' as has_message,
            json_extract_string(answer, '$.response.body.choices[0].finish_reason') as finish_reason
        from lines
    ),
    outcomes as (
        select
            custom_id,
            case
                when status_code >= 400 or not has_no_error or not has_message or finish_reason = 'error' then 'failed'
                when finish_reason in ('length', 'model_length') then 'truncated'
                else 'answered'
            end as outcome
        from fields
    ),
    best as (
        select custom_id, case max(case outcome when 'answered' then 3 when 'truncated' then 2 else 1 end)
            when 3 then 'answered' when 2 then 'truncated' else 'failed' end as outcome
        from outcomes
        group by custom_id
    )
"""


def settle(connection: duckdb.DuckDBPyConnection, shard_id: str, job_id: str) -> None:
    """The job has ended and its lines have landed: note what became of each of its requests."""
    connection.execute(
        f"""
        update ledger.requests
        set state = settled.outcome
        from (
            {OUTCOMES}
            select requests.custom_id, coalesce(best.outcome, 'missing') as outcome
            from ledger.requests as requests
            left join best on best.custom_id = requests.custom_id
            where requests.shard_id = $shard_id
        ) as settled
        where ledger.requests.shard_id = $shard_id and ledger.requests.custom_id = settled.custom_id
        """,
        {"job_id": job_id, "shard_id": shard_id},
    )
    note_state(connection, shard_id, "landed")


def missing_requests(connection: duckdb.DuckDBPyConnection, shard_id: str) -> list[str]:
    """The requests of a landed shard for which no line came."""
    rows = connection.execute(
        "select custom_id from ledger.requests where shard_id = ? and state = 'missing' order by custom_id", [shard_id]
    ).fetchall()
    return [custom_id for (custom_id,) in rows]


@dataclass(frozen=True)
class Open:
    """A request that has no good answer yet."""

    custom_id: str
    receipt_id: str
    attempt: int
    state: str
    reason: str | None = None  # why it failed, in the provider's words
    is_final: bool = False  # asking again cannot mend it


def open_requests(connection: duckdb.DuckDBPyConnection, source: str, model: str) -> list[Open]:
    """Requests of a source whose last attempt failed, went missing or was cut off, and whose receipt has no answer."""
    rows = connection.execute(
        """
        with latest as (
            select *, row_number() over (partition by custom_id order by attempt desc) as newest
            from ledger.requests
        )
        select
            latest.custom_id, latest.receipt_id, latest.attempt, latest.state, failure.reason,
            coalesce(failure.is_final, false)
        from latest
        left join ledger.failures as failure
            on failure.shard_id = latest.shard_id and failure.custom_id = latest.custom_id
        where newest = 1
            and latest.model = $model
            and latest.state in ('failed', 'missing', 'truncated')
            and latest.receipt_id in (select receipt_id from raw.receipts where source = $source)
            and not exists (
                select 1 from ledger.requests as good
                where good.receipt_id = latest.receipt_id
                    and good.state = 'answered'
                    and (good.model <> $embedded or $model = $embedded)
            )
        order by latest.custom_id
        """,
        {"source": source, "model": model, "embedded": EMBEDDED_MODEL},
    ).fetchall()
    return [Open(*row) for row in rows]
