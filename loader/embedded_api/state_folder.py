"""The folder in which a server keeps its state: which names it holds, and how one of version 0.1 is known.

It stands apart from `store`, as the loader looks at the folder before it starts a server there.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from loader import owned_folder
from loader.errors import LoaderError

DATABASE = "state.sqlite3"
LOCK = "server.lock"
LOG = "server.log"
JOB_FILES = r"input-\d{5,}\.jsonl|(output|error)-(\d+|server)\.jsonl"
# Columns by which the database of a server is known for one, in every version.
COLUMNS = {
    "files": {"id", "filename", "purpose", "sample_type", "source", "bytes", "num_lines", "mimetype", "created_at"},
    "jobs": {"id", "input_files", "endpoint", "model", "timeout_hours", "status", "total_requests", "output_file"},
}


def _is_older(directory: Path) -> bool:
    """Whether these names are a server's of version 0.1: by its database, or, when it never came so far, by its locks.

    Raises sqlite3.Error where there is something else in the database's place.
    """
    database = directory / DATABASE
    if not owned_folder.is_file(database) or not database.stat().st_size:
        begun = [path for name in STATE.folders for path in (directory / name).glob("*")]
        empty = [directory / name for name in (LOCK, LOG) if owned_folder.is_file(directory / name)]
        return bool(empty) and not begun and not any(path.stat().st_size for path in empty)
    with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return all(
            columns <= {row[1] for row in connection.execute(f"pragma table_info({table})")}
            for table, columns in COLUMNS.items()
        )


STATE = owned_folder.Kind(
    "state",
    files=r"server\.lock|server\.log|state\.sqlite3(-wal|-shm|-journal)?",
    folders={
        "files": owned_folder.UUID,
        "uploads": r"[0-9a-f]{32}",
        "jobs": owned_folder.UUID,
        "workers": r"\d+\.lock",
    },
    is_private=True,
    is_older=_is_older,
)


def claim(directory: Path) -> None:
    """Make a folder a server's, with those in it. Raises NotOursError, OSError, sqlite3.Error."""
    owned_folder.claim(directory, STATE)
    for name in STATE.folders:
        (directory / name).mkdir(mode=0o700, exist_ok=True)


def unusable(directory: Path, error: Exception) -> LoaderError:
    """The state cannot be opened or written: where, and why."""
    return LoaderError(f"The state in {directory} cannot be used ({error}): mend or move it")
