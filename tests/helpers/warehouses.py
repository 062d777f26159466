"""Warehouses that are empty or of an older version, and a look into any."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from loader.warehouse.duckdb_file import WAIT_SECONDS, Warehouse
from loader.warehouse.migrations import MIGRATIONS
from loader.warehouse.raw import ReceiptRow


@cache
def _template() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        made = Warehouse(Path(directory) / "w.duckdb")
        made.prepare()
        return made.path.read_bytes()


def empty_warehouse(path: Path, wait_seconds: float = WAIT_SECONDS) -> Warehouse:
    """A warehouse as `prepare` makes it, which takes far longer than to copy one."""
    path.write_bytes(_template())
    return Warehouse(path, wait_seconds)


def rows(warehouse: Warehouse | Path, query: str) -> list[tuple[Any, ...]]:
    """The rows that a warehouse, or another DuckDB file, answers."""
    path = warehouse.path if isinstance(warehouse, Warehouse) else warehouse
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def change(warehouse: Path, *statements: str) -> None:
    """Change a warehouse by SQL."""
    with duckdb.connect(str(warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)


def receipt(**changes: object) -> ReceiptRow:
    """A row of raw.receipts that differs from the others in this."""
    values: dict[str, object] = {
        "receipt_id": "r1", "source": "s", "source_key": "a.jpg", "media_type": "image/jpeg", "width": 10,
        "height": 20, "image_bytes": 30, "currency": None, "label": None, "rejected_reason": None,
    }  # fmt: skip
    return ReceiptRow(**{**values, **changes})  # type: ignore[arg-type]


def older_warehouse(path: Path, version: int) -> duckdb.DuckDBPyConnection:
    """A warehouse as the version of that many migrations made it."""
    connection = duckdb.connect(str(path))
    connection.execute("create schema ledger")
    connection.execute("create table ledger.migrations (version integer, name varchar, applied_at timestamp)")
    for number, name, statements in MIGRATIONS[:version]:
        connection.execute(statements)
        connection.execute("insert into ledger.migrations values (?, ?, now()::timestamp)", [number, name])
    return connection


def move(warehouse: Path, place: Path) -> None:
    """Give a warehouse another name, with what a killed process left beside it, read later as new otherwise."""
    log = warehouse.with_name(warehouse.name + ".wal")
    if log.exists():
        log.rename(place.with_name(place.name + ".wal"))
    warehouse.rename(place)
