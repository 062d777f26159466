"""Runs dbt as a user would, against a warehouse of the tests' own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.helpers.warehouses import move

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"


@cache
def _workplace() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="dbt-")


def target() -> Path:
    """The folder that dbt writes to: the same for all runs, so that only the first one parses the project."""
    return Path(_workplace().name) / "target"


def dbt(*arguments: str, warehouse: Path, project: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """Run dbt in the project's folder.

    dbt parses everything again when the path of the warehouse changes, so the file stands in one place while
    dbt runs and then goes back.
    """
    place = Path(_workplace().name) / "warehouse.duckdb"
    if warehouse.exists():
        move(warehouse, place)
    try:
        return subprocess.run(
            [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments],
            cwd=project,
            env={
                **os.environ,
                "WAREHOUSE": str(place),
                "DBT_TARGET_PATH": str(target()),
                "DBT_LOG_PATH": str(target() / "logs"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    finally:
        if place.exists():
            move(place, warehouse)


def dbt_or_fail(*arguments: str, warehouse: Path, project: Path = PROJECT) -> str:
    """Run dbt, which must succeed; gives what it printed."""
    run = dbt(*arguments, warehouse=warehouse, project=project)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    return run.stdout
