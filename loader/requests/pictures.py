"""A file of one picture: its header read, nothing decoded; then the picture, upright, on white, in grey or colour.

Whatever the bytes are, one gets a picture or `RejectedImage` with the reason in one line, and nothing larger than 100
megapixels is ever decoded.
"""

from __future__ import annotations

import io
import logging
import math
import warnings

from PIL import Image

from loader.image_formats import FORMATS

MAX_SIDE = 10_000
"""The API's limit for width and for height, in pixels."""
MAX_PIXELS = MAX_SIDE * MAX_SIDE
MIN_SHORT_SIDE = 16
"""An image that must shrink below this to fit holds no line of print."""
CUT_OFF = "cut off: the file ends before the image does"

_SHRINK = Image.Resampling.HAMMING
"""Two thirds of BICUBIC's time, which was most of shrinking, and as sharp at these factors (see `images.POLICIES`)."""

# Phones write MPO: a JPEG with further pictures behind it (gain map, depth). A decoder stops after the first.
_MEDIA_TYPES = {"MPO": "image/jpeg"} | {name: f"image/{name.lower()}" for name in FORMATS}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")

# `open_picture` applies this limit itself, with a reason; Pillow's own check (an error at twice the figure) stays
# behind. The filters are set once: warnings.catch_warnings is not safe with threads, and images are prepared
# in threads.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what is wrong with a file stands in RejectedImage


class RejectedImage(Exception):
    """This image cannot be sent; `reason` says why in one line. It `may_pass`: on another day, or another machine."""

    def __init__(self, reason: str, may_pass: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_pass = may_pass


def media_type(data: bytes, image: Image.Image) -> str:
    """The media type of a file that was opened."""
    return "image/heic" if image.format == "HEIF" and data[8:12] in _HEIC_BRANDS else _MEDIA_TYPES[image.format or ""]


def open_picture(data: bytes) -> Image.Image:
    """The image with its header read and nothing decoded; a TIFF may have further pages. Raises RejectedImage."""
    if not data:
        raise RejectedImage("empty file")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise RejectedImage(f"decompression bomb: more than {2 * MAX_PIXELS // 10**6} megapixels") from error
    except Exception as error:  # the same: any exception means that the header makes no sense
        raise RejectedImage(_why_not_an_image(data)) from error
    width, height = image.size
    if width < 1 or height < 1:
        raise RejectedImage(f"{width} x {height} pixels: nothing to see")
    if width * height > MAX_PIXELS:
        raise RejectedImage(
            f"{width} x {height} pixels: more than the {MAX_PIXELS // 10**6} megapixels that are decoded"
        )
    if max(image.size) > MAX_SIDE and min(image.size) * MAX_SIDE < MIN_SHORT_SIDE * max(image.size):
        raise RejectedImage(f"{width} x {height} pixels: too narrow to read once it fits into {MAX_SIDE}")
    if _has_more_frames(image):
        raise RejectedImage(f"a {image.format} of several frames: save the one that shows the receipt as JPEG")
    return image


def _has_more_frames(image: Image.Image) -> bool:
    """Whoever saw only the first would take it for the whole: an animation, a burst, a sequence.

    What lies behind the picture of an MPO (a gain map, depth) is none of it; a TIFF's pages are `pages.py`'s.
    """
    try:
        return image.format not in ("MPO", "TIFF") and getattr(image, "is_animated", False)
    except Exception:  # whatever a broken second frame makes a decoder raise says nothing about the first
        return False


def _why_not_an_image(data: bytes) -> str:
    if data.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return "JPEG XL: not read here, save it as JPEG"
    if data[4:8] == b"ftyp" and data[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        return "HEIC photo: damaged, or of a kind that is not read here; save it as JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        return CUT_OFF
    return "not an image, or its header is damaged"


def orientation(image: Image.Image) -> int:
    """The turn (1 to 8) that the EXIF data asks for; 1 is none.

    Asked only where there is something: without it, Pillow decodes a whole PNG to look behind the pixels.
    """
    if "exif" not in image.info and "xmp" not in image.info and image.format != "TIFF":
        return 1
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # EXIF data is often broken, which says nothing about the picture
        return 1
    return value if value in _UPRIGHT else 1


_UPRIGHT: dict[int, Image.Transpose | None] = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height in pixels once it is upright, from the header; of a TIFF Pillow gives these anyway."""
    return (image.height, image.width) if image.format != "TIFF" and orientation(image) >= 5 else image.size


def upright_picture(image: Image.Image, side: int) -> Image.Image:
    """The frame that was sought, in a mode that JPEG has, turned as EXIF says, within `side` pixels."""
    if max(image.size) > side:
        # JPEG: decoded at 1/2, 1/4 or 1/8 where enough. JFIF means YCbCr, and left so it is not converted twice.
        stays = image.mode == "RGB" and "jfif" in image.info
        image.draft("YCbCr" if stays else None, fitted(image.size, side))
    image.load()
    turn = _UPRIGHT[orientation(image)]  # after load: that turns TIFFs, and finds EXIF behind PNG pixels
    picture = _without_alpha(image)
    if max(picture.size) > side:
        picture = picture.resize(fitted(picture.size, side), _SHRINK)
    return picture.transpose(turn) if turn is not None else picture


def fitted(size: tuple[float, float], side: int) -> tuple[int, int]:
    """This size with its longer side `side` pixels."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _without_alpha(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(rgba, mask=rgba.getchannel("A"))
        return paper
    if image.mode in ("L", "RGB", "YCbCr"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits or floats, scaled so that the brightest pixel is white.

    Pillow's own convert clips to 255, and the type's range says little: scanners store 10 or 12 bits in 16.
    """
    wide = image.convert("F")
    extrema = wide.getextrema()
    low, high = float(extrema[0]), float(extrema[1])  # type: ignore[arg-type]  # one band: two numbers
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RejectedImage("damaged: pixels that are not numbers")
    floor = min(low, 0.0)
    scale = 255 / (high - floor) if high > floor else 1.0
    return wide.point(lambda value: value * scale - floor * scale).convert("L")
