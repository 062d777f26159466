"""The pages of a file that has several (a PDF, a TIFF) as pictures, one after the other.

No page is lost in silence: one that cannot be shown rejects the file by its number, and so does a file of more pages
than are looked at. PDFs are always rendered: the text that a scan carries beside its picture is often wrong.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

from PIL import Image

from loader.image_tokens import MAX_IMAGES
from loader.requests import pdfs
from loader.requests.pictures import (
    CUT_OFF,
    MAX_PIXELS,
    MAX_SIDE,
    MIN_SHORT_SIDE,
    RejectedImage,
    fitted,
    upright_picture,
    upright_size,
)

MOST_PAGES = 2 * MAX_IMAGES
"""So many pages are looked at: a scanner of both sides makes a blank one for each that is printed."""

SideFor = Callable[[float, float], int]
"""Width and height of a page, in whatever unit -> how many pixels its longer side shall have, at most."""

_PDF = re.compile(rb"[\s\0\xef\xbb\xbf]{0,64}%PDF-")
_SUBFILE_TYPE, _SUB_IMAGES = 254, 330
_PREVIEW_OR_MASK = 0b101
_COUNTED = 1000  # pages of a TIFF, each found only through the one before


def is_pdf(data: bytes) -> bool:
    """Whether a file is a PDF, by its first bytes."""
    return _PDF.match(data) is not None


def pdf_sizes(data: bytes, side_for: SideFor) -> list[tuple[int, int]]:
    """The size in pixels that each page of a PDF is rendered at; nothing is rendered. Raises RejectedImage."""
    try:
        with pdfs.opened(data, MOST_PAGES) as pdf:
            _check_count("PDF", pdf.pages)
            return [fitted(size, _side(size, side_for)) for size in pdf.sizes]
    except pdfs.BrokenPdf as broken:
        raise RejectedImage(f"PDF: {broken.reason}", broken.may_pass) from broken


def pdf_pages(data: bytes, side_for: SideFor) -> Iterator[Image.Image]:
    """The pages of a PDF, rendered so that the longer side has as many pixels as asked. Raises RejectedImage."""
    try:
        with pdfs.opened(data, MOST_PAGES) as pdf:
            _check_count("PDF", pdf.pages)
            for number, size in enumerate(pdf.sizes):
                yield Image.frombytes("RGB", *pdf.render(number, _side(size, side_for)))
    except pdfs.BrokenPdf as broken:
        raise RejectedImage(f"PDF: {broken.reason}", broken.may_pass) from broken


def _side(size: tuple[float, float], side_for: SideFor) -> int:
    side = side_for(*size)
    if min(size) * side < MIN_SHORT_SIDE * max(size):
        raise RejectedImage(f"PDF: a page of {size[0]:.0f} x {size[1]:.0f} points, too narrow to read")
    return side


def tiff_pages(data: bytes) -> list[int]:
    """The frames of a TIFF that are pages: no previews, no masks. Raises RejectedImage when they are too many.

    Where only the first can be read, it is the only one: whatever a broken second frame makes a decoder raise says
    nothing about the first.
    """
    tiff = Image.open(io.BytesIO(data), formats=["TIFF"])
    first = tiff.tag_v2  # type: ignore[attr-defined]  # TIFFs have them: those of the page that was sought last
    is_preview, has_more = first.get(_SUBFILE_TYPE, 0) & 1, _SUB_IMAGES in first
    numbers: list[int] = []
    try:
        for number in range(_COUNTED):
            tiff.seek(number)
            if not tiff.tag_v2.get(_SUBFILE_TYPE, 0) & _PREVIEW_OR_MASK:  # type: ignore[attr-defined]
                numbers.append(number)
    except EOFError:
        pass
    except Exception:
        numbers = numbers or [0]
    if is_preview and (numbers or has_more):
        raise RejectedImage("a TIFF that begins with a preview (a camera's raw file?): save it as JPEG")
    _check_count("TIFF", len(numbers))
    return numbers or [0]


def tiff_sizes(data: bytes, numbers: list[int]) -> list[tuple[int, int]]:
    """The size in pixels of these pages, upright. Raises RejectedImage."""
    return [upright_size(_tiff_page(data, number, len(numbers), at)) for at, number in enumerate(numbers, 1)]


def tiff_pictures(data: bytes, numbers: list[int], side_for: SideFor) -> Iterator[Image.Image]:
    """These pages, upright, the longer side within what is asked. Raises RejectedImage."""
    for at, number in enumerate(numbers, start=1):
        page = _tiff_page(data, number, len(numbers), at)
        try:
            yield upright_picture(page, side_for(*upright_size(page)))
        except RejectedImage:
            raise
        except Exception as error:  # on hostile files decoders raise anything
            why = CUT_OFF if "truncated" in str(error) else "damaged, it cannot be decoded"
            raise RejectedImage(f"TIFF: page {at} of {len(numbers)}: {why}") from error


def _tiff_page(data: bytes, number: int, pages: int, at: int) -> Image.Image:
    try:
        page = Image.open(io.BytesIO(data), formats=["TIFF"])
        page.seek(number)
    except Exception as error:
        raise RejectedImage(f"TIFF: page {at} of {pages}: damaged, it cannot be opened") from error
    width, height = page.size
    if width * height > MAX_PIXELS:
        most = MAX_PIXELS // 10**6
        raise RejectedImage(f"TIFF: page {at} of {pages}: {width} x {height} pixels, more than {most} megapixels")
    if min(page.size) * MAX_SIDE < MIN_SHORT_SIDE * max(page.size):
        raise RejectedImage(f"TIFF: page {at} of {pages}: {width} x {height} pixels, too narrow to read")
    return page


def _check_count(kind: str, pages: int) -> None:
    if pages > MOST_PAGES:
        more = " or more" if pages == _COUNTED else ""
        raise RejectedImage(f"a {kind} of {pages}{more} pages: at most {MAX_IMAGES} a receipt are sent, split the file")


_SPECK = 24  # grey levels that print differs from paper by at least, once four pixels are averaged
_LEAST_PRINT = 0.000_05  # of the pixels: less than a single letter has on a page


def has_print(picture: Image.Image) -> bool:
    """Whether anything stands on a page: print, a scanner's dark edge, anything but even paper."""
    small = picture.convert("L").reduce(2)
    counts = small.histogram()
    seen, paper = 0, 0
    while seen * 2 < small.width * small.height:  # the median
        seen += counts[paper]
        paper += 1
    other = sum(counts[: max(0, paper - _SPECK)]) + sum(counts[paper + _SPECK :])
    return other > _LEAST_PRINT * small.width * small.height
