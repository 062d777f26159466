"""A call beside the others: it runs meanwhile, one at a time, and its error is not lost."""

from __future__ import annotations

from threading import Event

import pytest

from loader.threads import Aside


def test_a_call_runs_while_the_block_goes_on() -> None:
    begun, may_end = Event(), Event()

    def call() -> None:
        begun.set()
        assert may_end.wait(10)

    with Aside() as aside:
        aside.start(call)
        assert begun.wait(10)
        may_end.set()


def test_the_end_of_the_block_waits_for_the_call() -> None:
    ended = Event()
    may_end = Event()
    with Aside() as aside:
        aside.start(lambda: (may_end.wait(0.2), ended.set())[0])
    assert ended.is_set()


def fail() -> None:
    raise ValueError("from the call")


def test_what_the_call_raises_is_raised_by_join_once() -> None:
    with Aside() as aside:
        aside.start(fail)
        with pytest.raises(ValueError, match="from the call"):
            aside.join()
        aside.join()


def test_what_the_call_raises_is_raised_at_the_end_of_the_block() -> None:
    with pytest.raises(ValueError, match="from the call"), Aside() as aside:
        aside.start(fail)


def test_ctrl_c_waits_for_nothing() -> None:
    with pytest.raises(KeyboardInterrupt), Aside() as aside:
        aside.start(lambda: Event().wait(60) and None)
        raise KeyboardInterrupt
