"""What the benchmark prints: one table with ratios and memory, in Markdown, and the same as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """A path of the product beside what it is measured against; `is_reached` is None where no bar is set."""

    path: str
    product: str
    against: str
    ratio: str
    bar: str
    is_reached: bool | None


def machine() -> str:
    """The machine's size in a few words, with how busy it was."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    busy = os.getloadavg()[0]
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {memory:.0f} GB, Python {python}; load average at the end {busy:.1f}"


def show(rows: Sequence[Row], notes: Sequence[str]) -> None:
    """Print the table."""
    print("| path | this project | compared with | ratio | goal | |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        reached = {True: "reached", False: "missed", None: ""}[row.is_reached]
        print(f"| {row.path} | {row.product} | {row.against} | {row.ratio} | {row.bar} | {reached} |")
    print(f"\n{machine()}")
    for note in notes:
        print(note)
    sys.stdout.flush()


def write_json(path: Path, rows: Sequence[Row], measures: dict[str, object], is_quick: bool) -> None:
    """Write the table with the measures behind it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"quick": is_quick, "machine": machine(), "rows": [asdict(row) for row in rows], "measures": measures}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
