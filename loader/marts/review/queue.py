"""Which receipts are worth a person's time, the worst first, and how much of the spend is proven."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb

from loader.warehouse.corrections import STANDING
from loader.warehouse.dbt_sql import render

PAGE = 50
LONGEST_SHOWN = 80
MOST_OPTIONS = 300

# What is doubtful about a receipt; the first that fits says where it stands. `amount`: how much is at stake, as a share
# of what a receipt in its currency comes to, so that rupiah and euros stand in one queue.
DOUBTS = {
    "off": "does not add up",
    "unread": "could not be read",
    "rejected": "items kept out",
    "ambiguous": "a price may be two",
    "currency": "unknown currency",
    "duplicate": "may be a duplicate",
    "other": "much in Other",
    "none": "nothing doubtful",
}

_QUEUE = f"""
with standing as ({{standing}}),

decided as (
    select
        receipt_id,
        bool_or(field in ('accepted', 'not_a_receipt', 'same_as')) as is_done,
        bool_or(field = 'not_same_as') as is_told_apart
    from standing
    group by receipt_id
),

rejected as (
    select receipt_id, count(*) as rejected_count
    from marts.rejected_items
    where reason not in ('not an item', 'dropped by a person')
    group by receipt_id
),

read_items as (
    select
        receipt_id,
        count(*) filter (is_price_ambiguous) as ambiguous_count,
        coalesce(sum(price) filter (category = 'Other' and price > 0), 0) as other_spend,
        bool_or(category = $category) as has_category
    from marts.receipt_items
    group by receipt_id
),

suspected as (
    select distinct receipt_id from marts.duplicates
    where not is_certain
),

scale as (
    select currency, nullif(median(abs(spend)), 0) as typical
    from marts.receipts
    where spend <> 0
    group by currency
),

judged as (
    select
        receipts.receipt_id,
        left(receipts.merchant, {LONGEST_SHOWN}) as merchant,
        receipts.purchased_on,
        receipts.currency,
        receipts.spend,
        receipts.total,
        receipts.unexplained,
        receipts.reconciliation,
        receipts.status,
        receipts.source,
        left(receipts.source_key, {LONGEST_SHOWN}) as source_key,
        coalesce(decided.is_done, false) as is_done,
        decided.receipt_id is not null as is_corrected,
        read_items.has_category,
        case
            when receipts.reconciliation = 'off' then 'off'
            when receipts.status not in ('extracted', 'duplicate', 'replaced', 'not_a_receipt') then 'unread'
            when rejected.rejected_count > 0 then 'rejected'
            when read_items.ambiguous_count > 0 then 'ambiguous'
            when receipts.currency = 'XXX' and receipts.item_count > 0 then 'currency'
            when suspected.receipt_id is not null and not coalesce(decided.is_told_apart, false) then 'duplicate'
            when read_items.other_spend > coalesce(scale.typical, 1) / 2 then 'other'
            else 'none'
        end as doubt,
        abs(coalesce(
            case when receipts.reconciliation = 'off' then receipts.unexplained end,
            case when rejected.rejected_count is null then read_items.other_spend end,
            receipts.spend,
            0
        )) / coalesce(scale.typical, 1) as amount
    from marts.receipts as receipts
    left join decided on receipts.receipt_id = decided.receipt_id
    left join rejected on receipts.receipt_id = rejected.receipt_id
    left join read_items on receipts.receipt_id = read_items.receipt_id
    left join suspected on receipts.receipt_id = suspected.receipt_id
    left join scale on receipts.currency = scale.currency
    where receipts.status not in ('pending', 'replaced')
)

select *
from judged
where case $state
        when 'doubtful' then doubt <> 'none' and not is_done and status not in ('duplicate', 'not_a_receipt')
        when 'done' then is_corrected
        else true
    end
    and ($doubt is null or doubt = $doubt)
    and ($source is null or source = $source)
    and ($month is null or strftime(purchased_on, '%Y-%m') = $month)
    and ($currency is null or currency = $currency)
    and ($category is null or has_category)
    and ($text is null or contains(lower(concat_ws(' ', merchant, source_key)), lower($text)))
