"""Tokens of images, as the vendor's own package counts them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from loader.image_tokens import SIDE_SEEN, image_tokens, size_seen

# Counted with mistral-common 1.9.1, which would be 65 MB of development dependencies for two lines of arithmetic:
# `ImageEncoder(ImageConfig(image_patch_size=14, max_image_size=1540, spatial_merge_size=2), …)`, its
# `_image_to_num_tokens` of 100 random sizes (sides 2**uniform(0, 13.2)) and six at the edges; (across + 1) * down.
FIGURES = Path(__file__).with_name("image_tokens.csv")


def test_tokens_are_what_the_vendors_package_counts() -> None:
    with FIGURES.open(newline="") as file:
        rows = [(int(row["width"]), int(row["height"]), int(row["tokens"])) for row in csv.DictReader(file)]
    assert len(rows) >= 100
    assert [(w, h, image_tokens(w, h)) for w, h, _ in rows] == rows


@pytest.mark.parametrize(
    ("size", "seen"),
    [((1540, 1540), (1540, 1540)), ((900, 5000), (277, 1540)), ((5000, 900), (1540, 277)), ((1, 9000), (1, 1540))],
)
def test_the_longer_side_is_shrunk_and_no_side_vanishes(size: tuple[int, int], seen: tuple[int, int]) -> None:
    assert size_seen(*size) == seen
    assert max(seen) <= SIDE_SEEN
    assert image_tokens(*size) > 0
