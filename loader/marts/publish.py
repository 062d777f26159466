"""The marts as a file of their own, which BI tools read while the loader and dbt write the warehouse.

The new file is made whole in a hidden folder beside the old one, synced, and swapped in by one rename. Killed at any
moment, the published file is either the old one or the new one; readers that have the old one open keep reading it.
What a killed publish leaves behind is removed by the next. Only what was published before is replaced (see
`published`). Only schema `marts` is copied, so nothing of a raw answer, prompt or key can get in; table `published`
says when it was copied, from which loads, and how its tests ended.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import duckdb

from loader import __version__
from loader.errors import WarehouseError, system_trouble
from loader.files import put_in_place, swap_in_folder, sync
from loader.marts.build_results import Build, last_build
from loader.marts.moved import Moved, read_moved
from loader.marts.published import LOOK, PARQUET, PUBLISHED_COLUMNS, TABLES_KEY, check_file, check_folder
from loader.owned_folder import is_folder, own_entries, remove_folder
from loader.warehouse.duckdb_file import MEMORY_LIMIT, STORAGE_VERSION, WAIT_SECONDS, closing, now, once_free

SCHEMA = "marts"
# What every BI tool reads right; the rest arrives as objects or text, or not at all.
PLAIN_TYPES = ("BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP")
DECIMAL_DIGITS = 18
# Names that no warehouse file can have as its own, so that the two never clash.
NEW = "the new file"
PUBLISHED = "One row: what this file is a copy of."


@dataclass(frozen=True)
class Publication:
    """What a publish put into the file."""

    rows: dict[str, int]  # by mart
    tests: str  # `passed`, `failed` or `unknown`
    unbuilt_lines: int  # landed after the last dbt build, so not in these marts
    moved: list[Moved] | None = None  # since what was published before; None where nothing was


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
    parquet: Path | None = None,
    *,
    despite_failures: bool = False,
    wait_seconds: float = WAIT_SECONDS,
    on_wait: Callable[[str], None] = lambda message: None,
) -> Publication:
    """Copy the marts of `warehouse` into `bi_database` (and as files into the folder `parquet`) and swap them in.

    Waits up to `wait_seconds` for a program that is writing the warehouse; `on_wait` is called once. Raises
    WarehouseError, and leaves what was published as it is, when there are no marts, when the last dbt build had
    failing tests (unless `despite_failures`), when a column has a type that not every BI tool reads, or when the
    file cannot be written.
    """
    if not warehouse.exists():
        raise WarehouseError(f"{warehouse} does not exist yet: run `make` first")
    if bi_database.resolve() == warehouse.resolve():
        raise WarehouseError(f"BI_DATABASE and WAREHOUSE are both {warehouse}: name another file in BI_DATABASE")
    if parquet is not None:
        parquet = parquet.resolve()
        check_folder(parquet)
    targets = [target for target in (bi_database, parquet) if target is not None]
    try:
        with ExitStack() as stack:
            workshops = [stack.enter_context(_workshop(target)) for target in targets]
            made = [directory / target.name for directory, target in zip(workshops, targets, strict=True)]
            check_file(bi_database, workshops[0])
            config = {"memory_limit": MEMORY_LIMIT, "temp_directory": str(workshops[0] / "spill")}
            with closing(duckdb.connect(config=config)) as connection:  # type: ignore[arg-type]
                source = _attach(connection, warehouse, wait_seconds, on_wait)
                publication = _copy(connection, source, made, despite_failures)
            check_file(bi_database, workshops[0])  # it may be another one after so long a wait
            if parquet is not None:
                check_folder(parquet)
            if bi_database.exists():
                publication = replace(publication, moved=read_moved(bi_database, made[0]))
            _swap_in(made[0], bi_database)
            if parquet is not None:
                swap_in_folder(made[1], parquet)
    except (OSError, duckdb.Error) as error:
        raise WarehouseError(
            system_trouble("cannot publish, and what was published before is as it was", error)
        ) from error
    return publication


@contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """A hidden folder beside the target, on the same disk, for one publish at a time.

    Those that a killed publish left are removed first.
    """
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    prefix, suffix = f".{target.name}.", ".part"
    lock = target.with_name(f".{target.name}.lock")
    if lock.is_symlink() or (lock.exists() and lock.stat().st_size):
        raise WarehouseError(f"{lock} is not the lock of this program: move it away, or name another place")
    with FileLock(lock):
        for left in own_entries(target.parent, rf"{re.escape(prefix)}[a-z0-9_]{{8}}{re.escape(suffix)}"):
            if is_folder(left):
                _remove_workshop(left, target.name)
        directory = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=target.parent))
        try:
            yield directory
        finally:
            with suppress(OSError):
                _remove_workshop(directory, target.name)


def _remove_workshop(directory: Path, name: str) -> None:
    """Remove what a publish makes in its folder: the new file, or what changed places with the new folder."""
    remove_folder(directory / "spill", r"duckdb_temp.*")
    remove_folder(directory / name, PARQUET)
    remove_folder(directory / f"{name}.old", PARQUET)
    if (directory / LOOK).is_symlink():  # the link itself is ours
        (directory / LOOK).unlink()
    remove_folder(directory, rf"{re.escape(name)}(\.wal|\.tmp)?")


def _copy(connection: duckdb.DuckDBPyConnection, source: str, made: list[Path], despite_failures: bool) -> Publication:
    """Make the file, and the folder where a second path is given, out of the attached warehouse."""
    columns = _columns(connection, source)
    if not columns:
        raise WarehouseError("the warehouse has no marts yet: run `make build` first")
    _check_types(columns)
    build = last_build(connection)
    if build.trouble and not despite_failures:
        raise WarehouseError(
            f"{build.trouble}; nothing was published: mend it and run `make build` again, "
            "or publish all the same with `loader publish --despite-failures`"
        )
    connection.execute(f"attach {_text(str(made[0]))} as {_name(NEW)} (storage_version '{STORAGE_VERSION}')")
    connection.execute(f"create schema {_name(NEW)}.{SCHEMA}")
    rows = {table: _copy_table(connection, source, table) for table in dict.fromkeys(c.table for c in columns)}
    _copy_comments(connection, source, columns)
    unbuilt_lines = _describe(connection, build)
    for folder in made[1:]:
        _write_parquet(connection, folder, list(rows))
    connection.execute(f"checkpoint {_name(NEW)}")  # everything into the file, so that it needs no log
    connection.execute(f"detach {_name(NEW)}")
    return Publication(rows, build.tests, unbuilt_lines)


def _attach(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, wait_seconds: float, on_wait: Callable[[str], None]
) -> str:
    """Attach the warehouse for reading, under the name that its own views know it by; that name."""
    attach = partial(connection.execute, f"attach {_text(str(warehouse))} (read_only)")
    once_free(warehouse, attach, wait_seconds, on_wait)
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


def _copy_comments(connection: duckdb.DuckDBPyConnection, source: str, columns: list[Column]) -> None:
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
            connection.execute(f"comment on table {_name(NEW)}.{SCHEMA}.{_name(table)} is {_text(comment.strip())}")
    for column in columns:
        if column.comment:
            path = f"{_name(NEW)}.{SCHEMA}.{_name(column.table)}.{_name(column.name)}"
            connection.execute(f"comment on column {path} is {_text(column.comment.strip())}")


def _write_parquet(connection: duckdb.DuckDBPyConnection, folder: Path, tables: list[str]) -> None:
    folder.mkdir()
    for table, path in [*((table, f"{SCHEMA}.{_name(table)}") for table in tables), ("published", "published")]:
        file = folder / f"{table}.parquet"
        noted = f", kv_metadata {{{TABLES_KEY}: {_text(json.dumps(tables))}}}" if path == "published" else ""
        connection.execute(f"copy {_name(NEW)}.{path} to {_text(str(file))} (format parquet, compression zstd{noted})")
        file.chmod(0o444)
        sync(file)


def _describe(connection: duckdb.DuckDBPyConnection, build: Build) -> int:
    """Make table `published`; how many lines landed after the build and so are not in these marts."""
    built_at = build.built_at or now()
    connection.execute(
        f"""
        create table {_name(NEW)}.published as
        select
            $published_at::timestamp as published_at,
            $built_at::timestamp as built_at,
            $tests::varchar as tests,
            $passed::bigint as tests_passed,
            $warned::bigint as tests_warned,
            $failed::bigint as tests_failed,
            $failing::varchar as failing,
            $built_from::varchar as built_from,
            count(distinct load_id) as load_count,
            arg_max(load_id, recorded_at) as last_load_id,
            string_agg(load_id, ', ' order by recorded_at) filter (status = 'started') as load_ids,
            $loader_version::varchar as loader_version,
            $dbt_version::varchar as dbt_version,
            $duckdb_version::varchar as duckdb_version
        from raw.loads
        where recorded_at <= $before
        """,
        {
            "published_at": now(),
            "built_at": build.built_at,
            "before": built_at,
            "tests": build.tests,
            "passed": build.passed if build.built_at else None,
            "warned": build.warned if build.built_at else None,
            "failed": len(build.failing) if build.built_at else None,
            "failing": ", ".join(build.failing) or None,
            "built_from": build.built_from,
            "loader_version": __version__,
            "dbt_version": build.dbt_version,
            "duckdb_version": version("duckdb"),
        },
    )
    connection.execute(f"comment on table {_name(NEW)}.published is {_text(PUBLISHED)}")
    for column, meaning in PUBLISHED_COLUMNS.items():
        connection.execute(f"comment on column {_name(NEW)}.published.{column} is {_text(meaning)}")
    row = connection.execute("select count(*) from raw.batch_output where landed_at > ?", [built_at]).fetchone()
    return int(row[0]) if row else 0


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _swap_in(made: Path, target: Path) -> None:
    made.chmod(0o444)
    # The log of somebody who wrote into the old file, which is ours, would keep the new one from opening.
    target.with_name(target.name + ".wal").unlink(missing_ok=True)
    put_in_place(made, target)
