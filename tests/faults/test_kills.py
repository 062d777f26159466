"""Kill -9 at every step: after a rerun nothing is lost, nothing half-landed and nothing paid for twice."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.faults.harness import TALLY, LoaderRuns
from tests.faults.loader_process import POINTS

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


@pytest.mark.parametrize("moment", [pytest.param(m, marks=[] if m in QUICK else [pytest.mark.slow]) for m in MOMENTS])
def test_killed_at_a_step(moment: str, runs: LoaderRuns, undisturbed: LoaderRuns) -> None:
    code, said = runs.run(kill_at=moment)
    if code == 0:
        pytest.skip(f"a load of this size has no such moment: {said}")
    assert code == -signal.SIGKILL, said
    TALLY["kills survived"] += 1
    runs.assert_healed(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_killed_at_a_random_moment(seed: int, runs: LoaderRuns, undisturbed: LoaderRuns) -> None:
    """Up to three kills, each between the start and the end of an undisturbed load."""
    draw = random.Random(seed)
    for _ in range(draw.randint(1, 3)):
        process = runs.start()
        time.sleep(draw.uniform(0.3, 2.0))
        process.kill()
        process.communicate()
        TALLY["kills survived"] += 1
    runs.assert_healed(undisturbed)
