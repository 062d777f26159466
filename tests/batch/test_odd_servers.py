"""A server that answers wrongly: lines missing, doubled, foreign, cut off or failed, whatever the job says."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

import duckdb
import pytest

from loader.batch.mistral import BatchApi
from loader.errors import ApiError
from tests.helpers.fault_proxy import GONE, Fault, FaultProxy
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns, asked, draw_receipts, one_is_quick, states
from tests.helpers.rewrites import Line, fields, lines
from tests.helpers.servers import wait_until

pytestmark = pytest.mark.usefixtures("sizeless")


def test_success_with_lines_missing_names_them_and_asks_only_those_again(runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["download"] = lines(lambda all_lines: all_lines[2:])
    code, said = runs.run()
    assert code == 0, said
    assert states(runs) == [(1, "answered", RECEIPTS - 2), (1, "missing", 2), (2, "answered", 2)]
    missing = [row[0] for row in runs.query("select custom_id from ledger.requests where state = 'missing'")]
    named = next(line for line in said.splitlines() if "have no line" in line)
    assert "says SUCCESS" in named and all(custom_id in named for custom_id in missing)


def test_what_stays_missing_ends_in_exit_code_3_and_is_not_asked_for_ever(runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["download"] = lines(lambda all_lines: all_lines[:1], times=99)
    code, said = runs.run()
    assert code == 3 and "2 requests have no good answer after all attempts" in said
    lost = [
        (attempt, state, count) for attempt in (1, 2, 3) for state, count in (("answered", 1), ("missing", 5 - attempt))
    ]
    assert states(runs) == lost
    assert runs.query("select status from raw.loads order by recorded_at") == [("started",), ("incomplete",)]
    code, said = runs.run()
    assert code == 3 and "0 requests in 0 jobs" in said
    proxy.rewrites.clear()
    code, said = runs.run("load", "--attempts", "4")
    assert code == 0 and states(runs)[-1] == (4, "answered", 2)


FAILURES: dict[str, Callable[[Line], Line]] = {
    "an error as text": lambda line: {**line, "response": None, "error": "overloaded"},
    "an error as an object": lambda line: {**line, "error": {"code": 500, "message": "overloaded"}},
    "a status of 500": lambda line: {**line, "response": {"status_code": 500, "body": {"message": "overloaded"}}},
    "no body": lambda line: {**line, "response": {"status_code": 200, "body": None}},
    "no response": lambda line: {"id": line["id"], "custom_id": line["custom_id"], "error": "overloaded"},
}


REASONS = {  # as the run tells them
    "an error as text": "overloaded",
    "an error as an object": "overloaded",
    "a status of 500": "overloaded",
    "no body": "no message came",
    "no response": "overloaded",
}


@pytest.mark.parametrize("name", one_is_quick(FAILURES))
def test_a_failed_request_is_asked_again(name: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["download"] = lines(lambda all_lines: [FAILURES[name](all_lines[0]), *all_lines[1:]])
    code, said = runs.run()
    assert code == 0 and f"1 failed: {REASONS[name]}: asking again" in said, said
    assert states(runs) == [(1, "answered", RECEIPTS - 1), (1, "failed", 1), (2, "answered", 1)]


def test_a_cut_off_answer_is_asked_again_with_twice_the_tokens(runs: LoaderRuns, proxy: FaultProxy) -> None:
    def cut(line: Line) -> Line:
        choice = line["response"]["body"]["choices"][0]
        choice["finish_reason"] = "length"
        choice["message"]["content"] = choice["message"]["content"][:-2]
        return line

    proxy.rewrites["download"] = lines(lambda all_lines: [cut(all_lines[0]), *all_lines[1:]])
    code, said = runs.run()
    assert code == 0, said
    assert states(runs) == [(1, "answered", RECEIPTS - 1), (1, "truncated", 1), (2, "answered", 1)]
    assert asked(runs) == [(1, 4096)] * RECEIPTS + [(2, 8192)]


def test_foreign_unknown_and_doubled_ids_are_landed_and_settle_nothing_of_others(
    runs: LoaderRuns, proxy: FaultProxy
) -> None:
    def mix(all_lines: list[Line]) -> list[Line]:
        first, second, *rest = all_lines
        failed = {**first, "response": None, "error": "overloaded"}
        foreign = {**second, "custom_id": "../../etc/passwd"}
        nameless = {key: value for key, value in second.items() if key != "custom_id"}
        return [failed, first, foreign, nameless, *rest]

    proxy.rewrites["download"] = lines(mix)
    code, said = runs.run()
    assert code == 0, said
    assert states(runs) == [(1, "answered", RECEIPTS - 1), (1, "missing", 1), (2, "answered", 1)]
    assert runs.query("select count(*) from raw.batch_output") == [(RECEIPTS + 2 + 1,)]


@pytest.mark.parametrize("status", one_is_quick(["FAILED", "TIMEOUT_EXCEEDED", "CANCELLED"]))
def test_results_of_a_job_that_ended_badly_are_landed_all_the_same(
    status: str, runs: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["get_job"] = fields(lambda job: {**job, "status": status} if job["status"] == "SUCCESS" else job)
    code, said = runs.run()
    assert code == 0 and f"ended as {status}" in said
    assert states(runs) == [(1, "answered", RECEIPTS)]


@pytest.mark.parametrize("kill_at", [None, "loader.batch.mistral.BatchApi.create_job:after:1"])
def test_answers_are_fetched_although_the_receipts_have_gone(
    kill_at: str | None, runs: LoaderRuns, proxy: FaultProxy
) -> None:
    """Those of a job that was never noted, too."""
    assert runs.run("load", "--no-wait", kill_at=kill_at)[0] == (-signal.SIGKILL if kill_at else 0)
    runs.folder.rename(runs.folder.with_name("moved"))
    runs.run()
    runs.run()
    assert states(runs) == [(1, "answered", RECEIPTS)]


def test_a_shard_that_was_never_sent_obeys_the_budget_of_the_next_load(runs: LoaderRuns, proxy: FaultProxy) -> None:
    assert runs.run(kill_at="loader.warehouse.ledger.plan_shard:after:1")[0] != 0
    runs.run(kill_at="loader.batch.mistral.BatchApi.upload:before:1")
    assert runs.query("select state from ledger.shards") == [("uploading",)]
    other = draw_receipts(runs.folder.with_name("other"), 2, seed=9)
    code, said = runs.run("load", "--receipts", str(other))
    assert code == 0, said
    assert runs.query("select request_count from ledger.shards") == [(2,)], "only what was asked for now is sent"


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


@pytest.mark.parametrize("key", one_is_quick(["id", "output_file"]))
def test_an_id_that_is_a_path_is_refused(key: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["get_job"] = fields(lambda job: {**job, key: "../../../tmp/evil"})
    code, said = runs.run()
    assert code == 1 and "which is not an id" in said
    proxy.rewrites.clear()
    assert runs.run()[0] == 0


def test_without_batch_billing_it_says_so(runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.begin(Fault("create_job", "402"))
    code, said = runs.run()
    assert code == 1 and "wants batch billing to be enabled (402)" in said
    proxy.begin()
    runs.assert_healed(undisturbed)


def test_interrupted_by_ctrl_c_it_cancels_nothing_and_says_how_to_go_on(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["get_job"] = fields(lambda job: {**job, "status": "RUNNING"})
    process = runs.start()
    wait_until(lambda: proxy.calls["get_job"] > 0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "`loader load` goes on" in err and "Traceback" not in out + err
    assert proxy.calls["cancel_job"] == 0
    proxy.rewrites.clear()
    runs.assert_healed(undisturbed)


def test_two_loaders_at_once_do_not_send_twice(runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["get_job"] = fields(lambda job: {**job, "status": "RUNNING"})
    first = runs.start()
    wait_until(lambda: proxy.calls["get_job"] > 0)
    code, said = runs.run()
    assert code == 1 and f"another load is running on {runs.warehouse} (process {first.pid})" in said
    proxy.rewrites.clear()
    assert first.wait(timeout=30) == 0
    first.communicate()
    runs.assert_healed(undisturbed)


@pytest.mark.slow
def test_a_load_beside_a_reader_of_the_warehouse_waits_for_it(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    assert runs.run("load", "--no-wait")[0] == 0
    with duckdb.connect(str(runs.warehouse), read_only=True):
        process = runs.start()
        time.sleep(1.5)
        assert process.poll() is None
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "w.duckdb is in use by python" in err, out + err
    runs.assert_healed(undisturbed)


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


def test_no_key_and_no_image_is_left_behind(runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.begin(Fault("create_job", "502", after=True), Fault("get_job", "500"))
    code, said = runs.run()
    assert code == 0
    image = (runs.folder / "0001.jpg").read_bytes()
    place = runs.warehouse.parent
    kept = [
        said.encode(),
        *(path.read_bytes() for path in place.rglob("*") if path.is_file() and runs.folder not in path.parents),
    ]
    import base64

    for content in kept:
        assert runs.server.token.encode() not in content
        assert base64.b64encode(image)[:60] not in content
    assert (runs.warehouse.with_suffix(".files").stat().st_mode & 0o077) == 0


def test_an_endless_trickle_is_cut_off(runs: LoaderRuns, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loader.batch.bounded_stream.GRACE_SECONDS", 0.3)
    api = BatchApi("the server", lambda: (proxy.url, runs.server.token))
    api.patience_seconds = 0.1
    proxy.trickle = "list_jobs"
    with pytest.raises(ApiError, match="is too slow"):
        api.find_job({"shard_id": "any"})
    api.close()
