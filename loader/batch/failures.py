"""Why requests have no answer, in the provider's words: table `ledger.failures`, one row such an attempt.

Those that failed, and those that were cut off before their first item. Read from the landed lines once `ledger.settle`
has said which requests failed (and made the table `verdicts`). What is final (what is not an image, a model that is
not available) is not asked again unless the user says so: see `decisions`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import duckdb

from loader.batch.provider import Failure
from loader.warehouse import ledger, verdicts
from loader.warehouse.decisions import Open

CUT_OFF = "cut off before the first item"  # as marts.rejected_answers says
LINES_AT_ONCE = 1_000
SHOWN_REASONS = 3


def note(
    connection: duckdb.DuckDBPyConnection,
    shard: ledger.ShardRecord,
    job_id: str,
    failure_of: Callable[[str | bytes], Failure],
) -> None:
    """Note why each request of a settled shard has no answer; of a failed line `failure_of` says it."""
    connection.execute(
        f"""
        insert into ledger.failures
        select shard_id, custom_id, $load_id, $reason, false
        from ledger.requests
        where shard_id = $shard_id and state = 'truncated'
            and custom_id in (select custom_id from ({verdicts.best_lines()}) where item_count = 0)
        """,
        {"shard_id": shard.shard_id, "load_id": shard.load_id, "reason": CUT_OFF},
    )
    failed = "select custom_id from ledger.requests where shard_id = ? and state = 'failed'"
    if not connection.execute(f"{failed} limit 1", [shard.shard_id]).fetchone():
        return
    lines = connection.execute(
        f"""
        with failed as (
            select file_id, line_number, custom_id from verdicts where custom_id in ({failed})
        )
        select failed.custom_id, ltrim({verdicts.LINE}, chr(65279))
        from raw.batch_output as landed
        inner join failed on failed.file_id = landed.file_id and failed.line_number = landed.line_number
        where landed.job_id = ?
        """,
        [shard.shard_id, job_id],
    )
    found: defaultdict[str, list[Failure]] = defaultdict(list)
    while rows := lines.fetchmany(LINES_AT_ONCE):
        for custom_id, line in rows:
            found[custom_id].append(failure_of(line))
    # Of several lines of one request, the one from which asking again may help, if there is one.
    reasons = {custom_id: min(failures, key=lambda failure: failure.is_final) for custom_id, failures in found.items()}
    connection.execute(
        """
        insert into ledger.failures
        select
            $shard_id, unnest($custom_ids::varchar[]), $load_id,
            unnest($reasons::varchar[]), unnest($final::boolean[])
        """,
        {
            "shard_id": shard.shard_id,
            "load_id": shard.load_id,
            "custom_ids": list(reasons),
            "reasons": [failure.reason for failure in reasons.values()],
            "final": [failure.is_final for failure in reasons.values()],
        },
    )


def in_words(requests: Sequence[Open]) -> str:
    """How many requests are in which state, those that failed by reason: `1 missing; 2 failed: invalid image`."""
    counts = Counter((request.state, request.reason or "") for request in requests)
    shown = [
        f"{count:,} {state}{f': {reason}' if reason else ''}"
        for (state, reason), count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
    more = sum(counts.values()) - sum(count for _, count in counts.most_common(SHOWN_REASONS))
    return "; ".join([*shown[:SHOWN_REASONS], *([f"{more:,} more for other reasons"] if more else [])])
