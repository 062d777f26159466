"""Environments of their own for tools that need other versions than this project, made once a test run."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path


def make_environment(directory: Path, *requirements: str) -> Path:
    """Install the requirements into a new environment; its Python."""
    venv.create(directory, with_pip=True)
    python = directory / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    return python


def answer(python: Path, script: str, *arguments: object) -> str:
    """What a script prints, run by a Python. Fails the test with its error otherwise."""
    ended = subprocess.run(
        [python, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
