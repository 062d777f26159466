"""A call beside the others: it runs meanwhile, one at a time, and its error is not lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from threading import Event

import pytest

from loader.threads import THREADS, Background, fetched_in_a_thread, in_threads


def test_a_call_runs_while_the_block_goes_on() -> None:
    begun, may_end = Event(), Event()

    def call() -> None:
        begun.set()
        assert may_end.wait(10)

    with Background() as aside:
        aside.start(call)
        assert begun.wait(10)
        may_end.set()


def test_the_end_of_the_block_waits_for_the_call() -> None:
    ended = Event()
    may_end = Event()
    with Background() as aside:
        aside.start(lambda: (may_end.wait(0.2), ended.set())[0])
    assert ended.is_set()


def fail() -> None:
    raise ValueError("from the call")


def test_what_the_call_raises_is_raised_by_join_once() -> None:
    with Background() as aside:
        aside.start(fail)
        with pytest.raises(ValueError, match="from the call"):
            aside.join()
        aside.join()


def test_what_the_call_raises_is_raised_at_the_end_of_the_block() -> None:
    with pytest.raises(ValueError, match="from the call"), Background() as aside:
        aside.start(fail)


def test_ctrl_c_waits_for_nothing() -> None:
    with pytest.raises(KeyboardInterrupt), Background() as aside:
        aside.start(lambda: Event().wait(60) and None)
        raise KeyboardInterrupt


def test_items_come_in_their_order_and_few_are_worked_on_ahead() -> None:
    drawn = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        while drawn < 100:
            drawn += 1
            yield drawn

    made = []
    for number, square in enumerate(in_threads(lambda item: item * item, items()), start=1):
        made.append(square)
        assert drawn <= number + 2 * THREADS
    assert made == [item * item for item in range(1, 101)]


def test_an_item_that_fails_fails_the_whole() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda item: 1 // item, [2, 1, 0, 1]))


def test_items_are_fetched_in_another_thread() -> None:
    def items() -> Iterator[int]:
        for _ in range(3):
            yield threading.get_ident()

    fetchers = list(fetched_in_a_thread(items()))
    assert len(fetchers) == 3 and threading.get_ident() not in fetchers
