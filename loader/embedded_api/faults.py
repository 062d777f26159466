"""What the live API does on its bad days, on demand: `loader serve --faults SEED`. All was recorded or is documented.

Calls are refused (429 for rate or capacity, 402 and 403 when a job is created), and jobs end oddly: SUCCESS with lines
missing, with an error file beside the output file, with a reason that is a bare text, CANCELLED with output. One seed
plays the same faults in the same order, each kind once in a round, so that a load that is repeated comes to its end.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import orjson
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from loader.embedded_api import results
from loader.embedded_api.access import read_to_end
from loader.embedded_api.errors import error_body
from loader.embedded_api.worker import result_line

CHAT, JOBS = "/v1/chat/completions", "/v1/batch/jobs"
RATE = (429, error_body(429, "Rate limit exceeded", "rate_limited", "1300"))
CAPACITY = (429, error_body(429, "Service tier capacity exceeded for this model.", "service_tier_capacity", "3505"))
BILLING = (402, {"detail": "Batch billing is not enabled for this workspace"})
TIER = (403, error_body(403, "This model is not allowed in your tier", "tier_not_allowed", "1910"))
WELL = None
READS = [RATE, *[WELL] * 9]
CHATS = [RATE, CAPACITY, WELL, WELL, WELL]
CREATIONS = [BILLING, TIER, RATE, CAPACITY, *[WELL] * 4]
ENDS = ["lines missing", "both files", "a reason as a text", "cancelled", "well"]
SPOILT = 0.3  # of a job's lines, and one at least
REASON = "1 validation error for ChatCompletionRequest"
T = TypeVar("T")


class Faults:
    """The faults of one seed; safe to use from several threads."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._reads, self._chats, self._creations = map(self._rounds, (READS, CHATS, CREATIONS))
        self._ends = self._rounds(ENDS)

    def _rounds(self, kinds: Sequence[T]) -> Iterator[T]:
        while True:
            yield from self._random.sample(kinds, len(kinds))

    def refusal(self, method: str, path: str) -> tuple[int, dict[str, Any]] | None:
        """What a call is refused with, status and body; None: it goes through."""
        with self._lock:
            if method == "GET":
                return next(self._reads)
            if method == "POST" and path == JOBS:
                return next(self._creations)
            return next(self._chats) if method == "POST" and path == CHAT else WELL

    def spoil(self, job_dir: Path) -> tuple[str, int]:
        """Have a job that went well end oddly: its status, and how many it says were answered, whatever it gives."""
        outputs = sorted(job_dir.glob("output-*.jsonl"))
        with self._lock:
            end = next(self._ends)
            lines = [line for path in outputs for line in path.read_bytes().splitlines(True)]
            spoilt = set(self._random.sample(range(len(lines)), max(1, int(SPOILT * len(lines))) if lines else 0))
        if end == "well":
            return "SUCCESS", len(lines)
        for path in outputs:
            path.unlink()
        kept = [line for number, line in enumerate(lines) if number not in spoilt]
        if kept:
            results.append(job_dir, "output", b"".join(kept))
        for number in spoilt if end in ("both files", "a reason as a text") else ():
            results.append(job_dir, "error", _failed(job_dir, lines[number], end))
        if end == "cancelled":
            return "CANCELLED", len(kept)
        return "SUCCESS", len(lines) if end == "lines missing" else len(kept)


def _failed(job_dir: Path, line: bytes, end: str) -> bytes:
    """The line of a request that was answered, as if it had failed."""
    answered = orjson.loads(line)
    number = int(answered["id"].rpartition("-")[2])
    if end == "both files":
        return result_line(job_dir, number, answered["custom_id"], *CAPACITY)
    return orjson.dumps({**answered, "response": None, "error": REASON}, option=orjson.OPT_APPEND_NEWLINE)


class FaultyCalls:
    """ASGI middleware that refuses the calls that `Faults` names."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._faults.refusal(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, body = refusal
        await read_to_end(receive)
        headers = {"Retry-After": "1"} if status == 429 else None
        await JSONResponse(body, status, headers=headers)(scope, receive, send)
