"""A purchase counts once, however often its receipt was photographed; what only looks alike counts twice."""

from __future__ import annotations

import itertools
from decimal import Decimal

import duckdb
import pytest

from loader.warehouse.dbt_sql import render
from tests.dbt.repeated import CASES, Repeated, receipt_of


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_counts(corpus: duckdb.DuckDBPyConnection, case: Repeated) -> None:
    for number, seen in enumerate(case.receipts):
        receipt_id, counts = receipt_of(case, number), case.counts[number] == number
        status, spend, instead = corpus.execute(
            "select status, spend, duplicate_of from marts.receipts where receipt_id = ?", [receipt_id]
        ).fetchall()[0]
        items = corpus.execute("select price from marts.receipt_items where receipt_id = ?", [receipt_id]).fetchall()
        if counts:
            assert instead is None and status not in ("duplicate", "replaced")
            assert sorted(items) == sorted((Decimal(price),) for price in seen.prices if seen.is_answered)
        else:
            assert (spend, instead, items) == (None, receipt_of(case, case.counts[number]), [])
            is_of_one_place = seen.location and seen.location == case.receipts[case.counts[number]].location
            assert status == ("replaced" if is_of_one_place else "duplicate")
        told = corpus.execute("select is_certain from marts.duplicates where receipt_id = ?", [receipt_id]).fetchall()
        assert told == ([(False,)] if number in case.doubtful else [] if counts else [(True,)])


Shown = tuple[str | None, str | None, str]  # number, time, prices
RELATIONS = {
    name: f"memory.{name}"
    for name in (
        "int_corrections__standing",
        "stg_loader__receipts",
        "int_receipts__latest",
        "int_answers__counted",
        "int_items__counted",
    )
}


def differ(one: Shown, other: Shown) -> bool:
    """A known difference keeps two apart."""
    return any(a != b for a, b in zip(one[:2], other[:2], strict=True) if a and b)


def are_one(one: Shown, other: Shown) -> bool:
    """As DESIGN says of two: the same number, or the same time and prices, and no known difference."""
    same_number = one[0] is not None and one[0] == other[0]
    same_moment = one[1] is not None and one[1:] == other[1:]
    return (same_number or same_moment) and not differ(one, other)


def test_of_any_three_of_one_shop_day_and_total_each_purchase_counts_once() -> None:
    """Every order of every three: none counts for two that differ, and none counts beside its like in silence."""
    kinds = list(itertools.product((None, "1", "2"), (None, "10:00", "11:00"), ("3.00", "5.00")))
    triples = list(itertools.product(kinds, repeat=3))
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table seen as
            select unnest($names) as receipt_id, unnest($groups) as merchant, unnest($places) as place,
                unnest($numbers)::varchar as receipt_number, unnest($times)::varchar as purchased_at,
                unnest($prices)::decimal(18, 3) as price
            """,
            {
                "names": [f"{number}-{place}" for number in range(len(triples)) for place in range(3)],
                "groups": [f"shop {number}" for number in range(len(triples)) for _ in range(3)],
                "places": [place for _ in triples for place in range(3)],
                "numbers": [number for triple in triples for number, _, _ in triple],
                "times": [time for triple in triples for _, time, _ in triple],
                "prices": [price for triple in triples for _, _, price in triple],
            },
        )
        connection.execute(
            """
            create table int_corrections__standing as
            select '' as receipt_id, '' as answer_id, 0 as item_number, '' as field, '' as value limit 0;
            create table stg_loader__receipts as
            select receipt_id, 'load' as load_id, receipt_id as location,
                timestamp '2026-03-01' + to_minutes(place) as loaded_at
            from seen;
            create table int_receipts__latest as select receipt_id, false as is_set_aside from seen;
            create table int_answers__counted as
            select receipt_id, merchant, 'EUR' as currency, date '2026-02-14' as purchased_on, 5.0 as total,
                receipt_number, purchased_at, 'balanced' as reconciliation, true as is_current, false as is_corrected
            from seen;
            create table int_items__counted as select receipt_id, price, null as reason from seen
            """
        )
        found = connection.execute(
            f"select receipt_id, duplicate_of, is_certain from ({render('int_receipts__repeated', RELATIONS)})"
        ).fetchall()
    linked = {(*map(int, receipt_id.split("-")),): (int(other[-1]), certain) for receipt_id, other, certain in found}
    for number, triple in enumerate(triples):
        links = {place: linked[number, place] for place in range(3) if (number, place) in linked}
        counts = [links[place][0] if place in links and links[place][1] else place for place in range(3)]
        purchases = {
            first: [shown for shown, it in zip(triple, counts, strict=True) if it == first] for first in counts
        }
        assert all(counts[first] == first for first in purchases), (triple, links)
        for alike in purchases.values():
            assert not any(differ(*pair) for pair in itertools.combinations(alike, 2)), (triple, links)
            assert len(alike) == 1 or all(sum(are_one(it, other) for other in alike) > 1 for it in alike), (
                triple,
                links,
            )
        for first, second in itertools.combinations(sorted(purchases), 2):
            pairs = list(itertools.product(purchases[first], purchases[second]))
            if not any(differ(*pair) for pair in pairs):
                assert not any(are_one(*pair) for pair in pairs), (triple, links)
                assert second in links, (triple, links)
