"""The next version of dbt builds the project as it is, so that nothing breaks on the day when 1.11 ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.dbt.build import PROJECT
from tests.dbt.corpus import write_corpus
from tests.dbt.raw_tables import RawTables

PYTHON = PROJECT.parent / ".venv-dbt-1.12" / "bin" / "python"


@pytest.mark.slow
def test_models_tests_and_unit_tests_pass_and_nothing_is_deprecated(tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("make .venv-dbt-1.12/.installed")
    raw = RawTables(tmp_path / "warehouse.duckdb")
    with raw:
        write_corpus(raw)
    places = {"WAREHOUSE": str(raw.path), "DBT_TARGET_PATH": str(tmp_path / "t"), "DBT_LOG_PATH": str(tmp_path / "l")}
    # not by its script, which after a copy of the checkout is that of another
    program = [str(PYTHON), "-c", "from dbt.cli.main import cli; cli(prog_name='dbt')"]
    command = [*program, "--no-use-colors", "--warn-error-options", '{"error": ["Deprecations"]}', "build"]
    run = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, **places}, capture_output=True, text=True, check=False
    )
    assert "Running with dbt=1.12" in run.stdout and run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
