"""Pieces of text -> rows of a receipt, top to bottom, each with its cells from left to right.

Scans lie askew and photographed paper bends, so that its lines run one way at the top and another at the foot: each
piece is levelled by the median slope of the long ones nearest in height before all are put into rows by how much they
overlap in height. Paper that curls lifts one edge, which no slope shows: `tilt` turns all the lines by as much more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from loader.embedded_api.reader.ocr import PAGE_WIDTH, Page, TextBox

SAME_ROW = 0.5  # of the lower one's height
NEAREST = 9  # long pieces whose slopes count for a piece
LEAST_UPRIGHT = 3  # letters; fewer may be a narrow word
MIDDLE = PAGE_WIDTH / 2
LEAST_EDGES = 3
MOST_ASIDE = 0.15 * PAGE_WIDTH  # further off, it is another layout


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

    def moved(self, across: float, down: float) -> Row:
        """The row somewhere else."""
        return Row(
            tuple(
                Cell(cell.text, cell.left + across, cell.right + across, cell.top + down, cell.bottom + down)
                for cell in self.cells
            )
        )

    @property
    def middle(self) -> float:
        return sum(cell.middle for cell in self.cells) / len(self.cells)

    @property
    def height(self) -> float:
        return max(cell.height for cell in self.cells)


def rows_of_pages(pages: Sequence[Page], tilt: float = 0.0) -> list[Row]:
    """The rows of a receipt on several images, one below the other; `tilt` as for `rows_of`.

    A strip that leans is cut into pieces whose columns stand further and further to one side: they are set below those
    of the first.
    """
    rows: list[Row] = []
    top, first_edge = 0.0, None
    for page in pages:
        found = rows_of(page.boxes, tilt)
        edge = _right_edge(found)
        if first_edge is None:
            first_edge = edge
        aside = 0.0 if edge is None or first_edge is None else first_edge - edge
        rows += [row.moved(aside if abs(aside) <= MOST_ASIDE else 0.0, top) for row in found]
        top += page.height
    return rows


def _right_edge(rows: Sequence[Row]) -> float | None:
    """Where the last cells of rows with several end, which are mostly amounts; None where there are too few."""
    edges = [row.cells[-1].right for row in rows if len(row.cells) > 1]
    return median(edges) if len(edges) >= LEAST_EDGES else None


def rows_of(boxes: Sequence[TextBox], tilt: float = 0.0) -> list[Row]:
    """The rows of a receipt, from the top; every box but upright print is in one.

    `tilt`: how much more the lines fall than they seem to, in pixels a pixel.
    """
    open_rows: list[list[Cell]] = []
    for cell in sorted(_levelled(boxes, tilt), key=lambda cell: cell.middle):
        row = max(open_rows[-3:], key=lambda row: _overlap(row, cell), default=None)
        if row is not None and _overlap(row, cell) >= SAME_ROW:
            row.append(cell)
        else:
            open_rows.append([cell])
    rows = [Row(tuple(sorted(row, key=lambda cell: cell.left))) for row in open_rows]
    return sorted(rows, key=lambda row: row.middle)


def _slopes(boxes: Sequence[TextBox]) -> list[tuple[float, float]]:
    """Where long pieces stand, and the fall of their upper edges, in pixels a pixel; short ones say little."""
    slopes = []
    for box in boxes:
        (left, left_top), (right, right_top) = box.corners[0], box.corners[1]
        height = abs(box.corners[3][1] - left_top)
        if right - left > 4 * height:
            slopes.append((left_top, (right_top - left_top) / (right - left)))
    return slopes


def _slope_at(slopes: Sequence[tuple[float, float]], box: TextBox) -> float:
    """The median slope of the long pieces nearest in height."""
    top = box.corners[0][1]
    near = sorted(slopes, key=lambda slope: abs(slope[0] - top))[:NEAREST]
    return median(slope for _, slope in near) if near else 0.0


def _levelled(boxes: Sequence[TextBox], tilt: float) -> Iterator[Cell]:
    """The pieces level: each turned by its own slope, and edges set upright by that of all."""
    boxes = [box for box in boxes if not _is_upright(box)]
    slopes = _slopes(boxes)
    lean = median(slope for _, slope in slopes) if slopes else 0.0
    for box in boxes:
        slope = _slope_at(slopes, box) + tilt
        turn = 1 / math.hypot(1, slope)
        across = [(x + lean * y) * turn for x, y in box.corners]
        down = [(y - slope * (x - MIDDLE)) * turn for x, y in box.corners]
        top, bottom = (down[0] + down[1]) / 2, (down[2] + down[3]) / 2
        yield Cell(box.text.strip(), min(across), max(across), min(top, bottom), max(top, bottom))


def _is_upright(box: TextBox) -> bool:
    """Whether the print runs up or down the margin: an advertisement."""
    (left, top), (right, _), _, (_, bottom) = box.corners
    return len(box.text) > LEAST_UPRIGHT and bottom - top > right - left


def _overlap(row: list[Cell], cell: Cell) -> float:
    """Share of the lower height in common with the nearest cell of the row; none where one covers another."""
    if any(min(other.right, cell.right) - max(other.left, cell.left) > cell.height for other in row):
        return 0.0
    nearest = min(row, key=lambda other: max(other.left - cell.right, cell.left - other.right))
    common = min(nearest.bottom, cell.bottom) - max(nearest.top, cell.top)
    return common / max(1.0, min(nearest.height, cell.height))
