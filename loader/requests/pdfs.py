"""The pages of a PDF as pictures, read in bounded time and memory whatever the file holds.

PDFium works in processes of its own (`pdf_renderer.py`), one for each thread that needs one, and used again. A file
that takes longer than `MOST_SECONDS` or more memory than the renderer may have ends that process and is rejected; the
next file gets a new one. A page is never larger than the caller asks, whatever size the file claims.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

MOST_BYTES = 100_000_000
MOST_SECONDS = 60.0
"""A file may take so long altogether; a page of a scan takes 0.03."""

_PROGRAM = Path(__file__).with_name("pdf_renderer.py")
_idle: list[_Renderer] = []


class BrokenPdf(Exception):
    """A PDF that cannot be read; `reason` says why in a few words. It `may_pass`: on another day or machine."""

    def __init__(self, reason: str, may_pass: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_pass = may_pass


class Pdf:
    """A PDF that was opened: the number of its pages, and the size of the first ones in points, upright."""

    def __init__(self, renderer: _Renderer, pages: int, sizes: list[tuple[float, float]]) -> None:
        self.pages = pages
        self.sizes = sizes
        self._renderer = renderer

    def render(self, number: int, side: int) -> tuple[tuple[int, int], bytes]:
        """Size in pixels and RGB pixels of a page (from 0), its longer side `side` pixels. Raises BrokenPdf."""
        answer, pixels = self._renderer.page(number, side)
        if answer.get("trouble") or "width" not in answer:
            raise BrokenPdf(f"page {number + 1} of {self.pages}: {answer.get('trouble') or 'cannot be rendered'}")
        return (answer["width"], answer["height"]), pixels


@contextmanager
def opened(data: bytes, most_pages: int) -> Iterator[Pdf]:
    """A PDF, the sizes of its first `most_pages` pages known. Raises BrokenPdf, also within the block."""
    if len(data) > MOST_BYTES:
        raise BrokenPdf(f"{len(data) // 10**6} MB, more than the {MOST_BYTES // 10**6} that are read")
    renderer = _idle_renderer() or _Renderer()
    timer = threading.Timer(MOST_SECONDS, renderer.give_up)
    timer.daemon = True
    timer.start()
    try:
        answer = renderer.open(data, most_pages)
        if "pages" not in answer:
            raise BrokenPdf(answer.get("reason") or "damaged, it cannot be opened")
        if answer["pages"] < 1:
            raise BrokenPdf("it has no pages")
        if None in answer["sizes"]:
            lost = answer["sizes"].index(None) + 1
            raise BrokenPdf(f"page {lost} of {answer['pages']}: damaged, it cannot be opened")
        yield Pdf(renderer, answer["pages"], [(width, height) for width, height in answer["sizes"]])
    finally:
        timer.cancel()
        timer.join()  # it may be ending the process just now
        if renderer.is_well:
            _idle.append(renderer)
        else:
            renderer.close()


def _idle_renderer() -> _Renderer | None:
    """One that waits for work and is alive still: whoever is short of memory may have ended it."""
    while True:
        try:
            renderer = _idle.pop()  # no look before: several threads take from here
        except IndexError:
            return None
        if renderer.is_alive:
            return renderer
        renderer.close()


class _Renderer:
    """A process that renders pages. It ends when its stdin does, and so when this process does, however that ends."""

    def __init__(self) -> None:
        self.is_well = True
        self._took_too_long = False
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for this process
        )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def open(self, data: bytes, most_pages: int) -> dict[str, Any]:
        return self._ask({"bytes": len(data), "most": most_pages}, data)

    def page(self, number: int, side: int) -> tuple[dict[str, Any], bytes]:
        answer = self._ask({"page": number, "side": side})
        if "width" not in answer:
            return answer, b""
        size = 3 * answer["width"] * answer["height"]
        pixels = self._stdout.read(size)
        if len(pixels) < size:
            raise self._lost()
        return answer, pixels

    def give_up(self) -> None:
        self._took_too_long = True
        self.is_well = False
        self._process.kill()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def _stdout(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdout)

    def _ask(self, question: dict[str, Any], data: bytes = b"") -> dict[str, Any]:
        stdin = cast(IO[bytes], self._process.stdin)
        try:
            stdin.write(json.dumps(question).encode() + b"\n")
            stdin.write(data)
            stdin.flush()
        except BrokenPipeError:
            raise self._lost() from None
        line = self._stdout.readline()
        if not line.endswith(b"\n"):
            raise self._lost()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _lost(self) -> BrokenPdf:
        self.is_well = False
        if self._took_too_long:
            return BrokenPdf(f"it takes longer than {MOST_SECONDS:.0f} seconds to read", may_pass=True)
        return BrokenPdf("PDFium ends while reading it, or would need too much memory", may_pass=True)


def _close_idle() -> None:
    while _idle:
        _idle.pop().close()


atexit.register(_close_idle)
os.register_at_fork(after_in_child=_idle.clear)  # a renderer answers one process alone
