"""Empty warehouses, and a look into any."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from loader.warehouse.duckdb_file import Warehouse


@cache
def _template() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        made = Warehouse(Path(directory) / "w.duckdb")
        made.prepare()
        return made.path.read_bytes()


def empty_warehouse(path: Path, wait_seconds: float = 600.0) -> Warehouse:
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
