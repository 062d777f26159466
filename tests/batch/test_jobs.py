"""Waiting for jobs and fetching their results: what passes is waited out, and nothing is given up too early."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import duckdb
import pytest

from tests.helpers.fault_proxy import GONE, Fault, FaultProxy
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns, states
from tests.helpers.rewrites import Line, fields
from tests.helpers.servers import wait_until

pytestmark = pytest.mark.usefixtures("sizeless")


@pytest.mark.slow
def test_an_unknown_status_is_waited_out(runs: LoaderRuns, proxy: FaultProxy) -> None:
    seen = []

    def change(job: Line) -> Line:
        seen.append(job["status"])
        if len(seen) == 1:
            del job["completed_at"]
        elif len(seen) < 4:
            job["completed_at"] = (-5, 10**18)[len(seen) - 2]
        return {**job, "status": "PONDERING"} if len(seen) < 4 else job

    proxy.rewrites["get_job"] = fields(change)
    code, said = runs.run()
    assert code == 0 and len(seen) >= 4 and "is PONDERING, which is not known:" in said, said
    assert "Warning" not in said and "Traceback" not in said, said
    assert states(runs) == [(1, "answered", RECEIPTS)]


def test_results_that_are_gone_too_early_are_not_given_up(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["download"] = lambda body: GONE
    code, said = runs.run()
    assert code == 1 and "is not there" in said and "`loader cancel --forget` gives it up" in said
    assert states(runs) == [(1, "sent", RECEIPTS)]
    proxy.rewrites.clear()
    runs.assert_healed(undisturbed)


def test_results_that_are_given_up_are_asked_again(runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["download"] = lambda body: GONE
    runs.run()
    code, said = runs.run("cancel", "--forget")
    assert code == 0 and "gave up 1 jobs" in said
    proxy.rewrites.clear()
    assert runs.run()[0] == 0
    assert states(runs) == [(1, "missing", RECEIPTS), (2, "answered", RECEIPTS)]


def test_results_that_have_expired_are_asked_again(runs: LoaderRuns, proxy: FaultProxy) -> None:
    two_days = 48 * 3600
    proxy.rewrites["get_job"] = fields(
        lambda job: (
            {**job, **{key: job[key] - two_days for key in ("created_at", "completed_at")}}
            if job["completed_at"]
            else job
        )
    )
    left = [1]

    def gone_once(body: bytes) -> bytes:
        left[0] -= 1
        return GONE if left[0] == 0 else body

    proxy.rewrites["download"] = gone_once
    code, said = runs.run()
    assert code == 0 and "has expired" in said
    assert states(runs) == [(1, "missing", RECEIPTS), (2, "answered", RECEIPTS)]


def test_a_load_that_waits_leaves_the_warehouse_to_others(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    """Jobs are looked at while another program, such as dbt, has the file."""
    proxy.rewrites["get_job"] = fields(lambda job: {**job, "status": "RUNNING", "completed_at": None})
    process = runs.start()
    wait_until(lambda: proxy.calls["get_job"] >= 2)
    with duckdb.connect(str(runs.warehouse)):
        looked = proxy.calls["get_job"]
        wait_until(lambda: proxy.calls["get_job"] >= looked + 3)
    proxy.rewrites.clear()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "in use" not in out + err
    runs.assert_healed(undisturbed)


def test_the_deadline_for_results_is_shown(runs: LoaderRuns, proxy: FaultProxy) -> None:
    """A day from now while a job runs, and a day from its end afterwards."""
    an_hour = 3600
    proxy.rewrites["get_job"] = fields(
        lambda job: (
            {**job, "created_at": job["created_at"] - an_hour, "completed_at": job["completed_at"] - an_hour}
            if job["completed_at"]
            else job
        )
    )
    proxy.rewrites["download"] = lambda body: GONE
    for arguments, hours in ((("load", "--no-wait"), 24), (("load",), 23)):
        _, said = runs.run(*arguments)
        (unfinished,) = json.loads(runs.run("status", "--json")[1])["unfinished"]
        deadline = datetime.fromisoformat(unfinished["fetch_before"]).replace(tzinfo=UTC)
        assert abs((deadline - datetime.now(UTC)).total_seconds() - hours * an_hour) < 60, said
    assert f"it is kept until {deadline:%Y-%m-%d %H:%M} UTC" in said


@pytest.mark.slow
def test_an_outage_while_waiting_is_waited_out(runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.begin(
        *(Fault("get_job", harm, nth) for nth, harm in enumerate(["reset", "503", "reset", "not json", "429"], 1))
    )
    code, said = runs.run()
    assert code == 0 and "trying again" in said and "Traceback" not in said
    runs.assert_healed(undisturbed)


def test_a_job_that_has_ended_and_not_named_its_file_yet_is_waited_for(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    ended = [0]

    def hide_at_first(job: Line) -> Line:
        ended[0] += job["status"] == "SUCCESS"
        return {**job, "output_file": None} if ended[0] < 3 else job

    proxy.rewrites["get_job"] = fields(hide_at_first)
    code, said = runs.run()
    assert code == 0 and ended[0] >= 3, said
    runs.assert_healed(undisturbed)


def test_a_job_of_an_unknown_status_that_says_when_it_ended_has_ended(runs: LoaderRuns, proxy: FaultProxy) -> None:
    def renamed(job: Line) -> Line:
        return {**job, "status": "EXPIRED" if job["status"] == "SUCCESS" else "WARMING_UP"}

    proxy.rewrites["get_job"] = fields(renamed)
    code, said = runs.run()
    assert code == 0 and "ended as EXPIRED" in said, said
    assert states(runs) == [(1, "answered", RECEIPTS)]


@pytest.mark.slow
@pytest.mark.parametrize("moment", [-5, 10**18])
def test_a_job_that_ended_at_an_impossible_time_is_landed(
    moment: int, runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["get_job"] = fields(lambda job: {**job, "completed_at": moment} if job["completed_at"] else job)
    code, said = runs.run()
    assert code == 0, said
    proxy.rewrites.clear()
    runs.assert_healed(undisturbed)


@pytest.mark.slow
def test_another_job_than_was_asked_for_is_not_landed(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["get_job"] = fields(lambda job: {**job, "id": "0b5e2e0c-0000-4000-8000-000000000000"})
    code, said = runs.run()
    assert code == 1 and "gave job 0b5e2e0c" in said, said
    assert runs.query("select count(*) from raw.batch_output") == [(0,)]
    proxy.rewrites.clear()
    runs.assert_healed(undisturbed)
