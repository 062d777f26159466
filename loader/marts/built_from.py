"""What marts are built from, as one hash: dbt's project, the versions that read it, and what has landed.

`loader dbt` gives it to a build of everything, which notes it in the warehouse when it ends (macros/note_results.sql);
a publish copies it into the published file. So a file with today's hash holds what a build would make again. Times of
files say nothing here: a checkout or a copied warehouse changes them.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

import duckdb

from loader import __version__
from loader.warehouse.dbt_sql import PROJECT
from loader.warehouse.duckdb_file import closing
from loader.warehouse.raw import STAMPS

READ_BY_DBT = (".sql", ".yml", ".csv", ".md")  # descriptions become comments in the published file
PACKAGES = ("dbt-core", "dbt-duckdb", "duckdb")
# The tables of raw that the marts read, with a time of each; only what is appended moves them. A load in which
# nothing was new is noted in raw.loads, and changes no mart.
RAW = {table: column for table, column in STAMPS.items() if table != "loads"}


def built_from(warehouse: Path, project: Path = PROJECT) -> str | None:
    """The hash of what a build of this warehouse reads; None when it cannot be opened or has no raw tables."""
    latest = [f"(select (count(*), max({column}))::varchar from raw.{table})" for table, column in RAW.items()]
    try:
        with closing(duckdb.connect(str(warehouse), read_only=True)) as connection:
            landed = connection.execute(f"select {', '.join(latest)}").fetchall()
    except duckdb.Error:
        return None
    versions = [__version__, *map(version, PACKAGES)]
    digest = hashlib.sha256(repr((landed, versions)).encode())
    for path in sorted(path for path in project.rglob("[!.]*") if path.suffix in READ_BY_DBT):
        name = path.relative_to(project)
        if name.parts[0] not in ("target", "logs"):
            digest.update(f"\0{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def warnings_of_current(warehouse: Path, bi_database: Path) -> int | None:
    """How many tests warn in a published file that holds what a build would make again; None where a build would not.

    Its marts were then built whole, with no test failing, from what is there now.
    """
    now = built_from(warehouse)
    if now is None or not bi_database.is_file():
        return None
    try:
        with closing(duckdb.connect(str(bi_database), read_only=True)) as connection:
            row = connection.execute(
                "select tests_warned from published where built_from = ? and tests = 'passed'", [now]
            ).fetchone()
    except duckdb.Error:  # of an older version, or somebody else's: a publish says what to do
        return None
    return int(row[0]) if row else None
