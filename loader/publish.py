"""The marts as a file of their own, which BI tools read while the loader and dbt write the warehouse.

The new file is made whole in a hidden folder beside the old one, synced, and swapped in by one rename. Killed at any
moment, the published file is either the old one or the new one; readers that have the old one open keep reading it.
What a killed publish leaves behind is removed by the next. Only schema `marts` is copied, so nothing of a raw answer,
prompt or key can get in.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from loader.errors import WarehouseError
from loader.warehouse import LOCK_POLL_SECONDS, MEMORY_LIMIT, STORAGE_VERSION, lock_holder

SCHEMA = "marts"
# What every BI tool reads right; the rest arrives as objects or text, or not at all.
PLAIN_TYPES = ("BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP")
DECIMAL_DIGITS = 18
# Names that no warehouse file can have as its own, so that the two never clash.
NEW = "the new file"


@dataclass(frozen=True)
class Column:
    """A column of a mart as the warehouse has it."""

    table: str
    name: str
    type: str
    comment: str | None


def publish_marts(
    warehouse: Path,
    bi_database: Path,
    *,
    wait_seconds: float = 600.0,
    on_wait: Callable[[str], None] = lambda message: None,
) -> dict[str, int]:
    """Copy the marts of `warehouse` into `bi_database` and swap it in; the rows of each table, by name.

    Waits up to `wait_seconds` for a program that is writing the warehouse; `on_wait` is told once. Raises
    WarehouseError, and leaves the old file as it is, when there are no marts, when a column has a type that BI tools
    do not read, or when it cannot be written.
    """
    if not warehouse.exists():
        raise WarehouseError(f"{warehouse} does not exist yet: run `make` first")
    if bi_database.resolve() == warehouse.resolve():
        raise WarehouseError(f"BI_DATABASE and WAREHOUSE are both {warehouse}: name another file in BI_DATABASE")
    try:
        with _one_publish_at_a_time(bi_database), _workshop(bi_database) as directory:
            made = directory / bi_database.name
            rows = _copy(warehouse, made, directory, wait_seconds, on_wait)
            _swap_in(made, bi_database)
    except OSError as error:
        raise WarehouseError(f"cannot publish to {bi_database}: {error.strerror}; the old file is as it was") from error
    except duckdb.Error as error:
        first_line = str(error).splitlines()[0]
        raise WarehouseError(f"publishing to {bi_database} failed: {first_line}; the old file is as it was") from error
    return rows


@contextmanager
def _one_publish_at_a_time(target: Path) -> Iterator[None]:
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        yield


@contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """A hidden folder beside the target, on the same disk; those that a killed publish left are removed first."""
    prefix, suffix = f".{target.name}.", ".part"
    for left in target.parent.glob(f"{prefix}*{suffix}"):
        shutil.rmtree(left)
    directory = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=target.parent))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _copy(
    warehouse: Path, made: Path, directory: Path, wait_seconds: float, on_wait: Callable[[str], None]
) -> dict[str, int]:
    with duckdb.connect(
        config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(directory / "spill")}
    ) as connection:
        source = _attach(connection, warehouse, wait_seconds, on_wait)
        columns = _columns(connection, source)
        if not columns:
            raise WarehouseError(f"{warehouse} has no marts yet: run `make build` first")
        _check_types(columns)
        connection.execute(f"attach {_text(str(made))} as {_name(NEW)} (storage_version '{STORAGE_VERSION}')")
        connection.execute(f"create schema {_name(NEW)}.{SCHEMA}")
        rows = {table: _copy_table(connection, source, table) for table in dict.fromkeys(c.table for c in columns)}
        _comment(connection, source, columns)
        connection.execute(f"detach {_name(NEW)}")  # writes everything into the file and removes its log
    return rows


def _attach(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, wait_seconds: float, on_wait: Callable[[str], None]
) -> str:
    """Attach the warehouse for reading, under the name that its own views know it by; that name."""
    deadline = time.monotonic() + wait_seconds
    told = False
    while True:
        try:
            connection.execute(f"attach {_text(str(warehouse))} (read_only)")
            break
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            if time.monotonic() >= deadline:
                raise WarehouseError(
                    f"{warehouse} is in use by {lock_holder(error)}: close it there and run the same command again"
                ) from error
            if not told:
                on_wait(f"{warehouse.name} is in use by {lock_holder(error)}; waiting for it")
                told = True
            time.sleep(LOCK_POLL_SECONDS)
    row = connection.execute("select database_name from duckdb_databases() where path is not null").fetchone()
    source = str(row[0]) if row else ""
    connection.execute(f"use {_name(source)}")
    return source


def _columns(connection: duckdb.DuckDBPyConnection, source: str) -> list[Column]:
    found = connection.execute(
        """
        select table_name, column_name, data_type, comment
        from duckdb_columns()
        where database_name = ? and schema_name = ?
        order by table_name, column_index
        """,
        [source, SCHEMA],
    ).fetchall()
    return [Column(*row) for row in found]


def _check_types(columns: list[Column]) -> None:
    for column in columns:
        decimal = re.fullmatch(r"DECIMAL\((\d+),\d+\)", column.type)
        if column.type not in PLAIN_TYPES and not (decimal and int(decimal[1]) <= DECIMAL_DIGITS):
            raise WarehouseError(
                f"{SCHEMA}.{column.table}.{column.name} is {column.type}, which not every BI tool reads: cast it to "
                f"one of {', '.join(PLAIN_TYPES)} or DECIMAL of up to {DECIMAL_DIGITS} digits in its dbt model"
            )


def _copy_table(connection: duckdb.DuckDBPyConnection, source: str, table: str) -> int:
    copied = connection.execute(
        f"create table {_name(NEW)}.{SCHEMA}.{_name(table)} as from {_name(source)}.{SCHEMA}.{_name(table)}"
    ).fetchone()
    return int(copied[0]) if copied else 0


def _comment(connection: duckdb.DuckDBPyConnection, source: str, columns: list[Column]) -> None:
    tables = connection.execute(
        """
        select table_name, comment from duckdb_tables() where database_name = $1 and schema_name = $2
        union all
        select view_name, comment from duckdb_views() where database_name = $1 and schema_name = $2
        """,
        [source, SCHEMA],
    ).fetchall()
    for table, comment in tables:
        if comment:
            connection.execute(f"comment on table {_name(NEW)}.{SCHEMA}.{_name(table)} is {_text(comment)}")
    for column in columns:
        if column.comment:
            path = f"{_name(NEW)}.{SCHEMA}.{_name(column.table)}.{_name(column.name)}"
            connection.execute(f"comment on column {path} is {_text(column.comment)}")


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _swap_in(made: Path, target: Path) -> None:
    made.chmod(0o444)
    _sync(made)
    # The log of somebody who wrote into the old file would keep the new one from opening.
    target.with_name(target.name + ".wal").unlink(missing_ok=True)
    made.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
