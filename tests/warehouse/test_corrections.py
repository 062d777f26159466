"""What people set right is appended, counts by its order, and is refused when it fits nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader.errors import CorrectionError
from loader.warehouse.correction_values import FIELDS, stored
from loader.warehouse.corrections import Correction, append, read_corrections
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.raw import append_receipts
from tests.helpers.warehouses import change, empty_warehouse, receipt, rows


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Two receipts, and for r1 an answer a1 of two items."""
    made = empty_warehouse(tmp_path / "w.duckdb")
    with made.transaction() as connection:
        append_receipts(connection, [receipt(), receipt(receipt_id="r2", source_key="b.jpg")], "l")
    change(
        made.path,
        "create schema marts",
        "create table marts.answers as select 'r1' as receipt_id, 'a1' as answer_id, 2::bigint as item_count",
    )
    return made


def correction(field: str, value: str | None = None, **changes: object) -> Correction:
    return Correction(**{"receipt_id": "r1", "field": field, "value": value, "corrected_by": "ann", **changes})  # type: ignore[arg-type]


def landed(warehouse: Warehouse, *corrections: Correction) -> list[Correction]:
    with warehouse.transaction() as connection:
        return append(connection, corrections)


def standing(warehouse: Warehouse) -> dict[str, str | None]:
    with warehouse.transaction() as connection:
        return {one.field: one.value for one in read_corrections(connection, standing=True)}


def test_the_latest_counts_and_one_taken_back_gives_way_to_the_one_before(warehouse: Warehouse) -> None:
    landed(warehouse, correction("total", "1"))
    (second,) = landed(warehouse, correction("total", "2"))
    assert standing(warehouse) == {"total": "2"}
    landed(warehouse, correction("withdraw", second.correction_id))
    assert standing(warehouse) == {"total": "1"}
    landed(warehouse, correction("total"), correction("merchant", "Jo's"))
    assert standing(warehouse) == {"total": None, "merchant": "Jo's"}
    assert rows(warehouse, "select count(*) from raw.corrections") == [(5,)]


def test_of_one_purchase_or_two_the_later_counts(warehouse: Warehouse) -> None:
    landed(warehouse, correction("same_as", "r2"))
    landed(warehouse, correction("not_same_as", "r2"))
    assert standing(warehouse) == {"not_same_as": "r2"}
    landed(warehouse, correction("same_as", "r2"))
    assert standing(warehouse) == {"same_as": "r2"}


def test_within_one_transaction_the_later_counts(warehouse: Warehouse) -> None:
    landed(warehouse, *(correction("total", str(number)) for number in range(20)))
    assert standing(warehouse) == {"total": "19"}


def test_one_that_is_sent_again_is_there_once(warehouse: Warehouse) -> None:
    """As by a page whose connection broke before it heard the answer."""
    one = correction("total", "1", correction_id="c1")
    assert len(landed(warehouse, one)) == 1
    assert landed(warehouse, one) == []
    assert rows(warehouse, "select correction_id from raw.corrections") == [("c1",)]


@pytest.mark.parametrize(
    ("field", "value", "as_stored"),
    [
        ("price", "3.20", "3.20"), ("price", "+3", "3"), ("price", "-0.5000", "-0.500"),
        ("price", "007", "7"), ("price", "0.00", "0.00"), ("total", "9" * 12, "9" * 12),
        ("total", None, None), ("total", " ", None), ("purchased_on", "2026-03-01", "2026-03-01"),
        ("purchased_at", "7:05", "07:05"), ("currency", "eur", "EUR"), ("currency", "xxx", "XXX"),
        ("category", "food", "Food"), ("payment_method", "Card", "card"),
        ("merchant", " Jo's ", "Jo's"), ("merchant", "", None), ("dropped", None, "true"), ("accepted", "yes", "true"),
        ("name", "<b>\N{RIGHT-TO-LEFT OVERRIDE}", "<b>\N{RIGHT-TO-LEFT OVERRIDE}"),
        ("name", "x" * 10_000, "x" * 10_000),
    ],
)  # fmt: skip
def test_a_value_has_one_spelling(field: str, value: str | None, as_stored: str | None) -> None:
    assert stored(field, value) == as_stored


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "3,20"), ("price", "1e3"), ("price", "1.2345"), ("price", "٣"), ("price", "NaN"),
        ("price", None), ("total", "abc"),
        ("total", "9" * 13), ("price", "-" + "9" * 5000),
        ("purchased_on", "01.03.2026"), ("purchased_on", "2026-02-30"), ("purchased_at", "25:00"),
        ("currency", "EURO"), ("currency", None), ("category", "Foods"), ("payment_method", "cheque"),
        ("dropped", "no"),
        ("name", "x" * 10_001), ("merchant", "a\0b"), ("colour", "red"), ("same_as", None), ("withdraw", None),
    ],
)  # fmt: skip
def test_a_value_that_can_be_none_of_its_field_is_refused(field: str, value: str | None) -> None:
    with pytest.raises(CorrectionError) as refused:
        stored(field, value)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (correction("total", "1", receipt_id="r9"), "no receipt 'r9'"),
        (correction("same_as", "r1"), "is the receipt itself"),
        (correction("same_as", "r9"), "is not there"),
        (correction("withdraw", "c9"), "no correction 'c9'"),
        (correction("price", "1"), "wants an item_number"),
        (correction("total", "1", item_number=1), "leave item_number empty"),
        (correction("price", "1", item_number=0, answer_id="a1"), "counted from 1"),
        (correction("price", "1", item_number=3, answer_id="a1"), "has 2 items, and no item 3"),
        (correction("price", "1", item_number=1, answer_id="a9"), "no answer 'a9'"),
        (correction("price", "1", item_number=2), "number it from 3"),
        (correction("name", "Milk", item_number=3), "has no price"),
        (correction("accepted", answer_id="a9"), "no answer 'a9'"),
        (correction("total", "1", corrected_by=" "), "say who corrects"),
    ],
)
def test_what_fits_nothing_is_refused_and_nothing_of_it_lands(
    warehouse: Warehouse, refused: Correction, why: str
) -> None:
    with pytest.raises(CorrectionError, match=why) as error:
        landed(warehouse, correction("merchant", "Jo's"), refused)
    assert error.value.position == 1
    assert rows(warehouse, "select * from raw.corrections") == []


