"""JPEGs that end early: what lacks nothing but the end mark gets it, what lacks more is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from loader.requests import images
from loader.requests.images import ORIGINAL, ImagePolicy
from tests.helpers.pictures import picture, saved
from tests.helpers.sent_images import exif, prepared, reason

noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (83, 121, 3), dtype=np.uint8))
JPEGS = {
    "baseline": saved(noise, "JPEG"),
    "grey": saved(noise.convert("L"), "JPEG"),
    "progressive": saved(noise, "JPEG", progressive=True),
    "every colour": saved(noise, "JPEG", subsampling=0),
    "restarts": saved(noise, "JPEG", restart_marker_blocks=4),
    "turned": saved(noise, "JPEG", exif=exif(6)),
    "cmyk": saved(noise.convert("CMYK"), "JPEG"),
}
LOST = {"all": lambda d: d[:-2], "half": lambda d: d[:-1], "zeros": lambda d: d[:-2] + b"\0" * 700}


def test_the_end_mark_of_a_thumbnail_does_not_hide_a_cut_off_jpeg() -> None:
    thumbnail = b"Exif\0\0" + saved(picture(), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = saved(picture((400, 300)), "JPEG")
    with_thumbnail = whole[:2] + segment + whole[2:]
    assert prepared(with_thumbnail).data is with_thumbnail
    assert reason(with_thumbnail[:-40]).startswith("cut off")


@pytest.mark.parametrize("policy", [ORIGINAL, ImagePolicy(max_side=100)], ids=["original", "shrunk"])
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_that_lacks_only_its_end_mark_gets_it(kind: str, lost: str, policy: ImagePolicy) -> None:
    whole = JPEGS[kind]
    assert prepared(LOST[lost](whole), policy) == prepared(whole, policy)
    assert images.inspect(LOST[lost](whole)) == images.inspect(whole)


@pytest.mark.parametrize("cut", [3, 4, 5, 8, 20, 200, 2000])
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_that_lacks_more_is_refused(kind: str, cut: int) -> None:
    """Also where zeros follow, as after a download that ended early."""
    for end in (b"", b"\0" * 5000):
        assert reason(JPEGS[kind][:-cut] + end).startswith("cut off")


def test_a_progressive_jpeg_that_ends_between_its_scans_is_refused() -> None:
    data = JPEGS["progressive"]
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 3
    for at in scans[1:]:
        tables = data.rfind(b"\xff\xc4", 0, at)  # those of the next scan stand before it
        assert reason(data[: max(tables, scans[0] + 2)]).startswith("cut off")
        assert reason(data[:at]).startswith("cut off")
