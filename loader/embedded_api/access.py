"""Who may come in: requests for a loopback name with the right bearer token.

The Host header is checked because a web page can point a name of its own at 127.0.0.1 (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import re

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

REFUSED_SECONDS = 300.0  # that are given to a request which is refused anyway
_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?", re.IGNORECASE)


class Gate:
    """ASGI middleware that answers 403 and 401 itself and lets the rest pass."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is not None:
                await read_to_end(receive)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if not _LOOPBACK.fullmatch(headers.get("host", "")):
            return JSONResponse({"detail": "This server answers on loopback names only"}, 403)
        given = headers.get("authorization", "").encode("latin-1", "replace")
        if hmac.compare_digest(given, self._expected):
            return None
        return JSONResponse({"detail": "Invalid API Key"}, 401)


async def read_to_end(receive: Receive) -> None:
    """Read what the client still sends: amid a large upload it would see a reset, not the refusal."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REFUSED_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
