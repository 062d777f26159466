"""An image as the API accepts it: bytes that the API takes travel untouched, all else becomes a JPEG.

What holds for any input: `prepare` gives a `PreparedImage` or raises `RejectedImage` with a reason in one
line, and nothing larger than 100 megapixels is ever decoded. The same bytes under the same policy (and the
same Pillow) give the same bytes.

Untouched travel JPEGs (grey or colour, baseline or progressive), and PNGs and WebPs of 8 bits without
transparency or animation: the API decodes those itself, a second lossy pass would blur small print, and
copying is 30 times as fast. A file that travels untouched is never decoded here, so a cut-off one is known by
its missing end mark (only then is it decoded, to see whether anything else is missing); damage in the middle of a
file goes unnoticed, as decoders read on over it.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import warnings
from dataclasses import dataclass

from PIL import Image

from loader.image_formats import FORMATS
from loader.requests import jpegs

MAX_BYTES = 10_000_000
"""The API's limit for an image; its pages say 10 MB, and the smaller reading of that is safe."""
MAX_SIDE = 10_000
"""The API's limit for width and for height, in pixels."""
MAX_PIXELS = MAX_SIDE * MAX_SIDE
MIN_SHORT_SIDE = 16
"""An image that must shrink below this to fit holds no line of print."""

_SHRINK = Image.Resampling.HAMMING
"""Two thirds of BICUBIC's time, which was most of shrinking, and as sharp at these factors (see `POLICIES`)."""

# Phones write MPO: a JPEG with further pictures behind it (gain map, depth). A decoder stops after the first.
_MEDIA_TYPES = {"MPO": "image/jpeg"} | {name: f"image/{name.lower()}" for name in FORMATS}

# `_open` applies this limit itself, with a reason; Pillow's own check (an error at twice the figure) stays
# behind. The filters are set once: warnings.catch_warnings is not safe with threads, and images are prepared
# in threads.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what is wrong with a file stands in RejectedImage


