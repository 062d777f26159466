"""Receipts as text, turned into what the OCR would find: a cell wherever two spaces or more part it from the next."""

from __future__ import annotations

import math
import re
from textwrap import dedent

from loader.embedded_api.reader.amounts import prints_decimals
from loader.embedded_api.reader.balance import settled
from loader.embedded_api.reader.ocr import TextBox
from loader.embedded_api.reader.rows import Row, rows_of

LETTER, LINE, PRINT = 10.0, 28.0, 20.0  # pixels: width of a letter, height of a line, height of print


def boxes_of(receipt: str, askew: float = 0.0) -> list[TextBox]:
    """The boxes of a receipt's text; `askew` in degrees, clockwise."""
    turn = math.radians(askew)
    boxes = []
    for number, line in enumerate(dedent(receipt).strip("\n").split("\n")):
        for cell in re.finditer(r"\S+(?: \S+)*", line):
            top = number * LINE
            corners = [
                (cell.start() * LETTER, top),
                (cell.end() * LETTER, top),
                (cell.end() * LETTER, top + PRINT),
                (cell.start() * LETTER, top + PRINT),
            ]
            turned = tuple(
                (x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)) for x, y in corners
            )
            boxes.append(TextBox(cell.group(), turned))
    return boxes


def rows(receipt: str) -> list[Row]:
    """The rows of a receipt's text."""
    return rows_of(boxes_of(receipt))


def bought(receipt: str) -> list[tuple[str, str]]:
    """(name, price as printed) of the lines that the reader finds in a receipt's text."""
    found = rows(receipt)
    return [(line.name, line.price) for line in settled(found, prints_decimals(found)).lines]
