"""Which currency a receipt has, and that unlike ones are never one row."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from tests.dbt.currencies import LISTED, SAID, Said, receipt_id

Warehouse = duckdb.DuckDBPyConnection


def words(said: Said) -> str:
    """A row of the table as the name of its test."""
    by = {"column": said.column, "answer": said.answer, "setting": said.setting, "country": said.country}
    return ", ".join(f"{who} {what!r}" for who, what in by.items() if what is not None) or "nobody"


@pytest.mark.parametrize(("number", "said"), list(enumerate(SAID)), ids=[words(said) for said in SAID])
def test_currency(corpus: Warehouse, number: int, said: Said) -> None:
    def of_this(columns: str, table: str) -> list[tuple[Any, ...]]:
        query = f"select {columns} from {table} where receipt_id = ?"
        return corpus.execute(query, [receipt_id(number)]).fetchall()

    is_ambiguous = (said.currency, said.price) == ("HRK", "12.500")
    assert of_this("currency, is_price_ambiguous", "marts.receipt_items") == [(said.currency, is_ambiguous)]
    assert of_this("currency", "marts.receipts") == [(said.currency,)]
    is_warned = of_this("count(*) > 0", "audit.warn_currency_other_than_the_setting")
    assert is_warned == [(said.is_warned,)]
    assert of_this("count(*) > 0", "audit.warn_unknown_currency") == [(said.currency not in LISTED,)]


def test_a_receipt_without_an_answer_has_the_currency_that_is_known_without_it(corpus: Warehouse) -> None:
    found = dict(
        corpus.execute(
            "select receipt_id, currency from marts.receipts where receipt_id like 'currency % unasked'"
        ).fetchall()
    )
    for number, said in enumerate(SAID):
        says_one = said.column is not None and (said.answer is None or said.currency != said.answer)
        expected = said.currency if says_one else said.setting or "XXX"
        assert found[f"{receipt_id(number)} unasked"] == expected, words(said)


def test_every_currency_is_a_row_of_its_own(corpus: Warehouse) -> None:
    found = corpus.execute(
        "select distinct currency from marts.spend_by_category_and_source where source = 'currencies'"
    ).fetchall()
    assert {currency for (currency,) in found} == {said.currency for said in SAID}


def test_an_implausible_price_in_a_currency_that_is_not_listed_is_rejected(corpus: Warehouse) -> None:
    rejected = corpus.execute("select currency, reason from marts.rejected_items where receipt_id = 'not listed'")
    assert rejected.fetchall() == [("HRK", "implausible")]
