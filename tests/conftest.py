"""Fixtures that several tests share."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from mistralai.client import Mistral

from loader.embedded_api.serve import Child, launch
from tests.helpers import instant_reader


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Fails when the condition has not come true within that time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@dataclass
class ApiServer:
    """A running embedded server, in a process of its own, and the vendor's client for it."""

    child: Child
    client: Mistral
    state_dir: Path
    reader_log: Path

    def read_images(self) -> list[str]:
        """SHA-256 of every image that was given to the reader, in order."""
        return self.reader_log.read_text().split() if self.reader_log.exists() else []


def _environment(monkeypatch: pytest.MonkeyPatch, log: Path) -> None:
    here = str(Path(__file__).parent.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("INSTANT_READER_LOG", str(log))


@contextmanager
def _running(directory: Path, log: Path) -> Iterator[ApiServer]:
    child = launch(directory, reader=instant_reader.SPEC, workers=2)
    try:
        yield ApiServer(child, Mistral(api_key=child.token, server_url=child.url), directory, log)
    finally:
        child.stop()


@pytest.fixture
def reader_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lets servers started by the test find `instant_reader`, which notes here what it reads."""
    log = tmp_path / "reader.log"
    _environment(monkeypatch, log)
    return log


@pytest.fixture
def api_server(tmp_path: Path, reader_log: Path) -> Iterator[ApiServer]:
    """The embedded API on a free port with a state of its own."""
    with _running(tmp_path / "local_api", reader_log) as server:
        yield server


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The same, shared by the tests of a module: for those that leave nothing behind."""
    directory = tmp_path_factory.mktemp("shared_server")
    with pytest.MonkeyPatch.context() as monkeypatch:
        _environment(monkeypatch, directory / "reader.log")
        with _running(directory / "local_api", directory / "reader.log") as server:
            yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the fault tests counted: harm done, and what it cost."""
    total: Counter[str] = Counter()
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if getattr(report, "when", None) == "teardown":
            for counts in (value for name, value in report.user_properties if name == "tally"):
                total.update(counts)
    if total.total():
        names = ("faults tried", "kills survived", "lines lost", "requests paid twice")
        terminalreporter.write_line("; ".join(f"{name}: {total[name]}" for name in names))
