"""A published file is known as one that a build would make again, and as nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from loader.marts.built_from import built_from, warnings_of_current
from loader.marts.publish import publish_marts
from loader.warehouse.dbt_sql import PROJECT
from tests.helpers.built_warehouse import built_warehouse, run
from tests.helpers.warehouses import change, rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that `loader dbt build` has built and tested as a whole, and its published file; to be copied."""
    folder = tmp_path_factory.mktemp("whole")
    warehouse = built_warehouse(folder)
    ended = run("dbt", "build", "--quiet", warehouse=warehouse)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    publish_marts(warehouse, folder / "bi.duckdb")
    return folder


@pytest.fixture
def warehouse(whole: Path, tmp_path: Path) -> Path:
    for name in ("warehouse.duckdb", "bi.duckdb"):
        shutil.copy(whole / name, tmp_path / name)
    return tmp_path / "warehouse.duckdb"


def bi(warehouse: Path) -> Path:
    return warehouse.with_name("bi.duckdb")


def test_what_a_build_would_make_again_is_said_with_the_warnings_that_stand(warehouse: Path) -> None:
    ended = run("publish", "--check", warehouse=warehouse)
    ((warned,),) = rows(warehouse, "select count(*) from audit.build_results where status = 'warn'")
    assert ended.returncode == 0 and ended.stdout.startswith("nothing new: "), ended.stdout + ended.stderr
    assert warned and f"{warned} tests warn" in ended.stdout


LANDED = {
    "a line": "insert into raw.batch_output select * replace ('f' as file_id) from raw.batch_output limit 1",
    "a receipt again": "insert into raw.receipts select * replace (now()::timestamp as loaded_at) from raw.receipts",
    "a request": "insert into raw.batch_requests select * replace (9 as attempt) from raw.batch_requests limit 1",
    "a snapshot": "insert into raw.batch_jobs select * replace (now()::timestamp as fetched_at) from raw.batch_jobs",
}


@pytest.mark.parametrize("name", LANDED)
def test_what_has_landed_since_is_new(name: str, warehouse: Path) -> None:
    assert warnings_of_current(warehouse, bi(warehouse)) is not None
    change(warehouse, LANDED[name])
    assert run("publish", "--check", warehouse=warehouse).returncode == 1


def test_a_load_in_which_nothing_was_new_is_not(warehouse: Path) -> None:
    change(
        warehouse,
        "insert into raw.loads select * replace ('l' as load_id, now()::timestamp as recorded_at) from raw.loads",
    )
    assert warnings_of_current(warehouse, bi(warehouse)) is not None


STALE = {
    "anything was built since": ("run", "--select", "spend_by_category"),
    "a part was built since": ("build", "--select", "categories"),
}


@pytest.mark.parametrize("name", STALE)
def test_marts_that_were_not_built_in_one_go_are_never_taken_for_it(name: str, warehouse: Path) -> None:
    ended = run("dbt", *STALE[name], "--quiet", warehouse=warehouse)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    publish_marts(warehouse, bi(warehouse))
    assert warnings_of_current(warehouse, bi(warehouse)) is None


def test_failures_and_missing_files_are_no_build(warehouse: Path) -> None:
    change(warehouse, "update audit.build_results set status = 'fail' where kind = 'test'")
    publish_marts(warehouse, bi(warehouse), despite_failures=True)
    assert warnings_of_current(warehouse, bi(warehouse)) is None
    assert warnings_of_current(warehouse, warehouse.with_name("none.duckdb")) is None
    assert warnings_of_current(warehouse.with_name("none.duckdb"), bi(warehouse)) is None


def test_a_file_of_an_older_version_is_replaced(warehouse: Path) -> None:
    bi(warehouse).chmod(0o644)
    change(bi(warehouse), "alter table published drop column built_from")
    assert warnings_of_current(warehouse, bi(warehouse)) is None
    publish_marts(warehouse, bi(warehouse))
    assert warnings_of_current(warehouse, bi(warehouse)) is not None


def test_an_edit_of_the_project_counts_and_the_time_of_a_file_does_not(warehouse: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(PROJECT, tmp_path / "project"))
    before = built_from(warehouse, project)
    assert before == built_from(warehouse)
    for path in project.rglob("*.sql"):
        os.utime(path, (0, 0))
    (project / "target").mkdir(exist_ok=True)
    (project / "target" / "compiled.sql").write_text("select 1")
    assert built_from(warehouse, project) == before
    hashes = {before}
    for pattern in ("receipts.sql", "receipts.yml", "categories.csv", "spend_by.sql", "dbt_project.yml"):
        path = next(project.rglob(pattern))
        path.write_text(path.read_text() + "\n")
        hashes.add(built_from(warehouse, project))
    assert len(hashes) == 6
