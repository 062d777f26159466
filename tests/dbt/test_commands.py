"""The plain dbt commands work, and say what to do when they can't."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from tests.dbt.build import dbt, dbt_or_fail, target
from tests.dbt.raw_tables import RawTables


@pytest.fixture(scope="module")
def copied_corpus(built_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built corpus as a file of its own, which no connection of the tests holds."""
    return Path(shutil.copy(built_corpus, tmp_path_factory.mktemp("copy") / "warehouse.duckdb"))


def test_without_raw_tables_dbt_says_what_to_do(tmp_path: Path) -> None:
    run = dbt("build", warehouse=tmp_path / "warehouse.duckdb")
    assert run.returncode != 0
    assert "load receipts first (make load, or loader load)" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_nothing_landed_gives_empty_marts(tmp_path: Path) -> None:
    raw = RawTables(tmp_path / "warehouse.duckdb")
    out = dbt_or_fail(
        "build",
        "--exclude-resource-type",
        "unit_test",
        warehouse=raw.path,
    )
    assert "WARN=0 ERROR=0" in out
    with duckdb.connect(str(raw.path), read_only=True) as warehouse:
        marts = warehouse.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall()
        filled = [
            mart for (mart,) in marts if warehouse.execute(f"select count(*) from marts.{mart}").fetchone() != (0,)
        ]
    assert len(marts) > 12
    assert filled == ["categories"]


@pytest.mark.slow
def test_seeds_of_an_older_version_get_the_columns_that_were_added(tmp_path: Path) -> None:
    raw = RawTables(tmp_path / "warehouse.duckdb")
    dbt_or_fail("seed", warehouse=raw.path)
    query = "select table_name, column_name from duckdb_columns() where schema_name = 'reference' order by all"
    with duckdb.connect(str(raw.path)) as warehouse:
        before = warehouse.execute(query).fetchall()
        for table, column in (("currencies", "shared_symbol"), ("model_prices", "status")):
            warehouse.execute(f"alter table reference.{table} drop column {column}")
    dbt_or_fail("seed", warehouse=raw.path)
    with duckdb.connect(str(raw.path), read_only=True) as warehouse:
        assert warehouse.execute(query).fetchall() == before


@pytest.mark.slow
def test_freshness_and_docs(copied_corpus: Path) -> None:
    out = dbt_or_fail("source", "freshness", warehouse=copied_corpus)
    assert "ERROR STALE" not in out
    dbt_or_fail("docs", "generate", "--static", warehouse=copied_corpus)
    page = (target() / "static_index.html").read_text(encoding="utf-8")
    assert "One row per item of a receipt" in page


@pytest.mark.slow
def test_an_open_reader_is_waited_out(copied_corpus: Path) -> None:
    reading = (
        f"import duckdb, sys; held = duckdb.connect({str(copied_corpus)!r}, read_only=True); "
        "print('open', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", reading], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None and reader.stdin is not None
        assert reader.stdout.readline() == "open\n"
        release = threading.Timer(10, reader.stdin.close)
        release.start()
        dbt_or_fail("run", "--select", "spend_by_category", warehouse=copied_corpus)
        release.join()


BROKEN = {
    "update marts.receipts set status = 'odd'": "status is another value",
    "update marts.answers set status = null": "status is null",
    "insert into marts.answers select * from marts.answers limit 1": "answer_id is not unique",
    "update marts.receipt_items set currency = 'eur' where item_number = 1": "currency is no code",
    "update marts.receipt_items set item_number = 0 where item_number = 2": "item_number > 0 is false",
}


def test_rows_that_break_a_rule_name_it(copied_corpus: Path, tmp_path: Path) -> None:
    warehouse = Path(shutil.copy(copied_corpus, tmp_path / "warehouse.duckdb"))
    run = ("test", "--select", "test_name:valid_rows", "--store-failures")
    dbt_or_fail(*run, warehouse=warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        for statement in BROKEN:
            connection.execute(statement)
    assert dbt(*run, warehouse=warehouse).returncode == 1
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_name like 'valid_rows%'"
        ).fetchall()
        named = {
            rule
            for (table,) in tables
            for (rule,) in connection.execute(f"select distinct broken_rule from audit.{table}").fetchall()
        }
    assert named == set(BROKEN.values())


LOST = {
    "delete from marts.receipt_items where item_number = 1": "items_are_accounted_for",
    "delete from marts.answers where status = 'missing'": "requests_are_accounted_for",
    "delete from marts.receipts where status = 'extracted'": "receipts_are_accounted_for",
    "delete from intermediate.int_answers__ranked where status = 'failed'": "landed_lines_are_accounted_for",
    "delete from marts.batch_usage where job_id = (select min(job_id) from marts.batch_usage)": (
        "usage_agrees_with_landed_lines"
    ),
    "delete from marts.spend_by_category_and_month where category = 'Food'": "spend_agrees_between_marts",
}


def test_each_account_notices_a_row_that_is_lost(copied_corpus: Path, tmp_path: Path) -> None:
    warehouse = Path(shutil.copy(copied_corpus, tmp_path / "warehouse.duckdb"))
    dbt_or_fail("test", "--select", *LOST.values(), warehouse=warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        for statement in LOST:
            connection.execute(statement)
    said = dbt("test", "--select", *LOST.values(), warehouse=warehouse).stdout
    silent = [test for test in LOST.values() if not re.search(rf"\bFAIL \d+ {test} ", said)]
    assert silent == []
