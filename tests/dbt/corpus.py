"""The edge cases that the dbt project is held to: literals and their prices, answers and what they become."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.dbt.literals import LITERALS, UNKNOWN
from tests.dbt.odd_amounts import AMOUNTS
from tests.dbt.odd_answers import DATES, LINES, MEANINGS, SUMS, Shape
from tests.dbt.raw_tables import T0, RawTables, answer_line, unix
from tests.dbt.repeated import write_repeated

ITEMS = '[{"name": "Tea", "price": "3.20", "classification": "Beverage"}, ' \
    '{"name": "Rice \\"{x}\\" [1]", "price": 12.50, "classification": "Food"}]'  # fmt: skip
TEA = ("Tea", "3.2", "Beverage")
RICE = ('Rice "{x}" [1]', "12.5", "Food")
BOTH = (TEA, RICE)
HEADER = '"merchant": " Kopi & Co ", "purchased_on": "2026-02-14", "currency": "eur", "total": "15,70"'
HEADER_READ = {
    "merchant": "Kopi & Co",
    "purchased_on": "2026-02-14",
    "currency": "EUR",
    "total": "15.700",
    "spend": "15.700",
    "total_difference": "0.000",
}


def _item(price: str = '"1.00"', category: str = '"Food"', name: str = '"Bun"') -> str:
    return f'{{"items": [{{"name": {name}, "price": {price}, "classification": {category}}}]}}'


def _categories() -> list[Shape]:
    read_as = {
        "food": "Food", " FOOD ": "Food", "Bev erage": "Beverage", "TRAVEL": "Travel",
        "Groceries": "Other", "": "Other", "Food/Beverage": "Other", "Other": "Other",
    }  # fmt: skip
    return [
        Shape(f"category {raw!r}", _item(category=json.dumps(raw)), items=(("Bun", "1", category),))
        for raw, category in read_as.items()
    ] + [Shape("category null", _item(category="null"), items=(("Bun", "1", "Other"),))]


SHAPES: list[Shape] = [
    Shape("plain", f'{{"items": {ITEMS}}}', items=BOTH),
    Shape("header", f'{{{HEADER}, "items": {ITEMS}}}', items=BOTH, header=HEADER_READ),
    Shape("header after the items", f'{{"items": {ITEMS}, {HEADER}}}', items=BOTH, header=HEADER_READ),
    Shape(
        "header of nulls",
        f'{{"merchant": null, "purchased_on": null, "currency": null, "total": null, "items": {ITEMS}}}',
        items=BOTH,
        header={"merchant": "None", "purchased_on": "None", "currency": "XXX", "total": "None"},
    ),
    Shape(
        "header of nonsense",
        f'{{"merchant": "", "purchased_on": "14/02/26", "currency": "EURO!", "total": "a lot", "items": {ITEMS}}}',
        items=BOTH,
        header={"merchant": "None", "purchased_on": "None", "currency": "XXX", "total": "None"},
        unread_amounts=("total",),
    ),
    Shape(
        "a day that isn't",
        f'{{"purchased_on": "2026-02-30", "items": {ITEMS}}}',
        items=BOTH,
        header={"purchased_on": "None"},
    ),
    Shape(
        "total as a number keeps its literal",
        '{"currency": "IDR", "total": 25.000, "items": [{"name": "Rice", "price": 25.000}]}',
        items=(("Rice", "25000", "Other"),),
        header={"total": "25000.000"},
    ),
    Shape("fenced", f'```json\n{{"items": {ITEMS}}}\n```', items=BOTH),
    Shape(
        "fenced with prose",
        f'Sure! Here it is:\n\n```\n{{"items": {ITEMS}}}\n```\nAnything else?',
        items=BOTH,
    ),
    Shape("prose with brackets, fenced", f"As asked [1] {{so}}:\n```json\n{ITEMS}\n```\n(see [1])", items=BOTH),
    Shape("fence without its end", f'```json\n{{"items": {ITEMS}}}', items=BOTH),
    Shape("prose without a fence", f'The items are: {{"items": {ITEMS}}} That is all.', items=BOTH),
    Shape("prose after it", f'{{"items": {ITEMS}}}\n\nPrices are in ringgit.', items=BOTH),
    Shape("bare list", ITEMS, items=BOTH),
    Shape("other key", f'{{"line_items": {ITEMS}}}', items=BOTH),
    Shape("nested", f'{{"receipt": {{{HEADER}, "items": {ITEMS}}}}}', items=BOTH, header=HEADER_READ),
    Shape(
        "nested twice under other keys",
        f'{{"data": {{"notes": [], "receipt": {{{HEADER}, "lines": {ITEMS}}}}}}}',
        items=BOTH,
        header=HEADER_READ,
    ),
    Shape("one item without a list", ITEMS[1 : ITEMS.index("}") + 1], items=(TEA,)),
    Shape("one item under the key", f'{{"items": {ITEMS[1 : ITEMS.index("}") + 1]}}}', items=(TEA,)),
    Shape("byte order mark", f'\ufeff{{"items": {ITEMS}}}', items=BOTH),
    Shape("trailing comma", f'{{"items": {ITEMS[:-1]},]}}', items=BOTH),
    Shape(
        "chunks",
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "text", "text": f'{{"items": {ITEMS[:20]}'},
            {"type": "text", "text": f"{ITEMS[20:]}}}"},
        ],
        items=BOTH,
    ),
    Shape("nothing on it", '{"items": []}', "empty", reason="no items"),
    Shape("bare empty list", "[]", "empty", reason="no items"),
    Shape("empty list under another key", '{"products": []}', "unreadable", reason="no list of items"),
    # cut off
    *(
        Shape(
            f"cut off ({finish_reason}): {name}",
            cut,
            "truncated",
            items=items,
            reason=None if items else "cut off before the first item",
            finish_reason=finish_reason,
        )
        for finish_reason, name, cut, items in [
            ("length", "in an item", f'{{"items": {ITEMS[:-20]}', (TEA,)),
            ("model_length", "in an item", f'{{"items": {ITEMS[:-20]}', (TEA,)),
            ("length", "between items", f'{{"items": {ITEMS[:-1]},', BOTH),
            (
                "length",
                "in a string with brackets",
                '{"items": [' + ITEMS[1:-1] + ', {"name": "a}, {b]',
                BOTH,
            ),
            ("length", "in a bare list", ITEMS[:-20], (TEA,)),
            ("length", "in a nested list", f'{{"receipt": {{"items": {ITEMS[:-20]}', (TEA,)),
            ("length", "in a fence", f'```json\n{{"items": {ITEMS[:-20]}', (TEA,)),
            ("length", "in the header after the items", f'{{"items": {ITEMS}, "merchant": "Ko', BOTH),
            ("length", "in the first item", '{"items": [{"name": "Te', ()),
            ("length", "at once", "", ()),
        ]
    ),
    # not of the wanted shape
    Shape("null content", None, "unreadable", reason="no content"),
    Shape("no content", "", "unreadable", reason="no content"),
    Shape("no chunks", [], "unreadable", reason="no content"),
    Shape("not JSON", "I cannot read this receipt.", "unreadable", reason="not JSON"),
    Shape("broken JSON", '{"items": [{"name": "Tea", "price": }]}', "unreadable", reason="not JSON"),
    Shape("cut off without saying so", f'{{"items": {ITEMS[:-20]}', "unreadable", reason="not JSON"),
    Shape("single quotes", "{'items': []}", "unreadable", reason="not JSON"),
    Shape("other JSON", '{"answer": "no items here"}', "unreadable", reason="no list of items"),
    Shape("a number", "42", "unreadable", reason="no list of items"),
    Shape("a list of numbers", "[1, 2]", "unreadable", reason="no list of items"),
    Shape("tool call", None, "unreadable", reason="no content", finish_reason="tool_calls"),
    Shape("the model gave up", "", "failed", reason="provider error", finish_reason="error"),
    # items
    Shape("elements that are no items", '{"items": ["Tea", null, 5, {}]}', rejected=("not an item",) * 4),
    Shape("price missing", '{"items": [{"name": "Tea"}]}', rejected=("no price",)),
    Shape("name missing", _item(name="null"), items=((None, "1", "Food"),)),
    Shape("name as a number", _item(name="7"), items=(("7", "1", "Food"),)),
    Shape(
        "unicode",
        _item(name='"\\u30e9\\u30fc\\u30e1\\u30f3 \\ud83c\\udf5c"'),
        items=(("ラーメン 🍜", "1", "Food"),),
    ),
    Shape("hostile name", _item(name='"\\"price\\": 25.000, }]"'), items=(('"price": 25.000, }]', "1", "Food"),)),
    Shape("keys twice", '{"items": [{"name": "A", "name": "B", "price": 1}]}', items=(("A", "1", "Other"),)),
    *_categories(),
    Shape("NUL in a name", _item(name='"B\\u0000n"'), items=(("Bn", "1", "Food"),)),
    Shape("very deep", "[" * 3000 + "]" * 3000, "unreadable", reason="no list of items"),
]

SHAPES += MEANINGS + DATES + SUMS + AMOUNTS


@dataclass(frozen=True)
class Refusal:
    """A line that is the provider's refusal; the detail must contain these words."""

    name: str
    line: dict[str, Any]
    detail: str


