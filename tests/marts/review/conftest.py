"""The page of a warehouse, served by the command in a process of its own, and a real browser that looks at it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loader.warehouse import duckdb_file
from tests.helpers.built_warehouse import settings
from tests.helpers.review_warehouse import warehouse_to_review

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass
class Served:
    """A page that is served: its link with the token, and its address alone."""

    link: str
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return self.link.partition("?")[0]

    @property
    def token(self) -> str:
        return self.link.rpartition("=")[2]


@contextmanager
def serving(warehouse: Path, *arguments: str) -> Iterator[Served]:
    """`loader review` on a warehouse, until the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loader", "review", "--port", "0", "--by", "ann", *arguments],
        env=settings(warehouse, warehouse.with_name("bi.duckdb")),
        cwd=warehouse.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found, said + process.stdout.read()
        yield Served(found[0], process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def once_free(warehouse: Path) -> duckdb.DuckDBPyConnection:
    """The warehouse, opened as soon as the page does not hold it."""
    return duckdb_file.once_free(warehouse, lambda: duckdb.connect(str(warehouse)), 30, lambda message: None)


def rows(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows that a warehouse answers as soon as the page does not hold it."""
    with once_free(warehouse) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return warehouse_to_review(tmp_path)


@pytest.fixture
def served(warehouse: Path) -> Iterator[Served]:
    with serving(warehouse) as page:
        yield page


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window. A user without one gets a skip that says so; CI has one."""
    if BROWSER is None and os.environ.get("CI") != "true":
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a link in a browser of its own (another one each time); fails when its script does."""
    with ExitStack() as stack:
        troubles: list[str] = []

        def opened(link: str, **given: Any) -> Any:
            context = browser.new_context(viewport={"width": 1400, "height": 900}, **given)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(30_000)
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.goto(link)
            page.wait_for_selector("body[data-ready]")
            return page

        yield opened
        assert troubles == []


def until(page: Any, expression: str, argument: Any = None, seconds: float = 30) -> None:
    """Wait until it is true in the page; Playwright's own way needs `eval`, which the page's policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(f"() => {expression}" if "=>" not in expression else expression, argument):
        assert time.monotonic() < deadline, f"never became true: {expression} {argument or ''}"
        page.wait_for_timeout(50)


def verdict(page: Any, words: str) -> None:
    until(page, "words => document.getElementById('verdict')?.textContent.includes(words)", words)


def go_to(page: Any, receipt_id: str) -> None:
    """By keys, to a receipt of the queue."""
    for _ in range(20):
        page.wait_for_selector("#verdict b")
        if receipt_id in page.url:
            return
        before = page.url
        page.keyboard.press("j")
        until(page, "before => location.href !== before", before)
    raise AssertionError(f"{receipt_id} is not in the queue")
