"""Image bytes -> the pieces of text on it, by the PP-OCRv6 models that the wheel of rapidocr carries.

One engine a process, one thread, built on first use: two such workers read more than one with two threads. Nothing
is downloaded, printed or written. The heavy libraries are imported here only, and only when an image is read.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LONGEST_SIDE = 1600  # pixels; more costs time and reads no better
DETECTION_SIDE = 1280
MOST_PIXELS = 50_000_000  # after a JPEG's own downscaling; a larger picture would not fit a worker's memory
LONG_RECEIPT = 3.0  # height to width; above it the picture is read in pieces, or its print would become too small


@dataclass(frozen=True)
class TextBox:
    """A piece of text and where it stands: corners in pixels, clockwise from the top left one."""

    text: str
    corners: tuple[tuple[float, float], ...]


def read_text(image: bytes) -> list[TextBox]:
    """The pieces of text on an image (any format that Pillow knows); none where the bytes are no image."""
    picture = _picture(image)
    if picture is None:
        return []
    return [box for top, piece in _pieces(picture) for box in _recognised(piece, top)]


def _picture(image: bytes) -> Any:
    """The image upright, in RGB and no wider than `LONGEST_SIDE`, as a Pillow image; None when it can't be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(image)) as opened:
            opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            if opened.width * opened.height > MOST_PIXELS:
                return None
            return _flattened(ImageOps.exif_transpose(opened))
    except Exception:  # decoders raise anything on broken bytes, and a broken image is one without text
        return None


def _flattened(picture: Any) -> Any:
    """Transparency put on white paper, 16 bits brought down to 8."""
    from PIL import Image

    if picture.mode.startswith("I"):
        picture = picture.point(lambda level: level / 256).convert("L")
    if picture.has_transparency_data:
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture.convert("RGBA"))
    return picture.convert("RGB")


def _pieces(picture: Any) -> list[tuple[float, Any]]:
    """The picture within `LONGEST_SIDE`, cut across where it is a long strip: (top, piece) with room to overlap."""
    from PIL import Image

    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return [(0.0, picture)]


def _recognised(picture: Any, top: float) -> list[TextBox]:
    import numpy as np

    pixels = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])
    found = _engine()(pixels)
    if found.boxes is None or found.txts is None:
        return []
    return [
        TextBox(text, tuple((float(x), float(y) + top) for x, y in corners))
        for text, corners in zip(found.txts, found.boxes, strict=True)
    ]


@cache
def _engine() -> Any:
    """The OCR engine of this process; its models are named by path, so that rapidocr looks for none on the net."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import cv2
    import rapidocr

    cv2.setNumThreads(1)
    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Det.limit_type": "max",
            "Det.limit_side_len": DETECTION_SIDE,
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "Rec.rec_batch_num": 1,
        }
    )
