"""Which currency a receipt has, and that unlike ones are never one row."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loader.warehouse.raw import STAMPS
from tests.dbt.currencies import LISTED, SAID, Said, receipt_id
from tests.helpers.built_warehouse import ROOT, answer, receipt, settings
from tests.helpers.warehouses import change, rows

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


@pytest.mark.slow
def test_the_setting_is_meant_where_a_receipt_says_nothing_and_a_correction_wins_whatever_the_clock_says(
    tmp_path: Path,
) -> None:
    """The whole way: `loader land`, the setting, `dbt build`, the marts; then a clock that was three days ahead."""
    warehouse = tmp_path / "warehouse.duckdb"
    printed = [("EUR", "12,50 €"), ("IDR", "Rp 25.000"), ("JPY", "¥1,200"), (None, "9.90")]
    lines = [
        answer(str(key), receipt(currency, ("Bun", price, "Food"))) for key, (currency, price) in enumerate(printed)
    ]
    files = [tmp_path / "mixed.jsonl", tmp_path / "other.jsonl"]
    files[0].write_text("".join(json.dumps(line) + "\n" for line in lines))
    files[1].write_text(json.dumps(answer("0", receipt("EUR", ("Bun", "25.000", "Food")))) + "\n")

    def loader(*arguments: str, setting: str = "") -> None:
        environment = {**settings(warehouse, tmp_path / "bi.duckdb"), "RECEIPTS_CURRENCY": setting}
        command = [sys.executable, "-m", "loader", *arguments]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def spend() -> dict[str, str]:
        loader("dbt", "build", "--quiet", "--resource-type", "seed", "--resource-type", "model")
        found = rows(warehouse, "select currency, spend from marts.spend_by_category order by currency")
        return {currency: f"{amount.normalize():f}" for currency, amount in found}

    loader("land", *map(str, files), setting="MYR")
    expected = {"EUR": "25012.5", "IDR": "25000", "JPY": "1200", "MYR": "9.9"}
    assert spend() == expected
    for table, column in STAMPS.items():
        change(warehouse, f"update raw.{table} set {column} = {column} + to_days(3)")
    loader("land", str(files[1]), "--currency", "IDR")
    loader("land", str(files[0]), setting="SGD")
    assert spend() == {"EUR": "12.5", "IDR": "50000", "JPY": "1200", "SGD": "9.9"}
