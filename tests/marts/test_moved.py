"""After a publish one line says which sums moved since the last one, and why."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from loader.marts.moved import Moved, in_words
from loader.marts.publish import publish_marts
from tests.helpers.built_warehouse import run
from tests.helpers.warehouses import change, rows

# The receipts of the warehouse that the tests share, by currency: those in EUR are 2, 3, 5 and 7, in IDR 0 and 1.
ONE = "update marts.receipts set {} where source_key = '2'"  # 53.30 EUR
OF_EUR = "select sum(spend) from marts.receipts where currency = 'EUR'"


def moved(currency: str, before: str, now: str, **reasons: int) -> Moved:
    names = ("added", "duplicate", "replaced", "removed", "read_again", "judged_otherwise")
    return Moved(currency, Decimal(before), Decimal(now), **{name: reasons.get(name, 0) for name in names})


@pytest.mark.parametrize(
    ("changes", "reason", "less", "words"),
    [
        ("spend = null, status = 'duplicate'", "duplicate", "53.300", "1 duplicate"),
        ("spend = null, status = 'replaced'", "replaced", "53.300", "1 replaced"),
        ("spend = null, status = 'unreadable'", "removed", "53.300", "1 counted no more"),
        ("spend = 50, model = 'another'", "read_again", "3.300", "1 read again"),
        ("spend = 50", "judged_otherwise", "3.300", "1 by other rules or corrections"),
    ],
)
def test_each_reason_is_told(warehouse: Path, tmp_path: Path, changes: str, reason: str, less: str, words: str) -> None:
    bi = tmp_path / "bi.duckdb"
    assert publish_marts(warehouse, bi).moved is None, "there is nothing to compare a first publish with"
    assert publish_marts(warehouse, bi).moved == []
    ((before,),) = rows(bi, OF_EUR)
    change(warehouse, ONE.format(changes))
    now = before - Decimal(less)
    found = publish_marts(warehouse, bi).moved
    assert found == [moved("EUR", str(before), str(now), **{reason: 1})]
    assert in_words(found).endswith(f"({words})")


def test_a_receipt_without_spend_that_gets_some_is_added_and_one_that_has_gone_is_removed(
    warehouse: Path, tmp_path: Path
) -> None:
    bi = tmp_path / "bi.duckdb"
    change(warehouse, ONE.format("spend = null, status = 'pending'"))
    publish_marts(warehouse, bi)
    ((before,),) = rows(bi, OF_EUR)
    change(
        warehouse,
        ONE.format("spend = 53.30, status = 'extracted'"),
        "delete from marts.receipts where currency = 'IDR'",
    )
    found = publish_marts(warehouse, bi).moved
    assert found == [
        moved("IDR", "1280000", "0", removed=2),
        moved("EUR", str(before), str(before + Decimal("53.30")), added=1),
    ]


def test_a_currency_that_changed_moves_two_sums(warehouse: Path, tmp_path: Path) -> None:
    bi = tmp_path / "bi.duckdb"
    publish_marts(warehouse, bi)
    ((before,),) = rows(bi, OF_EUR)
    change(warehouse, ONE.format("currency = 'CHF'"))
    assert publish_marts(warehouse, bi).moved == [
        moved("CHF", "0", "53.30", judged_otherwise=1),
        moved("EUR", str(before), str(before - Decimal("53.30")), judged_otherwise=1),
    ]


def test_the_command_says_it_in_a_line(warehouse: Path, tmp_path: Path) -> None:
    bi = tmp_path / "bi.duckdb"
    assert "since the last" not in run("publish", warehouse=warehouse, bi_database=bi).stdout
    assert "since the last publish no sum has moved" in run("publish", warehouse=warehouse, bi_database=bi).stdout
    change(warehouse, ONE.format("spend = 50"))
    said = run("publish", warehouse=warehouse, bi_database=bi).stdout
    assert "since the last publish: EUR " in said and "(1 by other rules or corrections)" in said


def test_many_currencies_are_counted(warehouse: Path, tmp_path: Path) -> None:
    bi = tmp_path / "bi.duckdb"
    publish_marts(warehouse, bi)
    change(
        warehouse, "update marts.receipts set spend = spend + 1, currency = 'AA' || source_key where spend is not null"
    )
    found = publish_marts(warehouse, bi).moved or []
    assert len(found) > 4
    assert in_words(found).endswith(f"; {len(found) - 3} more currencies moved")


def test_a_file_of_other_columns_is_replaced_without_a_comparison(warehouse: Path, tmp_path: Path) -> None:
    bi = tmp_path / "bi.duckdb"
    publish_marts(warehouse, bi)
    bi.chmod(0o644)
    change(bi, "alter table marts.receipts drop column spend")
    assert publish_marts(warehouse, bi).moved is None


def test_json_has_what_moved(warehouse: Path, tmp_path: Path) -> None:
    bi = tmp_path / "bi.duckdb"
    run("publish", warehouse=warehouse, bi_database=bi)
    change(warehouse, ONE.format("spend = 50"))
    (one,) = json.loads(run("publish", "--json", warehouse=warehouse, bi_database=bi).stdout)["moved"]
    assert (one["currency"], one["judged_otherwise"]) == ("EUR", 1)
