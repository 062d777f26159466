"""Zip archives that lie, are damaged, or want to be unpacked to death: a reason each, and the rest is read."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loader.sources import zips
from loader.sources.open_source import open_source
from tests.helpers.archives import zipped
from tests.helpers.pictures import picture, saved
from tests.sources.test_archives import JPEG, PNG, contents, passed_over

METHODS = {"stored": 0, "deflate": 8}
OTHERS = {"bzip2": 12, "lzma": 14}
CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"


def source_of(tmp_path: Path, data: bytes) -> dict[str, bytes | str | None]:
    (tmp_path / "a.zip").write_bytes(data)
    return contents(open_source(str(tmp_path / "a.zip")))


def patched(data: bytes, mark: bytes, offset: int, value: bytes, nth: int = 0) -> bytes:
    """The archive with other bytes in its nth header of a kind."""
    at = -1
    for _ in range(nth + 1):
        at = data.index(mark, at + 1)
    return data[: at + offset] + value + data[at + offset + len(value) :]


def test_a_file_without_a_name_costs_no_other(tmp_path: Path) -> None:
    nameless = zipped({"x.jpg": JPEG, "~": PNG}, zipfile.ZIP_STORED).replace(b"~", b"\0")
    assert source_of(tmp_path, nameless)["x.jpg"] == JPEG


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_all_common_methods_are_read(tmp_path: Path, method: int) -> None:
    assert source_of(tmp_path, zipped({"x.jpg": JPEG, "y": PNG}, method)) == {"x.jpg": JPEG, "y": PNG}


TWO = zipped({"x.jpg": JPEG, "y.jpg": PNG}, zipfile.ZIP_STORED)
HARMS = {
    "encrypted": (patched(TWO, CENTRAL, 8, b"\1\0"), "encrypted: unpack its archive with the password"),
    "a method that is not known": (
        patched(TWO, CENTRAL, 10, b"\x09\0"),
        "packed by method 9: only stored and deflated files are read, pack it again as one",
    ),
    "another method than it has": (
        patched(TWO, CENTRAL, 10, b"\x08\0"),
        "cannot be read: Error -3 while decompressing data: invalid block type",
    ),
    "another check sum": (patched(TWO, CENTRAL, 16, b"abcd"), "cannot be read: Bad CRC-32 for file 'x.jpg'"),
    "a byte turned": (TWO.replace(JPEG[100:110], b"0123456789", 1), "cannot be read: Bad CRC-32 for file 'x.jpg'"),
    "a size that no receipt has": (
        patched(TWO, CENTRAL, 24, struct.pack("<I", 900_000_000)),
        "a file of 900,000,000 bytes: too large for an image",
    ),
    "another name before its bytes": (
        patched(TWO, LOCAL, 30, b"z"),
        "cannot be read: File name in directory 'x.jpg' and header b'z.jpg' differ.",
    ),
    "bytes that are elsewhere": (
        patched(TWO, CENTRAL, 42, struct.pack("<I", 7)),
        "cannot be read: Bad magic number for file header",
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_file_costs_no_other(tmp_path: Path, harm: str) -> None:
    data, reason = HARMS[harm]
    assert source_of(tmp_path, data) == {"x.jpg": reason, "y.jpg": PNG}


WHOLE = {
    "cut off": (TWO[:-40], "File is not a zip file"),
    "its directory cut out": (TWO[: TWO.index(CENTRAL)] + TWO[-22:], "Bad magic number for central directory"),
    "a name that is no text": (
        patched(zipped({"xé.jpg": JPEG}), CENTRAL, 46, b"x\xff\xff.jpg"),
        "a name in it is no text",
    ),
    "a huge directory": (
        patched(TWO, b"PK\x05\x06", 12, struct.pack("<I", 0xFFFF_FF00)),
        "Bad offset for central directory",
    ),
    "empty": (b"", "File is not a zip file"),
}


@pytest.mark.parametrize("harm", WHOLE)
def test_an_archive_that_is_damaged_as_a_whole_is_one_rejected_receipt(tmp_path: Path, harm: str) -> None:
    data, reason = WHOLE[harm]
    [(key, said)] = source_of(tmp_path, data).items()
    assert (key, said) == ("a.zip", f"zip: cannot be read: {reason}")


def test_a_bomb_is_told_by_what_it_says(tmp_path: Path) -> None:
    data = zipped({f"{number}.jpg": b"" for number in range(6)})
    for number in range(6):
        data = patched(data, CENTRAL, 24, struct.pack("<I", 190_000_000), number)
    [(key, said)] = source_of(tmp_path, data).items()
    assert key == "a.zip" and "unpack to 1,140,000,000: no archive of receipts" in str(said)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_bomb_that_says_it_is_small_is_not_unpacked(tmp_path: Path, method: int) -> None:
    data = zipped({"x.jpg": b"\0" * 150_000_000, "y.jpg": JPEG}, method)
    data = patched(patched(data, CENTRAL, 24, struct.pack("<I", 1000)), LOCAL, 22, struct.pack("<I", 1000))
    if method == 0:
        data = patched(patched(data, CENTRAL, 20, struct.pack("<I", 1000)), LOCAL, 18, struct.pack("<I", 1000))
    (tmp_path / "a.zip").write_bytes(data)
    del data
    tracemalloc.start()
    try:
        found = contents(open_source(str(tmp_path / "a.zip")))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert str(found["x.jpg"]).startswith("cannot be read: ") and found["y.jpg"] == JPEG


@pytest.mark.parametrize("method", OTHERS.values(), ids=OTHERS)
def test_methods_that_cannot_be_bounded_are_not_read(tmp_path: Path, method: int) -> None:
    said = source_of(tmp_path, zipped({"x.jpg": JPEG}, method))["x.jpg"]
    assert str(said).startswith(f"packed by method {method}: ")


def test_an_archive_of_too_many_files_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MAX_MEMBERS", 3)
    data = zipped({f"{number}.jpg": JPEG for number in range(4)})
    assert source_of(tmp_path, data) == {"a.zip": "zip: holds 4 files: unpack it"}


def test_a_directory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "_MAX_READ", 100_000)
    data = zipped({f"{number}.jpg": b"" for number in range(2000)})
    [said] = source_of(tmp_path, data).values()
    assert str(said).startswith("zip: cannot be read: a directory of ")


def test_links_and_files_that_cannot_be_looked_into_are_counted(tmp_path: Path) -> None:
    data = zipped({"link.jpg": b"/etc/passwd", "locked": JPEG, "x.jpg": JPEG})
    data = patched(data, CENTRAL, 38, struct.pack("<I", 0o120777 << 16))
    (tmp_path / "a.zip").write_bytes(patched(data, CENTRAL, 8, b"\1\0", nth=1))
    source = open_source(str(tmp_path))
    assert contents(source) == {"a.zip/x.jpg": JPEG}
    assert passed_over(source) == {"links": (1, ["a.zip/link.jpg"]), "cannot be read": (1, ["a.zip/locked"])}


def test_many_threads_read_one_archive(tmp_path: Path) -> None:
    files = {
        f"{number}.png": saved(picture((8 + number % 50, 9)), "PNG") + bytes([number % 256]) for number in range(400)
    }
    (tmp_path / "a.zip").write_bytes(zipped(files))
    with ThreadPoolExecutor(16) as pool:
        read = pool.map(lambda receipt: receipt.with_image(), open_source(str(tmp_path / "a.zip")))
        assert {receipt.source_key: receipt.image for receipt in read} == files
