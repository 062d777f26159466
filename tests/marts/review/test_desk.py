"""What the page says while one types is what the next build says: prices, the verdict, the figure at the top."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader.errors import CorrectionError, WarehouseError
from loader.marts.review.desk import ChangedError, Desk
from loader.marts.review.queue import DOUBTS
from loader.warehouse.duckdb_file import Warehouse
from tests.helpers.commands import Run
from tests.helpers.review_warehouse import MISREAD, MISSED, RIGHT, TAXED, TWINS, build, sample
from tests.helpers.warehouses import empty_warehouse, rows


def correction(field: str, value: str | None, **of: object) -> dict[str, object]:
    correction_id = f"{field}-{value}-{of}"
    return {"correction_id": correction_id, "field": field, "value": value, **of}


def test_a_warehouse_before_its_first_build_says_what_to_do(run: Run, tmp_path: Path) -> None:
    empty_warehouse(tmp_path / "w.duckdb")
    code, _, err = run("review", "--port", "0")
    assert (code, err) == (1, "error: nothing has been built that could be reviewed: run `make` first\n")
    with pytest.raises(WarehouseError, match="run `make` first"):
        Desk(Warehouse(tmp_path / "w.duckdb"), "ann")


def test_the_worst_stands_first(warehouse: Path) -> None:
    desk = Desk(Warehouse(warehouse), "ann")
    found = desk.queue("doubtful", {}, 0)["rows"]
    doubts = [row["doubt"] for row in found]
    assert doubts == sorted(doubts, key=list(DOUBTS).index)
    assert doubts[:3] == ["off"] * 3 and sample(MISREAD)[0] in {row["receipt_id"] for row in found[:3]}
    assert sample(RIGHT)[0] not in {row["receipt_id"] for row in found}
    assert desk.queue("doubtful", {"currency": "JPY"}, 0)["count"] == 1
    assert desk.queue("all", {"text": "img src"}, 0)["count"] == 1


@pytest.mark.parametrize(
    ("text", "currency", "amount", "reason"),
    [("12,50", "EUR", "12.50", None), ("25.000", "IDR", "25000", None), ("9.000", "MYR", "9.00", None),
     ("¥1,200", "JPY", "1200", None), ("abc", "EUR", None, "not a price"), ("25.000", "XXX", "25000.00", None),
     ("(5.00)", "USD", "-5.00", None), ("£5", "EUR", None, "another currency")],
)  # fmt: skip
def test_a_price_is_read_by_the_rules_of_its_currency(
    warehouse: Path, text: str, currency: str, amount: str | None, reason: str | None
) -> None:
    found = Desk(Warehouse(warehouse), "ann").verdict({"currency": currency, "items": [{"price": text}]})
    assert (found["items"][0]["amount"], found["items"][0]["reason"]) == (amount, reason)


def test_what_is_saved_is_in_the_marts_as_the_page_said(warehouse: Path) -> None:
    """Each kind of correction; the accounts' own tests hold with them, and labels take them for truth."""
    desk = Desk(Warehouse(warehouse), "ann")
    misread, missed, taxed, right = (sample(number)[0] for number in (MISREAD, MISSED, TAXED, RIGHT))
    items = {name: desk.receipt(name) for name in (misread, missed, right, "hostile", "unknown")}

    def of(receipt_id: str, at: int) -> dict[str, object]:
        return {name: items[receipt_id]["items"][at][name] for name in ("answer_id", "item_number")}

    price = str(sample(MISREAD)[1]["items"][0]["price"])
    desk.correct(misread, {"currency": "MYR", "corrections": [correction("price", price, **of(misread, 0))]})
    last, number = sample(MISSED)[1]["items"][-1], items[missed]["most_items"] + 1
    added = [
        correction("price", last["price"], item_number=number),
        correction("name", last["name"], item_number=number),
    ]
    desk.correct(missed, {"currency": "EUR", "corrections": added, "seen": []})
    desk.correct(taxed, {"currency": "JPY", "corrections": [correction("total", str(sample(TAXED)[1]["total"]))]})
    dropped = [correction("dropped", None, **of("hostile", 1)), correction("merchant", None)]
    desk.correct("hostile", {"currency": "EUR", "corrections": [*dropped, correction("accepted", None)]})
    desk.correct("unknown", {"corrections": [correction("currency", "MYR")]})
    desk.correct(right, {"corrections": [correction("category", "Travel", **of(right, 0))]})
    desk.correct(TWINS[0], {"corrections": [correction("not_same_as", TWINS[1])]})
    figures = desk.proven()
    with pytest.raises(ChangedError):
        desk.correct(missed, {"corrections": [correction("tip", "1")], "seen": []})
    with pytest.raises(CorrectionError, match="not a price"):
        desk.correct(missed, {"currency": "EUR", "corrections": [correction("tip", "one")]})

    build(warehouse)
    verdicts = dict(rows(warehouse, "select receipt_id, reconciliation from marts.receipts"))  # type: ignore[arg-type]
    assert {verdicts[one] for one in (misread, missed, taxed, right, "unknown")} == {"balanced"}
    of_missed = f"from marts.receipt_items where receipt_id = '{missed}' order by item_number desc limit 1"
    assert rows(warehouse, f"select name, is_corrected {of_missed}") == [(last["name"], True)]
    of_hostile = "select reason from marts.rejected_items where receipt_id = 'hostile'"
    assert rows(warehouse, of_hostile) == [("dropped by a person",)]
    others = "from marts.receipts where receipt_id in ('hostile', 'unknown') order by 2"
    assert rows(warehouse, f"select merchant, currency, spend {others}") == [(None, "EUR", 2), ("Somewhere", "MYR", 9)]
    of_right = f"from marts.receipt_items where receipt_id = '{right}' order by item_number limit 1"
    assert rows(warehouse, f"select category, category_rule {of_right}") == [("Travel", "person")]
    assert rows(warehouse, "select * from marts.duplicates") == []
    # the figure at the top knew it before the build, but for a receipt whose prices have another currency now
    built = Desk(Warehouse(warehouse), "ann").proven()
    for currency in ("EUR", "JPY"):
        assert [one for one in built if one["currency"] == currency] == [
            one for one in figures if one["currency"] == currency
        ]
    (labelled,) = rows(warehouse, "select sum(labelled_answer_count) from marts.extraction_quality")
    assert labelled[0] >= 5
    marked = dict(rows(warehouse, "select receipt_id, is_corrected from marts.receipts"))  # type: ignore[arg-type]
    assert {name for name, is_marked in marked.items() if is_marked} == {
        misread, missed, taxed, right, "hostile", "unknown", TWINS[0],
    }  # fmt: skip


