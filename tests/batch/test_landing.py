"""Result files are landed line by line, byte for byte, whatever they hold and however their job ended."""

from __future__ import annotations

import json

import pytest

from tests.helpers.fault_proxy import FaultProxy
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns, one_is_quick, states
from tests.helpers.rewrites import Line, fields, lines

pytestmark = pytest.mark.usefixtures("sizeless")


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


ODD_LINES = [
    b"",
    b"\r",
    b"\xef\xbb\xbf{}",
    b"a\x00b",
    "one\u2028line\x85only".encode(),
    b"\xff\xfe bad \xc3",
    b'{"custom_id": "x", "response": ' + b"[" * 300_000 + b"]" * 300_000 + b"}",
    b'{"custom_id": ["x"], "response": {"status_code": 1e999, "body": {"choices": {}}}}',
    b'{"custom_id": "' + b"x" * 10_000 + b'", "error": {"code": null}}',
    json.dumps(
        {"custom_id": "long", "response": {"body": {"choices": [{"message": {"content": '\\"é' * 4_000_000}}]}}},
        ensure_ascii=False,
    ).encode(),
]


def test_odd_lines_keep_their_numbers_and_bytes_and_harm_no_other(runs: LoaderRuns, proxy: FaultProxy) -> None:
    served: list[bytes] = []

    def mix(body: bytes) -> bytes:
        odd = ODD_LINES + ODD_LINES[-1:]  # more than one of those that are long
        served.append(b"\n".join([*odd, *body.splitlines(), b'{"custom_id": "no line end"}']))
        return served[0]

    proxy.rewrites["download"] = mix
    code, said = runs.run()
    assert code == 0, said
    assert states(runs) == [(1, "answered", RECEIPTS)]
    landed = runs.query("select line_number, line, line_bytes from raw.batch_output order by line_number")
    assert [number for number, _, _ in landed] == list(range(1, len(landed) + 1))
    assert b"\n".join(line.encode() if kept is None else kept for _, line, kept in landed) == served[0]


@pytest.mark.slow
def test_a_long_answer_in_chunks_is_an_answer(runs: LoaderRuns, proxy: FaultProxy) -> None:
    def chunked(body: bytes) -> bytes:
        lines = [json.loads(line) for line in body.splitlines()]
        message = lines[0]["response"]["body"]["choices"][0]["message"]
        message["content"] = [{"type": "text", "text": message["content"] + " " * 1_200_000}]
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    proxy.rewrites["download"] = chunked
    code, said = runs.run()
    assert code == 0, said
    assert states(runs) == [(1, "answered", RECEIPTS)]
