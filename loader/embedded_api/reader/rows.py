"""Pieces of text -> rows of a receipt, top to bottom, each with its cells from left to right.

Scans lie askew and paper bends, so the skew is undone by the median slope of the pieces before they are put into
rows by how much they overlap in height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from loader.embedded_api.reader.ocr import Page, TextBox

SAME_ROW = 0.5  # of the lower one's height


@dataclass(frozen=True)
class Cell:
    """A piece of text with its edges, the skew undone."""

    text: str
    left: float
    right: float
    top: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(frozen=True)
class Row:
    """What stands on one line of the receipt, from left to right."""

    cells: tuple[Cell, ...]

    @property
    def text(self) -> str:
        return " ".join(cell.text for cell in self.cells)

    @property
    def middle(self) -> float:
        return sum(cell.middle for cell in self.cells) / len(self.cells)

    @property
    def height(self) -> float:
        return max(cell.height for cell in self.cells)


def rows_of_pages(pages: Sequence[Page]) -> list[Row]:
    """The rows of a receipt on several images, those of the first before those of the second."""
    rows: list[Row] = []
    top = 0.0
    for page in pages:
        rows += [
            Row(tuple(replace(cell, top=cell.top + top, bottom=cell.bottom + top) for cell in row.cells))
            for row in rows_of(page.boxes)
        ]
        top += page.height
    return rows


def rows_of(boxes: Sequence[TextBox]) -> list[Row]:
    """The rows of a receipt, from the top; every box is in exactly one."""
    slope = _slope(boxes)
    open_rows: list[list[Cell]] = []
    for cell in sorted((_levelled(box, slope) for box in boxes), key=lambda cell: cell.middle):
        row = max(open_rows[-3:], key=lambda row: _overlap(row, cell), default=None)
        if row is not None and _overlap(row, cell) >= SAME_ROW:
            row.append(cell)
        else:
            open_rows.append([cell])
    rows = [Row(tuple(sorted(row, key=lambda cell: cell.left))) for row in open_rows]
    return sorted(rows, key=lambda row: row.middle)


def _slope(boxes: Sequence[TextBox]) -> float:
    """Median rise of the upper edges, in pixels a pixel; long pieces only, short ones say little."""
    slopes = []
    for box in boxes:
        (left, left_top), (right, right_top) = box.corners[0], box.corners[1]
        height = abs(box.corners[3][1] - left_top)
        if right - left > 4 * height:
            slopes.append((right_top - left_top) / (right - left))
    return median(slopes) if slopes else 0.0


def _levelled(box: TextBox, slope: float) -> Cell:
    turn = 1 / math.hypot(1, slope)
    across = [(x + slope * y) * turn for x, y in box.corners]
    down = [(y - slope * x) * turn for x, y in box.corners]
    top, bottom = (down[0] + down[1]) / 2, (down[2] + down[3]) / 2
    return Cell(box.text.strip(), min(across), max(across), min(top, bottom), max(top, bottom))


def _overlap(row: list[Cell], cell: Cell) -> float:
    """Share of the lower height in common with the nearest cell of the row; none where one covers another."""
    if any(min(other.right, cell.right) - max(other.left, cell.left) > cell.height for other in row):
        return 0.0
    nearest = min(row, key=lambda other: max(other.left - cell.right, cell.left - other.right))
    common = min(nearest.bottom, cell.bottom) - max(nearest.top, cell.top)
    return common / max(1.0, min(nearest.height, cell.height))
