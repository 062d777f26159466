"""Every price literal and every shape of answer ends as it should, all the way in the marts."""

from __future__ import annotations

import json
from decimal import Decimal

import duckdb
import pytest

from tests.dbt.corpus import (
    LINES,
    REFUSALS,
    SHAPES,
    STRAYS,
    Refusal,
    Shape,
    literal_id,
    refusal_id,
    shape_id,
)
from tests.dbt.literals import LITERALS, Literal
from tests.dbt.odd_answers import Line

Warehouse = duckdb.DuckDBPyConnection


@pytest.mark.parametrize(
    ("number", "literal"), list(enumerate(LITERALS)), ids=[f"{it.written} {it.currency}" for it in LITERALS]
)
def test_price_literal(corpus: Warehouse, number: int, literal: Literal) -> None:
    kept = corpus.execute(
        "select price, is_price_ambiguous, currency from marts.receipt_items where receipt_id = ?",
        [literal_id(number)],
    ).fetchall()
    rejected = corpus.execute(
        "select reason from marts.rejected_items where receipt_id = ?", [literal_id(number)]
    ).fetchall()
    try:
        expected = Decimal(literal.expected)
    except ArithmeticError:
        assert (kept, rejected) == ([], [(literal.expected,)])
    else:
        assert (kept, rejected) == ([(expected, literal.is_ambiguous, literal.currency)], [])


def test_price_raw_is_as_written(corpus: Warehouse) -> None:
    written = dict(
        corpus.execute(
            """
            select receipt_id, price_raw from marts.receipt_items
            union all select receipt_id, price_raw from marts.rejected_items
            """
        ).fetchall()
    )
    for number, literal in enumerate(LITERALS):
        if literal.written[0] in "-0123456789N":  # a number: its text; a string: what is between the quotes
            assert written[literal_id(number)] == literal.written
        elif literal.written.startswith('"'):
            assert written[literal_id(number)] == json.loads(literal.written)


def test_shapes_have_names_of_their_own() -> None:
    # two of one name would be two answers to one request
    names = [shape.name for shape in SHAPES]
    assert [name for name in names if names.count(name) > 1] == []


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_answer_shape(corpus: Warehouse, shape: Shape) -> None:
    answer = corpus.execute(
        "select status, is_current, item_count from marts.answers where custom_id = ?", [shape_id(shape)]
    ).fetchall()
    is_current = shape.status in ("extracted", "empty") or bool(shape.items)
    assert answer == [(shape.status, is_current, len(shape.items) + len(shape.rejected))]

    items = corpus.execute(
        """
        select name, price, category, is_salvaged from marts.receipt_items
        where receipt_id = ? order by item_number
        """,
        [shape_id(shape)],
    ).fetchall()
    assert items == [
        (name, Decimal(price), category, shape.status == "truncated") for name, price, category in shape.items
    ]

    rejected = corpus.execute(
        "select reason from marts.rejected_items where receipt_id = ? and item_number is not null", [shape_id(shape)]
    ).fetchall()
    assert tuple(reason for (reason,) in rejected) == shape.rejected
    unread = corpus.execute(
        "select name from marts.rejected_items where receipt_id = ? and item_number is null order by name",
        [shape_id(shape)],
    ).fetchall()
    assert tuple(name for (name,) in unread) == shape.unread_amounts

    reasons = corpus.execute(
        "select reason from marts.rejected_answers where receipt_id = ?", [shape_id(shape)]
    ).fetchall()
    assert reasons == ([(shape.reason,)] if shape.reason else [])


@pytest.mark.parametrize(
    "shape", [shape for shape in SHAPES if shape.header], ids=[shape.name for shape in SHAPES if shape.header]
)
def test_receipt_header(corpus: Warehouse, shape: Shape) -> None:
    columns = ", ".join(shape.header)
    row = corpus.execute(f"select {columns} from marts.receipts where receipt_id = ?", [shape_id(shape)]).fetchone()
    assert row is not None
    assert dict(zip(shape.header, map(str, row), strict=True)) == shape.header


@pytest.mark.parametrize("line", LINES, ids=[line.name for line in LINES])
def test_answer_in_an_odd_line(corpus: Warehouse, line: Line) -> None:
    answers = corpus.execute(
        "select status, item_count, is_current from marts.answers where custom_id = ?", [f"line-{line.name}"]
    ).fetchall()
    assert answers == [(line.status, line.items, True)]


def test_what_is_read_with_a_doubt_is_counted(corpus: Warehouse) -> None:
    counted = corpus.execute(
        """
        select 'dates', count(*), count(distinct purchased_on_raw) from audit.warn_unreadable_purchase_date
        union all select 'keys', count(*), sum(repeated_keys) from audit.warn_repeated_keys
        union all select 'odd dates', count(*), count(distinct purchased_on) from audit.warn_odd_purchase_date
        """
    ).fetchall()
    unread = [it for it in SHAPES if it.name.startswith("date") and it.header["purchased_on"] == "None"]
    assert ("dates", len(unread) + 2, len({it.name.split("'")[1] for it in unread})) in counted
    assert {name: count for name, count, _ in counted}["odd dates"] == 2
    assert {name: count for name, count, _ in counted}["keys"] == 3


@pytest.mark.parametrize("refusal", REFUSALS, ids=[refusal.name for refusal in REFUSALS])
def test_provider_error(corpus: Warehouse, refusal: Refusal) -> None:
    (row,) = corpus.execute(
        """
        select answers.status, answers.is_current, reason, detail
        from marts.answers inner join marts.rejected_answers using (answer_id)
        where answers.custom_id = ?
        """,
        [refusal_id(refusal)],
    ).fetchall()
    assert row[:3] == ("failed", False, "provider error")
    assert refusal.detail in row[3]


def test_lines_of_no_request(corpus: Warehouse) -> None:
    strays = corpus.execute(
        """
        select answers.status, reason, is_current, answers.receipt_id
        from marts.answers inner join marts.rejected_answers using (answer_id)
        where answers.file_id = 'file-refusals' and answers.line_number > ?
        order by answers.line_number
        """,
        [len(REFUSALS)],
    ).fetchall()
    assert strays == [(status, reason, False, None) for _, status, reason in STRAYS]


def test_every_landed_line_is_an_answer(corpus: Warehouse) -> None:
    (difference,) = corpus.execute(
        """
        select count(*) from (
            select file_id, line_number from raw.batch_output where file_id <> 'file-samples'
            except all select file_id, line_number from marts.answers
        )
        """
    ).fetchone() or (None,)
    assert difference == 0
