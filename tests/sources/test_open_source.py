"""Where receipts come from: every kind of source gives them whole, in order and as often as asked."""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.errors import SourceError
from loader.sources import folder as folders
from loader.sources.open_source import open_source
from loader.sources.receipt import Receipt, Source
from tests.helpers.fresh_python import python
from tests.helpers.pictures import struct_table


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
    assert next(iter(source)) == Receipt(tmp_path.name, "a.png", b"a.png", location=str(tmp_path / "a.png"))


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
    assert next(receipts).image == b"a.jpg"
    (tmp_path / "b.jpg").unlink()
    gone, there, large = receipts
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
    assert receipt.image == b"x"


def test_one_image_is_a_source(tmp_path: Path) -> None:
    write(tmp_path, "one.jpg", "two.jpg")
    source = open_source(str(tmp_path / "one.jpg"))
    assert (keys(source), source.count(), source.name) == (["one.jpg"], 1, "one.jpg")


# Parquet and arrow


def test_the_columns_of_the_public_dataset_are_read(tmp_path: Path) -> None:
    table = struct_table(
        image=[
            {"bytes": b"one", "path": "1.jpg"},
            {"bytes": b"two", "path": None},
            {"bytes": b"", "path": "x"},
        ],
        receiptId=["r-1", None, "r-3"],
        text=['{"total": "1.00"}', None, ""],
        currency=["MYR", " ", None],
        noise=[1, 2, 3],
    )
    pq.write_table(table, tmp_path / "receipts.parquet")
    source = open_source(str(tmp_path / "receipts.parquet"))
    at = f"{tmp_path}/receipts.parquet#"
    assert source.count() == 3
    assert list(source) == [
        Receipt("receipts.parquet", "r-1", b"one", None, "MYR", '{"total": "1.00"}', at + "r-1"),
        Receipt("receipts.parquet", "1", b"two", location=at + "1"),
        Receipt("receipts.parquet", "r-3", b"", label="", location=at + "r-3"),
    ]
    assert list(source) == list(source)


def test_plain_bytes_numbers_as_ids_and_structured_labels_are_read(tmp_path: Path) -> None:
    table = pa.table({"Image": [b"one", None], "ID": [7, 8], "text": [{"total": 3, "shop": "é"}, None]})
    pq.write_table(table, tmp_path / "t.parquet")
    first, second = open_source(str(tmp_path / "t.parquet"))
    label = '{"total": 3, "shop": "é"}'
    assert first == Receipt("t.parquet", "7", b"one", label=label, location=f"{tmp_path}/t.parquet#7")
    assert (second.source_key, second.image, second.error) == ("8", None, "no image in this row")


def test_the_type_of_a_column_wins_over_its_name(tmp_path: Path) -> None:
    features = {"scan": {"_type": "Image"}, "image": {"dtype": "string", "_type": "Value"}}
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    scans = pa.array([{"bytes": b"scan", "path": None}], kind)
    table = pa.table({"image": ["a caption"], "scan": scans})
    note = json.dumps({"info": {"features": features}})
    pq.write_table(table.replace_schema_metadata({"huggingface": note}), tmp_path / "typed.parquet")
    pq.write_table(table.select(["scan"]), tmp_path / "shaped.parquet")
    assert [r.image for r in open_source(str(tmp_path / "typed.parquet"))] == [b"scan"]
    assert [r.image for r in open_source(str(tmp_path / "shaped.parquet"))] == [b"scan"]


def test_images_beside_the_table_are_read_and_those_elsewhere_are_not(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    folder = tmp_path / "set"
    write(folder, "images/1.jpg")
    paths = ["images/1.jpg", str(secret), "../secret.jpg", "images/none.jpg"]
    table = struct_table(image=[{"bytes": None, "path": path} for path in paths])
    pq.write_table(table, folder / "t.parquet")
    receipts = list(open_source(str(folder / "t.parquet")))
    assert [receipt.image for receipt in receipts] == [b"images/1.jpg", None, None, None]
    assert [receipt.error for receipt in receipts] == [
        None,
        "its image is outside the dataset's folder: secret.jpg",
        "its image is outside the dataset's folder: secret.jpg",
        "cannot be read: No such file or directory",
    ]


def test_a_folder_of_tables_is_read_in_order_past_a_broken_one(tmp_path: Path) -> None:
    for number in (0, 1, 3):
        table = struct_table(image=[{"bytes": f"{number}{i}".encode(), "path": None} for i in range(20)])
        pq.write_table(table, tmp_path / f"part-{number}.parquet")
    (tmp_path / "part-2.parquet").write_bytes(b"PAR1 this is none PAR1")
    source = open_source(str(tmp_path))
    receipts = list(source)
    assert [r.source_key for r in receipts] == [str(number) for number in range(61)]
    assert (receipts[39].image, receipts[41].image, receipts[60].image) == (b"119", b"30", b"319")
    assert (receipts[40].image, (receipts[40].error or "")[:31]) == (None, "part-2.parquet cannot be read o")
    assert source.count() is None
    (tmp_path / "part-2.parquet").unlink()
    assert open_source(str(tmp_path)).count() == 60


def test_damage_inside_a_parquet_file_ends_that_file_only(tmp_path: Path) -> None:
    table = struct_table(image=[{"bytes": bytes([i]) * 5000, "path": None} for i in range(40)])
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=20, compression="zstd", use_dictionary=False)
    pq.write_table(table, tmp_path / "b.parquet")
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    start = pq.read_metadata(tmp_path / "a.parquet").row_group(1).column(0).data_page_offset
    data[start : start + 60] = b"\xff" * 60
    (tmp_path / "a.parquet").write_bytes(data)
    receipts = list(open_source(str(tmp_path)))
    assert [bool(r.image) for r in receipts] == [True] * 20 + [False] + [True] * 40
    assert "a.parquet cannot be read on" in (receipts[20].error or "")


@pytest.mark.parametrize("opener", [pa.ipc.new_stream, pa.ipc.new_file])
def test_arrow_files_in_both_formats_are_read(tmp_path: Path, opener: Any) -> None:
    table = struct_table(image=[{"bytes": b"%d" % i, "path": None} for i in range(20)])
    with opener(str(tmp_path / "t.arrow"), table.schema) as file:
        file.write_table(table, max_chunksize=11)
    source = open_source(str(tmp_path))
    assert [receipt.image for receipt in source] == [b"%d" % i for i in range(20)]
    assert source.count() == 20


def test_one_large_row_group_is_not_held_in_memory(tmp_path: Path) -> None:
    """200 MB in a row group, as pandas writes it: the peak stays far below that."""
    import numpy as np

    rng = np.random.default_rng(1)
    images = [{"bytes": rng.bytes(1_000_000), "path": None} for _ in range(200)]
    pq.write_table(struct_table(image=images), tmp_path / "t.parquet", compression="none", use_dictionary=False)
    script = (
        "import resource, sys\nfrom loader.sources.open_source import open_source\n"
        "import pyarrow.parquet\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count = sum(len(receipt.image) for receipt in open_source(sys.argv[1]))\n"
        "print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = python(script, str(tmp_path / "t.parquet"))
    count, grown_kilobytes = map(int, done.stdout.split())
    assert count == 200_000_000
    assert grown_kilobytes < 100_000


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
    assert "neither an image nor a parquet" in refusal(tmp_path / "notes.txt")
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
