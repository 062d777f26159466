"""What the benchmark works on, made each time: photographs of receipts, tiny ones, and lines of batch output.

The photographs follow the public data set: some 570 KB each, half of them above 1540 pixels. The lines
follow real answers: about 750 bytes and two and a half items each, prices as a receipt of its country prints them.
"""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import orjson
from PIL import Image

from loader.sources import samples

PHOTOS = 12  # as many are drawn; the others are these with another comment in the file
HEIGHTS = (1500, 2300, 1500, 2300, 3800, 1500)  # of the photographs, in pixels
CURRENCIES = ("EUR", "USD", "IDR", "MYR", "JPY")
GOODS = (
    *(
        ("Bread", "Food"),
        ("Nasi Goreng Special", "Food"),
        ("Orange Juice 1L", "Beverage"),
        ("Es Teh Manis", "Beverage"),
    ),
    *(("Paracetamol 500mg", "Medical"), ("Bus Ticket Zone 2", "Travel"), ("Plastic Bag Small", "Other")),
)


def write_photos(folder: str, count: int) -> None:
    """So many JPEGs, no two alike."""
    Path(folder).mkdir(parents=True)
    photos = list(_photos())
    for number in range(count):
        (Path(folder) / f"{number:06}.jpg").write_bytes(commented(photos[number % PHOTOS], f"copy {number}"))


def write_samples(folder: str, count: int, seed: int) -> None:
    """So many sample receipts."""
    Path(folder).mkdir(parents=True)
    for number, sample in enumerate(samples.photographs(count, seed)):
        (Path(folder) / f"{number:06}.jpg").write_bytes(sample.image)


def write_pdfs(folder: str, count: int) -> None:
    """So many PDFs of one scanned page each, no two alike."""
    Path(folder).mkdir(parents=True)
    scans = [sample.image for sample in samples.scans(PHOTOS)]
    for number in range(count):
        (Path(folder) / f"{number:06}.pdf").write_bytes(scans[number % PHOTOS] + b"%% copy %d\n" % number)


def _photos() -> Iterator[bytes]:
    for number, sample in enumerate(samples.photographs(PHOTOS)):
        image: Image.Image = Image.open(io.BytesIO(sample.image))
        height = HEIGHTS[number % len(HEIGHTS)]
        image = image.resize((image.width * height // image.height, height), Image.Resampling.BICUBIC)
        grain = Image.effect_noise(image.size, 14)  # as a phone's sensor has it, and what makes files large
        image = Image.blend(image, grain.convert("RGB"), 0.2)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=88)
        yield buffer.getvalue()


def write_tiny(folder: str | Path, count: int) -> None:
    """So many JPEGs of 16 by 24 pixels, no two alike, a thousand a folder."""
    for number in range(count):
        inner = Path(folder) / f"{number // 1000:04}"
        if number % 1000 == 0:
            inner.mkdir(parents=True)
        (inner / f"{number:07}.jpg").write_bytes(tiny(number))


@cache
def _tiny() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (16, 24), 200).save(buffer, "JPEG", quality=50)
    return buffer.getvalue()


def tiny(number: int) -> bytes:
    """A JPEG of 16 by 24 pixels, another one for each number."""
    return commented(_tiny(), f"copy {number}")


def commented(jpeg: bytes, comment: str) -> bytes:
    """The same picture in another file: with a comment behind its first marker."""
    text = comment.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + jpeg[2:]


def receipt_id(number: int) -> str:
    """The id of the receipt that a line of `write_output` answers."""
    return hashlib.sha256(b"receipt %d" % number).hexdigest()


def custom_id(number: int) -> str:
    """The id of the request that a line of `write_output` answers."""
    return hashlib.sha256(b"request %d" % number).hexdigest()[:32]


def write_output(path: str | Path, first: int, last: int) -> None:
    """An output file of a batch job with the answers from number `first` to before `last`."""
    draw = random.Random(first)
    with Path(path).open("wb", buffering=1 << 20) as file:
        for number in range(first, last):
            file.write(_answer_line(number, draw))


def _answer_line(number: int, draw: random.Random) -> bytes:
    currency = CURRENCIES[number % len(CURRENCIES)]
    items = []
    for _ in range(draw.choice((2, 2, 3, 3))):
        name, category = draw.choice(GOODS)
        amount = draw.randrange(100, 9000)
        items.append({"name": name, "price": _printed(amount, currency), "classification": category})
    content = {
        "merchant": f"Shop {number % 997}",
        "purchased_on": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "currency": currency,
        "total": None,
        "items": items,
    }
    body = {
        "id": custom_id(number),
        "object": "chat.completion",
        "model": "mistral-small-2603",
        "usage": {"prompt_tokens": 2898, "completion_tokens": 120, "total_tokens": 3018},
        "created": 1790000000 + number,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "content": orjson.dumps(content, option=orjson.OPT_INDENT_2).decode(),
                    "tool_calls": None,
                },
            }
        ],
    }
    line = {
        "id": f"{number}-{custom_id(number)}",
        "custom_id": custom_id(number),
        "response": {"status_code": 200, "body": body},
        "error": None,
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _printed(amount: int, currency: str) -> str:
    if currency == "IDR":
        return f"{amount:,}".replace(",", ".")
    if currency == "JPY":
        return f"{amount:,}"
    mark = "," if currency == "EUR" else "."
    return f"{amount // 100}{mark}{amount % 100:02}"
