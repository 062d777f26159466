"""A receipt's file as the images that are sent: bytes that the API takes travel untouched, all else becomes JPEGs.

What holds for any input: `prepare` gives one to eight `PreparedImage`s (pages or pieces of one receipt, in order) or
raises `RejectedImage` with a reason in one line, and nothing larger than 100 megapixels is ever decoded. The same
bytes under the same policy (and the same Pillow) give the same bytes.

Untouched travel JPEGs (grey or colour, baseline or progressive), and PNGs and WebPs of 8 bits without
transparency or animation: the API decodes those itself, a second lossy pass would blur small print, and
copying is 30 times as fast. A file that travels untouched is never decoded here, so a cut-off one is known by
its missing end mark (only then is it decoded, to see whether anything else is missing); damage in the middle of a
file goes unnoticed, as decoders read on over it.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image

from loader.image_formats import FORMATS
from loader.image_tokens import MAX_IMAGES, SIDE_SEEN
from loader.requests import jpegs, pages, pieces
from loader.requests.pictures import (
    CUT_OFF,
    MAX_SIDE,
    MIN_SHORT_SIDE,
    RejectedImage,
    fitted,
    media_type,
    open_picture,
    orientation,
    upright_picture,
    upright_size,
)

MAX_BYTES = 10_000_000
"""The API's limit for an image; its pages say 10 MB, and the smaller reading of that is safe."""

BLANK_PAGES = "blank pages are left out"
TOO_LONG = f"longer than {MAX_IMAGES} pieces can show: print arrives small"
LIES_ON_ITS_SIDE = "much wider than high: print arrives small; turn it when the receipt lies on its side"


@dataclass(frozen=True)
class PreparedImage:
    """What is sent: the bytes, their media type, and the size in pixels of the image in them (as stored).

    `notes`: what a person should know of the receipt's images, on the first of them.
    """

    data: bytes
    media_type: str
    width: int
    height: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImagePolicy:
    """How images are sent.

    `max_side`: longest side in pixels (None: the API's limit). `quality`: of the JPEGs made here, 1 to 95.
    `cuts`: a receipt too long to be read in one image is sent in pieces.
    """

    max_side: int | None = None
    quality: int = 90
    cuts: bool = False

    def __post_init__(self) -> None:
        if self.max_side is not None and not MIN_SHORT_SIDE <= self.max_side <= MAX_SIDE:
            raise ValueError(f"max_side must be {MIN_SHORT_SIDE} to {MAX_SIDE} pixels, not {self.max_side}")
        if not 1 <= self.quality <= 95:
            raise ValueError(f"quality must be 1 to 95, not {self.quality}")

    @property
    def side(self) -> int:
        """The longest side that is sent, in pixels."""
        return self.max_side or MAX_SIDE

    def side_for(self, width: float, height: float) -> int:
        """Pixels that the longer side of a picture of this shape may have when it is written again.

        Where receipts are cut, all that a model sees of it and no more: the vendor shrinks without averaging, which
        small print suffers from.
        """
        return _side_seen(width, height) if self.cuts else self.side

    def page_side_for(self, width: float, height: float) -> int:
        """The same for a page, which is always made here: no more than a model sees, whatever the policy."""
        side = _side_seen(width, height)
        return side if self.cuts else min(side, self.side)

    @property
    def fingerprint(self) -> str:
        """Names what decides the bytes sent: part of `prompt_id`. Raise `rules` when the code changes,
        that of pages and pieces, too.
        """
        rules = 4
        text = f"rules={rules} max_side={self.max_side} quality={self.quality} cuts={self.cuts}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _side_seen(width: float, height: float) -> int:
    """Pixels of the longer side of all pieces together, as far as a model sees them."""
    return SIDE_SEEN * min(MAX_IMAGES, max(1, math.ceil(height / width / pieces.LONGEST)))


READABLE = ImagePolicy(cuts=True)
ORIGINAL = ImagePolicy()
POLICIES = {"readable": READABLE, "original": ORIGINAL, "1540": ImagePolicy(max_side=SIDE_SEEN)}
"""The policies that a user can name: in pieces where one image would be too small to read, as it is, or at most 1540
pixels (all that a model sees), which halves the bytes of large photographs and takes time.

On 60 labelled scans, a third of them larger, the embedded reader read as well either way (`python -m
tests.measure_reader … --images 1540`: items F1 0.937, totals 1.00, dates 0.97 for both, merchants 0.93 and 0.92, with
210 KB and 145 KB an image; with BICUBIC in HAMMING's place the same).
"""


def inspect(data: bytes) -> tuple[str, int, int]:
    """Media type, width and height of an image file, from the header alone (as stored, not yet upright).

    Of a PDF, those of the first page as it is rendered. Raises RejectedImage when the file is no image or `prepare`
    would refuse it by its size or its number of pages.
    """
    if pages.is_pdf(data):
        return "application/pdf", *pages.pdf_sizes(data, _side_seen)[0]
    image = open_picture(data)
    if image.format == "TIFF":
        pages.tiff_pages(data)
    return media_type(data, image), image.width, image.height


def sizes_sent(data: bytes, policy: ImagePolicy = READABLE) -> list[tuple[int, int]]:
    """About the sizes in pixels of the images that `prepare` would give, from headers alone.

    Blank pages are counted, as nothing is rendered, and pieces as if they were equal. Raises RejectedImage.
    """
    if pages.is_pdf(data):
        whole = pages.pdf_sizes(data, policy.page_side_for)[:MAX_IMAGES]
    else:
        image = open_picture(data)
        numbers = pages.tiff_pages(data) if image.format == "TIFF" else [0]
        found = pages.tiff_sizes(data, numbers) if len(numbers) > 1 else [upright_size(image)]
        whole = [_within(size, policy) for size in found[:MAX_IMAGES]]
    if not policy.cuts:
        return whole
    given = pieces.allotted([pieces.pieces_needed(*size) for size in whole], MAX_IMAGES)
    return [
        (width, math.ceil(height / count))
        for (width, height), count in zip(whole, given, strict=True)
        for _ in range(count)
    ]


