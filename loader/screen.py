"""How the commands show what they do: bars on a terminal, plain lines in a pipe, JSON for machines. Part of `cli`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import click

PLAIN_LINE_SECONDS = 10.0
STAGES = {"receipts": "reading receipts", "answers": "waiting for answers"}


class Screen:
    """A run's progress: a bar a stage on a terminal, else a line now and then. Always on standard error."""

    def __init__(self) -> None:
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self._last_line: dict[str, float] = {}

    def __enter__(self) -> Screen:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bars = Progress(*columns, console=Console(stderr=True))
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def say(self, message: str) -> None:
        """A line that a person should read."""
        if self._bars is not None:
            self._bars.console.print(message, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(message, err=True)

    def progress(self, stage: str, done: int, total: int | None) -> None:
        """`done` of `total` (None: unknown) in a stage."""
        if self._bars is not None:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(STAGES[stage], total=total)
            self._bars.update(self._tasks[stage], completed=done, total=total)
            return
        moment = time.monotonic()
        if moment - self._last_line.setdefault(stage, moment) >= PLAIN_LINE_SECONDS:
            self._last_line[stage] = moment
            click.echo(f"{STAGES[stage]}: {done:,}{'' if total is None else f' of {total:,}'}", err=True)


def show_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """A table on standard output; numbers to the right. Text from receipts is shown as it is, never as markup."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        is_text = all(isinstance(row[number], str | None) for row in rows)
        table.add_column(column, justify="left" if is_text else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_printable(value)) for value in row))
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)


def _printable(value: Any) -> str:
    """Text without control characters: what a receipt says must not move the cursor."""
    if value is None:
        return ""
    text = f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    return "".join(character if character.isprintable() else "·" for character in text)
