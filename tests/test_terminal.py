"""`loader show`: figures as people write them, on terminals of any width, with nothing cut off in silence."""

from __future__ import annotations

import json
import os
import pty
import re
import struct
import subprocess
import sys
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest

from loader.marts.publish import publish_marts
from tests.helpers.built_warehouse import ROOT, built_warehouse, run


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = built_warehouse(tmp_path_factory.mktemp("show"))
    publish_marts(made, made.with_name("bi.duckdb"))
    return made


def on_terminal(warehouse: Path, width: int, *arguments: str) -> str:
    """What a command prints on a terminal so wide."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 60, width, 0, 0))
    names = {"WAREHOUSE": str(warehouse), "BI_DATABASE": str(warehouse.with_name("bi.duckdb")), "TERM": "xterm"}
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")} | names
    command = [sys.executable, "-m", "loader", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait() == 0, said.decode()
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode())


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_every_column_is_shown_or_named(warehouse: Path, width: int) -> None:
    said = on_terminal(warehouse, width, "show", "receipt_items")
    assert max(len(line) for line in said.splitlines()) <= width
    plain = " ".join(said.split())
    named = plain.partition("no room for ")[2].partition(": widen")[0].split(", ")
    (first,) = json.loads(run("show", "receipt_items", "--json", "--limit", "1", warehouse=warehouse).stdout)
    heading = plain.partition("─")[0].split()
    shown = [name for name in first if name not in named]
    assert set(named) < set(first)  # ids alone fill more than the widest terminal here
    assert "source" in shown
    assert all(word in heading for name in shown for word in name.split("_"))
    assert "receipt_id" in named or width > 120
    assert ("price" in shown) == (width > 80)


def test_spend_by_category_fits_a_terminal_of_120(warehouse: Path) -> None:
    said = on_terminal(warehouse, 120, "show")
    assert "no room" not in said
    assert "1,272,500" in said
    assert " %" in said


def test_in_a_pipe_nothing_is_cut_and_nothing_is_a_control_character(warehouse: Path) -> None:
    said = run("show", "receipt_items", warehouse=warehouse).stdout
    assert "<script>alert('item')</script> & ·gnp.exe" in said
    assert "no room" not in said
    assert "…" not in said


def test_json_has_figures_as_numbers_and_every_row(warehouse: Path) -> None:
    found = json.loads(run("show", "--json", warehouse=warehouse).stdout)
    food = next(row for row in found if (row["currency"], row["category"]) == ("IDR", "Food"))
    assert (food["spend"], food["credits"], food["item_count"]) == (1272500.0, -2500.0, 3)


def test_more_rows_are_announced(warehouse: Path) -> None:
    said = run("show", "receipts", "--limit", "4", warehouse=warehouse).stdout
    assert "5 more rows: --limit shows them" in said
