"""How the commands show what they do: bars on a terminal, plain lines in a pipe, JSON for machines. Part of `cli`."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Literal

import click

from loader.formats import figure

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")

PLAIN_LINE_SECONDS = 10.0
LONGEST_TEXT = 0.2  # of the terminal's width
COLUMN_GAP = 2
PIPE_WIDTH = 10_000  # in a pipe nothing is cut off
STAGES = {"receipts": "reading receipts", "answers": "waiting for answers"}


class Screen:
    """A run's progress: a bar a stage on a terminal, else a line now and then. Always on standard error.

    Ctrl-C ends a run at once where Python can, and at the next sign of progress where the exception was swallowed (in
    a destructor or a foreign library's callback).
    """

    def __init__(self) -> None:
        self._is_interrupted = False
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self._last_line: dict[str, float] = {}

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._is_interrupted = True
        raise KeyboardInterrupt

    def __enter__(self) -> Screen:
        signal.signal(signal.SIGINT, self._interrupt)
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
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._bars is not None:
            self._bars.stop()

    def say(self, message: str) -> None:
        """A line that a person should read."""
        if self._bars is not None:
            self._bars.console.print(message, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(message, err=True)

    def progress(self, stage: str, done: int, total: int | None) -> None:
        """`done` of `total` (None: unknown) in a stage. Raises KeyboardInterrupt after a Ctrl-C."""
        if self._is_interrupted:
            raise KeyboardInterrupt
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
    text = json.dumps(value, indent=2, default=_as_json, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # JSON can say it in ASCII
        text = json.dumps(value, indent=2, default=_as_json)
    click.echo(text)


def _as_json(value: Any) -> float | str:
    return float(value) if isinstance(value, Decimal) else str(value)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """A table on standard output; numbers to the right. Text from receipts is shown as it is, never as markup."""
    from rich.text import Text

    table = _table(title)
    for number, column in enumerate(columns):
        table.add_column(column, justify=_side(rows, number), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_printable(figure(column, value))) for column, value in zip(columns, row, strict=True)))
    _console().print(table)


def show_mart(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str) -> None:
    """Rows of a mart: money as its currency prints it, a gap between currencies, long texts cut with `…` on a terminal.

    Ids stand last, and columns for which the terminal has no room are named below the table.
    """
    from rich.cells import cell_len
    from rich.text import Text

    order = sorted(range(len(columns)), key=lambda number: columns[number].endswith("_id"))
    columns, rows = [columns[number] for number in order], [[row[number] for number in order] for row in rows]
    table, console = _table(title), _console()
    at = columns.index("currency") if "currency" in columns else None
    currencies = [None if at is None else row[at] for row in rows]
    cells = [
        [_printable(figure(column, value, currency)) for column, value in zip(columns, row, strict=True)]
        for row, currency in zip(rows, currencies, strict=True)
    ]
    headings = [column.replace("_", " ") for column in columns]
    longest = int(console.width * LONGEST_TEXT)
    fitting = 0
    room = console.width + COLUMN_GAP
    for number, heading in enumerate(headings):
        text = max((cell_len(row[number]) for row in cells), default=0)
        width = max(*map(len, heading.split()), min(text, longest), 1)
        room -= width + COLUMN_GAP
        if room < 0 and number:
            break
        table.add_column(heading, justify=_side(rows, number), width=width)
        fitting += 1
    for number, row in enumerate(cells):
        if number and "category" in columns and currencies[number] != currencies[number - 1]:
            table.add_row()
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row[:fitting]))
    console.print(table)
    if fitting < len(columns):
        console.print(f"no room for {', '.join(columns[fitting:])}: widen the terminal, or use --json", style="dim")


def _side(rows: Sequence[Sequence[Any]], number: int) -> Literal["left", "right"]:
    """Figures stand to the right."""
    return "left" if all(isinstance(row[number], str | None) for row in rows) else "right"


def _table(title: str | None) -> Table:
    from rich import box
    from rich.table import Table

    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def _printable(text: str) -> str:
    """Text without control characters: what a receipt says must not move the cursor."""
    return "".join(character if character.isprintable() else "·" for character in text)
