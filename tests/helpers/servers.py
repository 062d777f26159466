"""The embedded API in a process of its own, with a reader that answers at once; and how to wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mistralai.client import Mistral

from loader.embedded_api.serve import Child, launch
from tests.helpers import instant_reader


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Fails when the condition has not come true within that time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def start_server(state_dir: Path, workers: int = 1) -> Child:
    """Start a server on a free port; whoever does stops it."""
    return launch(state_dir, reader=instant_reader.SPEC, workers=workers)


@dataclass
class ApiServer:
    """A running server, and the vendor's client for it."""

    child: Child
    state_dir: Path
    reader_log: Path

    @cached_property
    def client(self) -> Mistral:
        return Mistral(api_key=self.child.token, server_url=self.child.url)

    def read_images(self) -> list[str]:
        """SHA-256 of every image that was given to the reader, in order."""
        return self.reader_log.read_text().split() if self.reader_log.exists() else []


@contextmanager
def running_server(state_dir: Path, reader_log: Path) -> Iterator[ApiServer]:
    """A server for as long as the block runs. INSTANT_READER_LOG must name the log."""
    child = start_server(state_dir, workers=2)
    try:
        yield ApiServer(child, state_dir, reader_log)
    finally:
        child.stop()
