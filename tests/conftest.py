"""Fixtures that several tests share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.warehouse.duckdb_file import Warehouse
from tests.helpers.servers import ApiServer, running_server
from tests.helpers.warehouses import empty_warehouse


def pytest_configure() -> None:
    """Let processes that tests start find the product and the tests, wherever they run."""
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))


@pytest.fixture(scope="session", autouse=True)
def _run_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Name a folder that all processes of this run share, for what is built once a run."""
    own = tmp_path_factory.getbasetemp()
    os.environ["TEST_RUN_FOLDER"] = str(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An empty warehouse."""
    return empty_warehouse(tmp_path / "w.duckdb")


@pytest.fixture
def reader_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where servers that the test starts note what they read."""
    log = tmp_path / "reader.log"
    monkeypatch.setenv("INSTANT_READER_LOG", str(log))
    return log


@pytest.fixture
def api_server(tmp_path: Path, reader_log: Path) -> Iterator[ApiServer]:
    """The embedded API on a free port with a state of its own."""
    with running_server(tmp_path / "local_api", reader_log) as server:
        yield server


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The same, shared by all tests that do not mind what others leave in it."""
    directory = tmp_path_factory.mktemp("shared_server")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("INSTANT_READER_LOG", str(directory / "reader.log"))
        with running_server(directory / "local_api", directory / "reader.log") as server:
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
