"""The marts as pandas DataFrames, for people who live in notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.errors import WarehouseError
from loader.settings import read_settings

if TYPE_CHECKING:
    import pandas as pd


def mart(name: str) -> pd.DataFrame:
    """A mart (`spend_by_category`, `receipt_items`, …) as a DataFrame, from the published file or else the warehouse.

    Money comes as float64. Raises WarehouseError when there is no such mart yet.
    """
    if not name.isidentifier():
        raise WarehouseError(f"{name!r} is not the name of a mart, such as spend_by_category")
    return _query(f"select * from marts.{name}")


def items() -> pd.DataFrame:
    """One row per item of the current answers: `custom_id`, `name`, `price` (float64), `classification`.

    Prices are in the currency of their receipt: see `mart("receipt_items")` for it. Raises WarehouseError.
    """
    return _query(
        "select custom_id, name, price, category as classification from marts.receipt_items "
        "order by source, source_key, item_number"
    )


def _query(query: str) -> pd.DataFrame:
    import duckdb

    settings = read_settings()
    path = settings.bi_database if settings.bi_database.exists() else settings.warehouse
    if not path.exists():
        raise WarehouseError(f"{path} does not exist yet: run `make` first")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(query).df()
    except duckdb.CatalogException as error:
        raise WarehouseError(f"{path}: {str(error).splitlines()[0]}; run `make build` first") from error
    except duckdb.IOException as error:
        raise WarehouseError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
