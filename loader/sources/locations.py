"""Where an image lies, written so that it is the same from wherever one looks, and another for every image."""

from __future__ import annotations

import os
import re
from pathlib import Path


def of_file(path: Path) -> str:
    """The absolute path of a file or folder, links resolved."""
    return printable(os.path.realpath(path))


def of_row(dataset: str, row: str | int) -> str:
    """A row of a data set: `dataset` is the location of its file, folder or repository, `row` its own id or number."""
    return f"{dataset}#{row}"


def of_hub(name: str) -> str:
    """A data set on the Hugging Face hub."""
    return f"hf://datasets/{name}"


def printable(name: str) -> str:
    """A file name as text that any program can store, another text for every name.

    A byte that is no UTF-8 becomes `\\xe9`; so that this stays apart from a name that is written like that, the
    backslash of such a name becomes `\\x5c`.
    """
    return os.fsencode(name.replace("\\x", "\\x5cx")).decode("utf-8", "backslashreplace")


def path_of(location: str) -> Path:
    """The file or folder whose location this is; what `printable` spells out is as it was."""
    spelled = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), location.encode())
    return Path(os.fsdecode(spelled))
