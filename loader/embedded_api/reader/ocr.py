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

from loader.image_tokens import SIDE_SEEN, TOKEN_SIDE, grid

PAGE_WIDTH = 1000.0  # what a picture is wide, in the unit of its boxes: pages of one receipt are so of one scale
DECODED_SIDE = 2 * SIDE_SEEN  # a larger picture is averaged down towards this first, or it would take too much memory
DETECTION_SIDE = 1024
NARROWEST = 64  # pixels of width that a piece of text is padded to: prices are short, and padding costs time
SHRINKABLE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})  # modes whose pixels can be averaged
MOST_PIXELS = 50_000_000  # after a file's own downscaling; a larger picture would not fit a worker's memory
MOST_STRIPS = 6
LEAST_SIDE = 12  # pixels; what is narrower or lower holds no line of print
LONGEST_LINE = 60  # times its height, about 120 letters; what is longer is a rule or an edge, and costs by its length
MOST_PRINT = 4000  # heights of print, end to end, on a piece; the densest receipts have a tenth of that
LONG_RECEIPT = 3.0  # height to width; above it the picture is read in pieces, or its print would become too small


@dataclass(frozen=True)
class TextBox:
    """A piece of text and where it stands: corners clockwise from the top left one, across and down."""

    text: str
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Page:
    """The text of one image, which is `PAGE_WIDTH` wide and `height` high in the unit of its boxes."""

    boxes: tuple[TextBox, ...] = ()
    height: float = 0.0


def read_page(image: bytes) -> Page:
    """The text on an image (of `loader.image_formats.FORMATS`) as a model sees it; none where it is no image."""
    picture = _picture(image)
    if picture is None:
        return Page()
    scale = PAGE_WIDTH / picture.width
    boxes = (box for piece in _pieces(picture) for box in _recognised(piece))
    return Page(tuple(_scaled(box, scale) for box in boxes), picture.height * scale)


def _scaled(box: TextBox, scale: float) -> TextBox:
    return TextBox(box.text, tuple((x * scale, y * scale) for x, y in box.corners))


def _picture(image: bytes) -> Any:
    """The image upright, in RGB and shrunk as a model gets it, as a Pillow image; None when it can't be read."""
    from PIL import Image, ImageOps

    from loader.image_formats import FORMATS

    try:
        with Image.open(io.BytesIO(image), formats=FORMATS) as opened:
            opened.draft("RGB", (DECODED_SIDE, DECODED_SIDE))
            if opened.width * opened.height > MOST_PIXELS:
                return None
            shrink = max(opened.size) // DECODED_SIDE
            picture = opened.reduce(shrink) if shrink > 1 and opened.mode in SHRINKABLE else opened
            return _as_seen(_flattened(ImageOps.exif_transpose(picture)))
    except Exception:  # decoders raise anything on broken bytes, and a broken image is one without text
        return None


def _as_seen(picture: Any) -> Any:
    """The picture in whole tokens, by the means of the vendor's tokenizer: cubic, which averages nothing."""
    import cv2
    import numpy as np
    from PIL import Image

    across, down = grid(*picture.size)
    size = (across * TOKEN_SIDE, down * TOKEN_SIDE)
    return Image.fromarray(cv2.resize(np.asarray(picture), size, interpolation=cv2.INTER_CUBIC))


def _flattened(picture: Any) -> Any:
    """Transparency put on white paper, 16 bits brought down to 8."""
    from PIL import Image

    if picture.mode.startswith("I"):
        picture = picture.point(lambda level: level / 256).convert("L")
    if picture.has_transparency_data:
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture.convert("RGBA"))
    return picture.convert("RGB")


@dataclass(frozen=True)
class _Piece:
    """A part of a picture that is read at once, and where in the picture it stands."""

    picture: Any
    left: float
    top: float


def _pieces(picture: Any) -> list[_Piece]:
    """The printed part; a long strip in pieces twice as high as wide, cut through blank paper, never through a line."""
    left, upper, right, lower = _printed_area(picture)
    printed = picture.crop((left, upper, right, lower))
    pieces: list[_Piece] = []
    is_long = printed.height > LONG_RECEIPT * printed.width
    top = 0
    while top < printed.height and len(pieces) < MOST_STRIPS and min(printed.size) >= LEAST_SIDE:
        bottom = printed.height
        if is_long:
            bottom = _blank_line(printed, top + round(1.5 * printed.width), top + 2 * printed.width)
        piece = printed.crop((0, top, printed.width, bottom))
        if piece.height >= LEAST_SIDE:
            pieces.append(_Piece(piece, float(left), float(upper + top)))
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


def _recognised(piece: _Piece) -> list[TextBox]:
    import numpy as np

    engine = _engine()
    pixels = np.ascontiguousarray(np.asarray(piece.picture)[:, :, ::-1])
    try:
        found = engine(pixels)
    except Exception:  # a shape that OpenCV or the models can't take: nothing to read on it
        return []
    if found.boxes is None or found.txts is None:
        return []
    return [
        TextBox(text, tuple((float(x) + piece.left, float(y) + piece.top) for x, y in corners))
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
