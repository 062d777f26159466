"""Landed lines are read again when the SQL that reads them has changed, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from loader.marts import line_rules
from tests.helpers.built_warehouse import run
from tests.helpers.warehouses import change, rows

SAID = "the SQL that reads landed lines has changed"
MERCHANTS = "select distinct merchant from intermediate.int_output_lines__read where merchant is not null"


def test_lines_that_other_sql_read_are_read_again_once(warehouse: Path) -> None:
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


@pytest.mark.slow
def test_lines_that_the_same_sql_read_are_not_read_again(warehouse: Path) -> None:
    assert run("dbt", "run", "--quiet", warehouse=warehouse).returncode == 0  # a whole build, which notes its rules
    again = run("dbt", "run", "--quiet", warehouse=warehouse)
    assert again.returncode == 0 and SAID not in again.stderr


def test_a_warehouse_of_a_version_that_noted_nothing_was_read_by_other_sql(warehouse: Path) -> None:
    change(warehouse, "drop table if exists audit.line_rules")
    assert line_rules.have_changed(warehouse)


def test_a_build_that_was_killed_is_not_noted(warehouse: Path) -> None:
    change(
        warehouse,
        "drop table if exists audit.line_rules",
        "update audit.build_results set status = 'success' where node like '%int_output_lines%'",
        "insert into audit.build_results select 'dbt run', 'invocation', 'started', 'x', now()::timestamp",
    )
    line_rules.note(warehouse)
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
