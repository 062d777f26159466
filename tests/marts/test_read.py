"""The marts in notebooks: DataFrames of the published file, else of the warehouse."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

import loader
from loader.errors import WarehouseError
from loader.marts.publish import publish_marts
from loader.marts.read import mart_rows
from tests.helpers.warehouses import change


def test_items_are_the_four_columns_of_the_notebook_with_right_prices(warehouse: Path) -> None:
    items = loader.items()
    assert list(items.columns) == ["custom_id", "name", "price", "classification"]
    assert str(items["price"].dtype) == "float64"
    first = items[items["custom_id"] == "0"]
    assert first[["name", "price", "classification"]].to_numpy().tolist() == [
        ["Nasi Putih", 25000.0, "Food"],
        ["Es Teh", 7500.0, "Beverage"],
    ]


def test_the_published_file_comes_before_the_warehouse(warehouse: Path, tmp_path: Path) -> None:
    count = len(loader.mart("categories"))
    publish_marts(warehouse, tmp_path / "bi.duckdb")
    change(warehouse, "insert into marts.categories values ('New', '')")
    assert len(loader.mart("categories")) == count
    (tmp_path / "bi.duckdb").unlink()
    assert len(loader.mart("categories")) == count + 1


def test_money_is_float_for_pandas_and_decimal_for_the_screen(warehouse: Path) -> None:
    frame = loader.mart("spend_by_category")
    food = frame[(frame["currency"] == "IDR") & (frame["category"] == "Food")]
    assert food["spend"].tolist() == [1272500.0]
    found = mart_rows("spend_by_category")
    spend = found.columns.index("spend")
    assert [row[spend] for row in found.rows if row[:2] == ("IDR", "Food")] == [Decimal("1272500.000")]


def test_rows_for_the_screen_are_ordered_and_limited(warehouse: Path) -> None:
    found = mart_rows("spend_by_category")
    currency, spend = found.columns.index("currency"), found.columns.index("spend")
    order = [(row[currency], -row[spend]) for row in found.rows]
    assert order == sorted(order)
    assert len(order) > 3
    some = mart_rows("spend_by_category", limit=2)
    assert (some.rows, some.total) == (found.rows[:2], len(order))


def test_says_what_to_do_when_a_mart_is_not_there(warehouse: Path) -> None:
    for name in ("nope", 'receipts" limit 0; drop table x; --'):
        with pytest.raises(WarehouseError, match=r"there is no mart .*: name one of .*receipts, "):
            loader.mart(name)
    change(warehouse, "drop schema marts cascade")
    with pytest.raises(WarehouseError, match="run `make build` first"):
        loader.items()
    warehouse.unlink()
    with pytest.raises(WarehouseError, match="does not exist yet: run `make` first"):
        loader.items()


def test_a_damaged_file_is_moved_away_before_the_next_publish(warehouse: Path, tmp_path: Path) -> None:
    bi = tmp_path / "bi.duckdb"
    bi.write_text("not a database" * 1000)
    with pytest.raises(WarehouseError, match=r"cannot be read .*: move it away, then run `make build` to publish"):
        loader.items()
    with pytest.raises(WarehouseError, match="move it away"):
        publish_marts(warehouse, bi)
    bi.rename(tmp_path / "damaged")  # as the messages say
    publish_marts(warehouse, bi)
    assert len(loader.items())


def test_a_damaged_warehouse_is_not_called_the_published_file(warehouse: Path) -> None:
    warehouse.write_text("not a database" * 1000)
    with pytest.raises(WarehouseError, match=r"cannot be read .*: move it away, then .*another file in WAREHOUSE"):
        loader.items()


def test_rows_of_equal_spend_stand_in_the_order_of_their_names(warehouse: Path) -> None:
    change(
        warehouse,
        "create or replace table marts.spend_by_category as "
        "select 'EUR' as currency, category, 1.00 as spend from marts.categories order by category desc",
    )
    rows = mart_rows("spend_by_category").rows
    assert [category for _, category, _ in rows] == ["Beverage", "Food", "Medical", "Other", "Travel"]
