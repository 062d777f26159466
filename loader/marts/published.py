"""How what was published is known as ours: nothing else is replaced.

A file is ours when it is a DuckDB file with table `published`. A folder is ours when it is empty, or when its
`published.parquet` has that table's columns and every other file is one that a publish wrote: it notes their names
in that file. Version 0.1 noted none; its files are known by what wrote them and by being read-only.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from loader.errors import WarehouseError
from loader.owned_folder import is_file
from loader.warehouse.duckdb_file import in_use, is_lock_error

TABLES_KEY = "receipts_to_spend_tables"
PARQUET = r"[^/]+\.parquet"
LOOK = "look"
PUBLISHED_COLUMNS = {
    "published_at": "When it was copied out of the warehouse (UTC).",
    "built_at": "When dbt began to build the marts (UTC): what had landed by then is in them.",
    "tests": "How the tests of the last dbt build ended: passed, failed (published all the same) or unknown.",
    "tests_passed": "Tests that passed.",
    "tests_warned": "Tests that warned.",
    "tests_failed": "Tests that failed and models that broke or were skipped.",
    "failing": "Their names, null when there are none.",
    "built_from": "Hash of dbt's project, versions and what had landed; null when not all was built in one go.",
    "load_count": "Loads that had been recorded when the marts were built.",
    "last_load_id": "The latest of them.",
    "load_ids": "All of them, oldest first.",
    "loader_version": "Version of the program that published.",
    "dbt_version": "Version of dbt that built the marts.",
    "duckdb_version": "Version of DuckDB that wrote this file (its format is v1.0.0 all the same).",
}
OLDER_COLUMNS = PUBLISHED_COLUMNS.keys() - {"built_from"}  # version 0.1 had no more


def check_file(bi_database: Path, workshop: Path) -> None:
    """Raise WarehouseError when there is a file in this place that was not published."""
    log = bi_database.with_name(bi_database.name + ".wal")
    if not bi_database.exists() and not bi_database.is_symlink():
        if log.exists():
            raise WarehouseError(f"{log} is the log of a file that is not there any more: move it away")
        return
    if not is_file(bi_database) or (bi_database.stat().st_size and not _has_published(bi_database, workshop / LOOK)):
        raise WarehouseError(
            f"{bi_database} is not a file that this program published, so that it is not replaced: move it away, or "
            "name another file in BI_DATABASE"
        )


def _has_published(bi_database: Path, look: Path) -> bool:
    """Whether a file is a DuckDB file with our table; looked at under another name, so without anybody's log."""
    look.unlink(missing_ok=True)
    look.symlink_to(bi_database.absolute())
    try:
        with duckdb.connect(str(look), read_only=True) as connection:
            columns = {row[0] for row in connection.execute("describe main.published").fetchall()}
    except duckdb.Error as error:
        if is_lock_error(error):
            raise in_use(bi_database, error) from error
        return False
    finally:
        look.unlink(missing_ok=True)
    return columns >= OLDER_COLUMNS


def check_folder(folder: Path) -> None:
    """Raise WarehouseError when there is a folder in this place that holds anything that was not published."""
    if folder.exists() and not folder.is_dir():
        raise WarehouseError(f"{folder} is a file: name a folder")
    names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    other = next((name for name in names if not name.endswith(".parquet")), None)
    if other is not None:
        raise WarehouseError(f"{folder} holds more than Parquet files ({other}): name a folder for these alone")
    stranger = _stranger(folder, names) if names else None
    if stranger is not None:
        raise WarehouseError(
            f"{folder} holds a file that this program did not publish ({stranger}): name a folder that is empty or new"
        )


def _stranger(folder: Path, names: list[str]) -> str | None:
    """A file that shows that the folder is not ours."""
    published = folder / "published.parquet"
    if not is_file(published):
        return names[0]
    try:
        columns, tables = _noted(published)
    except duckdb.Error:
        return published.name
    if not columns >= OLDER_COLUMNS:
        return published.name
    for name in names:
        is_noted = name.removesuffix(".parquet") in (tables or [])
        is_known = name == published.name or is_noted or (tables is None and _is_older(folder / name))
        if not (is_file(folder / name) and is_known):
            return name
    return None


def _noted(published: Path) -> tuple[set[str], list[str] | None]:
    """The columns of a Parquet file and the tables that are noted in it, None where none are."""
    with duckdb.connect() as connection:
        columns = connection.execute("select name from parquet_schema(?)", [str(published)]).fetchall()
        noted = connection.execute(
            "select decode(value) from parquet_kv_metadata(?) where decode(key) = ?", [str(published), TABLES_KEY]
        ).fetchone()
    return {name for (name,) in columns}, json.loads(noted[0]) if noted else None


def _is_older(path: Path) -> bool:
    """Whether a file is as version 0.1 published it."""
    with duckdb.connect() as connection:
        try:
            row = connection.execute("select created_by from parquet_file_metadata(?)", [str(path)]).fetchone()
        except duckdb.Error:
            return False
    return row is not None and str(row[0]).startswith("DuckDB") and path.stat().st_mode & 0o777 == 0o444
