"""Requests that failed: the run says for which reason, and does not ask again what asking again cannot mend."""

from __future__ import annotations

import json

import pytest

from tests.helpers.fault_proxy import FaultProxy
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns, states
from tests.helpers.rewrites import Line, lines

pytestmark = pytest.mark.usefixtures("sizeless")

IMAGE = json.dumps({"object": "error", "message": "Invalid image", "type": "invalid_request_file", "code": "3310"})
TIER = json.dumps({"object": "error", "message": "Not in your tier", "type": "tier_not_allowed", "code": 1910})
BUSY = json.dumps({"object": "error", "message": "Too busy", "code": "3505", "raw_status_code": 429})


def failed(line: Line, status: int, body: str) -> Line:
    return {**line, "response": {"status_code": status, "body": body}, "error": None}


def test_what_cannot_be_mended_is_not_asked_again(runs: LoaderRuns, proxy: FaultProxy) -> None:
    proxy.rewrites["download"] = lines(
        lambda answers: [
            failed(answers[0], 400, IMAGE),
            failed(answers[1], 400, IMAGE),
            failed(answers[2], 403, TIER),
            failed(answers[3], 429, BUSY),
            *answers[4:],
        ]
    )
    code, said = runs.run()
    assert code == 3 and "1 failed: Too busy (code 3505): asking again" in said, said
    assert "2 failed: Invalid image (code 3310); 1 failed: Not in your tier (code 1910): not asked again" in said
    assert (
        "3 requests have no good answer" in said and "`loader load --again` asks those again that were refused" in said
    )
    after = [(1, "answered", RECEIPTS - 4), (1, "failed", 4), (2, "answered", 1)]
    assert states(runs) == after

    code, said = runs.run("load", "--attempts", "9")
    assert code == 3 and "0 requests in 0 jobs" in said, said
    assert states(runs) == after

    proxy.rewrites["download"] = lines(lambda answers: [failed(answers[0], 400, IMAGE), *answers[1:]])
    code, said = runs.run("load", "--again")
    assert code == 3 and "3 requests in 1 jobs" in said, said
    assert states(runs) == [(1, "answered", RECEIPTS - 4), (1, "failed", 4), (2, "answered", 3), (2, "failed", 1)]


def test_what_failed_for_good_is_asked_once_a_load_beside_others(runs: LoaderRuns, proxy: FaultProxy) -> None:
    """Another request of the same load is asked again, and takes nothing with it that was told to be asked."""
    proxy.rewrites["download"] = lines(
        lambda answers: [failed(answers[0], 400, IMAGE), failed(answers[1], 429, BUSY), *answers[2:]]
    )
    code, said = runs.run("load", "--again")
    assert code == 3, said
    assert states(runs) == [(1, "answered", RECEIPTS - 2), (1, "failed", 2), (2, "answered", 1)]


@pytest.mark.parametrize(
    ("command", "loads"), [("load", ["incomplete", "finished", "finished"]), ("cancel", ["incomplete", "finished"])]
)
def test_every_line_bears_a_load_that_is_known(
    command: str, loads: list[str], runs: LoaderRuns, proxy: FaultProxy
) -> None:
    assert runs.run("load", "--no-wait")[0] == 0
    code, said = runs.run(command)
    assert code == 0, said
    assert runs.query("select count(*) from raw.batch_output") == [(RECEIPTS,)]
    assert runs.query("select distinct load_id from raw.batch_output except select load_id from raw.loads") == []
    assert loads == [
        status
        for (status,) in runs.query(
            "select max_by(status, recorded_at) from raw.loads group by load_id order by min(recorded_at)"
        )
    ]
