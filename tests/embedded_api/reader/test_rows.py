"""Boxes into rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loader.embedded_api.reader.ocr import Page, TextBox
from loader.embedded_api.reader.rows import rows_of, rows_of_pages
from tests.embedded_api.reader.printed import boxes_of, rows

RECEIPT = """
    TEH TARIK                 2.50
    ROTI CANAI KOSONG         1.80
    TOTAL                     4.30
"""
TEXTS = ["TEH TARIK 2.50", "ROTI CANAI KOSONG 1.80", "TOTAL 4.30"]


def test_rows_from_the_top_and_cells_from_the_left() -> None:
    assert [row.text for row in rows(RECEIPT)] == TEXTS


@pytest.mark.parametrize("degrees", [-6, -2, 2, 6])
def test_skew_is_undone(degrees: float) -> None:
    assert [row.text for row in rows_of(boxes_of(RECEIPT, degrees))] == TEXTS


def test_every_box_is_in_one_row() -> None:
    boxes = boxes_of(RECEIPT, 1.0)
    texts = [cell.text for row in rows_of(boxes) for cell in row.cells]
    assert sorted(texts) == sorted(box.text for box in boxes)


def test_no_boxes_no_rows() -> None:
    assert rows_of([]) == []


@pytest.mark.parametrize("fall", [-0.05, 0.05])
def test_paper_that_bends_falls_another_way_at_the_foot_than_at_the_top(fall: float) -> None:
    texts = [f"A LONG NAME OF AN ITEM {number:02}            {number}.50" for number in range(10, 40)]
    bent = []
    for box in boxes_of("\n".join(texts)):
        bend = fall * box.corners[0][1] / 800
        bent.append(replace(box, corners=tuple((x, y + bend * (x - 200)) for x, y in box.corners)))
    assert [row.text for row in rows_of(bent)] == [" ".join(text.split()) for text in texts]


def test_lines_that_curl_are_found_by_their_tilt() -> None:
    curled = [
        replace(box, corners=tuple((x, y + (20 if x > 200 else 0)) for x, y in box.corners))
        for box in boxes_of(RECEIPT)
    ]
    assert [row.text for row in rows_of(curled)] != TEXTS
    assert [row.text for row in rows_of(curled, 0.08)] == TEXTS


def test_upright_print_on_the_margin_is_in_no_row() -> None:
    corners = ((420.0, 0.0), (440.0, 0.0), (440.0, 90.0), (420.0, 90.0))
    boxes = [*boxes_of(RECEIPT), TextBox("PLEASE TURN THIS OVER", corners)]
    assert [row.text for row in rows_of(boxes)] == TEXTS


@pytest.mark.parametrize("degrees", [-3, -1, 1, 3])
def test_columns_of_a_strip_that_leans_stand_below_each_other_over_all_its_pieces(degrees: float) -> None:
    texts = [f"A LONG NAME OF AN ITEM {number}            {number}.50" for number in range(10, 82)]
    boxes = boxes_of("\n".join(texts), degrees)
    height = 504.0  # eighteen lines
    pieces = [
        Page(
            tuple(
                replace(box, corners=tuple((x, y - part * height) for x, y in box.corners))
                for box in boxes
                if part * height <= box.corners[0][1] < (part + 1) * height
            ),
            height,
        )
        for part in range(-1, 5)
    ]
    found = rows_of_pages([piece for piece in pieces if piece.boxes])
    ends = [row.cells[-1].right for row in found if len(row.cells) > 1]
    assert len(ends) > 60 and max(ends) - min(ends) < 15  # a letter and a half
