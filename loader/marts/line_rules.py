"""By which SQL the landed lines of a warehouse were read. Lines never change, so dbt reads each once; SQL does change.

The identity of the SQL stands in `audit.line_rules`. A whole build by `loader dbt` compares it, and when it
is another reads all lines again (`--full-refresh`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from loader.warehouse.dbt_sql import render
from loader.warehouse.duckdb_file import Warehouse, closing

# Incremental models, which append what they do not hold: what stands in them was read by an earlier build.
MODELS = ("int_output_lines__read", "int_output_lines__unnested_to_items")
PARTIAL = ("--select", "-s", "--models", "-m", "--exclude", "--selector", "--resource-type", "--empty", "--help", "-h")


def is_whole_build(arguments: Sequence[str]) -> bool:
    """Whether dbt is asked to make every model."""
    flags = [argument.partition("=")[0] for argument in arguments]
    return any(command in arguments for command in ("build", "run")) and not any(flag in PARTIAL for flag in flags)


def have_changed(warehouse: Path) -> bool | None:
    """Whether the lines that dbt holds were read by other SQL than today's; None where the file cannot be opened."""
    try:
        with closing(duckdb.connect(str(warehouse), read_only=True)) as connection:
            if not _has_table(connection, "intermediate", MODELS[0]):
                return False
            if not _has_table(connection, "audit", "line_rules"):
                return True
            return connection.execute("select rules from audit.line_rules").fetchall() != [(_rules(),)]
    except duckdb.Error:  # held by another program: dbt waits for it
        return None


def note(warehouse: Path, since: datetime) -> None:
    """Note today's SQL as that by which all lines were read, if a build that began after `since` made both models.

    A dbt that could not begin (a bad argument, a model that does not compile) has left the results of an earlier one.
    """
    with Warehouse(warehouse).transaction() as connection:
        if not _has_table(connection, "audit", "build_results"):
            return
        made = connection.execute(
            """
            select count(*) filter (status = 'success' and split_part(node, '.', 3) in (?, ?) and started_at >= ?),
                count(*) filter (kind = 'invocation' and status <> 'ended')
            from audit.build_results
            """,
            [*MODELS, since],
        ).fetchone()
        if made == (len(MODELS), 0):
            connection.execute("create or replace table audit.line_rules as select ? as rules", [_rules()])


def _has_table(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    query = "select 1 from information_schema.tables where table_schema = ? and table_name = ?"
    return connection.execute(query, [schema, table]).fetchone() is not None


def _rules() -> str:
    sql = "\0".join(render(model, {"raw.batch_output": "raw.batch_output"}) for model in MODELS)
    return hashlib.sha256(sql.encode()).hexdigest()
