"""Of two jobs one is sick, in each way at each call: the other's results land, and nothing is paid for twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.fault_proxy import MOVED, Fault, FaultProxy
from tests.helpers.fault_runs import RECEIPTS, TALLY, LoaderRuns, draw_receipts, one_is_quick
from tests.helpers.rewrites import Line, fields

FIRST, SECOND = 3, RECEIPTS - 3  # requests of the two jobs
ONE_OF_BOTH = -1  # lines: which job is looked at first is drawn with its id
PASSING = ("500", "429", "reset", "not json", "empty", "huge error")
DEFINITE = ("400", "401", "403", "404", "redirect", "round in circles")


@pytest.fixture
def runs(runs: LoaderRuns) -> LoaderRuns:
    runs.settings["SHARD_REQUESTS"] = str(FIRST)
    return runs


def check(runs: LoaderRuns, proxy: FaultProxy, landed: int, *arguments: str) -> str:
    """A load while one job is sick, which lands so many lines at least; then one without harm, which lands the rest."""
    code, said = runs.run(*arguments, timeout=90)
    assert code == (0 if landed == RECEIPTS else 1), said
    assert "Traceback" not in said and runs.server.token not in said, said
    assert sum(line.startswith("error: ") for line in said.splitlines()) == code, said
    assert not any(proxy.served_after_redirect), "the key has followed a redirect"
    lines = runs.query("select count(*) from raw.batch_output")[0][0]
    assert lines == landed or (landed == ONE_OF_BOTH and lines in (FIRST, SECOND)), said
    proxy.sick.clear()
    proxy.sick_rewrites.clear()
    proxy.begin()
    again, more = runs.run()
    assert again == 0, more
    sent = runs.times_sent()
    TALLY["faults tried"] += 1
    TALLY["lines lost"] += RECEIPTS - runs.query("select count(*) from raw.batch_output")[0][0]
    TALLY["requests paid twice"] += sum(times - 1 for times in sent.values())
    assert runs.query("select state, count(*) from ledger.requests group by all") == [("answered", RECEIPTS)]
    assert set(sent.values()) == {1} and len(sent) == RECEIPTS, f"paid for twice: {sent}"
    assert runs.query("select distinct load_id from raw.batch_output except select load_id from raw.loads") == []
    return said


WAYS = [(call, harm) for call in ("get_job", "download") for harm in (*PASSING, *DEFINITE)]
QUICK = {("get_job", "500"), ("download", "500"), ("download", "403")}


@pytest.mark.parametrize(
    ("call", "harm"), [pytest.param(*way, marks=[] if way in QUICK else [pytest.mark.slow]) for way in WAYS]
)
def test_one_that_cannot_be_read(call: str, harm: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.sick[call] = harm
    said = check(runs, proxy, ONE_OF_BOTH)
    if harm in PASSING:
        assert "waiting for job " in said and " since " in said, said


@pytest.mark.parametrize(
    "harm", ["500", "404", *(pytest.param(h, marks=pytest.mark.slow) for h in ("403", "not json", "empty", "redirect"))]
)
def test_one_whose_metadata_cannot_be_read(harm: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.sick["get_file"] = harm
    check(runs, proxy, RECEIPTS)


ODD_JOBS: dict[str, Callable[[Line], Line]] = {
    "errors": lambda job: {**job, "errors": None},
    "succeeded_requests": lambda job: {**job, "succeeded_requests": None},
    "completed_requests": lambda job: {**job, "completed_requests": str(job["completed_requests"])},
    "created_at": lambda job: {**job, "created_at": job["created_at"] + 0.25},
    "started_at": lambda job: {**job, "started_at": "2026-01-02T03:04:05Z"},
    "completed_at": lambda job: {**job, "completed_at": job["completed_at"] and job["completed_at"] + 0.5},
    "object": lambda job: {**job, "object": "batch.job"},
    "error_file": lambda job: {**job, "error_file": []},
    "output_file": lambda job: {**job, "output_file": {"id": job["output_file"]}},
    "metadata": lambda job: {**job, "metadata": ["a"]},
    "input_files": lambda job: {key: value for key, value in job.items() if key != "input_files"},
    "status": lambda job: {**job, "status": job["status"].lower()},
    "id": lambda job: {**job, "id": None},
}
QUIET = {"metadata", "input_files", "status"}  # what nothing depends on is not worth a word


@pytest.mark.parametrize("name", one_is_quick(ODD_JOBS))
def test_one_that_is_described_oddly(name: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.sick_rewrites["get_job"] = fields(ODD_JOBS[name])
    said = check(runs, proxy, RECEIPTS)
    assert name in QUIET or said.count(f"{name} is ") in (1, 2), said  # once, or once a value


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ODD_JOBS if name != "id"])
def test_a_creation_that_is_answered_oddly(name: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["create_job"] = fields(ODD_JOBS[name])
    check(runs, proxy, RECEIPTS)


@pytest.mark.parametrize("harm", [{"status": 5}, {"output_file": [1, 2]}, {"error_file": "../x"}], ids=str)
def test_a_creation_whose_answer_cannot_be_read_is_not_paid_for_twice(
    harm: Line, runs: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["create_job"] = fields(lambda job: {**job, **harm})
    check(runs, proxy, RECEIPTS)


NO_JOBS: dict[str, Callable[[bytes], bytes]] = {
    "no status": fields(lambda job: {"id": job["id"]}),
    "a status that is null": fields(lambda job: {**job, "status": None}),
    "nothing": lambda body: b"{}",
    "a list": lambda body: b"[]",
}


@pytest.mark.parametrize("name", one_is_quick(NO_JOBS))
def test_one_that_is_no_job(name: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.sick_rewrites["get_job"] = NO_JOBS[name]
    said = check(runs, proxy, ONE_OF_BOTH)
    assert "status" in said or name == "a list", said


SENDING = [
    ("upload", "500"),
    ("upload", "reset"),
    ("upload", "400"),
    ("create_job", "500"),
    ("create_job", "400"),
    ("create_job", "404"),
    ("create_job", "402"),
]


@pytest.mark.parametrize(
    ("call", "harm"), [pytest.param(*way, marks=pytest.mark.slow) for way in SENDING[1:]] + SENDING[:1]
)
def test_the_second_that_cannot_be_sent(call: str, harm: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.sick[call] = harm
    proxy.well_at_first = 1
    shutil.rmtree(runs.folder)  # receipts of its own, as a server finds the file of an equal shard
    draw_receipts(runs.folder, RECEIPTS, seed=41 + SENDING.index((call, harm)))
    check(runs, proxy, FIRST)


@pytest.mark.parametrize(
    "harm", ["500", *(pytest.param(h, marks=pytest.mark.slow) for h in ("reset", "not json", "403"))]
)
def test_one_that_was_made_and_cannot_be_looked_for(harm: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.sick["list_jobs"] = harm
    proxy.begin(Fault("create_job", "502", 2, after=True))
    check(runs, proxy, FIRST)


@pytest.mark.parametrize("arguments", [("cancel",), ("cancel", "--forget")])
@pytest.mark.parametrize(
    ("call", "harm"),
    [
        ("get_job", "500"),
        pytest.param("cancel_job", "500", marks=pytest.mark.slow),
        pytest.param("download", "reset", marks=pytest.mark.slow),
    ],
)
def test_giving_up_does_not_hang(
    call: str, harm: str, arguments: tuple[str, ...], runs: LoaderRuns, proxy: FaultProxy
) -> None:
    assert runs.run("load", "--no-wait")[0] == 0
    proxy.sick[call] = harm
    code, said = runs.run(*arguments, timeout=60)
    assert code == (0 if call == "cancel_job" else 1) and "Traceback" not in said, said
    assert runs.query("select count(*) from raw.batch_output")[0][0] >= SECOND, said
    assert runs.query("select distinct load_id from raw.batch_output except select load_id from raw.loads") == []
    proxy.sick.clear()
    assert runs.run()[0] == 0
    assert runs.query("select state, count(*) from ledger.requests group by all") == [("answered", RECEIPTS)]


@pytest.mark.slow
def test_results_that_answer_500_are_given_up_when_told_to(runs: LoaderRuns, proxy: FaultProxy) -> None:
    assert runs.run("load", "--no-wait")[0] == 0
    proxy.sick["download"] = "500"
    code, said = runs.run("cancel", "--forget")
    assert code == 0 and "is given up" in said and "gave up 2 jobs" in said, said
    assert runs.query("select count(*) from raw.batch_output")[0][0] in (FIRST, SECOND)


def test_an_old_sick_job_does_not_stop_a_new_load(runs: LoaderRuns, proxy: FaultProxy) -> None:
    assert runs.run("load", "--limit", str(FIRST), "--no-wait")[0] == 0
    proxy.sick["get_job"] = "404"
    check(runs, proxy, SECOND)


@pytest.mark.parametrize("arguments", [(), pytest.param(("--no-wait",), marks=pytest.mark.slow)])
def test_malformed_jobs_of_others_do_not_hide_ours(
    arguments: tuple[str, ...], runs: LoaderRuns, proxy: FaultProxy
) -> None:
    foreign: list[Any] = [
        {}, "x", None, {"id": None, "metadata": "a"}, {"id": 7}, {"id": "../..", "status": {}, "metadata": None},
    ]  # fmt: skip
    proxy.rewrites["list_jobs"] = fields(
        lambda answer: {"object": 1, "total": None, "data": [*foreign, *(answer["data"] or [])]}
    )
    proxy.begin(Fault("create_job", "502", 2, after=True))
    check(runs, proxy, RECEIPTS)


def test_results_that_lie_at_another_host_are_fetched_there_without_the_key(
    runs: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.sick["download"] = MOVED
    check(runs, proxy, RECEIPTS)
    assert proxy.served_after_redirect == [""]


@pytest.mark.parametrize(
    "kind", ["text/plain; charset=utf-8", pytest.param("application/jsonl", marks=pytest.mark.slow)]
)
def test_results_of_any_media_type_are_read(kind: str, runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.media_types["download"] = kind
    check(runs, proxy, RECEIPTS)


NOT_FOUND = [
    (404, b'{"detail": "Not Found"}'),
    (404, b'{"message": "File 3f does not exist.", "request_id": "a"}'),
    (400, b'{"object": "error", "message": "Cannot find file 3f", "type": "invalid_request_error", "code": "3000"}'),
    (422, b'{"detail": [{"loc": ["body", "input_files"], "msg": "file not found"}]}'),
]


@pytest.mark.parametrize(
    ("status", "body"), [pytest.param(*n, marks=[pytest.mark.slow] if i else []) for i, n in enumerate(NOT_FOUND)]
)
def test_a_file_that_is_not_known_at_once_is_waited_for(
    status: int, body: bytes, runs: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.begin(Fault("create_job", f"{status}", 1), Fault("create_job", f"{status}", 2))
    proxy.bodies[str(status)] = body
    said = check(runs, proxy, RECEIPTS)
    assert "it was just uploaded: trying again" in said


@pytest.mark.parametrize("days", [3.0, pytest.param(-3.0, marks=pytest.mark.slow)])
def test_the_clock_of_this_machine_decides_nothing(days: float, runs: LoaderRuns, proxy: FaultProxy) -> None:
    """A job that was made and not noted is found, and results that are not there for a moment are not given up."""
    runs.settings["CLOCK_DAYS"] = str(days)
    proxy.begin(Fault("create_job", "502", 1, after=True))
    proxy.sick["download"] = "404"
    said = check(runs, proxy, ONE_OF_BOTH)
    assert "is not there" in said, said
