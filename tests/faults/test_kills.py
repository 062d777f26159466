"""Kill -9 at every step: after a rerun nothing is lost, nothing half-landed and nothing paid for twice."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.harness import LoaderRuns, draw_receipts, instant_server
from tests.faults.loader_process import POINTS

from loader.local_api.serve import Child

RECEIPTS = 5
QUICK = {
    "loader.ledger.plan_shard:after:1",
    "loader.batch_api.BatchApi.create_job:before:1",
    "loader.batch_api.BatchApi.create_job:after:1",
    "loader.warehouse.append_output:after:1",
}
COMMITS = 16  # of a load of five receipts
MOMENTS = [
    f"{point}:{when}:{nth}"
    for point in POINTS
    for when in ("before", "after")
    for nth in range(1, COMMITS + 1 if point.endswith("_commit") else 3)
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    with instant_server(tmp_path_factory.mktemp("server")) as child:
        yield child


@pytest.fixture(scope="module")
def undisturbed(server: Child, tmp_path_factory: pytest.TempPathFactory) -> LoaderRuns:
    """A load of the same receipts that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    runs = LoaderRuns(draw_receipts(folder / "receipts", RECEIPTS), folder / "w.duckdb", server.url, server.token)
    code, said = runs.run()
    assert code == 0, said
    return runs


@pytest.fixture
def runs(server: Child, tmp_path: Path) -> Iterator[LoaderRuns]:
    yield LoaderRuns(draw_receipts(tmp_path / "receipts", RECEIPTS), tmp_path / "w.duckdb", server.url, server.token)


def jobs_made(server: Child) -> int:
    from mistralai.client import Mistral

    return Mistral(api_key=server.token, server_url=server.url).batch.jobs.list().total


def assert_healed(runs: LoaderRuns, undisturbed: LoaderRuns, jobs_before: int, server: Child) -> None:
    code, said = runs.run()
    assert code == 0, said
    assert runs.contents() == undisturbed.contents()
    assert jobs_made(server) - jobs_before == 1, f"the same requests were paid for more than once: {said}"
    assert list((runs.warehouse.with_suffix(".files") / "shards").iterdir()) == []
    assert list((runs.warehouse.with_suffix(".files") / "downloads").iterdir()) == []


@pytest.mark.parametrize("moment", [pytest.param(m, marks=[] if m in QUICK else [pytest.mark.slow]) for m in MOMENTS])
def test_killed_at_a_step(moment: str, runs: LoaderRuns, undisturbed: LoaderRuns, server: Child) -> None:
    before = jobs_made(server)
    code, said = runs.run(kill_at=moment)
    if code == 0:
        pytest.skip(f"a load of this size has no such moment: {said}")
    assert code == -signal.SIGKILL, said
    assert_healed(runs, undisturbed, before, server)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_killed_at_a_random_moment(seed: int, runs: LoaderRuns, undisturbed: LoaderRuns, server: Child) -> None:
    """Up to three kills, each between the start and the end of an undisturbed load."""
    draw = random.Random(seed)
    before = jobs_made(server)
    for _ in range(draw.randint(1, 3)):
        process = runs.start()
        time.sleep(draw.uniform(0.3, 2.0))
        process.kill()
        process.communicate()
    assert_healed(runs, undisturbed, before, server)
