"""Which sums moved from one published file to the next, and why: the line that `loader publish` ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from loader.formats import money
from loader.warehouse.duckdb_file import closing

SHOWN = 3  # currencies, those with the most receipts that moved


@dataclass(frozen=True)
class Moved:
    """The spend in one currency, before and now, and how many receipts of each kind moved it.

    `added` had no spend before; `duplicate`, `replaced` and `removed` have none any more; `read_again` have another
    answer; `judged_otherwise` have the same answer, and other rules, corrections or a currency gave other figures.
    """

    currency: str
    before: Decimal
    now: Decimal
    added: int
    duplicate: int
    replaced: int
    removed: int
    read_again: int
    judged_otherwise: int


# A receipt whose currency changed moves two sums: it is a row in each.
_QUERY = """
    with before as (select * from old.marts.receipts),
    now as (select * from new.marts.receipts),
    receipts as (
        select
            before.currency as currency_before,
            now.currency as currency_now,
            before.spend as spend_before,
            now.spend as spend_now,
            case
                when before.spend is null then 'added'
                when now.spend is null and now.status in ('duplicate', 'replaced') then now.status
                when now.spend is null then 'removed'
                when (before.model, before.answered_at) is distinct from (now.model, now.answered_at) then 'read again'
                else 'judged otherwise'
            end as reason
        from before
        full outer join now on before.receipt_id = now.receipt_id
        where (before.currency, before.spend) is distinct from (now.currency, now.spend)
            and coalesce(before.spend, now.spend) is not null
    ),
    entries as (
        select currency_before as currency, spend_before, null as spend_now, reason, currency_now as other
        from receipts where spend_before is not null
        union all
        select currency_now, null, spend_now, reason, currency_before from receipts where spend_now is not null
    ),
    moved as (
        select
            currency,
            -- whose currency stayed has two entries, and is one receipt
            count(*) filter (reason = 'added') as added,
            count(*) filter (reason = 'duplicate') as duplicate,
            count(*) filter (reason = 'replaced') as replaced,
            count(*) filter (reason = 'removed') as removed,
            count(*) filter (reason = 'read again' and (spend_now is not null or other <> currency)) as read_again,
            count(*) filter (reason = 'judged otherwise' and (spend_now is not null or other <> currency)) as judged
        from entries
        group by currency
    ),
    sums as (
        select currency, sum(spend_before) as before, sum(spend_now) as now
        from (
            select currency, spend as spend_before, null as spend_now from before
            union all
            select currency, null, spend from now
        )
        group by currency
    )
    select
        currency, coalesce(before, 0)::decimal(18, 3), coalesce(now, 0)::decimal(18, 3),
        added, duplicate, replaced, removed, read_again, judged
    from moved inner join sums using (currency)
    order by added + duplicate + replaced + removed + read_again + judged desc, currency
"""


def read_moved(old: Path, new: Path) -> list[Moved] | None:
    """What moved between two published files; None where the old one is of a version with other columns."""
    try:
        with closing(duckdb.connect()) as connection:
            for name, path in (("old", old), ("new", new)):
                quoted = str(path).replace("'", "''")
                connection.execute(f"attach '{quoted}' as {name} (read_only)")
            return [Moved(*row) for row in connection.execute(_QUERY).fetchall()]
    except duckdb.Error:
        return None


def in_words(moved: Sequence[Moved]) -> str:
    """`since the last publish: MYR 1,120.50 is 1,200.00 (+3 receipts, 1 duplicate)`, or that no sum has moved."""
    if not moved:
        return "since the last publish no sum has moved"
    shown = [
        f"{one.currency} {money(one.before, one.currency)} is {money(one.now, one.currency)} ({_reasons(one)})"
        for one in moved[:SHOWN]
    ]
    more = len(moved) - SHOWN
    if more > 0:
        shown.append(f"{more} more {'currency' if more == 1 else 'currencies'} moved")
    return f"since the last publish: {'; '.join(shown)}"


def _reasons(moved: Moved) -> str:
    counts = {
        f"+{moved.added:,} receipt{'s' * (moved.added > 1)}": moved.added,
        f"{moved.duplicate:,} duplicate{'s' * (moved.duplicate > 1)}": moved.duplicate,
        f"{moved.replaced:,} replaced": moved.replaced,
        f"{moved.removed:,} counted no more": moved.removed,
        f"{moved.read_again:,} read again": moved.read_again,
        f"{moved.judged_otherwise:,} by other rules or corrections": moved.judged_otherwise,
    }
    return ", ".join(words for words, count in counts.items() if count)
