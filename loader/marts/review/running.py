"""A note beside the warehouse of where its page is served, so that a report can link to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loader import work_folder

HOST = "127.0.0.1"
_NOTE = "review.url"


@contextmanager
def noted(warehouse: Path, url: str) -> Iterator[None]:
    """Note where the page of a warehouse is served, without its token, until the end of the block."""
    note = work_folder.claim(warehouse) / _NOTE
    note.write_text(f"{url}\n", encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def running_page(warehouse: Path) -> str | None:
    """Where the page of a warehouse is served now; None when it is not."""
    try:
        url = (work_folder.work_dir(warehouse) / _NOTE).read_text(encoding="utf-8").strip()
        port = int(url.removeprefix(f"http://{HOST}:").rstrip("/"))
        with socket.create_connection((HOST, port), timeout=0.5):
            return url
    except (OSError, ValueError):
        return None
