"""JSON from outside is measured before it is parsed: parsed, a byte can take thirty, and a text four times its size.

So what takes much memory is bounded: text (all but base64 images, which stay as they are) and values. The limits leave
what the API takes: 8 images of 10 MB a request, 10,000 requests sent inline.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from loader.embedded_api.errors import ApiRefusal, invalid, too_large
from loader.image_tokens import MAX_IMAGES

MAX_IMAGE_BYTES = 10 * 1024 * 1024
IMAGE = re.compile(rb"base64,[A-Za-z0-9+/=]+")
VALUE_MARKS = (b",", b"[", b"{")  # each value but the first has one before it; those within texts count as well


@dataclass(frozen=True)
class Limits:
    """How much JSON is taken: bytes in all, bytes that aren't images, values."""

    size: int
    text: int
    values: int


REQUEST = Limits(size=MAX_IMAGES * MAX_IMAGE_BYTES * 4 // 3 + 2**22, text=2**22, values=100_000)
BATCH = Limits(size=200 * 2**20, text=40 * 2**20, values=1_000_000)


def excess(body: bytes | bytearray, limits: Limits) -> ApiRefusal | None:
    """The refusal (413) of JSON that is above the limits."""
    if len(body) > limits.size:
        return too_large("The request", limits.size)
    if len(body) > limits.text:
        text = len(body) - sum(match.end() - match.start() for match in IMAGE.finditer(body))
        if text > limits.text:
            return too_large("The request without its images", limits.text)
    if sum(body.count(mark) for mark in VALUE_MARKS) > limits.values:
        return ApiRefusal(413, {"detail": f"The request has more than {limits.values} values"})
    return None


def parsed(body: bytes | bytearray, limits: Limits) -> Any:
    """What a JSON body says; ApiRefusal (413, 422) when it is too much, or no JSON."""
    if refusal := excess(body, limits):
        raise refusal
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(["body"], f"Invalid JSON: {error}", "json_invalid") from None