def test_items_are_of_an_answer_or_added(warehouse: Warehouse) -> None:
    landed(warehouse, correction("price", "1.10", item_number=2, answer_id="a1"))
    landed(warehouse, correction("price", "2", item_number=3), correction("name", "Milk", item_number=3))
    landed(warehouse, correction("category", "Beverage", item_number=3))
    assert rows(warehouse, "select count(*) from raw.corrections") == [(4,)]


def test_an_added_item_can_be_changed_and_dropped_after_a_longer_answer_has_come(warehouse: Warehouse) -> None:
    landed(warehouse, correction("price", "1", item_number=3))
    change(warehouse.path, "insert into marts.answers values ('r1', 'a2', 5)")
    landed(warehouse, correction("price", "2", item_number=3))
    landed(warehouse, correction("dropped", item_number=3))
    assert standing(warehouse) == {"price": "2", "dropped": "true"}
    for number in (2, 4, 5):  # these nobody added: an answer's own need its name
        with pytest.raises(CorrectionError, match="number it from 6"):
            landed(warehouse, correction("dropped", item_number=number))
    # a price for an answer's item adds none of that number
    landed(warehouse, correction("price", "1", answer_id="a2", item_number=5))
    with pytest.raises(CorrectionError, match="number it from 6"):
        landed(warehouse, correction("dropped", item_number=5))


def test_what_was_taken_back_is_not_taken_back_again(warehouse: Warehouse) -> None:
    (one,) = landed(warehouse, correction("total", "1"))
    back = correction("withdraw", one.correction_id)
    assert len(landed(warehouse, back, back)) == 1
    assert landed(warehouse, back) == []
    assert rows(warehouse, "select count(*) from raw.corrections") == [(2,)]


@pytest.mark.parametrize("number", [0, -1, 1_000_001, 2**63, 10**40])
def test_a_number_that_no_item_has_is_refused(warehouse: Warehouse, number: int) -> None:
    with pytest.raises(CorrectionError, match="counted from 1"):
        landed(warehouse, correction("price", "1", item_number=number))


def test_every_field_can_be_written(warehouse: Warehouse) -> None:
    values = {"purchased_on": "2026-03-01", "purchased_at": "17:05", "currency": "EUR", "payment_method": "card"}
    values |= {"category": "Food", "name": "Milk", "merchant": "Jo's", "receipt_number": "7"}
    values |= dict.fromkeys(("same_as", "not_same_as"), "r2") | dict.fromkeys(
        ("accepted", "dropped", "not_a_receipt"), ""
    )
    (first,) = landed(warehouse, correction("total", "1"))
    values["withdraw"] = first.correction_id
    for field in FIELDS:
        item = {"item_number": 1, "answer_id": "a1"} if field in ("name", "price", "category", "dropped") else {}
        landed(warehouse, correction(field, values.get(field, "1.00"), **item))
    assert rows(warehouse, "select count(distinct field) from raw.corrections") == [(len(FIELDS),)]


def test_items_before_the_first_build_are_refused(tmp_path: Path) -> None:
    made = empty_warehouse(tmp_path / "w.duckdb")
    with made.transaction() as connection:
        append_receipts(connection, [receipt()], "l")
    landed(made, correction("total", "1"))
    with pytest.raises(CorrectionError, match="run `make build` first"):
        landed(made, correction("price", "1", item_number=1, answer_id="a1"))


def test_of_receipts_that_are_made_one_always_one_counts(warehouse: Warehouse) -> None:
    """Neither two that name each other nor three in a row."""
    with warehouse.transaction() as connection:
        append_receipts(connection, [receipt(receipt_id="r3", source_key="c.jpg")], "l")
    (first,) = landed(warehouse, correction("same_as", "r2"))
    for receipt_id, other in (("r2", "r1"), ("r2", "r3"), ("r3", "r1")):
        with pytest.raises(CorrectionError, match="name the one that counts"):
            landed(warehouse, correction("same_as", other, receipt_id=receipt_id))
    landed(warehouse, correction("same_as", "r2"))
    landed(warehouse, correction("same_as", "r2", receipt_id="r3"))
    landed(warehouse, correction("not_same_as", "r1", receipt_id="r2"))
    assert first.value == "r2"