def _within(size: tuple[int, int], policy: ImagePolicy) -> tuple[int, int]:
    is_long = policy.cuts and pieces.pieces_needed(*size) > 1
    side = policy.side_for(*size) if is_long else policy.side
    return fitted(size, side) if max(size) > side else size


def prepare(data: bytes, policy: ImagePolicy = READABLE) -> tuple[PreparedImage, ...]:
    """The images that are sent under this policy, one to eight: the file's own bytes where they fit, else JPEGs.

    The pages of a file, or the pieces of a long receipt, follow each other without overlap. An image that is written
    again is upright, on white, in grey or RGB, within `policy.side_for` and the API's limits. A JPEG that lacks nothing
    but its end mark gets it. Raises RejectedImage when that cannot be done.
    """
    if pages.is_pdf(data):
        return _of_pages("PDF", pages.pdf_pages(data, policy.page_side_for), policy)
    image = open_picture(data)
    if image.format == "TIFF" and (numbers := pages.tiff_pages(data)) != [0]:
        return _of_pages("TIFF", pages.tiff_pictures(data, numbers, policy.page_side_for), policy)
    try:
        whole = _with_end(data, image)
        if whole is not data:
            data, image = whole, open_picture(whole)
        size = upright_size(image)
        if _fits(size, policy) and len(data) <= MAX_BYTES and _travels_untouched(data, image):
            notes = (LIES_ON_ITS_SIDE,) if _lies_on_its_side(size) else ()
            return (PreparedImage(data, media_type(data, image), image.width, image.height, notes),)
        return _sent([upright_picture(image, policy.side_for(*size))], policy, [])
    except RejectedImage:
        raise
    except MemoryError as error:
        raise RejectedImage(
            f"{image.width} x {image.height} pixels: too large for this machine", may_pass=True
        ) from error
    except Exception as error:  # on hostile files decoders raise anything, KeyError included
        if "truncated" in str(error):
            raise RejectedImage(CUT_OFF) from error
        raise RejectedImage(f"damaged: the {image.format} data cannot be decoded") from error


def _of_pages(kind: str, pictures: Iterator[Image.Image], policy: ImagePolicy) -> tuple[PreparedImage, ...]:
    """The images of a file of pages; a page without print is left out."""
    kept: list[Image.Image] = []
    count = 0
    for picture in pictures:
        count += 1
        if pages.has_print(picture):
            kept.append(picture)
        if len(kept) > MAX_IMAGES:
            raise RejectedImage(f"a {kind} of more than {MAX_IMAGES} pages with print: split it, a file a receipt")
    if not kept:
        raise RejectedImage(f"a {kind} of {count} page{'s' * (count > 1)} without print")
    return _sent(kept, policy, [BLANK_PAGES] if len(kept) < count else [])


def _sent(pictures: list[Image.Image], policy: ImagePolicy, notes: list[str]) -> tuple[PreparedImage, ...]:
    """Each picture as JPEG, in pieces where it is too long and the policy cuts."""
    needed = [pieces.pieces_needed(*picture.size) if policy.cuts else 1 for picture in pictures]
    given = pieces.allotted(needed, MAX_IMAGES)
    if policy.cuts and (given != needed or any(_is_too_long(picture.size) for picture in pictures)):
        notes.append(TOO_LONG)
    if any(_lies_on_its_side(picture.size) for picture in pictures):
        notes.append(LIES_ON_ITS_SIDE)
    images: list[PreparedImage] = []
    spare = MAX_IMAGES - sum(given)  # one more may be needed to find blank paper
    for picture, count in zip(pictures, given, strict=True):
        bands = pieces.cut(picture, count + spare) if count > 1 else [(0, picture.height)]
        spare -= len(bands) - count
        images += [_encoded(picture.crop((0, top, picture.width, bottom)), policy) for top, bottom in bands]
    return replace(images[0], notes=tuple(notes)), *images[1:]


def _fits(size: tuple[int, int], policy: ImagePolicy) -> bool:
    return max(size) <= policy.side and not (policy.cuts and pieces.pieces_needed(*size) > 1)


def _is_too_long(size: tuple[int, int]) -> bool:
    """Whether a picture was shrunk to what all images together can show, and is narrow then."""
    return size[1] >= MAX_IMAGES * SIDE_SEEN and size[0] < pieces.LEAST_WIDTH


def _lies_on_its_side(size: tuple[int, int]) -> bool:
    return size[0] > max(SIDE_SEEN, size[1] * pieces.LONGEST)


def _travels_untouched(data: bytes, image: Image.Image) -> bool:
    """Whether the API shows these bytes as they are meant, as far as the headers and the end mark tell."""
    if orientation(image) != 1:
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
        raise RejectedImage(CUT_OFF)
    return whole + jpegs.END


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


def _encoded(picture: Image.Image, policy: ImagePolicy) -> PreparedImage:
    """The picture as JPEG; shrunk further in the rare case that it is above the API's limit of bytes."""
    while True:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=policy.quality, optimize=False, exif=b"", icc_profile=None)
        if buffer.tell() <= MAX_BYTES:
            return PreparedImage(buffer.getvalue(), "image/jpeg", *picture.size)
        picture = picture.resize(fitted(picture.size, max(picture.size) * 4 // 5), Image.Resampling.LANCZOS)
