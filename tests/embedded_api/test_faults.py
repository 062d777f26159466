"""`loader serve --faults SEED`: the same faults for a seed, each kind comes, and a load gets through all of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from loader.embedded_api.faults import ENDS, Faults
from loader.embedded_api.serve import launch
from loader.embedded_api.worker import result_line
from tests.helpers import instant_reader
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns, draw_receipts

COMPLETION = {"object": "chat.completion", "choices": []}
CALLS = [("GET", "/v1/files"), ("POST", "/v1/batch/jobs"), ("POST", "/v1/chat/completions"), ("POST", "/v1/files")]


def job(folder: Path, lines: int) -> Path:
    folder.mkdir()
    answers = (result_line(folder, number, f"r{number}", 200, COMPLETION) for number in range(lines))
    (folder / "output-1.jsonl").write_bytes(b"".join(answers))
    return folder


def test_a_seed_plays_the_same_and_every_kind(tmp_path: Path) -> None:
    one, same, other = Faults(7), Faults(7), Faults(8)
    drawn = [[faults.refusal(*CALLS[n % 4]) for n in range(120)] for faults in (one, same, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    refusals = Counter((status, body.get("code")) for status, body in filter(None, drawn[0]))
    assert set(refusals) == {(429, "1300"), (429, "3505"), (402, None), (403, "1910")}


@pytest.mark.parametrize("lines", [1, 20])
def test_jobs_end_oddly(tmp_path: Path, lines: int) -> None:
    faults, ends = Faults(1), set()
    for number in range(len(ENDS)):
        folder = job(tmp_path / f"0000000{number}", lines)
        status, said = faults.spoil(folder)
        given = [json.loads(line) for path in folder.glob("output-*") for line in path.read_bytes().splitlines()]
        failed = [json.loads(line) for path in folder.glob("error-*") for line in path.read_bytes().splitlines()]
        assert len({line["id"] for line in [*given, *failed]}) == len(given) + len(failed) <= lines
        ends.add((status, said == len(given), bool(failed), bool(failed) and isinstance(failed[0]["error"], str)))
    assert ends == {
        ("SUCCESS", False, False, False),
        ("SUCCESS", True, True, False),
        ("SUCCESS", True, True, True),
        ("CANCELLED", True, False, False),
        ("SUCCESS", True, False, False),
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_load_gets_through_all_of_them(tmp_path: Path, reader_log: Path, seed: int) -> None:
    """Each run ends with a line that says what to do; doing it, all is answered in the end, and none counted twice."""
    server = launch(tmp_path / "state", reader=instant_reader.SPEC, workers=1, faults=seed)
    try:
        runs = LoaderRuns(draw_receipts(tmp_path / "receipts", RECEIPTS), tmp_path / "w.duckdb", server)
        command = ["load"]
        for _ in range(15):
            code, said = runs.run(*command, timeout=200)
            assert code in (0, 1, 3), said
            assert "Traceback" not in said
            answered = runs.query("select count(distinct receipt_id) from ledger.requests where state = 'answered'")
            if code == 0 and answered == [(RECEIPTS,)]:
                break
            command = ["load", "--again"] if "--again" in said else ["load", "--attempts", "9"]
        assert (code, answered) == (0, [(RECEIPTS,)]), said
    finally:
        server.stop()
