"""A server with an instant reader, and one undisturbed load to compare with, for each test module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.embedded_api.serve import Child
from tests.helpers.fault_runs import RECEIPTS, TALLY, LoaderRuns, draw_receipts, instant_server


@pytest.fixture(autouse=True)
def tally(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hand what a test counted to the report at the end of the run."""
    TALLY.clear()
    yield
    request.node.user_properties.append(("tally", dict(TALLY)))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    with instant_server(tmp_path_factory.mktemp("server")) as child:
        yield child


@pytest.fixture(scope="module")
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
