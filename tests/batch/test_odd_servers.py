"""A server that answers wrongly: lines missing, doubled, foreign, cut off or failed, whatever the job says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.helpers.fault_proxy import FaultProxy
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns, asked, one_is_quick, states
from tests.helpers.rewrites import Line, fields, lines, with_content

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


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        ('{"items": [{"name": "Tea", "price": "2.00", "classification": "Beverage"}, {"na', 0, ""),
        ('{"merchant": "A shop", "it', 3, "1 truncated: cut off before the first item"),
        ("", 3, "1 truncated: cut off before the first item"),
    ],
)
def test_an_answer_that_is_always_cut_off_is_one_only_if_it_has_an_item(
    content: str, code: int, told: str, runs: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["download"] = lines(
        lambda all_lines: [with_content(all_lines[0], content, "length"), *all_lines[1:]], times=9
    )
    ended, said = runs.run()
    assert ended == code and told in said, said
    cut_off = [(attempt, "truncated", 1) for attempt in (1, 2, 3)]
    assert states(runs) == [(1, "answered", RECEIPTS - 1), *cut_off]


@pytest.mark.parametrize("key", one_is_quick(["id", "output_file"]))
def test_an_id_that_is_a_path_is_refused(key: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["get_job"] = fields(lambda job: {**job, key: "../../../tmp/evil"})
    code, said = runs.run()
    assert code == 1 and "which is not an id" in said
    proxy.rewrites.clear()
    assert runs.run()[0] == 0
