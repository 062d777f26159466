"""Which receipts are asked again, and how: a table of what the ledger may know of one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from loader.requests.question import Question
from loader.warehouse.decisions import NEW, Decision, open_requests, unanswered_receipts
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.ledger import Setbacks

ASKED = Question("m")
EMBEDDED = "local-ocr"


def receipt(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


class Attempt(NamedTuple):
    """A row of ledger.requests: of the question asked now, unless it says otherwise."""

    state: str
    shard: str = "shard"
    model: str = "m"
    prompt: str = ASKED.prompt_id
    max_tokens: int = 4096
    failure: bool | None = None  # noted in ledger.failures, and whether for good
    failed_in: str = "earlier"


OTHER_PROMPT = {"prompt": "another"}
MISSING, CUT = Attempt("missing"), Attempt("truncated")
FINAL = Attempt("failed", failure=True)
UNREADABLE = Attempt("unreadable")

CASES: list[tuple[str, list[Attempt], dict[str, Any], Decision | None]] = [
    ("never asked", [], {}, NEW),
    *((f"{state}", [Attempt(state)], {}, None) for state in ("planned", "sent", "answered")),
    *((f"{state}, again", [Attempt(state)], {"again": True}, None) for state in ("planned", "sent", "answered")),
    *((state, [Attempt(state)], {}, Decision(2, None)) for state in ("failed", "missing", "unprocessed", "cancelled")),
    ("answered at last", [MISSING, Attempt("answered")], {}, None),
    ("cut off", [CUT], {}, Decision(2, 4096)),
    ("cut off twice", [CUT, CUT._replace(max_tokens=8192)], {}, Decision(3, 8192)),
    ("cut off, then missing", [CUT, MISSING], {}, Decision(3, 4096)),
    ("tried three times", [MISSING] * 3, {}, None),
    ("tried three times of five", [MISSING] * 3, {"max_attempts": 5}, Decision(4, None)),
    ("never come to", [Attempt("unprocessed"), Attempt("cancelled")] * 4, {}, Decision(9, None)),
    ("unreadable", [UNREADABLE], {}, Decision(2, None)),
    ("unreadable twice", [UNREADABLE] * 2, {}, None),
    ("unreadable twice, again", [UNREADABLE] * 2, {"again": True}, Decision(3, None)),
    ("unreadable twice, again, in the same run", [UNREADABLE] * 2, {"again": True, "is_retry": True}, None),
    ("failed for good", [FINAL], {}, None),
    ("failed for good, again", [FINAL], {"again": True}, Decision(2, None)),
    ("failed for good in this load, again", [FINAL._replace(failed_in="now")], {"again": True}, None),
    ("failed for good, then missing", [FINAL, Attempt("missing", "later")], {}, Decision(3, None)),
    ("failed for now", [Attempt("failed", failure=False)], {}, Decision(2, None)),
    ("cancelled in this run", [Attempt("cancelled", "bad")], {"setbacks": Setbacks(cancelled=["bad"])}, None),
    ("its job failed twice", [Attempt("unprocessed", "bad")] * 2, {"setbacks": Setbacks(["bad"])}, Decision(3, None)),
    ("its job failed three times", [Attempt("unprocessed", "bad")] * 3, {"setbacks": Setbacks(["bad"])}, None),
    ("answered by another model", [Attempt("answered", model="n")], {}, None),
    ("answered by another model, again", [Attempt("answered", model="n")], {"again": True}, NEW),
    ("another prompt under way", [Attempt("sent", **OTHER_PROMPT)], {}, None),
    ("another prompt answered, again", [Attempt("answered", **OTHER_PROMPT)], {"again": True}, NEW),
    ("another prompt answered, this one missing", [Attempt("answered", **OTHER_PROMPT), MISSING], {}, None),
    (
        "another prompt answered, this one cut off, again",
        [Attempt("answered", **OTHER_PROMPT), CUT],
        {"again": True},
        Decision(3, 4096),
    ),
    ("another prompt failed for good", [FINAL._replace(**OTHER_PROMPT)], {}, NEW),
    ("another prompt tried three times", [Attempt("missing", **OTHER_PROMPT)] * 3, {}, NEW),
    ("answered by the embedded reader", [Attempt("answered", model=EMBEDDED)], {}, NEW),
    (
        "under way at the embedded reader, missing",
        [MISSING, Attempt("sent", model=EMBEDDED)],
        {},
        Decision(2, None),
    ),
    ("answered by a model, the embedded reader asks", [Attempt("answered")], {"model": EMBEDDED}, None),
    (
        "answered by an older reader",
        [Attempt("answered", model=EMBEDDED, prompt="")],
        {"model": EMBEDDED},
        None,
    ),
]


def note(warehouse: Warehouse, receipt_id: str, attempts: Sequence[Attempt]) -> None:
    with warehouse.transaction() as connection:
        for number, attempt in enumerate(attempts, 1):
            identity = f"{receipt_id}/{attempt.model}/{attempt.prompt}".encode()
            custom_id = hashlib.sha256(identity).hexdigest()[:32]
            row = [custom_id, number, attempt.shard, receipt_id, attempt.model, attempt.max_tokens, attempt.state]
            connection.execute("insert into ledger.requests values (?, ?, ?, ?, ?, ?, ?)", row)
            if attempt.failure is not None:
                failure = [attempt.shard, custom_id, attempt.failed_in, "why", attempt.failure]
                connection.execute("insert into ledger.failures values (?, ?, ?, ?, ?)", failure)


@pytest.mark.parametrize(("attempts", "question", "decided"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_receipt_is_asked_again_as_the_ledger_says(
    warehouse: Warehouse, attempts: list[Attempt], question: dict[str, Any], decided: Decision | None
) -> None:
    note(warehouse, receipt(0), attempts)
    note(warehouse, receipt(1), [MISSING])
    with warehouse.transaction() as connection:
        decisions = Question(**{"model": "m", **question}).decisions(connection, "now")
    assert decisions[receipt(0)] == decided
    assert decisions[receipt(2)] == NEW
    decisions.note_planned(receipt(0))
    assert decisions[receipt(0)] is None and decisions[receipt(2)] == NEW


def test_many_receipts_are_told_apart(warehouse: Warehouse) -> None:
    """More than are read at once: one in three is answered, one is cut off, one is new."""
    with warehouse.transaction() as connection:
        connection.execute(
            """
            insert into ledger.requests
            select
                left(sha256(receipt_id || '/m/' || $prompt_id), 32), 1, 'shard', receipt_id, 'm', 4096,
                case number % 3 when 0 then 'answered' else 'truncated' end
            from (select number, sha256(number::varchar) as receipt_id from range(30000) as numbers (number))
            where number % 3 < 2
            """,
            {"prompt_id": ASKED.prompt_id},
        )
        decisions = ASKED.decisions(connection)
    expected = [None, Decision(2, 4096), NEW]
    assert all(decisions[receipt(number)] == expected[number % 3] for number in range(30_000))


def test_what_is_open_is_counted_for_the_receipts_of_this_run_alone(warehouse: Warehouse) -> None:
    """Exactly: those that it planned, and of those that earlier runs left open the ones that it was offered."""
    histories = {
        "planned by this load": [Attempt("failed", "mine")],
        "asked again by this load": [MISSING, Attempt("failed", "mine")],
        "offered again": [Attempt("failed")],
        "not offered": [Attempt("failed")],
        "offered again, landed meanwhile": [Attempt("missing")],
        "not asked this": [Attempt("failed", model="n")],
        "answered": [Attempt("answered", "mine")],
    }
    ids = {name: receipt(number) for number, name in enumerate(histories)}
    for name, attempts in histories.items():
        note(warehouse, ids[name], attempts)
    with warehouse.transaction() as connection:
        connection.execute(
            "insert into ledger.shards values ('mine', '', 'm', '', '', 'load', 'landed', 1, 1, 0, '', '', null, now())"
        )
        assert unanswered_receipts(connection, "m") == {
            ids[name] for name in histories if name not in ("answered", "not asked this")
        }
        offered = {receipt_id for name, receipt_id in ids.items() if name.startswith("offered again")}
        found = open_requests(connection, "m", ASKED.bounds, "load", offered)
    named = {receipt_id: name for name, receipt_id in ids.items()}
    assert sorted(named[request.receipt_id] for request in found) == [
        "asked again by this load",
        "offered again",
        "offered again, landed meanwhile",
        "planned by this load",
    ]
