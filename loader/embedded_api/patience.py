"""How long a client may take: a connection whose request does not come is closed, and what came of it goes.

A whole upload may take as long as it likes, as long as some of it keeps coming.
"""

from __future__ import annotations

import asyncio

import h11
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 30.0  # from a connection's first moment, or a request's first byte, to the end of its headers
BODY_SECONDS = 60.0  # without a byte of a body that is still to come


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, which of itself waits for headers without end."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEADER_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Patience:
    """ASGI middleware: a body that stops coming is a 408."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_coming = True

        async def patient_receive() -> Message:
            nonlocal is_coming
            if not is_coming:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), BODY_SECONDS)
            except TimeoutError:
                raise HTTPException(408, "The request stopped coming") from None
            is_coming = bool(message.get("more_body"))
            return message

        await self._app(scope, patient_receive if scope["type"] == "http" else receive, send)
