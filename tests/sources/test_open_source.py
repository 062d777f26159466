"""Where receipts come from: every kind of source gives them whole, in order and as often as asked."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.errors import SourceError
from loader.sources import folder as folders
from loader.sources.open_source import open_source
from loader.sources.receipt import Receipt, Source
from tests.helpers.fresh_python import python


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def keys(source: Source) -> list[str]:
    return [receipt.source_key for receipt in source]


def refusal(name: object) -> str:
    with pytest.raises(SourceError) as caught:
        list(open_source(str(name)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Samples


def test_samples_bring_their_labels_and_no_currency() -> None:
    source = open_source("samples", limit=2)
    receipts = list(source)
    assert source.count() == 2
    assert [receipt.source_key for receipt in receipts] == ["sample-01", "sample-02"]
    assert all(r.source == "samples" and r.currency is None and r.error is None for r in receipts)
    assert json.loads(receipts[0].label or "")["line_items"]
    assert list(source) == receipts
    assert open_source("samples").count() == 12


# Folders of images


def test_a_folder_is_searched_through_in_order(tmp_path: Path) -> None:
    write(tmp_path, "b.JPG", "a.png", "sub/z.webp", "sub/deep/y.tiff", "c.jpeg")
    write(tmp_path, ".hidden.jpg", ".git/x.jpg", "notes.txt", "labels.jsonl")
    source = open_source(str(tmp_path))
    assert keys(source) == ["a.png", "b.JPG", "c.jpeg", "sub/deep/y.tiff", "sub/z.webp"]
    assert list(source) == list(source)
    assert source.name == tmp_path.name
    assert source.count() == 5
    first = next(iter(source)).with_image()
    assert replace(first, version=None) == Receipt(tmp_path.name, "a.png", b"a.png", location=str(tmp_path / "a.png"))


@pytest.mark.parametrize("at_a_time", [1, 2, 3, 7])
def test_the_order_is_the_same_however_many_names_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    names = [f"{number}.jpg" for number in range(6)] + ["3/a.jpg", "3/b.jpg"]
    write(tmp_path, *names)
    whole = keys(open_source(str(tmp_path)))
    monkeypatch.setattr(folders, "_NAMES_AT_A_TIME", at_a_time)
    assert keys(open_source(str(tmp_path))) == whole
    assert sorted(whole) == sorted(names)


def test_limit_holds_for_receipts_and_count(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    source = open_source(str(tmp_path), limit=2)
    assert (keys(source), source.count()) == (["a.jpg", "b.jpg"], 2)
    assert open_source(str(tmp_path), limit=9).count() == 3


def test_an_image_that_cannot_be_read_is_told_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.jpg", "b.jpg", "c.jpg", "dddddd.jpg")
    monkeypatch.setattr(folders, "MAX_FILE_BYTES", 8)
    receipts = iter(open_source(str(tmp_path)))
    assert next(receipts).with_image().image == b"a.jpg"
    (tmp_path / "b.jpg").unlink()
    gone, there, large = (receipt.with_image() for receipt in receipts)
    assert (gone.source_key, gone.image) == ("b.jpg", None)
    assert gone.error == "cannot be read: No such file or directory"
    assert there.image == b"c.jpg"
    assert (large.image, large.error) == (None, "a file of 10 bytes: too large for an image")


def test_names_that_are_no_text_and_links_that_go_in_circles(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "circle").symlink_to(tmp_path)
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing.jpg")
    Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.jpg")).write_bytes(b"x")
    [receipt] = open_source(str(tmp_path))
    assert receipt.source_key == "caf\\xe9.jpg"
    assert receipt.with_image().image == b"x"


def test_one_image_is_a_source(tmp_path: Path) -> None:
    write(tmp_path, "one.jpg", "two.jpg")
    source = open_source(str(tmp_path / "one.jpg"))
    assert (keys(source), source.count(), source.name) == (["one.jpg"], 1, "one.jpg")


def test_what_is_here_wins_over_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "owner/name/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert keys(open_source("owner/name")) == ["a.jpg"]


# What is refused


def test_refusals_say_what_and_where_and_what_next(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path, "notes.txt", "broken.parquet", "broken.arrow", "saved/state.json")
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "columns.parquet")
    assert refusal("no-such-thing").startswith("no folder or file 'no-such-thing'")
    assert refusal(tmp_path / "missing").startswith("no folder or file")
    assert refusal(tmp_path / "empty").startswith(f"no images or parquet files in {tmp_path / 'empty'}")
    assert "notes.txt is neither an image, a PDF, a zip archive" in refusal(tmp_path / "notes.txt")
    assert "broken.parquet cannot be read: " in refusal(tmp_path / "broken.parquet")
    assert "broken.arrow cannot be read: " in refusal(tmp_path / "broken.arrow")
    assert "cannot be read as a saved dataset" in refusal(tmp_path / "saved")
    assert "it has a, b; name the one with images `image`" in refusal(tmp_path / "columns.parquet")


def test_heavy_libraries_wait_until_they_are_needed(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg")
    script = (
        "import sys\nfrom loader.sources.open_source import open_source\nlist(open_source(sys.argv[1]))\n"
        "print([name for name in ('datasets', 'pyarrow', 'numpy', 'PIL') if name in sys.modules])\n"
    )
    assert python(script, str(tmp_path)).stdout == "[]\n"
