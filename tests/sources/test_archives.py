"""Zip archives and mails in folders: read as folders are, and what is not read in them is counted and named."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from loader.errors import SourceError
from loader.sources.contents import OPEN_AT_ONCE, Contents, member_name
from loader.sources.open_source import open_source
from loader.sources.receipt import Receipt, Source
from tests.helpers.archives import mail, zipped
from tests.helpers.pictures import picture, saved

JPEG, PNG = saved(picture(), "JPEG"), saved(picture(), "PNG")
PDF = b"%PDF-1.7\nof a kind"


def keys(source: Source) -> list[str]:
    found = [receipt.source_key for receipt in source]
    assert source.count() == len(found) == len({receipt.location for receipt in source})
    return found


def contents(source: Source) -> dict[str, bytes | str | None]:
    """What each receipt holds, or why it can't be read."""
    read = (receipt.with_image() for receipt in source)
    return {receipt.source_key: receipt.image or receipt.error for receipt in read}


def passed_over(source: Source) -> dict[str, Any]:
    return {one["kind"]: (one["count"], one["first"]) for one in source.passed_over.by_kind()}


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.jpg").write_bytes(JPEG)
    (folder / "a.ZIP").write_bytes(
        zipped(
            {
                "x.jpg": JPEG,
                "deep/y.pdf": PDF,
                "scan": PNG,
                "labels.csv": b"text",
                "notes": b"text",
                "deep/": b"",
                "__MACOSX/._x.jpg": b"text",
                ".hidden/x.jpg": JPEG,
                "inner.zip": zipped({"x.jpg": JPEG}),
            }
        )
    )
    message = mail(("receipt.pdf", PDF), ("terms.docx", b"text"), ("all.zip", zipped({"x.jpg": JPEG})))
    (folder / "sub" / "mail.eml").write_bytes(message.as_bytes())
    return folder


def test_archives_in_a_folder_are_read_as_folders_are(inbox: Path) -> None:
    source = open_source(str(inbox))
    held = {"a.ZIP/x.jpg": JPEG, "a.ZIP/deep/y.pdf": PDF, "a.ZIP/scan": PNG}
    assert contents(source) == {**held, "b.jpg": JPEG, "sub/mail.eml/receipt.pdf": PDF}
    assert keys(source) == [*held, "b.jpg", "sub/mail.eml/receipt.pdf"]
    assert {receipt.source for receipt in source} == {"inbox"}
    assert {receipt.location for receipt in source} == {f"{inbox.resolve()}/{key}" for key in keys(source)}
    assert passed_over(source) == {
        "archives in archives": (2, ["a.ZIP/inner.zip", "sub/mail.eml/all.zip"]),
        ".csv": (1, ["a.ZIP/labels.csv"]),
        ".docx": (1, ["sub/mail.eml/terms.docx"]),
        "hidden files": (1, ["a.ZIP/.hidden/x.jpg"]),
        "no suffix": (1, ["a.ZIP/notes"]),
        "system files": (1, ["a.ZIP/__MACOSX/._x.jpg"]),
    }


@pytest.mark.parametrize("name", ["a.ZIP", "sub/mail.eml"])
def test_an_archive_is_a_source_and_its_receipts_lie_where_they_do_in_a_folder(inbox: Path, name: str) -> None:
    alone, among = open_source(str(inbox / name)), open_source(str(inbox))
    assert alone.name == name.rpartition("/")[2]
    assert [f"{name}/{key}" for key in keys(alone)] == [key for key in keys(among) if key.startswith(f"{name}/")]
    assert {receipt.location for receipt in alone} < {receipt.location for receipt in among}
    assert len(list(open_source(str(inbox / name), limit=1))) == 1


def test_an_archive_that_is_linked_to_lies_where_it_is(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "other.zip").symlink_to(inbox / "a.ZIP")
    linked = list(open_source(str(tmp_path / "links")))
    assert [receipt.source_key for receipt in linked] == ["other.zip/x.jpg", "other.zip/deep/y.pdf", "other.zip/scan"]
    assert linked[0].location == f"{inbox.resolve()}/a.ZIP/x.jpg"


def test_archives_without_receipts_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "texts.zip").write_bytes(zipped({"a.txt": b"text"}))
    (tmp_path / "empty.zip").write_bytes(zipped({}))
    (tmp_path / "letter.eml").write_bytes(mail().as_bytes())
    for name, said in {
        "texts.zip": "passed over: 1 .txt (a.txt)",
        "empty.zip": "no images or parquet files in",
        "letter.eml": "passed over: 1 mails without a receipt attached",
        ".": "1 mails without a receipt attached (letter.eml)",
    }.items():
        with pytest.raises(SourceError, match="no images or parquet files in") as refused:
            open_source(str(tmp_path / name))
        assert said in str(refused.value) and "\n" not in str(refused.value)


