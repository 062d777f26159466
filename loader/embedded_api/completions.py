"""A chat request in, a `chat.completion` out: finds the images, has them read, words the answer as asked.

What was asked for is taken from the request alone: the properties of a `json_schema` (those that a reader can
know, in the schema's order, null where the receipt doesn't show them), else only `{"items": […]}`. Several images are
one receipt, its pages or pieces in order. Nothing is fetched: an image comes as a data URL or is refused. One that
cannot be decoded is answered with no items.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import orjson

from loader.embedded_api.bodies import MAX_IMAGE_BYTES
from loader.embedded_api.errors import bad_request
from loader.image_tokens import MAX_IMAGES, image_tokens

CHARACTERS_PER_TOKEN = 4
HEADER_FIELDS = (
    "document_type",
    "merchant",
    "country",
    "purchased_on",
    "purchased_at",
    "receipt_number",
    "currency",
    "payment_method",
    "subtotal",
    "taxes",
    "tip",
    "service_charge",
    "rounding",
    "total",
)
ITEM_FIELDS = ("name", "price", "classification")


class Item(Protocol):
    """A line of a receipt."""

    @property
    def name(self) -> str: ...
    @property
    def price(self) -> str: ...
    @property
    def classification(self) -> str: ...


class Reading(Protocol):
    """What stands on the images of a receipt: items, and those of `HEADER_FIELDS` that are known (taxes: several)."""

    @property
    def items(self) -> Sequence[Item]: ...


Reader = Callable[[Sequence[bytes], Sequence[str]], Reading]
"""The images of a receipt and the categories to choose from (none: the reader's own) -> what stands on it."""


def complete(body: Mapping[str, Any], model: str, read: Reader) -> dict[str, Any]:
    """Answer one chat request with a `chat.completion` body, or raise ApiRefusal."""
    if body.get("stream"):
        raise bad_request("Streaming is not served here: ask without `stream`")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise bad_request("`messages` must be a list with at least one message")
    text_length = 0
    images: list[bytes] = []
    for kind, value in _parts(messages):
        if kind == "text":
            text_length += len(value)
        else:
            images.append(_image_bytes(value))
    if not images:
        raise bad_request("The request has no image: send the receipt as an `image_url` with a data URL")
    if len(images) > MAX_IMAGES:
        raise bad_request(f"The request has {len(images)} images: at most {MAX_IMAGES} are taken")

    schema = _schema(body.get("response_format"))
    categories = _categories(schema)
    sizes = {number: size for number, image in enumerate(images) if (size := _image_size(image)) is not None}
    prompt_tokens = math.ceil(text_length / CHARACTERS_PER_TOKEN) + sum(image_tokens(*size) for size in sizes.values())
    reading = read([images[number] for number in sizes], categories) if sizes else None
    answer = orjson.dumps(_answer(reading, schema)).decode()
    return _completion(answer, model, prompt_tokens, body.get("max_tokens"))


def _parts(messages: list[Any]) -> Iterator[tuple[str, str]]:
    """The text and image URLs of all messages, as ("text", text) and ("image", url)."""
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield "text", content
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, dict):
                continue
            if part.get("type") == "image_url":
                url = part.get("image_url")
                yield "image", str(url.get("url") if isinstance(url, dict) else url)
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


def _image_size(image: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, from the image's header; None when it is no image or an absurd one."""
    from PIL import Image, UnidentifiedImageError

    from loader.image_formats import FORMATS

    try:
        with Image.open(io.BytesIO(image), formats=FORMATS) as opened:
            return opened.size
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _schema(response_format: Any) -> dict[str, Any] | None:
    """The JSON schema that the answer must follow, or None."""
    if not isinstance(response_format, dict) or response_format.get("type") != "json_schema":
        return None
    wrapper = response_format.get("json_schema")
    schema = wrapper.get("schema") if isinstance(wrapper, dict) else None
    if not isinstance(schema, dict):
        raise bad_request("`response_format.json_schema.schema` must be a JSON schema")
    return schema


def _resolved(node: Any, root: dict[str, Any]) -> dict[str, Any]:
    """A schema node; where it is a reference into `$defs`, the definition."""
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        node = root.get("$defs", {}).get(node["$ref"].rpartition("/")[2])
    return node if isinstance(node, dict) else {}


def _item_properties(schema: dict[str, Any]) -> dict[str, Any]:
    items = _resolved(schema.get("properties", {}).get("items"), schema)
    properties = _resolved(items.get("items"), schema).get("properties")
    return properties if isinstance(properties, dict) else {}


def _categories(schema: dict[str, Any] | None) -> tuple[str, ...]:
    if schema is None:
        return ()
    allowed = _resolved(_item_properties(schema).get("classification"), schema).get("enum")
    return tuple(str(value) for value in allowed) if isinstance(allowed, list) else ()


def _answer(reading: Reading | None, schema: dict[str, Any] | None) -> dict[str, Any]:
    """The answer's object; no image that can be decoded gives no items."""
    item_fields: Sequence[str] = ITEM_FIELDS
    fields: Sequence[str] = ("items",)
    if schema is not None:
        item_fields = [name for name in _item_properties(schema) if name in ITEM_FIELDS]
        fields = [name for name in schema.get("properties", {}) if name in ("items", *HEADER_FIELDS)]
    answer: dict[str, Any] = {}
    for field in fields:
        if field == "items":
            items = reading.items if reading is not None else ()
            answer["items"] = [{name: getattr(item, name) for name in item_fields} for item in items]
        elif field == "taxes":
            answer["taxes"] = list(getattr(reading, "taxes", ()))
        else:
            answer[field] = getattr(reading, field, None)
    return answer


def _completion(content: str, model: str, prompt_tokens: int, max_tokens: Any) -> dict[str, Any]:
    completion_tokens = math.ceil(len(content) / CHARACTERS_PER_TOKEN)
    finish_reason = "stop"
    if isinstance(max_tokens, int) and completion_tokens > max_tokens:
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
