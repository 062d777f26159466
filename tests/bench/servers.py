"""Embedded servers for the benchmark, in processes of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loader.embedded_api.serve import READER, Child, launch
from tests.bench.measure import ROOT
from tests.helpers.instant_reader import SPEC


@contextmanager
def instant_server(state_dir: Path, seconds: float) -> Iterator[Child]:
    """A server with two workers whose reader takes so long for a receipt, and reads nothing."""
    os.environ |= {"PYTHONPATH": str(ROOT), "INSTANT_READER_SECONDS": str(seconds)}
    with _running(state_dir, SPEC, 2) as child:
        yield child


@contextmanager
def reading_server(state_dir: Path, workers: int) -> Iterator[Child]:
    """The server as it is, with so many workers."""
    with _running(state_dir, READER, workers) as child:
        yield child


@contextmanager
def _running(state_dir: Path, reader: str, workers: int) -> Iterator[Child]:
    child = launch(state_dir, reader=reader, workers=workers)
    try:
        yield child
    finally:
        child.stop()