NAMES = {
    "../../etc/passwd.jpg": r"\x2e\x2e/\x2e\x2e/etc/passwd.jpg",
    "/etc/x.jpg": "etc/x.jpg",
    "//server/share/x.jpg": "server/share/x.jpg",
    r"C:\scans\x.jpg": "C:/scans/x.jpg",
    r"..\x.jpg": r"\x2e\x2e/x.jpg",
    "./a/./x.jpg": "a/x.jpg",
    "a//x.jpg": "a/x.jpg",
    "caf\udce9.jpg": r"caf\xe9.jpg",
    r"caf\\xe9.jpg": "caf/xe9.jpg",
    "\ud83d.jpg": r"\ud83d.jpg",
    "": "unnamed",
    "..": r"\x2e\x2e",
    "a" * 5000 + ".jpg": "a" * 996 + ".jpg",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_an_archive_is_text_and_leads_nowhere(name: str) -> None:
    assert member_name(name) == NAMES[name]
    NAMES[name].encode()


def test_every_file_has_a_name_of_its_own() -> None:
    found = Contents()
    for name in ("x.jpg", "x.jpg", "./x.jpg", "x (2).jpg", "a/x", "a/x", "a/b.c/x", "a/b.c/x", "x.jpg"):
        found.add(name, None, lambda: (None, None), lambda: JPEG)
    assert [member.name for member in found.members] == [
        "x.jpg", "x (2).jpg", "x (3).jpg", "x (2) (2).jpg", "a/x", "a/x (2)", "a/b.c/x", "a/b.c/x (2)", "x (4).jpg",
    ]  # fmt: skip


def test_files_of_one_name_are_all_read(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped([("x.jpg", JPEG), ("x.jpg", PNG), ("../x.jpg", PDF)])
    (tmp_path / "a.zip").write_bytes(data)
    (tmp_path / "b.eml").write_bytes(mail(("x.jpg", JPEG), ("x.jpg", PNG)).as_bytes())
    assert contents(open_source(str(tmp_path))) == {
        "a.zip/x.jpg": JPEG,
        "a.zip/x (2).jpg": PNG,
        r"a.zip/\x2e\x2e/x.jpg": PDF,
        "b.eml/x.jpg": JPEG,
        "b.eml/x (2).jpg": PNG,
    }


def test_what_is_only_called_an_archive_is_a_rejected_receipt(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    (tmp_path / "no.zip").write_bytes(b"no archive")
    found = list(open_source(str(tmp_path)))
    assert found[1] == Receipt(
        tmp_path.name,
        "no.zip",
        error="zip: cannot be read: File is not a zip file",
        location=f"{tmp_path.resolve()}/no.zip",
    )
    assert open_source(str(tmp_path)).count() == 2
    assert next(iter(open_source(str(tmp_path / "no.zip")))).source_key == "no.zip"


def test_an_archive_that_changes_after_it_was_listed_gives_nothing_wrong(tmp_path: Path) -> None:
    for name, before, after in (
        ("a.zip", zipped({"x.jpg": JPEG, "y.jpg": PNG}), zipped({"x.jpg": JPEG, "y.jpg": PDF})),
        ("b.eml", mail(("x.jpg", JPEG), ("y.jpg", PNG)).as_bytes(), mail(("x.jpg", JPEG), ("z.jpg", PNG)).as_bytes()),
    ):
        place = tmp_path / name
        place.write_bytes(before)
        found = list(open_source(str(place)))
        [list(open_source(str(other))) for other in _others(tmp_path / "others", OPEN_AT_ONCE)]
        (tmp_path / "new").write_bytes(after)
        (tmp_path / "new").replace(place)
        assert found[0].with_image().image == JPEG
        assert "has changed since it was listed" in (found[1].with_image().error or "")
        place.unlink()
        place.write_bytes(b"")


@pytest.mark.parametrize("name", ["a.zip", "a.eml"])
def test_no_damage_ends_the_run(tmp_path: Path, name: str) -> None:
    """Whatever bytes are turned, cut out or doubled, each file is read or there is a reason."""
    files = {"x.jpg": JPEG, "y": PNG, "deep/z.pdf": PDF, "t.txt": PDF}
    whole = mail(*files.items()).as_bytes() if name == "a.eml" else zipped(files)
    rng = random.Random(7)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 3, 20))):
            at = rng.choice((rng.randrange(len(data)), rng.randrange(len(data) * 3 // 4, len(data))))
            match rng.randrange(3):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + rng.randrange(1, 9)]
                case 2:
                    data[at:at] = data[at : at + rng.randrange(1, 99)]
        (tmp_path / name).write_bytes(data)
        try:
            source = open_source(str(tmp_path / name))
        except SourceError as refused:
            assert "no images or parquet files in" in str(refused)
            continue
        read = contents(source)
        assert source.count() == len(read)
        assert all(isinstance(data, bytes) or (data and "\n" not in data) for data in read.values())


def _others(folder: Path, count: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number}.zip").write_bytes(zipped({"x.jpg": JPEG}))
        (folder / f"{number}.eml").write_bytes(mail(("x.jpg", JPEG)).as_bytes())
    return sorted(folder.iterdir())


def test_ten_thousand_archives_keep_few_files_open(tmp_path: Path) -> None:
    """What is listed is read later, by which time as many more are listed."""
    import resource

    data = zipped({"x.jpg": JPEG}, zipfile.ZIP_STORED)
    for number in range(500):
        (tmp_path / f"{number}.zip").write_bytes(data)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        found = list(open_source(str(tmp_path)))
        assert [receipt.with_image().image for receipt in found] == [JPEG] * 500
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
