"""The marts as pandas DataFrames, for people who live in notebooks, and as rows for the screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.errors import WarehouseError, system_cause, system_trouble
from loader.settings import read_settings

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

# Rows are shown in this order, as far as a mart has these columns.
ORDER = ("source", "month", "currency")


@dataclass(frozen=True)
class Rows:
    """Rows of a mart, as DuckDB gives them (money as Decimal)."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    total: int  # of the whole mart


def mart(name: str) -> pd.DataFrame:
    """A mart (`spend_by_category`, `receipt_items`, …) as a DataFrame, from the published file or else the warehouse.

    Money comes as float64. Raises WarehouseError when there is no such mart yet.
    """
    with open_marts() as connection:
        return connection.execute(f"select * from {checked(connection, name)}").df()


def items() -> pd.DataFrame:
    """One row per item of the current answers: `custom_id`, `name`, `price` (float64), `classification`.

    Prices are in the currency of their receipt: see `mart("receipt_items")` for it. Raises WarehouseError.
    """
    with open_marts() as connection:
        return connection.execute(
            "select custom_id, name, price, category as classification "
            f"from {checked(connection, 'receipt_items')} order by source, source_key, item_number"
        ).df()


def mart_rows(name: str, limit: int | None = None) -> Rows:
    """The first rows of a mart, ordered for reading: by source, month and currency, the largest spend first."""
    with open_marts() as connection:
        path = checked(connection, name)
        result = connection.execute(f"select * from {path} limit 0")
        columns = [column[0] for column in result.description or []]
        order = [column for column in ORDER if column in columns]
        if "spend" in columns and "category" in columns:
            order += ["spend desc", "category"]
        ordered = f" order by {', '.join(order)}" if order else ""
        rows = connection.execute(f"select * from {path}{ordered} limit ?", [limit]).fetchall()
        (total,) = connection.execute(f"select count(*) from {path}").fetchone() or (0,)
    return Rows(columns, rows, total)


def proven_shares() -> list[tuple[str, float]]:
    """Per currency, the share of gross spend (0 to 1) whose receipts add up to what they say was to be paid."""
    with open_marts() as connection:
        return connection.execute(
            "select currency, sum(share_proven * gross_spend) / sum(gross_spend) "
            f"from {checked(connection, 'spend_by_category')} "
            "group by currency having sum(gross_spend) > 0 order by currency"
        ).fetchall()


def checked(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """The quoted path of a mart. Raises WarehouseError, naming those that there are."""
    found = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'marts' order by table_name"
    ).fetchall()
    names = [row[0] for row in found]
    if not names:
        raise WarehouseError("there are no marts yet: run `make build` first")
    if name not in names:
        raise WarehouseError(f"there is no mart {name!r}: name one of {', '.join(names)}")
    return f'marts."{name}"'


@contextmanager
def open_marts() -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, else the warehouse, read-only."""
    import duckdb

    from loader.warehouse.duckdb_file import closing, is_lock_error, lock_holder

    settings = read_settings()
    path = settings.bi_database if settings.bi_database.exists() else settings.warehouse
    if not path.exists():
        raise WarehouseError(f"{path} does not exist yet: run `make` first")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        if is_lock_error(error):
            raise WarehouseError(
                f"{path} is in use by {lock_holder(error)}, and nothing is published yet: "
                "run `make build` once that has ended"
            ) from error
        raise _unreadable(path, path == settings.bi_database, error) from error
    with closing(connection):
        yield connection


def _unreadable(path: Path, is_published: bool, error: duckdb.Error) -> WarehouseError:
    """A file that DuckDB cannot open. `loader publish` does not replace what it cannot recognise as its own."""
    if system_cause(error)[0]:
        return WarehouseError(system_trouble(f"cannot read {path}", error))
    advice = "run `make build` to publish again" if is_published else "run `make`, or name another file in WAREHOUSE"
    return WarehouseError(f"{path} cannot be read ({str(error).splitlines()[0]}): move it away, then {advice}")
