"""What counts as done: unreadable answers, jobs that failed or were cancelled as a whole, answers that nobody gets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.fault_proxy import FaultProxy
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns, asked, one_is_quick, states
from tests.helpers.rewrites import Line, fields, lines

pytestmark = pytest.mark.usefixtures("sizeless")

UNREADABLE: dict[str, Any] = {
    "blank": " \n",
    "nothing": None,
    "prose": "I cannot read this receipt.",
    "no JSON": '{"items": [{"name": "Tea", "price": }]}',
    "no list of items": '{"answer": "no items here"}',
    "no chunks": [],
}


def saying(content: Any, of: int = 1) -> Callable[[list[Line]], list[Line]]:
    """A change of the first so many lines of a file to an answer of this content."""

    def change(all_lines: list[Line]) -> list[Line]:
        for line in all_lines[:of]:
            line["response"]["body"]["choices"][0]["message"]["content"] = content
        return all_lines

    return change


def ending(**changes: Any) -> Callable[[bytes], bytes]:
    """A rewrite of jobs that have ended."""
    return fields(lambda job: {**job, **changes} if job["completed_at"] else job)


NOTHING_DONE = {
    **dict.fromkeys(("completed_requests", "succeeded_requests", "failed_requests"), 0),
    **dict.fromkeys(("output_file", "error_file")),
}


@pytest.mark.parametrize("name", one_is_quick(UNREADABLE))
def test_an_answer_that_cannot_be_read_is_asked_once_more(name: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["download"] = lines(saying(UNREADABLE[name]))
    code, said = runs.run()
    assert code == 0 and "1 unreadable: asking again" in said, said
    assert states(runs) == [(1, "answered", RECEIPTS - 1), (1, "unreadable", 1), (2, "answered", 1)]


def test_what_stays_unreadable_is_asked_twice_and_told(runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["download"] = lines(saying("I cannot read this."), times=99)
    for arguments in (("load",), ("load",), ("load", "--attempts", "9")):
        code, said = runs.run(*arguments)
        assert code == 3 and "1 requests have no good answer after all attempts" in said and "--again" in said, said
        assert states(runs) == [(1, "answered", RECEIPTS - 1), (1, "unreadable", 1), (2, "unreadable", 1)]
    found = json.loads(runs.run("status", "--json")[1])["requests"]
    assert {"count": 1, "model": "local-ocr", "state": "unreadable"} in found
    code, said = runs.run("load", "--again", "--attempts", "9")
    assert code == 3 and states(runs)[-1] == (3, "unreadable", 1), "once more, since it was asked for"
    proxy.rewrites.clear()
    code, said = runs.run("load", "--again", "--attempts", "9")
    assert code == 0 and states(runs)[-1] == (4, "answered", 1), said


def test_what_one_question_could_not_read_another_may(runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["download"] = lines(saying(""), times=2)
    assert runs.run()[0] == 3
    code, said = runs.run("load", "--style", "notebook")
    assert code == 0 and "; 1 requests in 1 jobs" in said, said
    assert states(runs)[:2] == [(1, "answered", RECEIPTS), (1, "unreadable", 1)]


@pytest.mark.parametrize("status", one_is_quick(["FAILED", "TIMEOUT_EXCEEDED", "EXPIRED", "SUCCESS"]))
def test_a_job_that_failed_as_a_whole_is_no_attempt(status: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    reason = [{"message": "enqueued token limit reached", "count": 1}]
    proxy.rewrites["get_job"] = ending(**NOTHING_DONE, status=status, errors=reason)
    code, said = runs.run()
    assert code == 3 and said.count("asking again in") == 2, said
    assert status == "SUCCESS" or said.count(f"ended as {status}: enqueued token limit reached") == 3, said
    assert states(runs) == [(attempt, "unprocessed", RECEIPTS) for attempt in (1, 2, 3)]
    proxy.rewrites.clear()
    code, said = runs.run()
    assert code == 0 and states(runs)[-1] == (4, "answered", RECEIPTS), said


def test_a_server_that_gets_well_in_time_answers_in_the_same_run(runs: LoaderRuns, proxy: FaultProxy) -> None:
    ended: set[str] = set()

    def sick_at_first(job: Line) -> Line:
        if job["completed_at"]:
            ended.add(job["id"])
        return {**job, **NOTHING_DONE, "status": "FAILED"} if job["completed_at"] and len(ended) < 3 else job

    proxy.rewrites["get_job"] = fields(sick_at_first)
    code, said = runs.run()
    assert code == 0, said
    assert states(runs)[-1] == (3, "answered", RECEIPTS)
    assert asked(runs)[-1] == (3, 4096), "no attempt, so no reason to ask otherwise"


@pytest.mark.parametrize("kept", [0, 2])
def test_a_job_that_was_cancelled_elsewhere_is_not_sent_again_by_this_run(
    kept: int, runs: LoaderRuns, proxy: FaultProxy
) -> None:
    counts = {**NOTHING_DONE, "succeeded_requests": kept, "completed_requests": kept}
    if kept:
        del counts["output_file"]
    proxy.rewrites["get_job"] = ending(**counts, status="CANCELLED")
    proxy.rewrites["download"] = lines(lambda all_lines: all_lines[:kept])
    code, said = runs.run()
    assert code == 3 and "this run does not send them again" in said, said
    answered = [(1, "answered", kept)] if kept else []
    assert states(runs) == [*answered, (1, "cancelled", RECEIPTS - kept)]
    proxy.rewrites.clear()
    code, said = runs.run()
    assert code == 0 and states(runs)[-1] == (2, "answered", RECEIPTS - kept), said


def test_what_failed_in_a_cancelled_job_is_not_sent_again_either(runs: LoaderRuns, proxy: FaultProxy) -> None:
    """A server may tell of requests that were cancelled by a line with an error for each."""
    proxy.rewrites["get_job"] = ending(status="CANCELLED")
    proxy.rewrites["download"] = lines(
        lambda all_lines: [{**line, "response": None, "error": "request cancelled"} for line in all_lines]
    )
    code, said = runs.run()
    assert code == 3 and states(runs) == [(1, "failed", RECEIPTS)], said


def test_a_cancelled_job_of_an_earlier_run_is_not_sent_again_by_the_run_that_finds_it(
    runs: LoaderRuns, proxy: FaultProxy
) -> None:
    assert runs.run("load", "--no-wait")[0] == 0
    proxy.rewrites["get_job"] = ending(**NOTHING_DONE, status="CANCELLED")
    code, said = runs.run()
    assert code == 3 and states(runs) == [(1, "cancelled", RECEIPTS)], said


NOBODYS: dict[str, Callable[[bytes], bytes]] = {
    "an empty file": lambda body: b"",
    "blank lines": lambda body: b"\n\n",
    "foreign ids": lines(lambda all_lines: [{**line, "custom_id": "x"} for line in all_lines], times=99),
    "no ids": lines(lambda all_lines: [{"response": line["response"]} for line in all_lines], times=99),
    "a page": lambda body: b"<html>log in</html>",
}


@pytest.mark.parametrize("name", one_is_quick(NOBODYS))
def test_answers_that_nobody_gets_are_not_paid_for_again(
    name: str, runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["download"] = NOBODYS[name]
    for _ in range(2):
        code, said = runs.run()
        assert code == 1 and "says SUCCESS and 5 succeeded, but none of its" in said, said
        assert "`loader cancel --forget`" in said and "Traceback" not in said
        assert states(runs) == [(1, "sent", RECEIPTS)]
    proxy.rewrites.clear()
    runs.assert_healed(undisturbed)


@pytest.mark.slow
def test_answers_that_nobody_gets_can_be_given_up(runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["download"] = NOBODYS["foreign ids"]
    assert runs.run()[0] == 1
    code, said = runs.run("cancel", "--forget")
    assert code == 0 and states(runs) == [(1, "missing", RECEIPTS)], said
    assert runs.query("select count(*) from raw.batch_output") == [(RECEIPTS,)], "what came is kept"
    proxy.rewrites.clear()
    assert runs.run()[0] == 0 and states(runs)[-1] == (2, "answered", RECEIPTS)


def test_an_old_ledger_is_judged_again(runs: LoaderRuns, proxy: FaultProxy) -> None:
    """Of answers that nobody could read it says that they are answered; they are asked once more."""
    import duckdb

    proxy.rewrites["download"] = lines(saying("prose"))
    assert runs.run("load", "--attempts", "1")[0] == 3
    with duckdb.connect(str(runs.warehouse)) as connection:
        connection.execute("update ledger.requests set state = 'answered' where state = 'unreadable'")
        connection.execute("update ledger.judged_jobs set rules = 'before 7'")  # as the migration notes it
    code, said = runs.run()
    assert code == 0 and "judging those of 1 jobs again" in said, said
    assert states(runs) == [(1, "answered", RECEIPTS - 1), (1, "unreadable", 1), (2, "answered", 1)]
    assert "judging" not in runs.run()[1]
