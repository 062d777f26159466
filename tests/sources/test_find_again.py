"""The image of a receipt is found again where it came from, whatever kind of place that is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.sources.find_again import image_of
from loader.sources.open_source import open_source
from tests.helpers.archives import zipped
from tests.helpers.pictures import struct_table


def jpeg(name: str) -> bytes:
    return b"\xff\xd8\xff" + name.encode()


@pytest.mark.parametrize("name", ["a.jpg", "é ü.jpg", "a#b.jpg", "\\x41.jpg", "deep/er/a.jpg", b"caf\xe9.jpg"])
def test_a_file_of_any_name(tmp_path: Path, name: str | bytes) -> None:
    path = tmp_path / (name if isinstance(name, str) else name.decode("utf-8", "surrogateescape"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg("one"))
    check(tmp_path)


def test_rows_of_tables_with_ids_and_without(tmp_path: Path) -> None:
    images = [{"bytes": jpeg(str(number)), "path": None} for number in range(20)]
    pq.write_table(
        struct_table(image=images, receiptId=[f"r{number}" for number in range(20)]), tmp_path / "ids.parquet"
    )
    pq.write_table(struct_table(image=images), tmp_path / "none.parquet")
    for name in ("ids.parquet", "none.parquet", "."):
        check(tmp_path / name)


def test_a_data_set_saved_to_disk(tmp_path: Path) -> None:
    import datasets

    made = datasets.Dataset.from_dict({"image": [jpeg("1"), jpeg("2")], "id": ["x", "y"]})
    made.save_to_disk(str(tmp_path / "saved"))
    check(tmp_path / "saved")


def test_files_in_archives(tmp_path: Path) -> None:
    for name in ("a.zip", "deep/b.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(zipped({"x.jpg": jpeg(name), "in/é.jpg": jpeg(name + "2")}))
    check(tmp_path)
    check(tmp_path / "a.zip")


def test_files_in_a_store() -> None:
    import fsspec

    files = fsspec.filesystem("memory")
    files.pipe(
        {"/again/a.jpg": jpeg("a"), "/again/in/é b.jpg": jpeg("b"), "/again/c.zip": zipped({"x.jpg": jpeg("x")})}
    )
    try:
        check("memory://again")
        assert image_of("0" * 64, ["memory://again/gone.jpg"]) == (None, "it is gone: memory://again/gone.jpg")
    finally:
        files.rm("/again", recursive=True)


def test_samples() -> None:
    check("samples")


def check(source: Path | str) -> None:
    """All that a source gives is found by what it says of the place."""
    receipts = [receipt.with_image() for receipt in open_source(str(source))]
    assert receipts
    for receipt in receipts:
        assert receipt.image is not None and receipt.location is not None
        receipt_id = hashlib.sha256(receipt.image).hexdigest()
        assert image_of(receipt_id, [receipt.location]) == (receipt.image, None)


def test_another_image_in_its_place_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg("another"))
    (tmp_path / "copy.jpg").write_bytes(jpeg("one"))
    receipt_id = hashlib.sha256(jpeg("one")).hexdigest()
    image, why = image_of(receipt_id, [f"{tmp_path}/a.jpg"])
    assert image is None and why == f"another image is there now: {tmp_path}/a.jpg"
    assert image_of(receipt_id, [f"{tmp_path}/a.jpg", f"{tmp_path}/copy.jpg"])[0] == jpeg("one")


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("{}/gone.jpg", "it is gone: "), ("{}/gone.parquet#r1", "it is gone: "), ("{}/t.parquet#9", "it is gone: "),
        ("samples#sample-x", "there is no such sample"), ("{}", "it is gone: "), ("web", "it is gone: "),
    ],
)  # fmt: skip
def test_what_is_gone_is_said_to_be_gone(tmp_path: Path, place: str, why: str) -> None:
    pq.write_table(pa.table({"image": [jpeg("1")]}), tmp_path / "t.parquet")
    image, said = image_of("0" * 64, [place.format(tmp_path)])
    assert image is None and said is not None and said.startswith(why)


def test_where_nothing_was_noted_that_is_said() -> None:
    assert (
        image_of("0" * 64, [])[1]
        == "where it lies was not noted: its answer was landed by hand, or by an older version"
    )
