"""One image, one live call: the quick look before a batch is paid for. Nothing is landed."""

from __future__ import annotations

from typing import Any

import orjson

from loader.batch.provider import Provider
from loader.errors import SourceError
from loader.requests.images import prepare
from loader.requests.pictures import RejectedImage
from loader.requests.question import live_body
from loader.settings import Style


def ask_one(api: Provider, model: str, image: bytes, name: str, style: Style) -> dict[str, Any]:
    """The answer to one image: `items`, the header fields, tokens; or `unreadable` with the text as it came.

    Raises SourceError for an image that cannot be sent, ApiError.
    """
    try:
        prepared = prepare(image)
    except RejectedImage as rejected:
        raise SourceError(f"{name}: {rejected.reason}; name another image") from rejected
    answer = api.ask(model, live_body(prepared, style))
    try:
        content = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):  # an answer without a message, however it lacks one
        content = None
    if isinstance(content, list):
        content = "".join(chunk.get("text") or "" for chunk in content if isinstance(chunk, dict))
    usage = answer.get("usage") or {}
    tokens = {key: usage.get(key) or 0 for key in ("prompt_tokens", "completion_tokens")}
    try:
        fields = orjson.loads(content or "")
    except orjson.JSONDecodeError:
        return {"unreadable": str(content), **tokens}
    items = fields.get("items") if isinstance(fields, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return {"unreadable": str(content), **tokens}
    return {**fields, **tokens, "model": answer.get("model")}
