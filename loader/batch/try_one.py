"""One image or PDF, one live call: the quick look before a batch is paid for. Nothing is landed.

What the answer says is read by dbt's own rules, as a batch's lines are, so that the look shows what a build would see.
"""

from __future__ import annotations

from typing import Any

from loader.batch.provider import Provider
from loader.errors import SourceError
from loader.requests.images import prepare
from loader.requests.pictures import RejectedImage
from loader.requests.question import header_fields, live_body
from loader.settings import Style
from loader.warehouse.one_answer import read_answer


def ask_one(api: Provider, model: str, image: bytes, name: str, style: Style) -> dict[str, Any]:
    """The answer to one image: `status`, `items`, the header fields as printed, tokens, `model`.

    One that a build could not read has `unreadable`, the text as it came, and `reason`. Amounts are texts, `taxes` the
    JSON of a list. Raises SourceError for an image that cannot be sent, ApiError.
    """
    try:
        prepared = prepare(image)
    except RejectedImage as rejected:
        raise SourceError(f"{name}: {rejected.reason}; name another image") from rejected
    answer = api.ask(model, live_body(prepared, style))
    return {**read_answer(answer, header_fields()), "model": answer.get("model")}
