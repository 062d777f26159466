"""Small pictures, and tables that hold some."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
from PIL import Image, ImageDraw

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def picture(size: tuple[int, int] = (60, 40), mode: str = "RGB") -> Image.Image:
    """White with a black top left quarter, so that turns, clipping and transparency show."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2 - 1, size[1] // 2 - 1), fill="black")
    return image.convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """A picture as a file of this kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def struct_table(**columns: list[Any]) -> pa.Table:
    """A table whose images are structs of bytes and path, as the library `datasets` writes them."""
    picture = columns.pop("image")
    return pa.table({"image": pa.array(picture, STRUCT)} | {name: pa.array(v) for name, v in columns.items()})
