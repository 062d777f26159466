"""A chat request in, a `chat.completion` out: finds the images, has them read, words the answer as asked.

Several images are one receipt, its pages or pieces in order. Nothing is fetched: an image comes as a data URL or is
refused, and so is one that cannot be decoded: an answer without items would say that there are none. What would
change the answer and is not served (`tools`, `n` above 1, documents) is refused by name.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from loader.embedded_api.answers import Reading, Schema, plain_answer
from loader.embedded_api.bodies import MAX_IMAGE_BYTES
from loader.embedded_api.errors import ApiRefusal, bad_request, invalid_image
from loader.image_tokens import MAX_IMAGES, SIDE_SEEN, image_tokens

CHARACTERS_PER_TOKEN = 4
# That the reader takes, once a file has shrunk itself towards a side, as JPEGs can.
MOST_PIXELS, MOST_SIDE = 50_000_000, 2 * SIDE_SEEN
TEXT_PARTS = ("text", "thinking", "reference")  # what a client may send back of an earlier answer, too

Reader = Callable[[Sequence[bytes], Sequence[str]], Reading]
"""The images of a receipt and the categories to choose from (none: the reader's own) -> what stands on it."""


def complete(body: Mapping[str, Any], model: str, read: Reader) -> dict[str, Any]:
    """Answer one chat request, which has been checked (`schemas.ChatBody`), with a `chat.completion` body.

    Raises ApiRefusal.
    """
    if body.get("tools"):
        raise bad_request("`tools` are not served here: ask for JSON with `response_format`")
    if int(body.get("n") or 1) > 1:
        raise bad_request("`n` above 1 is not served here: a receipt reads the same every time")
    text_length = 0
    images: list[bytes] = []
    for kind, value in _parts(body["messages"]):
        if kind == "text":
            text_length += len(value)
        else:
            images.append(_image_bytes(value))
    if not images:
        raise bad_request("The request has no image: send the receipt as an `image_url` with a data URL")
    if len(images) > MAX_IMAGES:
        raise bad_request(f"The request has {len(images)} images: at most {MAX_IMAGES} are taken")

    wanted = body.get("response_format") or {}
    schema = Schema(wanted["json_schema"]["schema"]) if wanted.get("type") == "json_schema" else None
    prompt_tokens = math.ceil(text_length / CHARACTERS_PER_TOKEN) + sum(
        image_tokens(*_image_size(image)) for image in images
    )
    reading = read(images, schema.categories() if schema else ())
    if len(images) > 1 or not reading.items:  # else it was decoded, or nothing could stand on it
        for image in images:
            _decode(image)
    answer = schema.answer(reading) if schema else plain_answer(reading)
    return _completion(answer, model, prompt_tokens, body.get("max_tokens"))


def as_event_stream(completion: dict[str, Any]) -> bytes:
    """A completion as server-sent events: all of it in one chunk, then the end."""
    (choice,) = completion["choices"]
    delta = {"role": "assistant", "content": choice["message"]["content"]}
    chunk = {
        **completion,
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": choice["finish_reason"]}],
    }
    return b"data: " + orjson.dumps(chunk) + b"\n\ndata: [DONE]\n\n"


def _parts(messages: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """The text and image URLs of all messages, as ("text", text) and ("image", url)."""
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield "text", content
        for part in content if isinstance(content, list) else ():
            kind = part.get("type", "text")
            if kind == "image_url":
                url = part.get("image_url")
                yield "image", str(url.get("url") if isinstance(url, dict) else url)
            elif kind not in TEXT_PARTS:
                raise bad_request(f"Content of type {str(kind)[:40]!r} is not served here: send text and images")
            elif isinstance(part.get("text"), str):
                yield "text", part["text"]


def _image_bytes(url: str) -> bytes:
    head, _, data = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise bad_request("An image must be a data URL (data:image/…;base64,…): nothing is fetched from elsewhere")
    try:
        image = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request("An image's data URL is not valid base64") from None
    if len(image) > MAX_IMAGE_BYTES:
        raise bad_request(f"An image has {len(image)} bytes; at most {MAX_IMAGE_BYTES} are taken")
    return image


def _image_size(image: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the image's header; ApiRefusal when it is no image or an absurd one."""
    with _opened(image) as opened:
        size: tuple[int, int] = opened.size
        return size


def _decode(image: bytes) -> None:
    """Decode an image, as the reader may have read nothing of it: ApiRefusal when it is damaged or too large."""
    with _opened(image) as opened:
        opened.draft("RGB", (MOST_SIDE, MOST_SIDE))
        if opened.width * opened.height > MOST_PIXELS:
            raise invalid_image(f"An image has more than {MOST_PIXELS:,} pixels: make it smaller")
        opened.load()


@contextmanager
def _opened(image: bytes) -> Iterator[Any]:
    from PIL import Image

    from loader.image_formats import FORMATS

    try:
        with Image.open(io.BytesIO(image), formats=FORMATS) as opened:
            yield opened
    except ApiRefusal:
        raise
    except Exception:  # decoders raise anything on broken bytes
        raise invalid_image("An image could not be decoded: send JPEG, PNG, WebP or GIF") from None


def _completion(content: str, model: str, prompt_tokens: int, max_tokens: Any) -> dict[str, Any]:
    completion_tokens = math.ceil(len(content) / CHARACTERS_PER_TOKEN)
    finish_reason = "stop"
    max_tokens = None if max_tokens is None else int(max_tokens)  # `5.0` and `"5"` are taken, as by the vendor
    if max_tokens is not None and completion_tokens > max_tokens:
        content = content[: max_tokens * CHARACTERS_PER_TOKEN]
        completion_tokens = max_tokens
        finish_reason = "length"
    return {
        "id": uuid.uuid4().hex,
        "object": "chat.completion",
        "model": model,
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
            "prompt_audio_seconds": None,
            "prompt_tokens_details": {"cached_tokens": 0},
            "request_count": 1,
        },
        "created": int(time.time()),
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": content, "tool_calls": None, "prefix": False},
            }
        ],
    }
