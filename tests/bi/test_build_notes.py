"""What dbt notes about its runs stays true when one is killed, and when others follow."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loader.errors import WarehouseError
from loader.marts.publish import publish_marts
from tests.helpers.built_warehouse import ROOT, built_warehouse, run, settings

pytestmark = pytest.mark.slow


def test_a_killed_build_is_not_published_until_one_ends(tmp_path: Path) -> None:
    warehouse, bi = built_warehouse(tmp_path), tmp_path / "bi.duckdb"
    log = tmp_path / "log"
    with log.open("w") as file:
        build = subprocess.Popen(
            [sys.executable, "-m", "loader", "dbt", "build"],
            cwd=ROOT, env=settings(warehouse, bi), stdout=file, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + 60
    while not re.search(r"(\d+) of \1 OK hook", log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    os.killpg(build.pid, signal.SIGKILL)
    build.wait()
    with pytest.raises(WarehouseError, match="the last `dbt build` was broken off"):
        publish_marts(warehouse, bi)
    assert run("dbt", "test", "--quiet", "--select", "source:raw.loads", warehouse=warehouse).returncode == 0
    with pytest.raises(WarehouseError, match="the last `dbt build` was broken off"):
        publish_marts(warehouse, bi)
    assert run("dbt", "build", "--quiet", warehouse=warehouse).returncode == 0
    assert publish_marts(warehouse, bi).tests == "passed"


def test_documentation_and_a_build_of_nothing_change_no_verdict(tmp_path: Path) -> None:
    warehouse, bi = built_warehouse(tmp_path), tmp_path / "bi.duckdb"
    assert run("dbt", "docs", "generate", warehouse=warehouse).returncode == 0
    assert publish_marts(warehouse, bi).tests == "passed"
    assert run("dbt", "build", "--empty", "--quiet", warehouse=warehouse).returncode == 0
    with pytest.raises(WarehouseError, match="had --empty"):
        publish_marts(warehouse, bi)


def test_dbt_by_itself_is_noted_too(tmp_path: Path) -> None:
    warehouse, bi = built_warehouse(tmp_path), tmp_path / "bi.duckdb"
    first = publish_marts(warehouse, bi)
    ended = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "build", "--quiet"],
        cwd=ROOT / "dbt_project", env=settings(warehouse, bi), check=False,
    )  # fmt: skip
    assert ended.returncode == 0
    again = publish_marts(warehouse, bi)
    assert (again.rows, again.tests) == (first.rows, "passed")
