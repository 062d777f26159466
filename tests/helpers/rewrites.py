"""What a server that is odd makes of its answers: rewrites of bodies for the fault proxy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Line = dict[str, Any]


def lines(change: Callable[[list[Line]], list[Line]], times: int = 1) -> Callable[[bytes], bytes]:
    """A rewrite of the first result files that changes their lines."""
    left = [times]

    def rewrite(body: bytes) -> bytes:
        left[0] -= 1
        if left[0] < 0:
            return body
        return b"".join(
            json.dumps(line).encode() + b"\n" for line in change([json.loads(x) for x in body.splitlines()])
        )

    return rewrite


def fields(change: Callable[[Line], Line]) -> Callable[[bytes], bytes]:
    """A rewrite of an answer that is one JSON object."""
    return lambda body: json.dumps(change(json.loads(body))).encode()


def with_content(line: Line, content: Any, finish_reason: str = "stop") -> Line:
    """The same answer line with other words of the model."""
    choice = line["response"]["body"]["choices"][0]
    choice["message"]["content"] = content
    choice["finish_reason"] = finish_reason
    return line
