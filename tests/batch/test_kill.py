"""Kill -9 at every step: after a rerun nothing is lost, nothing half-landed and nothing paid for twice."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.helpers.fault_runs import TALLY, LoaderRuns
from tests.helpers.loader_process import POINTS

QUICK = {
    "loader.warehouse.ledger.plan_shard:after:1",
    "loader.batch.mistral.BatchApi.create_job:before:1",
    "loader.batch.mistral.BatchApi.create_job:after:1",
    "loader.warehouse.raw.append_output:after:1",
}
COMMITS = 16  # of a load of five receipts
# A load of five receipts does these once.
ONCE = ("finish", "upload", "create_job", "download")
# What happens within a transaction is undone with it: before it or after it is the same on disk, and the same as before
# the commit. One moment in each is enough.
IN_A_TRANSACTION = ("loader.warehouse.ledger.", "loader.warehouse.raw.append_")


def moments(point: str) -> list[str]:
    if point.startswith(IN_A_TRANSACTION):
        return [f"{point}:after:1"]
    times = COMMITS if point.endswith("_commit") else 1 if point.endswith(ONCE) else 2
    return [f"{point}:{side}:{nth}" for side in ("before", "after") for nth in range(1, times + 1)]


MOMENTS = [moment for point in POINTS for moment in moments(point)]


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
    """One kill or two, each between the start and the end of an undisturbed load."""
    draw = random.Random(seed)
    for _ in range(draw.randint(1, 2)):
        process = runs.start()
        time.sleep(draw.uniform(0.05, 1.5))
        process.kill()
        process.communicate()
        TALLY["kills survived"] += 1
    runs.assert_healed(undisturbed)