class RejectedImage(Exception):
    """This image cannot be sent; `reason` says why in one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class PreparedImage:
    """What is sent: the bytes, their media type, and the size in pixels of the image in them (as stored)."""

    data: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class ImagePolicy:
    """How images are sent.

    `max_side`: longest side in pixels (None: the API's limit). `quality`: of the JPEGs made here, 1 to 95.
    """

    max_side: int | None = None
    quality: int = 90

    def __post_init__(self) -> None:
        if self.max_side is not None and not MIN_SHORT_SIDE <= self.max_side <= MAX_SIDE:
            raise ValueError(f"max_side must be {MIN_SHORT_SIDE} to {MAX_SIDE} pixels, not {self.max_side}")
        if not 1 <= self.quality <= 95:
            raise ValueError(f"quality must be 1 to 95, not {self.quality}")

    @property
    def side(self) -> int:
        """The longest side that is sent, in pixels."""
        return self.max_side or MAX_SIDE

    @property
    def fingerprint(self) -> str:
        """Names what decides the bytes sent: part of `prompt_id`. Raise `rules` when the code changes."""
        rules = 3
        text = f"rules={rules} max_side={self.max_side} quality={self.quality}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


ORIGINAL = ImagePolicy()
POLICIES = {"original": ORIGINAL, "1540": ImagePolicy(max_side=1540)}
"""The policies that a user can name. 1540: the most that an image costs in tokens is 1540 x 1540.

On 60 labelled scans, a third of them larger, the embedded reader read as well either way (`python -m
tests.measure_reader … --images 1540`: items F1 0.937, totals 1.00, dates 0.97 for both, merchants 0.93 and 0.92, with
210 KB and 145 KB an image; with BICUBIC in HAMMING's place the same). The default stays `original`, as copying is so
much faster than shrinking and a model may see more than this reader, which shrinks to 1600 pixels itself. On a slow
line `1540` is the better choice.
"""


def inspect(data: bytes) -> tuple[str, int, int]:
    """Media type, width and height of an image file, from the header alone (as stored, not yet upright).

    Raises RejectedImage when it is no image or has a size that `prepare` would refuse.
    """
    image = _open(data)
    return _MEDIA_TYPES[image.format or ""], image.width, image.height


def prepare(data: bytes, policy: ImagePolicy = ORIGINAL) -> PreparedImage:
    """The image as it is sent under this policy: its own bytes where they fit, else a JPEG made of it.

    An image that is written again is upright, on white, in grey or RGB, within `policy.side` and the API's limits. A
    JPEG that lacks nothing but its end mark gets it. Raises RejectedImage when that cannot be done.
    """
    image = _open(data)
    try:
        whole = _with_end(data, image)
        if whole is not data:
            data, image = whole, _open(whole)
        if max(image.size) <= policy.side and len(data) <= MAX_BYTES and _travels_untouched(data, image):
            return PreparedImage(data, _MEDIA_TYPES[image.format or ""], image.width, image.height)
        picture = _upright_picture(image, policy)
        return _encoded(picture, policy)
    except RejectedImage:
        raise
    except MemoryError as error:
        raise RejectedImage(f"{image.width} x {image.height} pixels: too large for this machine") from error
    except Exception as error:  # on hostile files decoders raise anything, KeyError included
        if "truncated" in str(error):
            raise RejectedImage(_CUT_OFF) from error
        raise RejectedImage(f"damaged: the {image.format} data cannot be decoded") from error


def _open(data: bytes) -> Image.Image:
    """The image with its header read and nothing decoded."""
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
    try:
        _check_is_one_picture(data, image)
    except RejectedImage:
        raise
    except Exception:  # whatever a broken second frame makes a decoder raise says nothing about the first
        return image
    return image


def _check_is_one_picture(data: bytes, image: Image.Image) -> None:
    """Raises RejectedImage for several pages or frames: whoever saw only the first would take it for the whole.

    What lies behind the picture of an MPO (a gain map, depth) is none of it, nor are previews and masks in a TIFF.
    """
    if image.format == "TIFF":
        _check_is_one_page(Image.open(io.BytesIO(data), formats=["TIFF"]))
    elif image.format != "MPO" and getattr(image, "is_animated", False):
        raise RejectedImage(f"a {image.format} of several frames: save the one that shows the receipt as JPEG")


def _check_is_one_page(tiff: Image.Image) -> None:
    tags = tiff.tag_v2  # type: ignore[attr-defined]  # TIFFs have them: those of the page that was sought last
    is_preview, has_more = tags.get(_SUBFILE_TYPE, 0) & 1, _SUB_IMAGES in tags
    pages = 0
    try:
        for number in range(_MOST_PAGES):
            tiff.seek(number)
            pages += not tiff.tag_v2.get(_SUBFILE_TYPE, 0) & _PREVIEW_OR_MASK  # type: ignore[attr-defined]
    except EOFError:
        pass
    if is_preview and (pages or has_more):
        raise RejectedImage("a TIFF that begins with a preview (a camera's raw file?): save it as JPEG")
    if pages > 1:
        more = " or more" if pages == _MOST_PAGES else ""
        raise RejectedImage(f"a TIFF of {pages}{more} pages: several a receipt are not read yet, save each as JPEG")


_MOST_PAGES = 100
_SUBFILE_TYPE, _SUB_IMAGES = 254, 330
_PREVIEW_OR_MASK = 0b101


def _why_not_an_image(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        return "HEIC photo: not read here, save it as JPEG"
    if data.startswith(b"%PDF"):
        return "PDF: not read here, save its pages as JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        return _CUT_OFF
    return "not an image, or its header is damaged"


def _travels_untouched(data: bytes, image: Image.Image) -> bool:
    """Whether the API shows these bytes as they are meant, as far as the headers and the end mark tell."""
    # Asked only where there is something: without it, Pillow decodes a whole PNG to look behind the pixels.
    if ("exif" in image.info or "xmp" in image.info) and _orientation(image) != 1:
        return False
    if image.format in ("JPEG", "MPO"):
        return image.mode in ("L", "RGB") and _is_common_jpeg(data)
    if image.mode not in ("L", "RGB") or "transparency" in image.info:
        return False
    if image.format == "PNG":
        return data[24] == 8 and b"IEND" in data[-64:]  # byte 24: bits a channel, 16 would show as 8 here
    if image.format == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 <= len(data)
    return False


def _is_common_jpeg(data: bytes) -> bool:
    scan = jpegs.first_scan(data)
    return scan is not None and scan[1] and jpegs.has_end(data)


def _with_end(data: bytes, image: Image.Image) -> bytes:
    """The file, with the end mark where a JPEG lacks nothing but that. Raises RejectedImage when it lacks more."""
    if image.format not in ("JPEG", "MPO") or jpegs.first_scan(data) is None or jpegs.has_end(data):
        return data
    whole = jpegs.without_end(data)
    # A decoder makes up what is missing. Where it is given something else to go on with and still sees the same
    # picture, it has not come to need any of it.
    if not jpegs.has_all_scans(whole) or _pixels(whole + jpegs.END) != _pixels(whole + _NO_SCAN + jpegs.END):
        raise RejectedImage(_CUT_OFF)
    return whole + jpegs.END


_CUT_OFF = "cut off: the file ends before the image does"
_NO_SCAN = b"\xb6\x6d\xdb" * 1000
_STRIP = 256


def _pixels(data: bytes) -> bytes:
    """A hash of the decoded picture."""
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    image.load()
    digest = hashlib.sha256()
    for top in range(0, image.height, _STRIP):  # a copy of the whole would double the memory
        digest.update(image.crop((0, top, image.width, min(top + _STRIP, image.height))).tobytes())
    return digest.digest()


def _orientation(image: Image.Image) -> int:
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


def _upright_picture(image: Image.Image, policy: ImagePolicy) -> Image.Image:
    """The first frame in a mode that JPEG has, within `policy.side`, turned as its EXIF orientation says."""
    if max(image.size) > policy.side:
        # JPEG: decoded at 1/2, 1/4 or 1/8 where enough. JFIF means YCbCr, and left so it is not converted twice.
        stays = image.mode == "RGB" and "jfif" in image.info
        image.draft("YCbCr" if stays else None, _fitted(image.size, policy.side))
    image.load()
    turn = _UPRIGHT[_orientation(image)]  # after load: that turns TIFFs, and finds EXIF behind PNG pixels
    picture = _without_alpha(image)
    if max(picture.size) > policy.side:
        picture = picture.resize(_fitted(picture.size, policy.side), _SHRINK)
    return picture.transpose(turn) if turn is not None else picture


def _fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
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


def _encoded(picture: Image.Image, policy: ImagePolicy) -> PreparedImage:
    """The picture as JPEG; shrunk further in the rare case that it is above the API's limit of bytes."""
    while True:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=policy.quality, optimize=False, exif=b"", icc_profile=None)
        if buffer.tell() <= MAX_BYTES:
            return PreparedImage(buffer.getvalue(), "image/jpeg", *picture.size)
        picture = picture.resize(_fitted(picture.size, max(picture.size) * 4 // 5), Image.Resampling.LANCZOS)