def test_a_correction_to_a_category_that_is_listed_no_more_is_named(warehouse: Path) -> None:
    """The list may change after it was written: the item keeps what the answer said, and the build says so."""
    answer = Desk(Warehouse(warehouse), "ann").receipt(sample(RIGHT)[0])["items"][0]
    with Warehouse(warehouse).transaction() as connection:
        connection.execute(
            "insert into raw.corrections (correction_id, receipt_id, answer_id, item_number, field, value, "
            "corrected_by, corrected_at) "
            "values ('gone', ?, ?, ?, 'category', 'Hobby', 'ann', current_timestamp::timestamp)",
            [sample(RIGHT)[0], answer["answer_id"], answer["item_number"]],
        )
    build(warehouse)
    named = "select receipt_id, item_number, category_raw from audit.warn_unknown_category where correction_id = 'gone'"
    assert rows(warehouse, named) == [(sample(RIGHT)[0], answer["item_number"], "Hobby")]
    kept = f"from marts.receipt_items where receipt_id = '{sample(RIGHT)[0]}' and item_number = {answer['item_number']}"
    assert rows(warehouse, f"select category {kept}") == [(answer["category"],)]


def test_what_is_taken_back_leaves_the_figure_as_it_was(warehouse: Path) -> None:
    desk = Desk(Warehouse(warehouse), "ann")
    before = desk.proven()
    for number in (MISREAD, MISSED, TAXED, RIGHT):
        receipt_id = sample(number)[0]
        for field, value in (("accepted", None), ("total", "77.00"), ("not_a_receipt", None), ("merchant", "Other")):
            made = correction(field, value)
            desk.correct(receipt_id, {"currency": "EUR", "corrections": [made]})
            desk.correct(receipt_id, {"corrections": [correction("withdraw", str(made["correction_id"]))]})
    assert desk.proven() == before
