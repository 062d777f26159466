"""Tables in Parquet and Arrow files: every row is a receipt or told, and memory stays flat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.sources.open_source import open_source
from loader.sources.receipt import Receipt
from tests.helpers.fresh_python import python
from tests.helpers.pictures import struct_table


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


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
