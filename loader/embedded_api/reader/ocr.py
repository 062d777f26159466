"""Image bytes -> the pieces of text on it, by the PP-OCRv6 models that the wheel of rapidocr carries.

One engine a process, one thread, built on first use: two such workers read more than one with two threads. Nothing
is downloaded, printed or written. The heavy libraries are imported here only, and only when an image is read.

Seven tenths of the time go into recognition, which costs by the pixels of width it is given, and a fifth into
detection. There is no fast setting, as none reads well at half the time. Tried on 30 labelled receipts:

    detection side, recognition width     CPU-seconds   items F1   totals
    1024, as printed                      1.05          0.934      1.00     (this one)
    736, as printed                       0.88          0.881      1.00
    1024, squeezed to 0.7                 0.84          0.853      1.00
    736, squeezed to 0.6                  0.65          0.637      0.93
    736, squeezed to 0.5                  0.60          0.366      0.73

Pieces of one width recognised in batches take as long each.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LONGEST_SIDE = 1600  # pixels; more costs time and reads no better
DETECTION_SIDE = 1024
NARROWEST = 64  # pixels of width that a piece of text is padded to: prices are short, and padding costs time
SHRINKABLE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})  # modes whose pixels can be averaged
MOST_PIXELS = 50_000_000  # after a JPEG's own downscaling; a larger picture would not fit a worker's memory
MOST_STRIPS = 6
LEAST_SIDE = 12  # pixels; what is narrower or lower holds no line of print
LONGEST_LINE = 60  # times its height, about 120 letters; what is longer is a rule or an edge, and costs by its length
MOST_PRINT = 4000  # heights of print, end to end, on a piece; the densest receipts have a tenth of that
LONG_RECEIPT = 3.0  # height to width; above it the picture is read in pieces, or its print would become too small


@dataclass(frozen=True)
class TextBox:
    """A piece of text and where it stands: corners in pixels, clockwise from the top left one."""

    text: str
    corners: tuple[tuple[float, float], ...]


def read_text(image: bytes) -> list[TextBox]:
    """The pieces of text on an image (of `loader.image_formats.FORMATS`); none where the bytes are no image."""
    picture = _picture(image)
    if picture is None:
        return []
    return [box for top, piece in _pieces(picture) if min(piece.size) >= LEAST_SIDE for box in _recognised(piece, top)]


def _picture(image: bytes) -> Any:
    """The image upright, in RGB and no wider than `LONGEST_SIDE`, as a Pillow image; None when it can't be read."""
    from PIL import Image, ImageOps

    from loader.image_formats import FORMATS

    try:
        with Image.open(io.BytesIO(image), formats=FORMATS) as opened:
            opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            if opened.width * opened.height > MOST_PIXELS:
                return None
            shrink = max(opened.size) // (2 * LONGEST_SIDE)
            picture = opened.reduce(shrink) if shrink > 1 and opened.mode in SHRINKABLE else opened
            return _flattened(ImageOps.exif_transpose(picture))
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
    """The printed part within `LONGEST_SIDE`; a long strip is cut across, with an overlap: (top, piece)."""
    from PIL import Image

    printed = picture.crop(_printed_area(picture))
    if min(printed.size) < LEAST_SIDE:
        return []
    if printed.height <= LONG_RECEIPT * printed.width:
        printed.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        return [(0.0, printed)]
    return _strips(printed)


def _strips(picture: Any) -> list[tuple[float, Any]]:
    """A long receipt in pieces twice as high as wide; a cut goes through blank paper, never through a line."""
    from PIL import Image

    if picture.width > LONGEST_SIDE // 2:
        height = round(picture.height * LONGEST_SIDE / 2 / picture.width)
        picture = picture.resize((LONGEST_SIDE // 2, height), Image.Resampling.LANCZOS)
    pieces: list[tuple[float, Any]] = []
    top = 0
    while top < picture.height and len(pieces) < MOST_STRIPS:
        bottom = _blank_line(picture, top + round(1.5 * picture.width), top + 2 * picture.width)
        pieces.append((float(top), picture.crop((0, top, picture.width, bottom))))
        top = bottom
    return pieces


def _blank_line(picture: Any, first: int, last: int) -> int:
    """The row of pixels between `first` and `last` with the least ink: the middle of the widest such gap."""
    if last >= picture.height:
        return int(picture.height)
    column = picture.crop((0, first, picture.width, last)).convert("L").resize((1, last - first))
    shades = list(column.get_flattened_data())
    blank = max(shades) - 2
    best, run = (0, last - first), 0
    for line, shade in enumerate(shades):
        run = run + 1 if shade >= blank else 0
        best = max(best, (run, line - run // 2))
    return first + best[1]


def _printed_area(picture: Any) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is not blank paper: margins would cost time and make the print smaller."""
    small = picture.convert("L").reduce(max(1, max(picture.size) // 400))
    paper = sorted(small.get_flattened_data())[small.width * small.height // 2]
    ink = small.point([255 if abs(level - paper) > 24 else 0 for level in range(256)])
    found = ink.getbbox()
    if found is None:
        return (0, 0, *picture.size)
    across, down = picture.width / small.width, picture.height / small.height
    margin = 0.02 * max(picture.size)
    return (
        max(0, round(found[0] * across - margin)),
        max(0, round(found[1] * down - margin)),
        min(picture.width, round(found[2] * across + margin)),
        min(picture.height, round(found[3] * down + margin)),
    )


def _recognised(picture: Any, top: float) -> list[TextBox]:
    import numpy as np

    engine = _engine()
    pixels = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])
    try:
        found = engine(pixels)
    except Exception:  # a shape that OpenCV or the models can't take: nothing to read on it
        return []
    if found.boxes is None or found.txts is None:
        return []
    return [
        TextBox(text, tuple((float(x), float(y) + top) for x, y in corners))
        for text, corners in zip(found.txts, found.boxes, strict=True)
    ]


@cache
def _engine() -> Any:
    """The OCR engine of this process; its models are named by path, so that rapidocr looks for none on the net."""
    import cv2
    import numpy as np
    import rapidocr

    class Bounded(rapidocr.RapidOCR):
        """Recognition costs by the length of print; any picture has at most `MOST_PRINT` of it recognised."""

        def crop_text_regions(self, img: Any, det_boxes: Any) -> list[Any]:
            crops, left = [], float(MOST_PRINT)
            for crop in super().crop_text_regions(img, det_boxes):
                length = crop.shape[1] / crop.shape[0]
                fits = length <= min(LONGEST_LINE, left)
                left -= length if fits else 0
                crops.append(crop if fits else np.full((48, 48, 3), 255, np.uint8))
            return crops

    cv2.setNumThreads(1)
    models = Path(rapidocr.__file__).parent / "models"
    return Bounded(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.use_preprocess_img": False,  # would make a flat picture 30 pixels high, however wide that makes it
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Det.limit_type": "max",
            "Det.limit_side_len": DETECTION_SIDE,
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "Rec.rec_batch_num": 1,
            "Rec.rec_img_shape": [3, 48, NARROWEST],
        }
    )
