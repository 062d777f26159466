"""What a model sees of an image, by the vendor's public tokenizer (`mistral-common`, `ImageEncoder`).

Its longer side is shrunk to 1540 pixels; then it costs a token for each 28 x 28 pixels, begun ones counted whole, and
one more for the end of each row of them. Loader and embedded API count alike.
"""

from __future__ import annotations

MAX_IMAGES = 8
"""So many images a request takes at most."""
SIDE_SEEN = 1540
"""Pixels of the longer side that a model sees at most."""
TOKEN_SIDE = 28
"""A token stands for so many pixels across and down."""


def size_seen(width: int, height: int) -> tuple[int, int]:
    """Width and height in pixels that an image of this size is shrunk to; one within the limit stays as it is."""
    ratio = max(width, height) / SIDE_SEEN
    return (max(1, round(width / ratio)), max(1, round(height / ratio))) if ratio > 1 else (width, height)


def grid(width: int, height: int) -> tuple[int, int]:
    """How many tokens stand in a row, and how many rows there are, for an image of this size in pixels."""
    seen = size_seen(width, height)
    return -(-seen[0] // TOKEN_SIDE), -(-seen[1] // TOKEN_SIDE)


def image_tokens(width: int, height: int) -> int:
    """Prompt tokens of an image of this size in pixels."""
    across, down = grid(width, height)
    return (across + 1) * down
