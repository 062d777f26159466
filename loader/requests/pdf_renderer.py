"""The program that reads PDFs, in a process of its own: `pdfs.py` starts it, and ends it when it takes too long.

PDFium is no library for threads, and a hostile file can hang it, crash it or make it take all memory. Here it can do
none of that to a load: this process has a limit of memory and dies alone. It is started by its path and imports
nothing of the project.

On stdin comes a line of JSON: `{"bytes": n, "most": pages}` and so many bytes of a file, then `{"page": i, "side":
pixels}` for each page of it that is wanted. On stdout goes a line of JSON for each: `{"pages": n, "sizes": [[width,
height], …]}` in points for the first pages (null for one that is lost), and `{"width": …, "height": …, "trouble":
null}` with the page's pixels (RGB) behind it. What cannot be read is answered with `{"reason": "…"}`, null where PDFium
says none.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from typing import Any

import pypdfium2
from pypdfium2 import raw

MOST_MEMORY = 2 * 1024**3  # of address space: libraries take 0.2 GB, the largest page of 12,320 x 1,540 pixels 0.1 GB
MOST_IMAGES = 100  # of a page are looked at; a scan has one, or one for each strip of it
END_OF_JPEG = b"\xff\xd9"
REASONS = {
    raw.FPDF_ERR_PASSWORD: "encrypted, save it without its password",
    raw.FPDF_ERR_SECURITY: "encrypted in a way that is not read here, save it without its password",
}


def main() -> None:
    """Answer until stdin ends."""
    with contextlib.suppress(OSError, ValueError):  # a system that sets no such limit: the time is bounded still
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    document: pypdfium2.PdfDocument | None = None
    for line in sys.stdin.buffer:
        asked, pixels = json.loads(line), b""
        try:
            if "bytes" in asked:
                if document is not None:
                    document.close()
                document = pypdfium2.PdfDocument(sys.stdin.buffer.read(asked["bytes"]))
                first = range(min(len(document), asked["most"]))
                answer = {"pages": len(document), "sizes": [_size(document, page) for page in first]}
            elif document is not None:
                answer, pixels = _page(document, asked["page"], asked["side"])
        except pypdfium2.PdfiumError as error:
            answer = {"reason": REASONS.get(error.err_code or -1)}
        except MemoryError:
            answer = {"reason": "it would need too much memory"}
        except ValueError:  # a page that is less than a pixel wide, and the like
            answer = {"reason": None}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.write(pixels)
        sys.stdout.buffer.flush()


def _size(document: pypdfium2.PdfDocument, number: int) -> tuple[float, float] | None:
    try:
        width, height = document.get_page_size(number)
    except pypdfium2.PdfiumError:
        return None
    return (width, height) if 0 < width < float("inf") and 0 < height < float("inf") else None


def _page(document: pypdfium2.PdfDocument, number: int, side: int) -> tuple[dict[str, Any], bytes]:
    """A page as it is meant to be seen (`/Rotate` is honoured), its longer side so many pixels."""
    page = document[number]
    try:
        scale = (side - 0.5) / max(page.get_size())  # PDFium rounds up
        bitmap = page.render(scale=scale, rev_byteorder=True)
        pixels = bytes(bitmap.buffer)
        shows_nothing = pixels.count(pixels[:1]) == len(pixels)
        return {
            "width": bitmap.width,
            "height": bitmap.height,
            "trouble": _trouble(page, shows_nothing),
        }, pixels
    finally:
        page.close()


def _trouble(page: pypdfium2.PdfPage, shows_nothing: bool) -> str | None:
    """What PDFium passes over without a word: a picture that ends early, or one that is not shown at all."""
    for count, image in enumerate(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE])):
        if count == MOST_IMAGES:
            break
        if image.get_filters() == ["DCTDecode"] and END_OF_JPEG not in bytes(image.get_data())[-1024:]:
            return "its picture is cut off"
        if shows_nothing:
            try:
                image.get_bitmap().close()
            except pypdfium2.PdfiumError:
                return "its picture cannot be decoded"
    return None


if __name__ == "__main__":
    main()