def _good_body() -> Any:
    return json.loads(answer_line("x", f'{{"items": {ITEMS}}}'))["response"]


REFUSALS: list[Refusal] = [
    Refusal("error text", {"response": None, "error": "rate limit exceeded"}, "rate limit exceeded"),
    Refusal("error object", {"response": None, "error": {"message": "bad image", "code": 3}}, "bad image"),
    Refusal("error object without message", {"error": {"code": 1234}}, "1234"),
    Refusal(
        "status 422",
        {
            "response": {"status_code": 422, "body": {"object": "error", "message": "too large"}},
            "error": None,
        },
        "too large",
    ),
    Refusal("status 500, no body", {"response": {"status_code": 500, "body": None}, "error": None}, "500"),
    Refusal("status 500, text body", {"response": {"status_code": 500, "body": "oops"}}, "oops"),
    Refusal("response null", {"response": None, "error": None}, "no message"),
    Refusal("response absent", {}, "no message"),
    Refusal("body null", {"response": {"status_code": 200, "body": None}, "error": None}, "no message"),
    Refusal("no choices", {"response": {"status_code": 200, "body": {"choices": []}}}, "no message"),
    Refusal("error beside an answer", {"response": _good_body(), "error": "withdrawn"}, "withdrawn"),
]

# lines that belong to no request: line, status, reason
STRAYS: list[tuple[str, str, str]] = [
    (
        answer_line("moment out of range", ITEMS, created=10**17, tokens=(10**30, -1)),
        "extracted",
        "unknown custom_id",
    ),
    (answer_line("moment", ITEMS).replace(str(unix(T0) + 600), '"soon"'), "extracted", "unknown custom_id"),
    (answer_line("nobody", f'{{"items": {ITEMS}}}'), "extracted", "unknown custom_id"),
    (answer_line(None, f'{{"items": {ITEMS}}}'), "extracted", "no custom_id"),
    (json.dumps({"error": "no id at all"}), "failed", "no custom_id"),
    ("", "unreadable", "blank line"),
    ("\r", "unreadable", "blank line"),
    ("<html>502 Bad Gateway</html>", "unreadable", "line is not JSON"),
    ('{"custom_id": "cut", "resp', "unreadable", "line is not JSON"),
    ("[1, 2]", "failed", "no custom_id"),
]


