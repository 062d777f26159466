"""The picture in the README is of this very page: remade with `REMAKE_PICTURES=1`, whenever the page has changed."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.helpers.review_warehouse import MISREAD, sample
from tests.helpers.warehouses import change
from tests.marts.review.conftest import serving
from tests.marts.review.test_page import go_to

ROOT = Path(__file__).resolve().parents[3]
PICTURE = ROOT / "docs" / "review.png"
MADE_FROM = "made from"
REMAKE = "REMAKE_PICTURES=1 .venv/bin/python -m pytest tests/marts/review/test_picture.py"


def page_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "loader" / "marts" / "review" / "static").iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def test_the_picture_is_of_the_page_as_it_is() -> None:
    if os.environ.get("REMAKE_PICTURES"):
        pytest.skip("it is being remade")
    with Image.open(PICTURE) as picture:
        assert picture.info.get(MADE_FROM) == page_hash(), f"the page has changed: {REMAKE}"
    assert PICTURE.stat().st_size < 400_000


@pytest.mark.skipif(not os.environ.get("REMAKE_PICTURES"), reason="remakes docs/review.png, where that is wanted")
def test_remake_the_picture(warehouse: Path, look: Callable[..., Any]) -> None:
    change(warehouse, "delete from marts.receipts where length(receipt_id) < 64")  # all but the samples
    with serving(warehouse) as served:
        page = look(served.link)
        page.set_viewport_size({"width": 1360, "height": 800})
        go_to(page, sample(MISREAD)[0])
        page.wait_for_selector(".picture img")
        page.keyboard.press("e")
        page.keyboard.type("1,0")
        page.wait_for_timeout(2500)
        shot = page.screenshot()
    with Image.open(io.BytesIO(shot)) as picture:
        note = PngInfo()
        note.add_text(MADE_FROM, page_hash())
        picture.convert("RGB").quantize(128).save(PICTURE, pnginfo=note, optimize=True)
