"""What folders hold."""

from __future__ import annotations

import stat
from pathlib import Path


def everything(directory: Path) -> dict[str, str]:
    """What a folder holds: every name, with what it is, its mode, and what is in it."""
    found = {}
    for path in sorted(directory.rglob("*")):
        mode = path.lstat().st_mode
        content = path.read_bytes().hex() if stat.S_ISREG(mode) else ""
        found[str(path.relative_to(directory))] = f"{mode:o} {content}"
    return found
