"""Which column of a data set holds the images, and what stands in it: bytes, base64, data URLs, paths, lists."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.errors import SourceError
from loader.sources import image_values
from loader.sources.open_source import open_source
from loader.sources.receipt import Receipt
from tests.helpers.pictures import STRUCT, picture, saved

JPEG, PNG, LOGO = saved(picture(), "JPEG"), saved(picture(), "PNG"), saved(picture((9, 9)), "PNG")
GIF, BMP, WEBP, TIFF = (saved(picture(), kind) for kind in ("GIF", "BMP", "WEBP", "TIFF"))


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def struct(*images: bytes | None, path: str | None = None) -> pa.Array:
    return pa.array([{"bytes": image, "path": path} for image in images], STRUCT)


def read(tmp_path: Path, columns: dict[str, Any]) -> list[Receipt]:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    return list(open_source(str(tmp_path / "t.parquet")))


# Which column

COLUMNS: dict[str, dict[str, Any]] = {
    "a number named image": {"image": [7], "scan": struct(JPEG)},
    "numbers named image": {"image": [[7, 8]], "scan": struct(JPEG)},
    "a caption named image": {"image": ["a receipt"], "scan": struct(JPEG)},
    "a caption named image, bytes": {"image": ["a receipt"], "photo": [JPEG]},
    "a web address named image": {"image": ["https://example.com/1.jpg"], "photo": [JPEG]},
    "web addresses named image": {"image": [["https://example.com/1.jpg"] * 2], "photo": [JPEG]},
    "a file name named image": {"image": ["1.jpg"], "photo": [JPEG]},
    "nothing named image": {"image": pa.nulls(1), "photo": [JPEG]},
    "bytes that are none named image": {"image": [b"\0\1\2 a thumbnail hash"], "photo": [JPEG]},
    "named image comes second": {"logo": struct(LOGO), "image": struct(JPEG)},
    "named image comes second, bytes": {"logo": [LOGO], "image": [JPEG]},
    "named image comes second, base64": {"logo": struct(LOGO), "IMAGE": [text(JPEG)]},
    "base64 in a column of any name": {"id": ["r"], "content": [text(JPEG)]},
    "a data URL in a column of any name": {"caption": ["x"], "url": [f"data:image/jpeg;base64,{text(JPEG)}"]},
    "bytes in a column of any name": {"hash": [b"0123456789abcdef" * 2], "photo": [JPEG]},
    "bytes before a name": {"file": ["1.jpg"], "photo": [JPEG]},
    "bytes before text": {"preview": [text(LOGO)], "photo": [JPEG]},
    "one before several": {"pages": [[LOGO, LOGO]], "photo": [JPEG]},
    "large and fixed types": {"image": pa.array([7]), "photo": pa.array([JPEG], pa.large_binary())},
    "fixed size": {"photo": pa.array([JPEG], pa.binary(len(JPEG)))},
    "a dictionary": {"photo": pa.array([text(JPEG)]).dictionary_encode()},
}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_column_that_holds_images_is_read(tmp_path: Path, name: str) -> None:
    [receipt] = read(tmp_path, COLUMNS[name])
    assert (receipt.image, receipt.error) == (JPEG, None)


@pytest.mark.parametrize("before", ["gap", "damage"])
def test_where_the_first_rows_tell_nothing_the_type_and_the_name_decide(tmp_path: Path, before: str) -> None:
    value = None if before == "gap" else b"no image"
    receipts = read(tmp_path, {"noise": ["x"] * 20, "image": [value] * 19 + [JPEG]})
    assert receipts[-1].image == JPEG


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"image": [7]}, "column image holds no images in"),
        ({"image": [[7, 8]]}, "column image holds no images in"),
        ({"image": [["https://example.com/1.jpg"] * 2]}, "column image holds no images in"),
        ({"a": [1], "b": ["x"], "c": [b"y"]}, "no image column in"),
        ({"sound": pa.array([{"array": [1.0], "rate": 8}])}, "no image column in"),
    ],
)
def test_a_table_without_images_is_refused_at_once(tmp_path: Path, columns: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read(tmp_path, columns)


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ({"image": [JPEG]}, None),
        ({"image": [JPEG], "caption": ["x"], "n": [1], "path": ["1.jpg"]}, None),
        ({"logo": [LOGO], "image": [JPEG]}, "t.parquet: the images are read from column image; not from logo"),
        (
            {"a": [JPEG], "b": [text(LOGO)], "c": [[LOGO, LOGO]]},
            "t.parquet: the images are read from column a; not from b, c",
        ),
    ],
)
def test_a_choice_between_columns_is_told(tmp_path: Path, columns: dict[str, Any], note: str | None) -> None:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert open_source(str(tmp_path / "t.parquet")).notes == ((note,) if note else ())


# What stands in it

SPELLED = {
    "base64": text(JPEG),
    "PNG": (text(PNG), PNG), "GIF": (text(GIF), GIF), "BMP": (text(BMP), BMP), "WebP": (text(WEBP), WEBP),
    "TIFF": (text(TIFF), TIFF),
    "in lines": "\n".join(text(JPEG)[at : at + 76] for at in range(0, len(text(JPEG)), 76)) + "\n",
    "without padding": text(JPEG + b"\0" * (2 - len(JPEG) % 3)).rstrip("="),
    "for URLs": base64.urlsafe_b64encode(JPEG).decode(),
    "as bytes": text(JPEG).encode(),
    "a data URL": f"data:image/jpeg;base64,{text(JPEG)}",
    "a data URL as bytes": f"data:image/jpeg;base64,{text(JPEG)}".encode(),
    "a data URL with more": f" DATA:image/jpeg;name=a.jpg; charset=utf-8 ;base64,{text(JPEG)}",
    "a data URL, escaped": f"data:image/jpeg;base64,{quote(text(JPEG), safe='')}",
    "a data URL without base64": f"data:image/jpeg,{quote(JPEG)}",
    "a data URL of no kind": f"data:;base64,{text(JPEG)}",
    "in a struct": {"bytes": text(JPEG).encode(), "path": "1.jpg"},
    "a path that is none": {"bytes": None, "path": f"data:image/jpeg;base64,{text(JPEG)}"},
    "a list of one": [JPEG],
    "a list of one, text": [text(JPEG)],
    "a list of one, struct": [{"bytes": JPEG, "path": None}],
    "a list of one and nothing": [None, JPEG],
}  # fmt: skip


@pytest.mark.parametrize("name", SPELLED)
def test_images_are_read_however_they_are_spelled(tmp_path: Path, name: str) -> None:
    value = SPELLED[name]
    value, expected = value if isinstance(value, tuple) else (value, JPEG)
    [receipt] = read(tmp_path, {"image": [value]})
    assert receipt.error is None
    assert (receipt.image or b"").rstrip(b"\0") == expected.rstrip(b"\0")


NOT_READ = {
    "nothing": (None, "no image in this row"),
    "empty text": ("", "no image in this row"),
    "an empty list": ([], "no image in this row"),
    "several": ([JPEG, PNG, JPEG], "a list of 3 images: several a receipt are not read"),
    "several, struct": ([{"bytes": JPEG, "path": None}] * 2, "a list of 2 images"),
    "several, text": ([text(JPEG)] * 2, "a list of 2 images"),
    "several that are none": ([b"x", b"y"], "a list of 2 images"),
    "a web address": ("https://example.com/1.jpg", "its image is a web address, which is not fetched"),
    "no file": ("1.jpg", "cannot be read: No such file or directory"),
    "no path": ("a\0b.jpg", "its image is text that is no path of a file"),
    "a long name": ("a" * 3000 + ".jpg", "cannot be read: File name too long"),
    "a long text": ("word " * 3000, "its image is text that is no path, base64 or data URL of one"),
    "damaged base64": (text(JPEG)[:200] + "!" + text(JPEG)[200:], "its base64 text cannot be decoded"),
    "damaged data URL": ("data:image/jpeg;base64,/9j/****", "its base64 text cannot be decoded"),
}


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_no_image_is_told_and_the_rest_goes_on(tmp_path: Path, name: str) -> None:
    value, words = NOT_READ[name]
    first, second = read(tmp_path, {"image": [value, whole_like(value)]})
    assert first.image is None and (first.error or "").startswith(words)
    assert second.image == JPEG


def whole_like(value: Any) -> Any:
    """An image spelled in the same way, as a column has one type."""
    if isinstance(value, list):
        return [whole_like(value[0] if value else None)]
    if isinstance(value, dict):
        return {"bytes": JPEG, "path": None}
    return text(JPEG) if isinstance(value, str) else JPEG


def test_text_above_the_limit_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_values, "MAX_FILE_BYTES", len(JPEG) - 3)
    [receipt] = read(tmp_path, {"image": [text(JPEG)]})
    assert receipt.error == f"text of {len(text(JPEG)):,} characters: too large for an image"
