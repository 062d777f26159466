"""Runs dbt as a user would, against a warehouse of the tests' own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"


def dbt(*arguments: str, warehouse: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Run dbt in the project's folder; `target` takes what it writes, so that runs stay apart."""
    environment = {
        **os.environ,
        "WAREHOUSE": str(warehouse),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
        "NO_COLOR": "1",
    }
    command = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def dbt_or_fail(*arguments: str, warehouse: Path, target: Path) -> str:
    """Run dbt, which must succeed; gives what it printed."""
    run = dbt(*arguments, warehouse=warehouse, target=target)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    return run.stdout
