"""A purchase counts once, however often its receipt was photographed; what only looks alike counts twice."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

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
