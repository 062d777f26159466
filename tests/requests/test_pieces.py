"""Long receipts in pieces: nothing lost or doubled, nothing cut through print where there is blank paper to cut."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from loader.image_tokens import MAX_IMAGES, SIDE_SEEN, size_seen
from loader.requests import images, pieces
from loader.requests.images import POLICIES, prepare
from loader.requests.pieces import LEAST_WIDTH, allotted, cut, pieces_needed
from tests.helpers.pictures import saved

LINE = 40  # rows of pixels from one line of print to the next


def strip(
    width: int, height: int, *, pitch: int = LINE, ink: int = 24, blank: bool = True, seed: int = 1
) -> Image.Image:
    """A slip with a line of bars every `pitch` rows, each `ink` rows high; without `blank` print runs down one side."""
    rng = random.Random(seed)
    paper = np.full((height, width), 245, np.uint8)
    for top in range(9, height, pitch):
        for left in range(20, width - 40, 30):
            if rng.random() < 0.6:
                paper[top : top + ink, left : left + 14] = 40
    if not blank:
        for top in range(0, height, 3):
            paper[top : top + 2, 20 + top % 60 : 60 + top % 60] = 40
    return Image.fromarray(paper)


def is_blank(picture: Image.Image, row: int) -> bool:
    """Whether no print stands on both sides of a cut above this row."""
    rows = np.asarray(picture.convert("L"))[row - 1 : row + 1]
    return bool((rows > 200).all())


@pytest.mark.parametrize(
    ("size", "needed"),
    [
        ((900, 2310), 1),
        ((900, 2320), 2),
        ((900, 5000), 3),
        ((600, 1540), 1),
        ((600, 1541), 2),
        ((300, 1540), 1),  # not shrunk at all
        ((300, 1541), 2),
        ((100, 12320), 8),
        ((5000, 900), 1),
        ((1, 1), 1),
    ],
)
def test_how_many_pieces_a_size_needs(size: tuple[int, int], needed: int) -> None:
    assert pieces_needed(*size) == needed
    width, height = size
    arrives = size_seen(width, -(-height // needed))
    assert arrives[0] >= min(LEAST_WIDTH, width)
    if needed > 1:
        assert size_seen(width, -(-height // (needed - 1)))[0] <= min(LEAST_WIDTH, width)


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(40, 900),
    ratio=st.floats(0.2, 25),
    pitch=st.integers(12, 90),
    share=st.floats(0.2, 0.9),
    blank=st.booleans(),
    most=st.integers(1, MAX_IMAGES),
    seed=st.integers(0, 99),
)
def test_no_row_of_pixels_is_lost_or_doubled_and_no_piece_is_too_long(
    width: int, ratio: float, pitch: int, share: float, blank: bool, most: int, seed: int
) -> None:
    picture = strip(width, max(1, int(width * ratio)), pitch=pitch, ink=int(pitch * share), blank=blank, seed=seed)
    bands = cut(picture, most)
    assert 1 <= len(bands) <= most
    assert [row for top, bottom in bands for row in range(top, bottom)] == list(range(picture.height))
    stacked = np.concatenate([np.asarray(picture.crop((0, top, width, bottom))) for top, bottom in bands])
    assert (stacked == np.asarray(picture)).all()
    needed = pieces_needed(*picture.size)
    assert len(bands) >= min(needed, most)
    if needed < most:
        assert max(bottom - top for top, bottom in bands) <= pieces._longest(width)


@settings(max_examples=100, deadline=None)
@given(
    width=st.integers(300, 900),
    ratio=st.floats(3, 18),
    pitch=st.integers(20, 90),
    share=st.floats(0.3, 0.85),
    seed=st.integers(0, 99),
)
def test_no_cut_goes_through_print_where_a_blank_row_is_within_reach(
    width: int, ratio: float, pitch: int, share: float, seed: int
) -> None:
    picture = strip(width, int(width * ratio), pitch=pitch, ink=int(pitch * share), seed=seed)
    for top, _ in cut(picture, MAX_IMAGES)[1:]:
        assert is_blank(picture, top)


@pytest.mark.parametrize("grain", [0, 3, 6])
@pytest.mark.parametrize("light", [0, 60])
def test_grain_and_shade_are_no_print(grain: float, light: float) -> None:
    clean = strip(800, 6000)
    shade = np.linspace(0, -light, 6000)[:, None] + np.linspace(0, -light / 2, 800)
    noise = np.random.default_rng(1).normal(0, grain, (6000, 800))
    picture = Image.fromarray((np.asarray(clean) + shade + noise).clip(0, 255).astype(np.uint8))
    bands = cut(picture, MAX_IMAGES)
    assert len(bands) == pieces_needed(800, 6000)
    assert all(is_blank(clean, top) for top, _ in bands[1:])


def test_skewed_paper_is_cut_where_least_ink_is() -> None:
    picture = strip(800, 6000, blank=False).rotate(2, Image.Resampling.BICUBIC, fillcolor=245)
    bands = cut(picture, MAX_IMAGES)
    assert pieces_needed(800, 6000) <= len(bands) <= pieces_needed(800, 6000) + 1
    ink = pieces._ink(picture)
    for top, _ in bands[1:]:
        assert ink[top] <= np.percentile(ink[max(0, top - 60) : top + 60], 30)


def test_what_would_be_more_than_eight_pieces_is_eight_about_equal_ones_and_the_run_can_say_so() -> None:
    picture = strip(600, 18_000)
    bands = cut(picture, MAX_IMAGES)
    heights = [bottom - top for top, bottom in bands]
    assert len(bands) == MAX_IMAGES and max(heights) - min(heights) <= 4 * LINE
    assert all(is_blank(picture, top) for top, _ in bands[1:])
    sent = prepare(saved(picture, "PNG"))
    assert len(sent) == MAX_IMAGES
    assert [image.notes for image in sent] == [(images.TOO_LONG,), *[()] * 7]


@pytest.mark.parametrize(
    ("needed", "given"),
    [([1], [1]), ([3, 2], [3, 2]), ([12], [8]), ([5, 5], [4, 4]), ([9, 1], [7, 1]), ([2] * 8, [1] * 8)],
)
def test_pictures_share_the_images(needed: list[int], given: list[int]) -> None:
    assert allotted(needed, MAX_IMAGES) == given


# As they are sent


def test_a_strip_is_sent_in_pieces_and_only_by_the_policy_that_cuts() -> None:
    data = saved(strip(900, 5000), "JPEG")
    sent = prepare(data)
    assert len(sent) == 3 and all(image.media_type == "image/jpeg" for image in sent)
    assert sum(image.height for image in sent) == 3 * SIDE_SEEN and {image.width for image in sent} == {832}
    assert images.sizes_sent(data) == [(832, SIDE_SEEN)] * 3
    assert [image.data for image in prepare(data, POLICIES["original"])] == [data]
    [shrunk] = prepare(data, POLICIES["1540"])
    assert (shrunk.width, shrunk.height) == (277, SIDE_SEEN)


def test_the_pieces_below_each_other_are_the_whole_strip() -> None:
    picture = strip(600, 4000)
    rows = [np.asarray(Image.open(io.BytesIO(image.data))) for image in prepare(saved(picture, "PNG"))]
    difference = np.abs(np.concatenate(rows).astype(int) - np.asarray(picture).astype(int))
    assert difference.mean() < 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_strip_is_known_once_it_is_upright(kind: str) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    lying = saved(strip(700, 4000).transpose(Image.Transpose.ROTATE_90), kind, exif=tags.tobytes())
    assert len(prepare(lying)) == 3
    assert len(images.sizes_sent(lying)) == 3
    assert not prepare(lying)[0].notes


def test_a_strip_that_lies_on_its_side_is_sent_whole_with_a_note() -> None:
    """It could have been turned either way, and a wide picture may be no strip at all."""
    data = saved(strip(700, 4000).transpose(Image.Transpose.ROTATE_90), "PNG")
    [sent] = prepare(data)
    assert (sent.data, sent.notes) == (data, (images.LIES_ON_ITS_SIDE,))


@pytest.mark.parametrize("size", [(900, 1200), (900, 2300), (300, 1540), (4000, 3000)])
def test_what_needs_no_cutting_travels_untouched(size: tuple[int, int]) -> None:
    data = saved(Image.new("L", size, 255), "PNG")
    assert prepare(data)[0].data is data
    assert images.sizes_sent(data) == [size]


def test_a_strip_beyond_ten_thousand_pixels_is_cut_too() -> None:
    assert [image.width for image in prepare(saved(strip(700, 11_000), "PNG"))] == [686] * 7
