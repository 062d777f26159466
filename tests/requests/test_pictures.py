"""Files as they are opened: several frames, HEIC photos, ends that other formats lack."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from loader.requests import images
from loader.requests.images import POLICIES
from loader.requests.pictures import RejectedImage
from tests.helpers.heics import HEICS
from tests.helpers.pictures import picture, saved
from tests.helpers.sent_images import prepared, quarters, reason, shown

# pytest sets its own warning filters, and Pillow warns about the odd files made here.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")


# Several frames (those of a TIFF are pages: test_pages.py)


def several(kind: str, count: int = 2, **options: object) -> bytes:
    more = [Image.new("RGB", (60, 40), (40 * number, 0, 0)) for number in range(1, count)]
    return saved(picture(), kind, save_all=True, append_images=more, **options)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (several("GIF"), "a GIF of several frames"),
        (several("PNG"), "a PNG of several frames"),
        (several("PNG", default_image=True), "a PNG of several frames"),
        (several("WEBP"), "a WEBP of several frames"),
        (several("AVIF"), "a AVIF of several frames"),
    ],
)
def test_several_frames_are_refused_rather_than_the_first_sent(data: bytes, words: str) -> None:
    assert reason(data).startswith(words)
    assert reason(data, POLICIES["1540"]) == reason(data)
    with pytest.raises(RejectedImage, match=words):
        images.inspect(data)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG", "WEBP", "AVIF"])
def test_a_file_of_one_frame_is_sent_even_if_its_kind_could_have_more(kind: str) -> None:
    assert quarters(shown(prepared(saved(picture(), kind, save_all=True)))) == [True, False, False, False]


# HEIC photos


def test_a_heic_photo_is_sent_upright_and_on_white() -> None:
    corner = {"plain": [True, False, False, False], "turned": [False, True, False, False]}
    corner["clear"] = corner["plain"]
    for kind, expected in corner.items():
        sent = prepared(HEICS[kind])
        assert quarters(shown(sent)) == expected, kind
        assert (sent.width, sent.height) == ((80, 120) if kind == "turned" else (120, 80))
        assert images.inspect(HEICS[kind]) == ("image/heic", sent.width, sent.height)
        assert prepared(HEICS[kind], POLICIES["original"]).media_type == "image/jpeg"
    mif1 = HEICS["plain"].replace(b"ftypheic", b"ftypmif1")
    assert images.inspect(mif1)[0] == "image/heif"


def test_a_heic_of_several_pictures_is_refused() -> None:
    assert reason(HEICS["two"]).startswith("a HEIF of several frames")


@pytest.mark.parametrize(
    ("side", "words"), [(40_000, "decompression bomb"), (10_001, "10001 x 10001 pixels: more than the 100 megapixels")]
)
def test_a_heic_that_claims_too_much_is_refused_undecoded(side: int, words: str) -> None:
    data = bytearray(HEICS["plain"])
    at = data.index(b"ispe") + 8
    data[at : at + 8] = side.to_bytes(4, "big") * 2
    assert reason(bytes(data)).startswith(words)
    with pytest.raises(RejectedImage, match=words):
        images.inspect(bytes(data))


def test_a_damaged_heic_is_refused() -> None:
    whole = HEICS["plain"]
    assert reason(whole[:200]).startswith("HEIC photo: damaged")
    assert reason(whole[:-40])


NOISE = Image.fromarray(np.random.default_rng(3).integers(0, 256, (83, 121, 3), dtype=np.uint8))


def test_other_formats_that_lack_only_their_end_or_have_more_behind_it_are_sent() -> None:
    whole = {kind: saved(NOISE, kind) for kind in ("PNG", "WEBP", "GIF")}
    for data in (whole["PNG"][:-12], whole["PNG"][:-5], whole["GIF"][:-1]):
        assert prepared(data).width == NOISE.width
    for kind, data in whole.items():
        assert prepared(data + b"more" * 300).width == NOISE.width, kind
    assert reason(whole["WEBP"][:-20]).startswith("cut off")
