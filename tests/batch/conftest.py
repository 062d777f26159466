"""A server with an instant reader, and one undisturbed load to compare with, for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.embedded_api.serve import Child
from tests.helpers.fault_proxy import FaultProxy, fault_proxy
from tests.helpers.fault_runs import RECEIPTS, TALLY, LoaderRuns, draw_receipts
from tests.helpers.rewrites import fields
from tests.helpers.servers import start_server


@pytest.fixture(autouse=True)
def tally(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hand what a test counted to the report at the end of the run."""
    TALLY.clear()
    yield
    request.node.user_properties.append(("tally", dict(TALLY)))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    child = start_server(tmp_path_factory.mktemp("server"))
    yield child
    child.stop()


@pytest.fixture(scope="session")
def undisturbed(server: Child, tmp_path_factory: pytest.TempPathFactory) -> LoaderRuns:
    """A load of the same receipts that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    runs = LoaderRuns(draw_receipts(folder / "receipts", RECEIPTS), folder / "w.duckdb", server)
    code, said = runs.run()
    assert code == 0, said
    return runs


@pytest.fixture
def runs(server: Child, tmp_path: Path) -> LoaderRuns:
    return LoaderRuns(draw_receipts(tmp_path / "receipts", RECEIPTS), tmp_path / "w.duckdb", server)


@pytest.fixture
def proxy(runs: LoaderRuns) -> Iterator[FaultProxy]:
    """Stands between the runs and the server, and does no harm yet."""
    with fault_proxy(runs.server.url) as made:
        runs.server_url = made.url
        yield made


@pytest.fixture
def sizeless(proxy: FaultProxy) -> None:
    """For result files that are odd from the start: the size that the server names is theirs, so it gives none."""
    proxy.rewrites["get_file"] = fields(lambda file: {**file, "bytes": 0})
