"""What is sent of an image, as the tests look at it."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from loader.requests import images
from loader.requests.images import ORIGINAL, READABLE, ImagePolicy, PreparedImage
from loader.requests.pictures import RejectedImage


def shown(sent: PreparedImage) -> Image.Image:
    image = Image.open(io.BytesIO(sent.data))
    assert image.size == (sent.width, sent.height)
    assert Image.MIME[image.format or ""] == sent.media_type
    return image


def prepared(data: bytes, policy: ImagePolicy = READABLE) -> PreparedImage:
    """The one image that is sent."""
    [image] = images.prepare(data, policy)
    return image


def quarters(image: Image.Image) -> list[bool]:
    """Which quarters are dark: top left, top right, bottom left, bottom right."""
    grey = image.convert("L")
    width, height = grey.size
    return [
        grey.getpixel((width * x // 4, height * y // 4)) < 128  # type: ignore[operator]
        for y in (1, 3)
        for x in (1, 3)
    ]


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def reason(data: bytes, policy: ImagePolicy = ORIGINAL) -> str:
    with pytest.raises(RejectedImage) as caught:
        images.prepare(data, policy)
    assert "\n" not in caught.value.reason
    assert str(caught.value) == caught.value.reason
    return caught.value.reason
