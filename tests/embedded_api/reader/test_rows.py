"""Boxes into rows."""

from __future__ import annotations

import pytest

from loader.embedded_api.reader.rows import rows_of
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
