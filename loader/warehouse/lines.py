"""A file of lines -> Arrow batches, with no line, byte or line number lost.

Lines end at the byte `\\n` and nowhere else: a carriage return, NUL, BOM or U+2028 belongs to its line, a blank line
is a line, and a last line without an end is a line. Numbers count from 1. Where a line is not UTF-8 its text holds
U+FFFD in place of the bad bytes, and its bytes are kept beside it. Memory follows the chunk size and the longest
line, not the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

CHUNK_BYTES = 1024 * 1024
NEWLINE = 10

SCHEMA = pa.schema(
    [
        pa.field("line_number", pa.int64()),
        pa.field("line", pa.large_utf8()),
        pa.field("line_bytes", pa.large_binary()),
    ]
)


def read_lines(path: Path, chunk_bytes: int = CHUNK_BYTES) -> Iterator[pa.RecordBatch]:
    """Batches of (`line_number`, `line`, `line_bytes` or null) from a file, in order. Raises OSError."""
    first_number = 1
    for block in _whole_lines(path, chunk_bytes):
        batch = _batch(block, first_number)
        first_number += batch.num_rows
        yield batch


def line_reader(path: Path, chunk_bytes: int = CHUNK_BYTES) -> pa.RecordBatchReader:
    """The same as an Arrow reader, which DuckDB scans without holding more than a batch."""
    return pa.RecordBatchReader.from_batches(SCHEMA, read_lines(path, chunk_bytes))


def _whole_lines(path: Path, chunk_bytes: int) -> Iterator[bytes]:
    """Blocks of bytes that each end with a line end (one is added to a last line that has none)."""
    rest: list[bytes] = []
    with path.open("rb") as file:
        while chunk := file.read(chunk_bytes):
            end = chunk.rfind(b"\n") + 1
            if end == 0:
                rest.append(chunk)
                continue
            yield b"".join((*rest, chunk[:end]))
            rest = [chunk[end:]] if end < len(chunk) else []
    if rest:
        yield b"".join((*rest, b"\n"))


def _batch(block: bytes, first_number: int) -> pa.RecordBatch:
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == NEWLINE)
    count = len(ends)
    # Arrow's strings stand back to back, so the line ends are taken out and each offset moves by those before it.
    text = block.replace(b"\n", b"")
    offsets = np.empty(count + 1, dtype=np.int64)
    offsets[0] = 0
    offsets[1:] = ends - np.arange(count)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    # From its buffer, as `pa.array` would import pandas to look for pandas' types: a quarter of a second.
    counted = np.arange(first_number, first_number + count, dtype=np.int64)
    numbers = pa.Int64Array.from_buffers(pa.int64(), count, [None, pa.py_buffer(counted)])
    lines = pa.LargeStringArray.from_buffers(count, buffers[1], buffers[2])
    kept = pa.nulls(count, pa.large_binary())
    try:
        lines.validate(full=True)  # is it UTF-8? Without making a text of it, as decoding would
    except pa.ArrowInvalid:
        raw = pa.LargeBinaryArray.from_buffers(pa.large_binary(), count, buffers)
        lines, kept = _mend(raw.to_pylist())
    return pa.RecordBatch.from_arrays([numbers, lines, kept], schema=SCHEMA)


def _mend(raw_lines: list[bytes]) -> tuple[pa.Array, pa.Array]:
    """Text of each line, and the bytes of those that are not UTF-8."""
    texts: list[str] = []
    kept: list[bytes | None] = []
    for raw in raw_lines:
        try:
            texts.append(raw.decode("utf-8"))
            kept.append(None)
        except UnicodeDecodeError:
            texts.append(raw.decode("utf-8", "replace"))
            kept.append(raw)
    return pa.array(texts, pa.large_utf8()), pa.array(kept, pa.large_binary())
