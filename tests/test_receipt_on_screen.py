"""`loader show receipt ID`: all that is known of one receipt, and its image in the system's program for images."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from loader.warehouse.duckdb_file import Warehouse
from tests.helpers.commands import Run
from tests.helpers.review_warehouse import MISREAD, MISSED, TWINS, sample, warehouse_to_review


@pytest.fixture
def receipt_id(run: Run, tmp_path: Path) -> str:
    """A receipt that came from the samples, in the warehouse of the settings."""
    warehouse_to_review(tmp_path).rename(tmp_path / "w.duckdb")
    return sample(MISREAD)[0]


@pytest.fixture
def viewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system whose program for images notes what it is given; and no other program."""
    programs, seen = tmp_path / "bin", tmp_path / "seen"
    programs.mkdir()
    opener = programs / "xdg-open"
    opener.write_text(f'#!/bin/sh\necho "$1" > {seen}.new && /bin/mv {seen}.new {seen}\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    return seen


def test_it_says_what_is_known_down_to_file_and_line(run: Run, receipt_id: str) -> None:
    code, said, _ = run("show", "receipt", receipt_id)
    assert code == 0
    for item in sample(MISREAD)[1]["items"]:
        assert item["name"] in said
    known = json.loads(run("show", "receipt", receipt_id, "--json")[1])
    answer = known["answers"][0]
    assert answer["file_id"] in said and f" {answer['line_number']} " in said
    assert known["offers"][0]["location"] in said


def test_the_beginning_of_its_id_its_key_and_its_place_name_it(run: Run, receipt_id: str) -> None:
    known = json.loads(run("show", "receipt", receipt_id, "--json")[1])
    offer = known["offers"][0]
    for name in (receipt_id[:12], receipt_id[:12].upper(), offer["source_key"], offer["location"]):
        assert json.loads(run("show", "receipt", name, "--json")[1]) == known


@pytest.mark.parametrize("name", ["no such", "twin-", "", "%", "'"])
def test_what_means_no_receipt_is_refused_in_a_line(run: Run, receipt_id: str, name: str) -> None:
    code, said, error = run("show", "receipt", name)
    assert (code, said, error.count("\n")) == (1, "", 1)


def test_what_means_several_names_them(run: Run, receipt_id: str, tmp_path: Path) -> None:
    with Warehouse(tmp_path / "w.duckdb").transaction() as connection:
        connection.execute("update raw.receipts set source_key = 'same.jpg' where starts_with(receipt_id, 'twin-')")
    code, said, error = run("show", "receipt", "same.jpg")
    assert (code, said, error.count("\n")) == (1, "", 1)
    assert all(twin in error for twin in TWINS)


def test_its_image_is_opened(run: Run, receipt_id: str, viewer: Path) -> None:
    code, _, error = run("show", "receipt", receipt_id, "--open")
    assert code == 0, error
    deadline = time.monotonic() + 20
    while not viewer.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    opened = Path(viewer.read_text().strip())
    assert opened.read_bytes()[:2] == b"\xff\xd8" and str(opened) in error
    opened.unlink()


def test_a_system_without_a_program_for_images_is_named(run: Run, receipt_id: str, viewer: Path) -> None:
    (viewer.parent / "bin" / "xdg-open").unlink()
    code, _, error = run("show", "receipt", sample(MISSED)[0], "--open")
    assert code == 1
    copy = error.splitlines()[0].rpartition(": ")[2]
    assert error.splitlines()[1:] == [
        f"error: this system has no program that opens images: open {copy} in one of your own"
    ]
    Path(copy).unlink()
