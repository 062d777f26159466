"""Lines of output files, as the batch API writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

NO_ITEMS = '{"items": []}'


def answer_line(
    custom_id: Any, content: Any = NO_ITEMS, *, finish_reason: str = "stop", model: str = "m", **changes: Any
) -> dict[str, Any]:
    """A request's answer with this content; `changes` are of the line's own fields."""
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": content}}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    body = {"id": "x", "object": "chat.completion", "model": model, "created": 1, "choices": [choice], "usage": usage}
    response = {"status_code": 200, "body": body}
    return {"id": f"line-{custom_id}", "custom_id": custom_id, "response": response, "error": None, **changes}


def jsonl(*lines: Mapping[str, Any] | str) -> str:
    """A file of these lines, of which some may be text already."""
    return "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
