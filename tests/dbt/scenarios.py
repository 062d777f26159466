"""Receipts that were asked once, twice, by several models, or not at all: what must become of them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.dbt.raw_tables import RawTables, answer_line


def items(*prices: str, name: str = "Bun") -> str:
    """The content of an answer with one item per price."""
    return json.dumps({"items": [{"name": name, "price": price, "classification": "Food"} for price in prices]})


def cut_off(*prices: str) -> str:
    """The content of an answer that was cut off in the item after these."""
    return items(*prices)[:-2] + ', {"name": "Bu'


@dataclass(frozen=True)
class Attempt:
    """One time that a receipt was asked: how, and the lines that came back (content, finish_reason)."""

    shard: str
    answers: tuple[tuple[str | None, str], ...] = ()
    job_status: str | None = "SUCCESS"
    model: str = "mistral-small-2603"
    number: int = 1
    minutes: float = 0  # when its job was made
    error: str | None = None


@dataclass(frozen=True)
class Scenario:
    """A receipt, how it was asked, the status of each attempt, and what the marts must say of it."""

    name: str
    attempts: tuple[Attempt, ...]
    statuses: tuple[str, ...]
    current: int | None  # index of the attempt whose answer counts
    status: str
    prices: tuple[str, ...] = ()  # of its items in marts.receipt_items


GOOD, CUT = "stop", "length"

SCENARIOS: list[Scenario] = [
    Scenario("job still running", (Attempt("p1", (), "RUNNING"),), ("pending",), None, "pending"),
    Scenario("cancelling", (Attempt("p2", (), "CANCELLATION_REQUESTED"),), ("pending",), None, "pending"),
    Scenario("a status that nobody knows", (Attempt("p3", (), "PAUSED"),), ("pending",), None, "pending"),
    Scenario("an end that nobody knows", (Attempt("p5", (), "EXPIRED"),), ("missing",), None, "missing"),
    Scenario("job not seen yet", (Attempt("p4", (), None),), ("pending",), None, "pending"),
    Scenario("no line", (Attempt("m1", (), "SUCCESS"),), ("missing",), None, "missing"),
    Scenario("job failed", (Attempt("m2", (), "FAILED"),), ("missing",), None, "missing"),
    Scenario("job timed out", (Attempt("m3", (), "TIMEOUT_EXCEEDED"),), ("missing",), None, "missing"),
    Scenario("job cancelled", (Attempt("m4", (), "CANCELLED"),), ("missing",), None, "missing"),
    Scenario(
        "answered by a cancelled job",
        (Attempt("c1", ((items("1"), GOOD),), "CANCELLED"),),
        ("extracted",),
        0,
        "extracted",
        ("1",),
    ),
    Scenario(
        "failed, then answered",
        (
            Attempt("r1", error="overloaded"),
            Attempt("r2", ((items("2"), GOOD),), number=2, minutes=60),
        ),
        ("failed", "extracted"),
        1,
        "extracted",
        ("2",),
    ),
    Scenario(
        "answered, then failed",
        (
            Attempt("r3", ((items("2"), GOOD),)),
            Attempt("r4", error="overloaded", number=2, minutes=60),
        ),
        ("extracted", "failed"),
        0,
        "extracted",
        ("2",),
    ),
    Scenario(
        "failed, then pending",
        (Attempt("r5", error="overloaded"), Attempt("r6", (), "RUNNING", number=2, minutes=60)),
        ("failed", "pending"),
        None,
        "pending",
    ),
    Scenario(
        "missing, then failed",
        (Attempt("r7"), Attempt("r8", error="overloaded", number=2, minutes=60)),
        ("missing", "failed"),
        None,
        "failed",
    ),
    Scenario(
        "cut off, then complete",
        (
            Attempt("t1", ((cut_off("1"), CUT),)),
            Attempt("t2", ((items("1", "2"), GOOD),), number=2, minutes=60),
        ),
        ("truncated", "extracted"),
        1,
        "extracted",
        ("1", "2"),
    ),
    Scenario(
        "complete, then cut off",
        (
            Attempt("t3", ((items("1", "2"), GOOD),)),
            Attempt("t4", ((cut_off("1"), CUT),), number=2, minutes=60),
        ),
        ("extracted", "truncated"),
        0,
        "extracted",
        ("1", "2"),
    ),
    Scenario(
        "cut off twice",
        (
            Attempt("t5", ((cut_off("1"), CUT),)),
            Attempt("t6", ((cut_off("1", "2"), CUT),), number=2, minutes=60),
        ),
        ("truncated", "truncated"),
        1,
        "truncated",
        ("1", "2"),
    ),
    Scenario(
        "unreadable, then empty",
        (
            Attempt("e1", (("no receipt here", GOOD),)),
            Attempt("e2", ((items(), GOOD),), number=2, minutes=60),
        ),
        ("unreadable", "empty"),
        1,
        "empty",
    ),
    Scenario(
        "the reader after the model",
        (
            Attempt("l1", ((items("5"), GOOD),)),
            Attempt("l2", ((items("6"), GOOD),), model="local-ocr", minutes=60),
        ),
        ("extracted", "extracted"),
        0,
        "extracted",
        ("5",),
    ),
    Scenario(
        "the reader, then the model without items",
        (
            Attempt("l3", ((items("6"), GOOD),), model="local-ocr"),
            Attempt("l4", ((items(), GOOD),), minutes=60),
        ),
        ("extracted", "empty"),
        1,
        "empty",
    ),
    Scenario(
        "the reader, then the model in vain",
        (
            Attempt("l5", ((items("6"), GOOD),), model="local-ocr"),
            Attempt("l6", error="overloaded", minutes=60),
        ),
        ("extracted", "failed"),
        0,
        "extracted",
        ("6",),
    ),
    Scenario(
        "the reader after the model's cut-off answer",
        (
            Attempt("l7", ((cut_off("5"), CUT),)),
            Attempt("l8", ((items("6"), GOOD),), model="local-ocr", minutes=60),
        ),
        ("truncated", "extracted"),
        0,
        "truncated",
        ("5",),
    ),
    Scenario(
        "two models, the later job counts",
        (
            Attempt("d1", ((items("7"), GOOD),), model="mistral-large-2512", minutes=60),
            Attempt("d2", ((items("8"), GOOD),)),
        ),
        ("extracted", "extracted"),
        0,
        "extracted",
        ("7",),
    ),
    Scenario(
        "two lines: a good one before a later refusal",
        (Attempt("w1", ((items("9"), GOOD), ("nonsense", GOOD))),),
        ("extracted",),
        0,
        "extracted",
        ("9",),
    ),
    Scenario(
        "two good lines: the later one",
        (Attempt("w2", ((items("9"), GOOD), (items("10"), GOOD))),),
        ("extracted",),
        0,
        "extracted",
        ("10",),
    ),
]


def custom_id(scenario: Scenario, attempt: Attempt) -> str:
    """The id of a request: the same question is one request, however often it is asked."""
    return f"{scenario.name} / {attempt.model}"


def write_scenarios(raw: RawTables) -> None:
    """Every scenario's receipt, requests, jobs and lines; the shards' names are those of the attempts."""
    for scenario in SCENARIOS:
        raw.receipts([scenario.name], currency="USD")
        for attempt in scenario.attempts:
            request = custom_id(scenario, attempt)
            raw.requests(
                attempt.shard,
                {request: scenario.name},
                model=attempt.model,
                attempt=attempt.number,
                minutes=attempt.minutes,
            )
            if attempt.job_status is None:
                continue
            job = f"job-{attempt.shard}"
            raw.job(job, attempt.shard, "QUEUED", minutes=attempt.minutes, model=attempt.model)
            raw.job(job, attempt.shard, attempt.job_status, minutes=attempt.minutes, model=attempt.model)
            lines = [answer_line(request, content, finish_reason=reason) for content, reason in attempt.answers]
            if attempt.error:
                lines.append(json.dumps({"custom_id": request, "response": None, "error": attempt.error}))
            kind = "error" if attempt.error else "output"
            raw.lines(job, f"file-{attempt.shard}", lines, kind=kind, minutes=attempt.minutes + 10)


def write_sources(raw: RawTables) -> None:
    """Receipts whose source, currency or label says something: landed by hand, samples, doubles."""
    header = '{"merchant": "Kedai", "currency": "EUR", "total": "6.00", ' + items("5.00", "1.000")[1:]
    raw.land("first.jsonl", [answer_line("0", items("25.000"))], ids=["0"], currency="USD", minutes=1)
    raw.land("second.jsonl", [answer_line("0", items("25.000"))], ids=["0"], minutes=1)
    # landed again with another currency: no line, but a newer row about the receipt
    raw.receipts(["first.jsonl:0"], source="first.jsonl", source_key="0", currency="IDR", minutes=5, load_id="again")

    raw.receipts(["says MYR"], currency="myr")
    raw.receipts(["says nothing", "says a word that is no code"])
    raw.receipts(["never asked"], currency="USD")
    raw.receipts(["refused image"], currency="USD", rejected_reason="30,000 pixels wide")
    asked = ["says MYR", "says nothing", "says a word that is no code"]
    raw.requests("sources", {name: name for name in asked})
    raw.job("job-sources", "sources")
    raw.lines(
        "job-sources",
        "file-sources",
        [
            answer_line("says MYR", header),
            answer_line("says nothing", header),
            answer_line("says a word that is no code", header.replace("EUR", "ringgit")),
        ],
    )

    raw.receipts(["sample"], source="samples", currency="USD")
    raw.receipts(["sample and photo"], source="samples", currency="USD", minutes=5)
    raw.receipts(["sample and photo"], source="photos", currency="USD", minutes=1)
    raw.requests("samples", {"sample": "sample"})
    raw.job("job-samples", "samples")
    raw.lines("job-samples", "file-samples", [answer_line("sample", items("1")), answer_line("stray", items("1"))])


LABEL = json.dumps(
    {
        "store_name": "Kedai",
        "line_items": [
            {"item_key": "1", "item_name": "ROTI CANAI", "item_value": 2.500, "item_quantity": 1},
            {"item_key": "2", "item_name": "Teh Tarik", "item_value": "RM 3.00", "item_quantity": 1},
            {"item_key": "3", "item_name": "Teh Tarik", "item_value": "3.00", "item_quantity": 1},
            {"item_key": "4", "item_name": "Nasi Lemak Ayam", "item_value": "8.90", "item_quantity": 1},
        ],
    }
)


def write_labelled(raw: RawTables) -> None:
    """A receipt with a label, read by two models, and one whose label can't be read."""
    raw.receipts(["labelled"], currency="MYR", label=LABEL)
    raw.receipts(["badly labelled"], currency="MYR", label="{'line_items': None}")
    careful = [("Roti Canai", "2.50"), ("Teh Tarlk", "3.00"), ("Teh Tarik", "3.00"), ("Nasi Lemak", "9.80")]
    hasty = [("Roti Canai", "2.50"), ("Sum of all", "17.40")]
    for model, read in (("mistral-large-2512", careful), ("ministral-3b-2512", hasty)):
        content = json.dumps(
            {"items": [{"name": name, "price": price, "classification": "Food"} for name, price in read]}
        )
        receipts = ["labelled", "badly labelled"]
        asked = {f"{receipt} / {model}": receipt for receipt in receipts}
        raw.requests(f"labels-{model}", asked, model=model, prompt_id="labels")
        raw.job(f"job-labels-{model}", f"labels-{model}", model=model)
        raw.lines(
            f"job-labels-{model}",
            f"file-labels-{model}",
            [answer_line(request, content) for request in asked],
        )
