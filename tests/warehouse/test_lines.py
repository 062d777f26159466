"""Landing reads lines: none is lost, and bytes and numbers stay exact."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.warehouse.lines import read_lines

TORTURE = {
    "empty file": b"",
    "no final newline": b"a\nb",
    "blank lines": b"\n\na\n\n",
    "crlf": b"a\r\nb\r\n",
    "lone cr": b"a\rb\nc",
    "nul": b"a\x00b\n\x00\n",
    "bom": b"\xef\xbb\xbfa\nb\n",
    "line separator": "a\u2028b\x85c\n".encode(),
    "bad utf-8": b"good\n\xff\xfe bad\nalso good\n\xc3",
    "cut character": "é".encode()[:1] + b"\n" + "é".encode(),
    "long line": b"x" * 70_000 + b"\ny\n" + b"z" * 70_000,
}


def expected_lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def check(path: Path, data: bytes, chunk_bytes: int) -> None:
    path.write_bytes(data)
    rows = [row for batch in read_lines(path, chunk_bytes) for row in batch.to_pylist()]
    expected = expected_lines(data)
    assert [row["line_number"] for row in rows] == list(range(1, len(expected) + 1))
    for row, line in zip(rows, expected, strict=True):
        kept = row["line_bytes"]
        assert (kept if kept is not None else row["line"].encode()) == line
        assert row["line"] == line.decode("utf-8", "replace")
        assert (kept is None) == (line.decode("utf-8", "replace").encode() == line or _is_utf8(line))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64 * 1024])
@pytest.mark.parametrize("name", TORTURE)
def test_torture_file_keeps_every_line_and_byte(tmp_path: Path, name: str, chunk_bytes: int) -> None:
    check(tmp_path / "file", TORTURE[name], chunk_bytes)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200) | st.text(max_size=100).map(str.encode), chunk_bytes=st.integers(1, 40))
def test_any_bytes_come_back_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, chunk_bytes: int
) -> None:
    check(tmp_path_factory.getbasetemp() / "lines", data, chunk_bytes)


def test_a_line_of_20_megabytes_stays_whole(tmp_path: Path) -> None:
    check(tmp_path / "file", b"a\n" + b"x" * 20_000_000 + b"\nb\n", 1024 * 1024)
