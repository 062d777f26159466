"""Landed lines are read again when the SQL that reads them has changed, and only then."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from loader.marts import line_rules
from tests.helpers.built_warehouse import built_warehouse, change, rows, run

SAID = "the SQL that reads landed lines has changed"
MERCHANTS = "select distinct merchant from intermediate.int_output_lines__read where merchant is not null"


def test_lines_that_other_sql_read_are_read_again_once(tmp_path: Path) -> None:
    warehouse = built_warehouse(tmp_path)
    right = rows(warehouse, MERCHANTS)
    change(
        warehouse,
        "create or replace table audit.line_rules as select 'of an older version' as rules",
        "update intermediate.int_output_lines__read set merchant = 'as an older version read it'",
    )
    assert line_rules.have_changed(warehouse)
    first = run("dbt", "run", "--quiet", warehouse=warehouse)
    assert first.returncode == 0 and SAID in first.stderr, first.stdout + first.stderr
    assert rows(warehouse, MERCHANTS) == right
    assert line_rules.have_changed(warehouse) is False
    second = run("dbt", "run", "--quiet", warehouse=warehouse)
    assert second.returncode == 0 and SAID not in second.stderr


def test_a_warehouse_of_a_version_that_noted_nothing_was_read_by_other_sql(tmp_path: Path) -> None:
    warehouse = built_warehouse(tmp_path)
    change(warehouse, "drop table if exists audit.line_rules")
    assert line_rules.have_changed(warehouse)


def test_a_build_that_was_killed_is_not_noted(tmp_path: Path) -> None:
    warehouse = built_warehouse(tmp_path)
    change(
        warehouse,
        "drop table if exists audit.line_rules",
        "update audit.build_results set status = 'success' where node like '%int_output_lines%'",
        "insert into audit.build_results select 'dbt run', 'invocation', 'started', 'x', now()::timestamp",
    )
    line_rules.note(warehouse, datetime(2026, 1, 1))
    assert line_rules.have_changed(warehouse)


@pytest.mark.parametrize("is_first", [False, True])
def test_a_build_that_could_not_begin_is_not_noted(tmp_path: Path, is_first: bool) -> None:
    warehouse = built_warehouse(tmp_path)
    other = "create or replace table audit.line_rules as select 'of an older version' as rules"
    change(warehouse, "drop schema audit cascade" if is_first else other)
    ended = run("dbt", "build", "--quiet", "--vars", "{broken", warehouse=warehouse)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr, ended.stderr
    assert line_rules.have_changed(warehouse)


@pytest.mark.parametrize(
    ("arguments", "is_whole"),
    [
        ("build", True),
        ("run --threads 1", True),
        ("build --exclude-resource-type unit_test", True),
        ("build --select receipts", False),
        ("run -s receipts", False),
        ("build --exclude=receipts", False),
        ("build --empty", False),
        ("test", False),
        ("docs generate", False),
    ],
)
def test_only_a_whole_build_reads_again(arguments: str, is_whole: bool) -> None:
    assert line_rules.is_whole_build(arguments.split()) is is_whole