order by
    list_position({list(DOUBTS)}, doubt), amount desc, receipt_id
"""
FILTERS = ("doubt", "source", "month", "currency", "category", "text")


@dataclass(frozen=True)
class Page:
    """Some rows of the queue, and how many there are in all."""

    rows: list[dict[str, Any]]
    count: int


def read_queue(connection: duckdb.DuckDBPyConnection, state: str, filters: dict[str, str | None], offset: int) -> Page:
    """A page of the receipts that are in this state (`doubtful`, `done`, `all`) and pass these filters."""
    standing = render(STANDING, {"raw.corrections": "raw.corrections"})
    values = {name: filters.get(name) or None for name in FILTERS}
    result = connection.execute(
        f"select *, count(*) over () as whole from ({_QUEUE.format(standing=standing)}) limit {PAGE} offset $offset",
        {**values, "state": state, "offset": offset},
    )
    names = [column[0] for column in result.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return Page(rows, rows[0]["whole"] if rows else 0)


def read_options(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """What the filters can be set to."""
    options = {}
    for name, column in (("source", "source"), ("month", "strftime(purchased_on, '%Y-%m')"), ("currency", "currency")):
        rows = connection.execute(
            f"select {column} from marts.receipts where {column} is not null group by 1 order by count(*) desc, 1 "
            f"limit {MOST_OPTIONS}"
        ).fetchall()
        options[name] = sorted((str(row[0]) for row in rows), reverse=name == "month")
    return options


@dataclass(frozen=True)
class Proven:
    """How much of what was spent in a currency adds up to what its receipts say was paid."""

    currency: str
    spend: Decimal
    proven: Decimal
    receipts: int


def read_proven(connection: duckdb.DuckDBPyConnection) -> list[Proven]:
    """By currency, those with the most receipts first: as built, and as corrected since."""
    rows = connection.execute(
        f"""
        with touched as (
            select distinct receipt_id from raw.corrections
            where corrected_at > (select min(started_at) from audit.build_results where kind = 'model')
        ),
        corrected as ({_live("int_answers__corrected")}),
        live as ({_live("int_answers__counted")}),
        live_items as ({_live("int_items__counted")}),
        spent as (
            select receipt_id, sum(price) as spend from live_items
            where reason is null
            group by receipt_id
        ),
        counted as (
            select currency, spend, reconciliation from marts.receipts
            where spend is not null and receipt_id not in (select receipt_id from touched)
            union all
            select live.currency, coalesce(spent.spend, 0), live.reconciliation
            from live
            left join spent on live.receipt_id = spent.receipt_id
            left join marts.receipts as built on live.receipt_id = built.receipt_id
            where live.is_current
                and live.receipt_id not in (select receipt_id from corrected where is_no_receipt)
                and coalesce(built.status, '') not in ('duplicate', 'replaced')
        )
        select
            currency,
            coalesce(sum(spend) filter (spend > 0), 0),
            coalesce(sum(spend) filter (spend > 0 and reconciliation = 'balanced'), 0),
            count(*)
        from counted
        group by currency
        order by 4 desc, currency
        """
    ).fetchall()
    return [Proven(*row) for row in rows]


_LIVE = {
    "int_answers__counted": ("int_answers__corrected",),
    "int_items__counted": ("int_answers__counted", "int_items__corrected"),
}


@cache
def _live(model: str) -> str:
    """A model about what counts, over what the last build read of the receipts that were corrected since then."""
    touched = "(select * from {} where receipt_id in (select receipt_id from touched))"
    return render(
        model,
        {
            "raw.corrections": touched.format("raw.corrections"),
            "int_answers__ranked": touched.format("intermediate.int_answers__ranked"),
            "int_items__valued": "(select * from intermediate.int_items__valued where answer_id in "
            "(select answer_id from intermediate.int_answers__ranked where receipt_id in "
            "(select receipt_id from touched)))",
            "int_receipts__latest": "intermediate.int_receipts__latest",
            "categories": "reference.categories",
            "currencies": "reference.currencies",
        }
        | {name: f"({_live(name)})" for name in _LIVE.get(model, ())},
    )
