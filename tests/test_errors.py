"""Errors of the system are told by their own cause."""

from __future__ import annotations

import errno
import os

import pytest

from loader.errors import ADVICE, system_trouble


@pytest.mark.parametrize("code", [*ADVICE, errno.EPIPE])
def test_every_error_of_the_system_is_told_by_its_own_cause(code: int) -> None:
    for error in (
        OSError(code, os.strerror(code), "/a/file"),
        RuntimeError(f'IO Error: "/a/file": {os.strerror(code)}'),
    ):
        said = system_trouble("cannot write in /a", error)
        assert os.strerror(code) in said
        assert ("make room" in said) == (code in (errno.ENOSPC, errno.EDQUOT))
