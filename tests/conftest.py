"""Fixtures that several tests share."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader import __main__ as program
from loader.warehouse.duckdb_file import Warehouse
from tests.helpers.commands import NAMES, Run
from tests.helpers.servers import ApiServer, running_server
from tests.helpers.warehouses import empty_warehouse

if TYPE_CHECKING:
    from tests.helpers.object_store import ObjectStore


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


@pytest.fixture(scope="session")
def shared_s3() -> Iterator[ObjectStore]:
    """An S3 server on loopback."""
    from tests.helpers.object_store import object_store  # moto takes a second to import

    with object_store() as store:
        yield store


@pytest.fixture
def s3(shared_s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """The same, empty, as the one that the environment names."""
    shared_s3.reset()
    for name, value in shared_s3.environment().items():
        monkeypatch.setenv(name, value)
    return shared_s3


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


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `loader …` in this process: (exit code, standard output, standard error)."""
    for name in (*NAMES, "MAX_COST_USD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAREHOUSE", str(tmp_path / "w.duckdb"))
    monkeypatch.setenv("BI_DATABASE", str(tmp_path / "bi.duckdb"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["loader", *arguments])
        code = program.run()
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, run: Run, shared_server: ApiServer) -> ApiServer:
    """The embedded server in the place of the vendor's, as MISTRAL_SERVER_URL names it; it has read nothing yet."""
    shared_server.reader_log.unlink(missing_ok=True)
    monkeypatch.setenv("MISTRAL_SERVER_URL", shared_server.child.url)
    monkeypatch.setenv("MISTRAL_API_KEY", shared_server.child.token)
    monkeypatch.setenv("MODEL", "local-ocr")
    return shared_server


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
