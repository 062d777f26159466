"""Answers that hold more than the answer, or write it oddly: one meaning is read, several are none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.dbt.raw_tables import answer_line


@dataclass(frozen=True)
class Shape:
    """An answer and what becomes of it: its status, its items as (name, price, category), else the reason."""

    name: str
    content: Any
    status: str = "extracted"
    items: tuple[tuple[str | None, str, str], ...] = ()
    reason: str | None = None
    finish_reason: str = "stop"
    header: dict[str, str] = field(default_factory=dict)  # columns of marts.receipts that must be so
    rejected: tuple[str, ...] = ()  # reasons of its rejected items
    unread_amounts: tuple[str, ...] = ()  # what is printed beside the items and cannot be read


ONE = '{"items": [{"name": "Bun", "price": "1", "classification": "Food"}]}'
OTHER = ONE.replace("Bun", "Pie").replace('"1"', '"2"')
BUN = ("Bun", "1", "Food")
LIST, OTHER_LIST = (it[it.index("[") : -1] for it in (ONE, OTHER))
FENCE = "```json\n%s\n```"
SEVERAL_ANSWERS: dict[str, Any] = {"status": "unreadable", "reason": "several answers"}
SEVERAL_LISTS: dict[str, Any] = {"status": "unreadable", "reason": "several lists"}
NO_LIST: dict[str, Any] = {"status": "unreadable", "reason": "no list of items"}
NOT_JSON: dict[str, Any] = {"status": "unreadable", "reason": "not JSON"}

# Which answer is meant, where the content holds more than the answer: one meaning, or none.
MEANINGS: list[Shape] = [
    # several values
    Shape("a draft and an answer in fences", f"{FENCE % ONE}\nOn second thought:\n{FENCE % OTHER}", **SEVERAL_ANSWERS),
    Shape("a draft and an answer without fences", f"{ONE}\nOn second thought:\n{OTHER}", **SEVERAL_ANSWERS),
    Shape("a draft in a fence, the answer without", f"{FENCE % ONE}\nOn second thought: {OTHER}", **SEVERAL_ANSWERS),
    Shape("a fence a page", f"Page 1\n{FENCE % LIST}\nPage 2\n{FENCE % OTHER_LIST}", **SEVERAL_ANSWERS),
    Shape("three fences, the last another", f"{FENCE % ONE}\n{FENCE % ONE}\n{FENCE % OTHER}", **SEVERAL_ANSWERS),
    Shape("an item a line", "\n".join(LIST[1:-1] for LIST in (LIST, OTHER_LIST)), **SEVERAL_ANSWERS),
    Shape("one answer twice in fences", f"{FENCE % ONE}\nOnce more:\n{FENCE % ONE}", items=(BUN,)),
    Shape("one answer twice, written otherwise", f"{FENCE % ONE}\n{ONE.replace(': ', ':')}", items=(BUN,)),
    Shape("one answer twice, a list and a document", f"{FENCE % LIST}\n{FENCE % ONE}", items=(BUN,)),
    Shape(
        "one answer twice, once with a number",
        f"""{FENCE % ONE}\n{ONE.replace('"1"', "1")}""",
        items=(BUN,),
    ),
    Shape(
        "one answer twice, with two totals",
        "\n".join(ONE.replace("{", f"{{{it}, ", 1) for it in ('"total": "1", "merchant": "Kopi"', '"total": "2"')),
        items=(BUN,),
        header={"total": "None", "merchant": "Kopi"},
    ),
    Shape("an empty fence before a full one", FENCE % '{"items": []}' + "\n" + FENCE % ONE, items=(BUN,)),
    Shape("an empty fence after a full one", FENCE % ONE + "\n" + FENCE % "[]", items=(BUN,)),
    Shape("two empty fences", FENCE % '{"items": []}' + "\n" + FENCE % "[]", "empty", reason="no items"),
    Shape("broken JSON, then the answer", f"{FENCE % (ONE[:-2] + '}')}\nAgain:\n{FENCE % ONE}", items=(BUN,)),
    # thinking
    *(
        Shape(f"thinking in {start}", f"{start}Perhaps {OTHER}? No.{end}\n{ONE}", items=(BUN,))
        for start, end in [
            ("<think>", "</think>"),
            ("<THINKING>", "</THINKING>"),
            ("<reasoning>\n", "\n</reasoning>"),
            ("[THINK]", "[/THINK]"),
            ("", "</think>"),
            ('<think effort="high">', "</think>"),
        ]
    ),
    Shape("two thoughts", f"<think>{OTHER}</think><think>hm</think>{FENCE % ONE}<think>{OTHER}", items=(BUN,)),
    Shape("thinking in a fence", f"<think>\n{FENCE % OTHER}\n</think>\n{FENCE % ONE}", items=(BUN,)),
    *(
        Shape(f"thinking without an end in {start}", f"{start}Perhaps {ONE}", **NOT_JSON)
        for start in ("<think>", "<thinking>", "<reasoning>", "[THINK]")
    ),
    Shape(
        "thinking without an end, cut off",
        f"<think>{ONE}",
        "truncated",
        finish_reason="length",
        reason="cut off before the first item",
    ),
    Shape("a name like a thought", ONE.replace("Bun", "<think> [THINK]"), items=(("<think> [THINK]", "1", "Food"),)),
    Shape(
        "chunks of thinking with a text",
        [
            {"type": "thinking", "text": OTHER},
            {"type": "text", "text": ONE},
            {"type": "text", "text": OTHER, "thought": True},
        ],
        items=(BUN,),
    ),
    # several lists
    Shape("an object a receipt", f'{{"receipt_1": {ONE}, "receipt_2": {OTHER}}}', **SEVERAL_LISTS),
    Shape("a list of receipts", f"[{ONE}, {OTHER}]", **SEVERAL_LISTS),
    Shape(
        "receipts with names",
        f'{{"receipts": [{{"name": "A", "items": {LIST}}}, {{"name": "B", "items": {OTHER_LIST}}}]}}',
        **SEVERAL_LISTS,
    ),
    Shape("a list of one receipt", f"[{ONE}]", items=(BUN,)),
    Shape("a list a page", f'{{"items": {LIST}, "items_page_2": {OTHER_LIST}}}', **SEVERAL_LISTS),
    Shape("a list a category", f'{{"Food": {LIST}, "Beverage": {OTHER_LIST}, "Other": []}}', **SEVERAL_LISTS),
    Shape(
        "a list in each category",
        f'{{"categories": [{{"name": "Food", "items": {LIST}}}, {{"name": "Other", "items": {OTHER_LIST}}}]}}',
        **SEVERAL_LISTS,
    ),
    Shape("discounts apart", f'{{"items": {LIST}, "discounts": {OTHER_LIST}}}', **SEVERAL_LISTS),
    Shape("items twice", f'{{"items": {LIST}, "items": {OTHER_LIST}}}', **SEVERAL_LISTS),
    Shape("items twice, the same", f'{{"items": {LIST}, "line_items": {LIST}}}', items=(BUN,)),
    Shape("items twice, first empty", f'{{"items": [], "items": {LIST}}}', items=(BUN,)),
    Shape(
        "lists too deep for the eye",
        f'{{"a": {{"b": {{"c": {{"d": {ONE}}}}}}}, "e": [{{"f": {OTHER}}}]}}',
        **SEVERAL_LISTS,
    ),
    # the list that is of items
    *(
        Shape(f"{key} beside the {products}", f'{{"{key}": {OTHER_LIST}, "{products}": {LIST}}}', items=(BUN,))
        for key, products in [
            ("taxes", "products"),
            ("payments", "line_items"),
            ("totals", "lines"),
            ("tax_lines", "entries"),
            ("paymentMethods", "items"),
            ("VAT", "bought"),
            ("subtotals", "items"),
            ("Tenders", "articles"),
        ]
    ),
    Shape("taxes in an object", f'{{"summary": {{"lines": {OTHER_LIST}}}, "items": {LIST}}}', items=(BUN,)),
    Shape("taxes alone", f'{{"taxes": {LIST}}}', **NO_LIST),
    Shape("names beside the items", f'{{"staff": [{{"name": "Ann"}}], "products": {LIST}}}', items=(BUN,)),
    Shape("a shop with a name", f'{{"name": "Kopi & Co", "products": {LIST}}}', items=(BUN,)),
    Shape("a shop with a name and no items", '{"name": "Kopi & Co", "items": null}', **NO_LIST),
    Shape(
        "extras of an item",
        ONE.replace('"1"', '"1", "extras": [{"name": "Jam", "price": "1"}]'),
        items=(BUN,),
    ),
    Shape(
        "a total in the payment",
        f'{{"payment": {{"total": "9", "change": "8"}}, "receipt": {{"total": "1", "items": {LIST}}}}}',
        items=(BUN,),
        header={"total": "1.000"},
    ),
    Shape(
        "a header after the items",
        f'{{"items": {LIST}, "sums": {{"total": "1"}}}}',
        items=(BUN,),
        header={"total": "1.000"},
    ),
    Shape(
        "a header in two objects",
        f'{{"shop": {{"merchant": "Kopi"}}, "sums": {{"total": "1"}}, "items": {LIST}}}',
        items=(BUN,),
        header={"total": "1.000", "merchant": "Kopi"},
    ),
    # empty or not
    Shape("an error and an empty list", '{"error": "cannot read", "notes": []}', **NO_LIST),
    Shape("empty items beside a full list", f'{{"items": [], "products": {LIST}}}', items=(BUN,)),
    Shape("empty items beside texts", '{"items": [], "products": ["Bun 1.00"]}', **NO_LIST),
    Shape("empty items beside things", '{"items": [], "found": [{"what": "Bun", "cost": "1"}]}', **NO_LIST),
    Shape(
        "empty items beside notes",
        '{"items": [], "notes": ["blurred"], "taxes": [{"name": "VAT"}]}',
        "empty",
        reason="no items",
        unread_amounts=("tax",),
    ),
    Shape("empty items in a receipt", '{"receipt": {"items": []}}', "empty", reason="no items"),
    Shape("an empty list in a fence", "Nothing:\n```json\n[]\n```", "empty", reason="no items"),
    Shape("an empty list and prose", "[]\n\nNo items found.", "empty", reason="no items"),
    Shape("an empty list in prose", "I can't read it (see notes []).", **NOT_JSON),
    # whole, whatever comes after
    *(
        Shape(f"the document and {name} ({reason})", f"{ONE}{end}", items=(BUN,), finish_reason=reason)
        for name, end in [("nothing", ""), ("blanks", " \n\t\u00a0"), ("the end of a fence", "\n```")]
        for reason in ("length", "LENGTH", "max_tokens", "content_filter")
    ),
    Shape("the document in prose, at the limit", f"Here: {ONE}", items=(BUN,), finish_reason="length"),
    Shape("the list at the limit", f"Here: {LIST}\n", items=(BUN,), finish_reason="length"),
    Shape("prose after it, cut off", f"{ONE}\nPlease note th", "truncated", items=(BUN,), finish_reason="length"),
    Shape(
        "a draft, then cut off",
        f"{ONE}\nNo: {OTHER[:-20]}",
        "truncated",
        finish_reason="length",
        reason="cut off before the first item",
    ),
    Shape(
        "taxes before the items, cut off",
        f'{{"taxes": {OTHER_LIST}, "products": {LIST[:-1]}, {{"na',
        "truncated",
        items=(BUN,),
        finish_reason="max_tokens",
    ),
    *(
        Shape(f"cut off ({reason})", f"{ONE[:-2]}, {{", "truncated", items=(BUN,), finish_reason=reason)
        for reason in (
            "LENGTH",
            " Length ",
            "max-tokens",
            "maxOutputTokens",
            "max_tokens",
            "MAX_TOKENS",
            "MODEL_LENGTH",
            "content_filter",
        )
    ),
    *(Shape(f"done ({reason})", ONE, items=(BUN,), finish_reason=reason) for reason in ("STOP", "end_turn", "eos")),
    *(
        Shape(f"refused ({reason})", None, "failed", reason="provider error", finish_reason=reason)
        for reason in ("ERROR", "content_filter", "CONTENT_FILTER", "SAFETY")
    ),
    *(
        Shape(f"before {name}", f"{ONE}{end}", items=(BUN,))
        for name, end in [
            ("prose", "\n\nThe total is {not} printed [1]."),
            ("references", " [1] [2]"),
            ("a closing bracket", "}"),
            ("a quote", ' as on the 15" screen'),
            ("an object", '\n{"confidence": 0.9}'),
            ("an opening bracket", " ["),
        ]
    ),
    *(
        Shape(f"after {name}", f"{start}{ONE}", items=(BUN,))
        for name, start in [
            ("a quote", 'As on the 15" screen: '),
            ("brackets", "See [1] and {so}: "),
            ("an open bracket", "([{ "),
            ("a closing bracket", "so }]: "),
            ("an object", '{"thought": "hm"}\n'),
        ]
    ),
    # what JSON does not allow
    *(
        Shape(
            f"{name} in a name",
            f'{{"items": [{{"name": "A{mark}B", "price": "1", "classification": "Food"}}]}}',
            items=((f"A{read}B", "1", "Food"),),
        )
        for name, mark, read in [
            ("a line end", "\n", "\n"),
            ("a tab", "\t", "\t"),
            ("a carriage return", "\r\n", "\r\n"),
            ("a raw NUL", "\0", ""),
            ("half a surrogate", "\\ud83d", "\ufffd"),
            ("the other half", "\\uDE00", "\ufffd"),
            ("an escaped NUL", "\\u0000", ""),
            ("halves that don't fit", "\\ude00\\ud83d", "\ufffd\ufffd"),
            ("no surrogate", "\\\\ud83d", "\\ud83d"),
            ("a surrogate and a half", "\\ud83d\\ude00\\ud83d", "😀\ufffd"),
            ("backticks", "```", "```"),
            ("a fence", "```json ", "```json "),
            ("no-break space", "\u00a0", "\u00a0"),
        ]
    ),
    Shape("backticks in a name in a fence", FENCE % ONE.replace("Bun", "a ``` b"), items=(("a ``` b", "1", "Food"),)),
    Shape(
        "a line end in a name in a fence",
        "Here:\n" + FENCE % ONE.replace("Bun", "a\nb"),
        items=(("a\nb", "1", "Food"),),
    ),
    *(
        Shape(
            f"{name} between tokens",
            ONE.replace(": ", f":{mark}").replace(", ", f"{mark},{mark}").replace("}", f"{mark}}}"),
            items=(BUN,),
        )
        for name, mark in [
            ("no-break spaces", "\u00a0"),
            ("zero-width spaces", "\u200b"),
            ("byte order marks", "\ufeff"),
            ("narrow spaces", "\u202f"),
            ("line ends", "\r\n"),
            ("word joiners", "\u2060"),
            ("ideographic spaces", "\u3000"),
        ]
    ),
    Shape(
        "a no-break space before a number",
        '{"currency": "IDR", "items": [{"name": "Bun",\u00a0"price":\u00a025.000, "classification": "Food"}]}',
        items=(("Bun", "25000", "Food"),),
    ),
]


def _dates() -> list[Shape]:
    read_as: dict[tuple[str, str], str] = {
        ("2026-01-02", ""): "2026-01-02", ("2026-01-02T10:00:00Z", ""): "2026-01-02",
        ("\u00a02026-01-02\n", ""): "2026-01-02",
        (" 2026-01-02 ", ""): "2026-01-02",
        ("2026-01-02 23:59", ""): "2026-01-02", ("2026/1/2", ""): "2026-01-02", ("2026.01.02", ""): "2026-01-02",
        ("20260102", ""): "2026-01-02", ("2026年1月2日", "JPY"): "2026-01-02", ("02.01.2026", ""): "2026-01-02",
        ("2.1.2026 10:00", "USD"): "2026-01-02", ("14/02/2026", ""): "2026-02-14", ("02/14/2026", ""): "2026-02-14",
        ("03/03/2026", ""): "2026-03-03", ("01/02/2026", "USD"): "2026-01-02", ("01/02/2026", "GBP"): "2026-02-01",
        ("01-02-2026", "IDR"): "2026-02-01", ("01/02/2026", ""): "None", ("01/02/2026", "CAD"): "None",
        ("2 Jan 2026", ""): "2026-01-02", ("02-JAN-2026", ""): "2026-01-02", ("January 2nd, 2026", ""): "2026-01-02",
        ("Dec 31, 2025", ""): "2025-12-31", ("0001-01-01", ""): "0001-01-01", ("9999-12-31", ""): "9999-12-31",
        ("0000-01-01", ""): "None", ("2026-02-30", ""): "None", ("31.02.2026", ""): "None", ("14/02/26", ""): "None",
        ("02.01.26", ""): "None", ("13/13/2026", ""): "None", ("yesterday", ""): "None", ("2026", ""): "None",
    }  # fmt: skip
    return [
        Shape(
            f"date {date!r} {currency}",
            json.dumps({"purchased_on": date, "currency": currency, "items": []}),
            "empty",
            reason="no items",
            header={"purchased_on": day},
        )
        for (date, currency), day in read_as.items()
    ]


def _sums() -> list[Shape]:
    """Receipts whose sums are among the items: total, then name and price, a star before what is kept."""
    receipts: list[tuple[str | None, str]] = [
        ("3.00", "*Tea 3.00, TOTAL 3.00"),
        ("3.00", "*Tea 1.00, *Bun 2.00, Subtotal: 3.00, TOTAL EUR 3.00, CASH 5.00, CHANGE 2.00"),
        ("3.30", "*Tea 1.00, *Bun 2.00, SUB-TOTAL 3.00, VAT 10% 0.30, Grand Total 3.30, Visa 3.30"),
        ("3.00", "*Tee 1.00, *Brot 2.00, Summe 3.00, MwSt. 7% 0.20, Bar 10.00, Rückgeld 7.00"),
        ("3.00", "*茶 3.00, 合計 3.00, お釣り 0.00"),
        (None, "*Tea 1.00, *Bun 2.00, Total 3.00"),
        (None, "*Tea 1.00, Tax 0.10, Total 1.10"),
        ("3.00", "TOTAL 3.00"),
        # items, whatever they are called
        ("3.00", "*TOTAL 0% yoghurt 3.00"),
        ("5.00", "*Total 3.00, *Tea 2.00"),
        ("5.00", "*Card 3.00, *Pen 2.00"),
        (None, "*Total 3.00"),
        (None, "*Card 3.00, *Pen 3.00"),
        ("3.00", "*Card 3.00"),
        ("3.00", "*Cash Bag 1.00, *Taxi 2.00"),
    ]
    shapes = []
    for total, lines in receipts:
        names = [tuple(line.rsplit(" ", 1)) for line in lines.split(", ")]
        items = [{"name": name.lstrip("*"), "price": price, "classification": "Food"} for name, price in names]
        kept = tuple((name[1:], price, "Food") for name, price in names if name.startswith("*"))
        shapes.append(
            Shape(
                f"sums: {lines} of {total}",
                json.dumps({"currency": "EUR", "total": total, "items": items}),
                items=kept,
                rejected=("not an item",) * (len(items) - len(kept)),
            )
        )
    return shapes


DATES, SUMS = _dates(), _sums()


@dataclass(frozen=True)
class Line:
    """A line that is an answer in an odd wrapping, and what becomes of it."""

    name: str
    line: str
    status: str = "extracted"
    items: int = 1


def _line(name: str, content: Any = ONE, replaced: tuple[str, str] = ("", ""), **changed: Any) -> Line:
    """An answer of one item, some fields of the line changed, then its text."""
    line = {**json.loads(answer_line(f"line-{name}", content)), **changed}
    return Line(name, json.dumps(line, ensure_ascii=False).replace(*replaced))


def _choices(*contents: tuple[int, Any]) -> dict[str, Any]:
    choices = [{"index": index, "finish_reason": "stop", "message": {"content": it}} for index, it in contents]
    return {"status_code": 200, "body": {"choices": choices}}


LINES: list[Line] = [
    # an error without a word beside an answer is none
    *(
        _line(f"error {json.dumps(error)}", error=error)
        for error in (
            None,
            {},
            [],
            "",
            "null",
            "None",
            {"code": None, "message": None},
            {"code": "", "message": ""},
            [None],
            [{}],
            {"code": 0, "message": ""},
            {"error": {"message": None, "param": None}},
            False,
            0,
        )
    ),
    # the choice of index 0
    _line("choices out of order", response=_choices((1, OTHER_LIST[:-1] + ", 5]"), (0, ONE))),
    _line("the last of four choices", response=_choices((3, OTHER), (2, "no"), (1, None), (0, ONE))),
    _line("a choice in chunks", response=_choices((1, OTHER), (0, [{"type": "text", "text": ONE}]))),
    _line("choices in order", response=_choices((0, ONE), (1, "no"))),
    # half a surrogate or a control character anywhere in the line
    _line("half a surrogate in the content", replaced=("Bun", "Bun \\ud83d")),
    _line("half a surrogate in the id of the response", replaced=('"id": "', '"id": "\\udc00')),
    _line("a pair and a half", replaced=("Bun", "\\ud83c\\udf5c \\ud83c")),
    _line("a tab in the line", replaced=("Bun", "Bun\tx")),
    _line("a control character in the line", replaced=("Bun", "Bun\x01x")),
]
