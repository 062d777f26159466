"""Folders as people and systems leave them: every file is read, or counted and named by what it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.errors import SourceError
from loader.sources import folder as folders
from loader.sources.open_source import open_source
from loader.sources.receipt import PassedOver, Source
from loader.stores import without_secrets
from tests.helpers.pictures import picture, saved

JPEG = saved(picture(), "JPEG")
HEADS = {kind: saved(picture(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")}
HEADS |= {"HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1", "PDF": b"%PDF-1.7\n", "BigTIFF": b"II+\0\x08\0\0\0"}


def write(folder: Path, *names: str, data: bytes = JPEG) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def keys(source: Source) -> list[str]:
    found = [receipt.source_key for receipt in source]
    assert source.count() == len(found)
    return found


def counts(source: Source) -> dict[str, int]:
    return {one["kind"]: one["count"] for one in source.passed_over.by_kind()}


# What a system leaves in a folder is no receipt

SYSTEM = (
    "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg", "#recycle/a.jpg", "#snapshot/a.jpg", "@Recycle/deep/a.jpg",
    "@Recently-Snapshot/a.jpg", ".@__thumb/a.jpg", "$RECYCLE.BIN/S-1-5/$R1.jpg", "$Recycle.Bin/a.jpg", "RECYCLER/a.jpg",
    "lost+found/a.jpg", "found.000/a.jpg", "System Volume Information/a.jpg", "__MACOSX/._a.jpg", "__MACOSX/sub/a.jpg",
    "._a.jpg", ".Trash-1000/files/a.jpg", ".Trashes/501/a.jpg", ".DS_Store", "Thumbs.db", "ehthumbs.db", "desktop.ini",
    "Icon\r", "~$receipt.docx", "~$a.jpg", ".stversions/a.jpg", ".thumbnails/a.jpg", "sub/@eaDir/a.jpg",
    "sub/Thumbs.db", "Network Trash Folder/a.jpg",
)  # fmt: skip
ORDINARY = ("recycle/a.jpg", "eaDir.jpg", "lost and found/a.jpg", "trash/a.jpg", "thumbs.db.jpg", "@home/a", "#1.jpg")


@pytest.mark.parametrize("name", SYSTEM)
def test_what_a_system_keeps_in_a_folder_is_counted_and_not_read(tmp_path: Path, name: str) -> None:
    write(tmp_path, "receipt.jpg", name)
    source = open_source(str(tmp_path))
    assert keys(source) == ["receipt.jpg"]
    assert source.passed_over.by_kind() == [{"kind": "system files", "count": 1, "first": [name]}]


@pytest.mark.parametrize("name", ORDINARY)
def test_names_that_only_look_like_a_system_s_are_read(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    assert keys(open_source(str(tmp_path))) == [name]


def test_a_system_s_folder_is_read_when_it_is_what_was_named(tmp_path: Path) -> None:
    write(tmp_path, "#recycle/a.jpg")
    assert keys(open_source(str(tmp_path / "#recycle"))) == ["a.jpg"]


# Images by their content

NAMED_OTHERWISE = ("receipt", "IMG_0001.jpg_original", "scan.dat", "photo.JPG~", "receipt.2026-03-01", "a.jpg.1")


@pytest.mark.parametrize("kind", HEADS)
def test_images_of_any_name_are_found_by_their_first_bytes(tmp_path: Path, kind: str) -> None:
    write(tmp_path, *NAMED_OTHERWISE, data=HEADS[kind])
    write(tmp_path, "notes", "empty.dat", "README.unknown", data=b"no image at all")
    source = open_source(str(tmp_path))
    assert keys(source) == sorted(NAMED_OTHERWISE)
    assert all(receipt.with_image().image == HEADS[kind] for receipt in source)
    assert counts(source) == {"no suffix": 1, ".dat": 1, ".unknown": 1}
    assert next(iter(open_source(str(tmp_path / "receipt")))).with_image().image == HEADS[kind]


@pytest.mark.parametrize("suffix", ["jfif", "pjpeg", "pjp", "JFIF", "heif", "hif", "heic", "pdf", "PDF", "dib", "apng"])
def test_all_names_of_image_formats_are_offered(tmp_path: Path, suffix: str) -> None:
    """HEIC and PDF, too: their receipts are rejected with the reason, and seen in the marts."""
    write(tmp_path, f"a.{suffix}")
    assert keys(open_source(str(tmp_path))) == [f"a.{suffix}"]


@pytest.mark.parametrize(
    "head",
    [b"BM is text, no bitmap", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x18ftypisom\0\0\0\0", b"II*\0\x10\0\0\0CR\2\0"],
)
def test_what_only_begins_like_an_image_is_none(tmp_path: Path, head: bytes) -> None:
    write(tmp_path, "a.jpg")
    write(tmp_path, "b", data=head + b" and more" * 9)
    source = open_source(str(tmp_path))
    assert keys(source) == ["a.jpg"]
    assert counts(source) == {"no suffix": 1}


# Nothing is passed over uncounted


def test_all_that_is_not_read_is_counted_and_the_first_are_named(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", "sub/b.png")
    write(tmp_path, "z.txt", "b.txt", "sub/a.txt", "c.txt", "labels.csv", "noext", "v1.0", data=b"text")
    write(tmp_path, ".hidden.jpg", ".git/objects/1", "sub/.cache/c.jpg")
    write(tmp_path / ".." / "elsewhere", "x.jpg", "y.jpg")
    (tmp_path / "linked").symlink_to(tmp_path / ".." / "elsewhere")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "itself.jpg").symlink_to(tmp_path / "itself.jpg")
    (tmp_path / "there.jpg").symlink_to(tmp_path / ".." / "elsewhere" / "x.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    source = open_source(str(tmp_path))
    assert keys(source) == ["a.jpg", "sub/b.png", "there.jpg"]
    assert source.passed_over.by_kind() == [
        {"kind": ".txt", "count": 4, "first": ["b.txt", "c.txt", "sub/a.txt"]},
        {"kind": "hidden files", "count": 3, "first": [".git/objects/1", ".hidden.jpg", "sub/.cache/c.jpg"]},
        {"kind": "broken links", "count": 2, "first": ["gone.jpg", "itself.jpg"]},
        {"kind": "special files", "count": 2, "first": ["pipe", "pipe.jpg"]},
        {"kind": ".csv", "count": 1, "first": ["labels.csv"]},
        {"kind": "links to folders", "count": 1, "first": ["linked"]},
        {"kind": "no suffix", "count": 1, "first": ["noext"]},
        {"kind": "other", "count": 1, "first": ["v1.0"]},
    ]


def test_every_file_is_a_receipt_or_counted(tmp_path: Path) -> None:
    names = [*SYSTEM, *ORDINARY, *NAMED_OTHERWISE, "a.txt", "b.pdf", ".c/d/e.jpg", "x.parquet", "f.mp4", "g.xyz"]
    write(tmp_path, *names)
    source = open_source(str(tmp_path))
    written = sum(path.is_file() for path in tmp_path.rglob("*"))
    assert len(keys(source)) + sum(counts(source).values()) == written == len(set(names))


def test_kinds_and_names_stay_few_however_odd_the_files(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg")
    write(tmp_path, *(f"file.{kind}{number}" for kind in "qxz" for number in range(40)), data=b"text")
    passed_over = open_source(str(tmp_path)).passed_over
    assert len(passed_over.counts) <= 41 and sum(passed_over.counts.values()) == 120
    assert max(map(len, passed_over.names.values())) <= 3


def test_what_was_passed_over_is_one_line(tmp_path: Path) -> None:
    passed_over = PassedOver()
    assert passed_over.in_words() == ""
    for name in ("b\n\x1b[31m.txt", "a.txt", "c.txt", "d.txt"):
        passed_over.add(".txt", name)
    passed_over.add("hidden files", ".x")
    assert passed_over.in_words() == "passed over: 4 .txt, 1 hidden files"
    told = passed_over.in_words(with_names=True)
    assert told == r"passed over: 4 .txt (a.txt, b\n\x1b[31m.txt, c.txt, …), 1 hidden files (.x)"


def test_a_folder_without_receipts_is_refused_with_what_there_is(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", ".hidden.jpg", data=b"text")
    with pytest.raises(SourceError, match=r"no images or parquet files in .*1 \.txt \(a.txt\), 1 hidden files"):
        open_source(str(tmp_path))


# Where a receipt lies


def test_two_folders_of_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "here/inbox/IMG_0001.jpg", "there/inbox/IMG_0001.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    spelled = ["inbox", "./inbox/", "../here/inbox", str(tmp_path / "here/inbox"), str(tmp_path / "link" / "inbox")]
    [here] = {receipt.location for name in spelled for receipt in open_source(name)}
    assert here == str(tmp_path / "here/inbox/IMG_0001.jpg")
    assert next(iter(open_source("inbox/IMG_0001.jpg"))).location == here
    there = next(iter(open_source(str(tmp_path / "there/inbox"))))
    assert (there.source, there.source_key) == ("inbox", "IMG_0001.jpg")
    assert there.location == str(tmp_path / "there/inbox/IMG_0001.jpg")


ODD_NAMES = (
    b"caf\xe9.jpg", b"caf\xe8.jpg", b"caf\\xe9.jpg", b"caf\\x5cxe9.jpg", b"caf\xc3\xa9.jpg",
    b"caf\xef\xbf\xbd.jpg", b"\\.jpg",
)  # fmt: skip


def test_names_that_are_no_utf_8_stay_apart_and_can_be_read_back(tmp_path: Path) -> None:
    for name in ODD_NAMES:
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_bytes(name)
    receipts = list(open_source(str(tmp_path)))
    assert len({receipt.source_key for receipt in receipts}) == len(ODD_NAMES)
    assert len({receipt.location for receipt in receipts}) == len(ODD_NAMES)
    for receipt in receipts:
        receipt.source_key.encode()  # is text
        assert read_back(receipt.source_key) == receipt.with_image().image
        assert receipt.location == f"{tmp_path}/{receipt.source_key}"


def read_back(text: str) -> bytes:
    first, *rest = text.encode().split(b"\\x")
    return first + b"".join(bytes([int(part[:2], 16)]) + part[2:] for part in rest)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://me:secret@host/a/b.jpg?X-Amz-Signature=secret#secret", "https://host/a/b.jpg"),
        ("s3://key:secret@bucket/receipts", "s3://bucket/receipts"),
        ("http://[secret", "http://…"),
        ("a folder/with?marks#in it", "a folder/with?marks#in it"),
    ],
)
def test_a_url_is_told_without_its_secrets(url: str, told: str) -> None:
    assert without_secrets(url) == told


# Tables and pictures in one folder


def table(path: Path, *images: bytes, column: str = "image") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({column: list(images), "n": list(range(len(images)))}), path)


def test_pictures_beside_tables_of_images_do_not_hide_them(tmp_path: Path) -> None:
    table(tmp_path / "data" / "a.parquet", b"one", b"two")
    table(tmp_path / "data" / "b.parquet", b"three")
    write(tmp_path, "logo.png", "docs/example.jpg")
    source = open_source(str(tmp_path))
    assert [receipt.image for receipt in source] == [b"one", b"two", b"three"]
    places = ("data/a.parquet#0", "data/a.parquet#1", "data/b.parquet#0")
    assert [receipt.location for receipt in source] == [f"{tmp_path}/{place}" for place in places]
    told: list[dict[str, Any]] = [
        {"kind": "images beside the tables", "count": 2, "first": ["docs/example.jpg", "logo.png"]}
    ]
    assert source.passed_over.by_kind() == told


LABELS: dict[str, dict[str, Any]] = {
    "none": {"noise": [b"one"]},
    "names of files": {"file_name": ["a.jpg"], "text": ["label"]},
    "names in a column image": {"image": ["elsewhere/a.jpg"]},
    "names as `datasets` has them": {"image": [{"bytes": None, "path": "a.jpg"}]},
    "nothing": {"image": pa.nulls(1, pa.binary())},
}


@pytest.mark.parametrize("labels", [*LABELS, "a broken table"])
def test_a_table_without_images_does_not_hide_the_pictures(tmp_path: Path, labels: str) -> None:
    write(tmp_path, "a.jpg", "b.jpg")
    write(tmp_path, "labels.parquet", data=b"PAR1 this is none PAR1")
    if labels in LABELS:
        pq.write_table(pa.table(LABELS[labels]), tmp_path / "labels.parquet")
    source = open_source(str(tmp_path))
    assert keys(source) == ["a.jpg", "b.jpg"]
    told = [{"kind": "tables without images", "count": 1, "first": ["labels.parquet"]}]
    assert source.passed_over.by_kind() == told


def test_tables_without_images_beside_others_are_counted_wherever_they_stand(tmp_path: Path) -> None:
    table(tmp_path / "a-labels.parquet", b"one", column="noise")
    table(tmp_path / "b.parquet", b"two")
    source = open_source(str(tmp_path))
    assert [receipt.image for receipt in source] == [b"two"]
    assert counts(source) == {"tables without images": 1}


def test_many_names_are_looked_into_once_a_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a large folder must be listed, a file whose name says nothing is opened once."""
    write(tmp_path, *(f"{number:02}" for number in range(40)))
    looked: list[str | Path] = []
    look = folders.begins_like_an_image
    monkeypatch.setattr(folders, "begins_like_an_image", lambda path: looked.append(path) or look(path))  # type: ignore[func-returns-value]
    monkeypatch.setattr(folders, "_NAMES_AT_A_TIME", 40)
    assert len(list(folders.files(tmp_path, folders.is_image))) == 40
    assert len(looked) == 40
