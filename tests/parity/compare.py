"""The marts that two engines built, side by side: rows, sums of every number, and a hash of all columns in any order.

One engine's marts are in a DuckDB file, the other's are Parquet files; DuckDB reads and hashes both, so that a hash
is equal when all values are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

NUMBERS = ("BIGINT", "INTEGER", "DOUBLE", "DECIMAL")


@dataclass(frozen=True)
class Mart:
    """What is compared of a mart."""

    rows: int
    sums: tuple[str, ...]
    hash: str


def marts_of_warehouse(warehouse: Path) -> dict[str, Mart]:
    """The marts of a DuckDB file, by name."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' order by 1"
        ).fetchall()
        return {name: _measured(connection, f"marts.{name}") for (name,) in names}


def marts_of_lake(lake: Path) -> dict[str, Mart]:
    """The marts of a folder of Parquet tables, by name."""
    with duckdb.connect() as connection:
        return {
            folder.name: _measured(connection, f"read_parquet('{folder}/*.parquet')")
            for folder in sorted((lake / "marts").iterdir())
        }


def differences(expected: dict[str, Mart], found: dict[str, Mart]) -> list[str]:
    """What differs, in words; nothing when all is equal. Sail leaves no folder of a table without rows."""
    expected, found = ({name: mart for name, mart in marts.items() if mart.rows} for marts in (expected, found))
    said = [f"{name}: only built by one of the two" for name in sorted(expected.keys() ^ found.keys())]
    for name in sorted(expected.keys() & found.keys()):
        one, other = expected[name], found[name]
        if one.rows != other.rows:
            said.append(f"{name}: {one.rows} rows and {other.rows}")
        elif one.sums != other.sums:
            said.append(f"{name}: sums {one.sums} and {other.sums}")
        elif one.hash != other.hash:
            said.append(f"{name}: same rows and sums, but other values")
    return said


def _measured(connection: duckdb.DuckDBPyConnection, table: str) -> Mart:
    columns = [(row[0], row[1]) for row in connection.execute(f"describe from {table}").fetchall()]
    texts = ", ".join(f"coalesce({as_text(name, kind)}, '<null>')" for name, kind in columns)
    sums = [f"sum({_plain(name, kind)})::varchar" for name, kind in columns if kind.startswith(NUMBERS)]
    row = connection.execute(
        f"select count(*), sum(hash(concat_ws(chr(31), {texts}))::hugeint)::varchar, [{', '.join(sums)}] from {table}"
    ).fetchone()
    assert row is not None
    return Mart(row[0], tuple(value or "null" for value in row[2]), row[1] or "none")


def as_text(name: str, kind: str) -> str:
    """A value as a text that is the same on every engine: moments as microseconds in UTC, fractions by ten digits."""
    if kind.startswith("TIMESTAMP"):
        return f"epoch_us({name})::varchar"
    return f"({_plain(name, kind)})::varchar"


def _plain(name: str, kind: str) -> str:
    return f"round({name}, 10)::decimal(28, 10)" if kind == "DOUBLE" else name
