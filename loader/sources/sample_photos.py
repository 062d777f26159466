"""Draws rows of print on a slip of paper and makes a photograph or a scan of it. Only for the samples.

The fonts are Pillow's own, as a machine may have none: ASCII letters only.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported where it draws: naming the samples should not wait for Pillow and numpy
    from PIL import Image, ImageDraw, ImageFont

_PRINT_WIDTH = 600
_MARGIN = 46
_ROW_HEIGHT = 37
_TEXT_SIZE = 27


@dataclass(frozen=True)
class Cell:
    """Text that starts (`l`), ends (`r`) or is centred (`m`) at this share of the paper's printed width."""

    at: float
    anchor: str
    text: str


@dataclass(frozen=True)
class Row:
    """A row of print, in so many times the normal height; without cells a gap, or a rule across."""

    cells: tuple[Cell, ...] = ()
    height: float = 1.0
    bold: bool = False
    rule: bool = False


def photograph(rows: list[Row], rng: random.Random) -> bytes:
    """A JPEG of the slip as a phone takes it: a little askew on a table, warm or cold light, faded print,
    noise."""
    import numpy as np
    from PIL import Image, ImageFilter

    paper, shape = _paper(rows, rng)
    paper = paper.filter(ImageFilter.GaussianBlur(0.6))
    border = rng.randint(24, 60)
    size = (paper.width + 2 * border, paper.height + 2 * border)
    print_, cover = Image.new("L", size, 255), Image.new("L", size, 0)
    print_.paste(paper, (border, border))
    cover.paste(shape, (border, border))
    angle = rng.uniform(-1.5, 1.5)
    print_ = print_.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255)
    cover = cover.rotate(angle, Image.Resampling.BICUBIC, fillcolor=0)
    shadow = cover.filter(ImageFilter.GaussianBlur(9)).transform(size, Image.Transform.AFFINE, (1, 0, -5, 0, 1, -7))

    noise = np.random.default_rng(rng.getrandbits(32))
    light = 0.98 - np.array([0.0, rng.uniform(0, 0.015), rng.uniform(-0.015, 0.08)])  # cold to warm
    table = np.array(rng.choice(((92, 70, 52), (70, 74, 82), (128, 122, 112), (48, 60, 66))), dtype=float)
    ink = np.asarray(print_, dtype=float)[..., None] / 255
    covered = np.asarray(cover, dtype=float)[..., None] / 255
    shaded = np.asarray(shadow, dtype=float)[..., None] / 255
    down = np.linspace(rng.uniform(0.90, 1.0), rng.uniform(0.90, 1.0), size[1])[:, None, None]
    picture = table * (1 - 0.55 * shaded) * (1 - covered) + 248 * ink * covered
    picture = picture * light * down + noise.normal(0, 2.5, (size[1], size[0], 1))
    buffer = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype("uint8")).save(buffer, "JPEG", quality=78)
    return buffer.getvalue()


def scan(pages: list[list[Row]], rng: random.Random) -> bytes:
    """A PDF of the slips as a scanner makes it: a grey page for each, a little askew."""
    import time

    import numpy as np
    from PIL import Image, ImageFilter

    noise = np.random.default_rng(rng.getrandbits(32))
    scanned = []
    for rows in pages:
        paper, _ = _paper(rows, rng)
        paper = paper.filter(ImageFilter.GaussianBlur(0.6))
        paper = paper.rotate(rng.uniform(-0.6, 0.6), Image.Resampling.BICUBIC, fillcolor=255)
        grain = np.asarray(paper, dtype=float) * 0.97 + noise.normal(0, 1.5, (paper.height, paper.width))
        scanned.append(Image.fromarray(grain.clip(0, 255).astype("uint8")))
    buffer, then = io.BytesIO(), time.gmtime(1_750_000_000)  # no clock: the same bytes on every run
    scanned[0].save(
        buffer, "PDF", save_all=True, append_images=scanned[1:], resolution=220, creationDate=then, modDate=then
    )
    return buffer.getvalue()


def _paper(rows: list[Row], rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """The printed slip in grey, and its outline with torn ends (white where paper is)."""
    from PIL import Image, ImageDraw

    width = _PRINT_WIDTH + 2 * _MARGIN
    height = round(sum(row.height for row in rows) * _ROW_HEIGHT) + 2 * _MARGIN + 90
    paper = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(paper)
    ink, y = rng.randint(30, 80), float(_MARGIN)
    for row in rows:
        middle = y + row.height * _ROW_HEIGHT / 2
        if row.rule:
            for x in range(_MARGIN, _MARGIN + _PRINT_WIDTH, 14):
                pen.line((x, middle, x + 7, middle), fill=ink, width=2)
        for cell in row.cells:
            _print(pen, cell, row, middle, ink)
        y += row.height * _ROW_HEIGHT
    _print_bars(pen, y + 22, rng, ink)

    shape = Image.new("L", (width, height), 0)
    teeth = [(x, 4 * (x // 8 % 2)) for x in range(0, width + 8, 8)]
    ends = [*teeth, *((x, height - 1 - tooth) for x, tooth in reversed(teeth))]
    ImageDraw.Draw(shape).polygon(ends, fill=255)
    return paper, shape


@cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)  # Pillow's own: the machine may have no fonts


def _print(pen: ImageDraw.ImageDraw, cell: Cell, row: Row, middle: float, ink: int) -> None:
    size = round(_TEXT_SIZE * (1 + (row.height - 1) * 0.7))
    while size > 12 and pen.textlength(cell.text, _font(size)) > _PRINT_WIDTH:
        size -= 1
    pen.text(
        (_MARGIN + cell.at * _PRINT_WIDTH, middle),
        cell.text,
        fill=ink,
        font=_font(size),
        anchor=f"{cell.anchor}m",
        stroke_width=0.6 if row.bold else 0,
    )


def _print_bars(pen: ImageDraw.ImageDraw, top: float, rng: random.Random, ink: int) -> None:
    """A bar code that says nothing."""
    x = _MARGIN + _PRINT_WIDTH * 0.25
    while x < _MARGIN + _PRINT_WIDTH * 0.75:
        bar, gap = rng.choice((2, 2, 3, 5)), rng.choice((2, 3, 4))
        pen.rectangle((x, top, x + bar - 1, top + 58), fill=ink)
        x += bar + gap
