"""Each kind of harm at each kind of call, for a change before and after it is made: healed, or refused and then healed.

The proxy stands on a real socket; the loader is a real process with the vendor's client.
"""

from __future__ import annotations

import pytest

from tests.helpers.fault_proxy import HARMS, POSTPONED, Fault, FaultProxy
from tests.helpers.fault_runs import TALLY, LoaderRuns

MOMENTS = {"upload": (False, True), "create_job": (False, True), "get_job": (False,), "download": (False,)}
FAULTS = [
    Fault(call, harm, after=after)
    for call, moments in MOMENTS.items()  # a read does nothing that it could come after
    for harm in HARMS
    for after in moments
    if not (after and harm in ("402", "torn", "late"))  # a definite refusal is one; the others come after anyway
]
QUICK = {
    "502 after create_job #1",
    "late before create_job #1",
    "reset before upload #1",
    "torn before download #1",
    "429 before get_job #1",
}


def check(runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy, *faults: Fault) -> None:
    proxy.begin(*faults)
    TALLY["faults tried"] += len(faults)
    code, said = runs.run(timeout=100)
    assert code in (0, 1), said
    assert "Traceback" not in said, said
    assert runs.server.token not in said, "the key must not be shown"
    if code == 1:
        assert sum(line.startswith("error: ") for line in said.splitlines()) == 1, said
    assert not any(proxy.served_after_redirect), "the key has followed a redirect to another host"
    proxy.begin()
    runs.assert_healed(undisturbed)


@pytest.mark.parametrize(
    "fault", [pytest.param(f, marks=[] if str(f) in QUICK else [pytest.mark.slow], id=str(f)) for f in FAULTS]
)
def test_one_fault(fault: Fault, runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy) -> None:
    check(runs, undisturbed, proxy, fault)


@pytest.mark.parametrize(
    "harm", ["500", *(pytest.param(harm, marks=pytest.mark.slow) for harm in ("reset", "not json"))]
)
def test_the_search_for_a_job_after_an_unclear_creation_fails_too(
    harm: str, runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    unclear = Fault("create_job", "502", after=True)
    check(runs, undisturbed, proxy, unclear, *(Fault("list_jobs", harm, nth) for nth in (1, 2)))


def test_a_creation_that_the_server_carries_out_a_moment_later_is_not_repeated(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    check(runs, undisturbed, proxy, Fault("create_job", POSTPONED))