def literal_id(number: int) -> str:
    """The receipt of the nth literal."""
    return f"literal-{number}"


def shape_id(shape: Shape) -> str:
    """The receipt of a shape."""
    return f"shape-{shape.name}"


def refusal_id(refusal: Refusal) -> str:
    """The receipt of a refusal."""
    return f"refusal-{refusal.name}"


def write_corpus(raw: RawTables) -> None:
    """Everything above as the answers of a job a kind, each receipt asked once."""
    lines = []
    for number, literal in enumerate(LITERALS):
        raw.receipts([literal_id(number)], currency=None if literal.currency == UNKNOWN else literal.currency)
        lines.append(answer_line(literal_id(number), _item(price=literal.written)))
    ids = [literal_id(number) for number in range(len(LITERALS))]
    raw.requests("shard-literals", dict(zip(ids, ids, strict=True)))
    raw.job("job-literals", "shard-literals")
    raw.lines("job-literals", "file-literals", lines)

    ids = [shape_id(shape) for shape in SHAPES]
    raw.receipts(ids)
    raw.requests("shard-shapes", dict(zip(ids, ids, strict=True)))
    raw.job("job-shapes", "shard-shapes")
    raw.lines(
        "job-shapes",
        "file-shapes",
        [answer_line(shape_id(shape), shape.content, finish_reason=shape.finish_reason) for shape in SHAPES],
    )

    write_repeated(raw)

    ids = [f"line-{line.name}" for line in LINES]
    raw.receipts(ids)
    raw.requests("shard-lines", dict(zip(ids, ids, strict=True)))
    raw.job("job-lines", "shard-lines")
    raw.lines("job-lines", "file-lines", [line.line for line in LINES])

    ids = [refusal_id(refusal) for refusal in REFUSALS]
    raw.receipts(ids)
    raw.requests("shard-refusals", dict(zip(ids, ids, strict=True)))
    raw.job("job-refusals", "shard-refusals", "FAILED")
    raw.lines(
        "job-refusals",
        "file-refusals",
        [json.dumps({"custom_id": refusal_id(refusal), **refusal.line}) for refusal in REFUSALS]
        + [line for line, _, _ in STRAYS],
        kind="error",
    )
