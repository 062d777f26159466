"""PDFs written by hand: what a scanner or a till makes, and what nobody should."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

from PIL import Image

PRINT = b"BT /F 14 Tf 20 40 Td (TOTAL 12.50) Tj ET 20 30 100 2 re f"


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object's body."""
    return b"<< %b /Length %d >> stream\n%b\nendstream" % (entries, len(data), data)


def packed(data: bytes, entries: bytes = b"") -> bytes:
    """The same, compressed."""
    return stream(zlib.compress(data, 9), entries + b" /Filter /FlateDecode")


def file(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1, the first of which is the catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj %b endobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R %b >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out)


def pdf(
    contents: Sequence[bytes],
    *,
    box: bytes = b"0 0 200 300",
    entries: bytes = b"",
    resources: bytes = b"",
    more: Sequence[bytes] = (),
    trailer: bytes = b"",
) -> bytes:
    """A PDF of a page for each content (operators, or a stream's whole body), all else alike.

    `more` are further objects, numbered on from twice the number of pages and four.
    """
    count = len(contents)
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, count),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [%b] %b /Resources << /Font << /F 3 0 R >> %b >>"
            b" /Contents %d 0 R >>" % (box, entries, resources, 5 + 2 * number)
        )
        objects.append(content if b"stream" in content else stream(content))
    return file([*objects, *more], trailer)


def scans(*pages: Image.Image | bytes, dpi: int = 200) -> bytes:
    """A PDF as a scanner writes it: a JPEG a page, bytes as they are or pictures encoded."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for page in pages:
        data = page if isinstance(page, bytes) else _jpeg(page)
        width, height = Image.open(io.BytesIO(data)).size
        across, down = width * 72 / dpi, height * 72 / dpi
        number = len(objects) + 1
        kids.append(b"%d 0 R" % number)
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.3f %.3f] /Contents %d 0 R"
            b" /Resources << /XObject << /I %d 0 R >> >> >>" % (across, down, number + 1, number + 2),
            stream(b"%.3f 0 0 %.3f 0 0 cm /I Do" % (across, down)),
            stream(
                data,
                b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8"
                b" /Filter /DCTDecode" % (width, height),
            ),
        ]
    objects[1] = b"<< /Type /Pages /Kids [%b] /Count %d >>" % (b" ".join(kids), len(kids))
    return file(objects)


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
