"""Drawn receipts: readable pictures with labels that are true, the same on every run."""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from loader import seeds
from loader.errors import SourceError
from loader.requests.images import prepare
from loader.sources import samples
from loader.sources.open_source import open_source


@pytest.fixture(scope="module")
def drawn() -> list[samples.Sample]:
    return list(samples.draw(26))  # every shop twice


@pytest.fixture(scope="module")
def labels(drawn: list[samples.Sample]) -> list[dict[str, Any]]:
    return [json.loads(sample.text) for sample in drawn]


def units(printed: str | None) -> int:
    """A printed amount in the smallest unit: a shop always prints the same number of decimals."""
    if printed is None:
        return 0
    digits = int(re.sub(r"\D", "", printed))
    return -digits if re.search(r"[-(]", printed) else digits


def test_the_same_number_and_seed_give_the_same_bytes(drawn: list[samples.Sample]) -> None:
    assert list(samples.draw(3)) == drawn[:3]
    assert next(samples.draw(1, seed=8)) != drawn[0]


def test_the_first_twelve_are_of_the_kinds_that_people_keep(drawn: list[samples.Sample]) -> None:
    names = [sample.file_name for sample in drawn]
    assert [name for name in names if not name.endswith(".jpg")] == ["sample-07.heic", "sample-12.pdf"]
    sent = {sample.receiptId: prepare(sample.image) for sample in drawn[:12]}
    assert {name: len(images) for name, images in sent.items() if len(images) > 1} == {"sample-03": 2, "sample-12": 2}
    assert len(json.loads(drawn[2].text)["line_items"]) > samples.ITEMS_ON_STRIP
    assert all(len(sample.image) < 500_000 for sample in drawn)


@pytest.mark.slow
def test_the_shipped_photo_is_what_would_be_drawn() -> None:
    """Its label is drawn anew: when shops, goods or the drawing change, the file must be made again."""
    drawn_ = np.asarray(Image.open(io.BytesIO(list(samples.photographs(samples.HEIC))[-1].image)), dtype=int)
    [sent] = prepare(list(samples.draw(samples.HEIC))[-1].image)
    shipped = np.asarray(Image.open(io.BytesIO(sent.data)), dtype=int)
    assert shipped.shape == drawn_.shape
    assert np.abs(shipped - drawn_).mean() < 6
    assert list(samples.draw(samples.HEIC, seed=8))[-1].image.startswith(b"\xff\xd8"), "of another seed it is drawn"


def test_no_two_are_alike(drawn: list[samples.Sample]) -> None:
    assert len({sample.image for sample in drawn}) == len({sample.text for sample in drawn}) == 26
    assert [drawn[index].receiptId for index in (0, 8, 25)] == ["sample-01", "sample-09", "sample-26"]


def test_pictures_are_jpegs_of_a_readable_and_small_size() -> None:
    for sample in samples.photographs(26):
        with Image.open(io.BytesIO(sample.image)) as image:
            image.load()
            assert image.format == "JPEG"
            assert 700 <= image.width <= 900
            assert 850 <= image.height <= 1700
            dark = sum(image.convert("L").crop((150, 150, 600, 700)).histogram()[:140])
            assert 3000 < dark < 60_000  # print on paper, neither blank nor black
        assert len(sample.image) < 150_000


def test_the_first_twelve_show_all_that_a_newcomer_should_see(labels: list[dict[str, Any]]) -> None:
    first = labels[:12]
    items = [item for label in first for item in label["line_items"]]
    assert {item["category"] for item in items} == {category.name for category in seeds.categories()}
    assert len({label["currency"] for label in first}) >= 7
    assert sum(units(item["item_value"]) < 0 for item in items) >= 4
    assert any(item["item_quantity"] > 1 for item in items)
    for key in ("service", "rounding"):
        assert any(label[key] for label in first)
    assert {label["tax_included"] for label in first if label["tax"]} == {True, False}


def test_labels_add_up(labels: list[dict[str, Any]]) -> None:
    for label in labels:
        items = sum(units(item["item_value"]) for item in label["line_items"])
        added = 0 if label["tax_included"] else units(label["tax"])
        assert items + units(label["service"]) + added + units(label["rounding"]) == units(label["total"])
        if label["subtotal"] is not None:
            assert units(label["subtotal"]) == items
        assert units(label["total"]) > 0


def test_labels_have_the_keys_that_others_read(labels: list[dict[str, Any]]) -> None:
    known = seeds.currency_symbols()
    for label in labels:
        assert {"store_name", "store_addr", "telephone", "date", "time", "subtotal", "tax", "total"} < set(label)
        assert label["currency"] in known
        assert re.fullmatch(r"2025-\d\d-(1[3-9]|2\d)", label["date"])
        assert re.fullmatch(r"\d\d:\d\d", label["time"])
        assert len(label["line_items"]) >= 4
        names = [item["item_name"] for item in label["line_items"]]
        assert len(set(names)) == len(names)
        assert all(text.isascii() for text in [label["store_name"], *names])  # the font has no other letters


def test_printed_amounts_keep_the_literal_of_their_country(labels: list[dict[str, Any]]) -> None:
    shapes = {
        "IDR": r"[(-]?\d{1,3}([.,]\d{3})*\)?",
        "JPY": r"-?\d{1,3}(,\d{3})*",
        "EUR": r"-?\d{1,3}(\.\d{3})*,\d\d",
        "KWD": r"-?\d+\.\d{3}",
    }
    for label in labels:
        if shape := shapes.get(label["currency"]):
            for item in label["line_items"]:
                assert re.fullmatch(shape, item["item_value"]), item


def test_a_folder_of_samples_is_a_source_in_both_its_forms(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "samples"
    assert samples.write_folder(folder, 3) == 3
    drawn = list(samples.draw(3))
    assert [receipt.image for receipt in open_source(str(folder))] == [sample.image for sample in drawn]
    table = open_source(str(folder / "receipts.parquet"))
    assert [(r.source_key, r.image, r.label) for r in table] == [(s.receiptId, s.image, s.text) for s in drawn]
    assert pq.read_schema(folder / "receipts.parquet").names == ["image", "receiptId", "text"]
    lines = (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"receiptId": s.receiptId, "text": s.text} for s in drawn]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SourceError, match=r"cannot write samples to .* \(Not a directory\): "):
        samples.write_folder(tmp_path / "file" / "samples", 1)
