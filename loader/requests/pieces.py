"""Where a receipt that is too long for one image is cut across.

A model sees at most 1540 pixels of a side, so that a strip of 900 x 5000 pixels would arrive 277 wide, its print gone.
Cut into pieces each of them arrives at least `LEAST_WIDTH` wide. The pieces set below each other are the whole picture,
and a cut goes through blank paper wherever there is some: never through a line of print.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from loader.image_tokens import SIDE_SEEN

if TYPE_CHECKING:
    from PIL import Image

LEAST_WIDTH = 600
"""Pixels that a piece arrives wide at least. Print of an 80 mm slip is read down to some 400; a model may need more."""
LONGEST = SIDE_SEEN / LEAST_WIDTH
"""Height to width that a piece has at most: 2.57. What is no higher than 1540 pixels is not shrunk and stays whole."""

_SEGMENTS = 64  # across; each judged alone, so that a single sign in a row counts
_PAPER = 80  # the brightness that so many per cent of a segment's rows do not pass is that of the paper
_BLANK = 0.12  # of the way from the least ink to much of it: noise and paper grain
_AROUND = 2  # rows above and below a cut count too, so that it keeps off the edge of a line
_REACH = 0.12  # of the width: so far from its place a cut looks for the row with least ink, a line of print or two


def pieces_needed(width: int, height: int) -> int:
    """The fewest pieces of a picture of this size in pixels, upright, that arrive as wide as they can be read."""
    return max(1, math.ceil(height / _longest(width)))


def allotted(needed: list[int], most: int) -> list[int]:
    """How many pieces each of several pictures gets when they may be `most` together: those with most give first."""
    given = list(needed)
    while sum(given) > max(most, len(given)):
        given[given.index(max(given))] -= 1
    return given


def cut(picture: Image.Image, most: int) -> list[tuple[int, int]]:
    """Top and bottom row of each piece, in order; a picture that is not too long is one piece.

    As few pieces as keep each within `LONGEST`, cut through blank rows; where there is no such way, through the rows
    with least ink. When that would be more than `most`, it is so many of about the same height.
    """
    height, longest = picture.height, _longest(picture.width)
    needed = pieces_needed(*picture.size)
    if needed == 1 or most == 1:
        return [(0, height)]
    ink = _ink(picture)
    rows = None
    if needed <= most:
        rows = _through_blank_rows(_blank_rows(ink), height, longest, most)
    if rows is None:
        pieces = min(needed, most)
        if longest - height / pieces < _REACH * picture.width:  # else there is no room to look for a row
            pieces = min(pieces + 1, most)
        rows = _through_least_ink(ink, pieces, round(_REACH * picture.width))
    return list(pairwise([0, *rows, height]))


def _longest(width: int) -> int:
    return max(SIDE_SEEN, int(width * LONGEST))


def _ink(picture: Image.Image) -> Any:
    """How much darker than the paper the darkest segment of each row is: an array of grey levels."""
    import numpy as np
    from PIL import Image

    height = picture.height
    grey = np.asarray(picture.convert("L").resize((_SEGMENTS, height), Image.Resampling.BOX), dtype=np.float32)
    # Light changes down a slip and its edges run askew, so that the paper's brightness is asked for every few lines
    # of print, and taken to change evenly in between.
    block = min(height, max(32, picture.width // 4))
    tops = range(0, height - block + 1, block)
    middles = [top + block / 2 for top in tops]
    papers = np.array([np.percentile(grey[top : top + block], _PAPER, axis=0) for top in tops])
    rows = np.arange(height)
    paper = np.stack([np.interp(rows, middles, papers[:, segment]) for segment in range(_SEGMENTS)], axis=1)
    return np.clip(paper - grey, 0, None).max(axis=1)


def _blank_rows(ink: Any) -> Any:
    """The rows of blank bands that are not near their edges, in order."""
    import numpy as np

    least, much = np.percentile(ink, (5, 95))
    blank = np.flatnonzero(ink <= least + _BLANK * (much - least))
    bands = np.split(blank, np.flatnonzero(np.diff(blank) > 1) + 1)
    return np.concatenate([band[(len(band) - 1) // 3 : max(1, len(band) - len(band) // 3)] for band in bands])


def _through_blank_rows(blank: Any, height: int, longest: int, most: int) -> list[int] | None:
    """The fewest cuts through blank rows, as evenly as these allow; None when they are too far apart."""
    import numpy as np

    def last_up_to(row: int) -> int:
        at = int(np.searchsorted(blank, row, side="right"))
        return int(blank[at - 1]) if at else 0

    def first_from(row: int) -> int:
        at = int(np.searchsorted(blank, row))
        return int(blank[at]) if at < len(blank) else height

    reached, pieces = 0, 1
    while reached + longest < height:
        further = last_up_to(reached + longest)
        if further <= reached or pieces == most:
            return None
        reached, pieces = further, pieces + 1
    # The highest row that each cut may have, so that what is left below can still be cut.
    highest = [height]
    for _ in range(pieces - 1):
        highest.insert(0, first_from(highest[0] - longest))
    cuts: list[int] = []
    for number in range(1, pieces):
        top = cuts[-1] if cuts else 0
        wanted = top + (height - top) / (pieces - number + 1)
        choices = blank[(blank >= max(highest[number - 1], top + 1)) & (blank <= top + longest)]
        cuts.append(int(choices[np.abs(choices - wanted).argmin()]))
    return cuts


def _through_least_ink(ink: Any, pieces: int, reach: int) -> list[int]:
    """Cuts at about equal distances, each through the row with least ink within reach."""
    import numpy as np

    height = len(ink)
    around = np.convolve(np.pad(ink, _AROUND, mode="edge"), np.ones(2 * _AROUND + 1), mode="valid")
    reach = max(0, min(reach, height // pieces // 2 - 1))
    cuts = []
    for number in range(1, pieces):
        middle = round(number * height / pieces)
        rows = np.arange(max(1, middle - reach), min(height - 1, middle + reach) + 1)
        order = np.lexsort((np.abs(rows - middle), around[rows]))
        cuts.append(int(rows[order[0]]))
    return cuts
