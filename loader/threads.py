"""One step of a run beside the others: a shard is sent while the next one is built."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from types import TracebackType


class Aside:
    """Carries out one call at a time in a thread. What the call raises, `join` raises.

    At the end of a `with` block the call is waited for, but not when the block ends by Ctrl-C: a process that ends in
    the middle of it is what the ledger is for.
    """

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._error: BaseException | None = None

    def start(self, call: Callable[[], None]) -> None:
        """Begin a call, once the one before has been joined."""

        def run() -> None:
            try:
                call()
            except BaseException as error:
                self._error = error

        self._thread = Thread(target=run, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the call has ended, and raise what it raised."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def __enter__(self) -> Aside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, Exception):
            self.join()
