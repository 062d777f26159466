"""Servers on loopback: the embedded API and the review page listen there, and nowhere else."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from loader.errors import SettingsError

HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A socket that is bound to a port, a free one for 0. Raises SettingsError when the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise SettingsError(f"cannot listen on port {port} ({error}): choose another with --port") from None
    return listener


class Server(uvicorn.Server):
    """A uvicorn server that says when it answers."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    def stop_after(self, until: Callable[[], object]) -> None:
        """End the server when a function has returned."""
        until()
        self.should_exit = True
