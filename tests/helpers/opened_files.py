"""Which files this process opens, by Python's own audit."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_watched: dict[str, list[str]] = {}


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watched and isinstance(arguments[0], str | os.PathLike):
        path = os.fspath(arguments[0])
        for folder, opened in list(_watched.items()):
            if isinstance(path, str) and path.startswith(folder):
                opened.append(path[len(folder) :])


sys.addaudithook(_note)  # it stays for the rest of the process


@contextmanager
def opened_in(folder: Path) -> Iterator[list[str]]:
    """Gives a list that grows by the path, within the folder, of every file that is opened in it during the block."""
    opened = _watched.setdefault(f"{folder.resolve()}/", [])
    try:
        yield opened
    finally:
        del _watched[f"{folder.resolve()}/"]
