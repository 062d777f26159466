"""What goes on beside the rest of a run, in threads: one call, one iterator, or many items at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore, Thread
from types import TracebackType
from typing import TypeVar

THREADS = min(os.cpu_count() or 1, 4)
DECODING = BoundedSemaphore(THREADS)
"""Held while an image may be decoded: more of them would fill the memory, however many threads wait for a store."""

T = TypeVar("T")
U = TypeVar("U")


def begin(call: Callable[[], None]) -> Thread:
    """Begin a call in a thread of its own, which does not keep the process from ending."""
    thread = Thread(target=call, daemon=True)
    thread.start()
    return thread


class Background:
    """Carries out one call at a time: a shard is sent while the next one is built. What it raises, `join` raises.

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

        self._thread = begin(run)

    def join(self) -> None:
        """Wait until the call has ended, and raise what it raised."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, Exception):
            self.join()


def in_threads(
    function: Callable[[T], U],
    items: Iterable[T],
    *,
    threads: int = THREADS,
    at_hand: Callable[[T], U | None] = lambda item: None,
) -> Iterator[U]:
    """What `function` makes of each item, in their order; a few items are worked on ahead.

    Hashing, decoding and encoding release the GIL. The items are drawn in their order, in the caller's thread. What
    `at_hand` gives for an item is taken at once, as a thread would take longer to begin.
    """
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[U] | U] = deque()
        for item in items:
            known = at_hand(item)
            ahead.append(pool.submit(function, item) if known is None else known)
            if len(ahead) > 2 * threads:
                yield _result(ahead.popleft())
        while ahead:
            yield _result(ahead.popleft())


def _result(made: Future[U] | U) -> U:
    return made.result() if isinstance(made, Future) else made


def fetched_in_a_thread(items: Iterable[T]) -> Iterator[T]:
    """The items, drawn in a thread: a Ctrl-C is heard while pyarrow waits for megabytes from the hub."""
    iterator = iter(items)
    thread = ThreadPoolExecutor(1)
    try:
        while (item := thread.submit(next, iterator, None).result()) is not None:
            yield item
    finally:
        thread.shutdown(wait=False)
