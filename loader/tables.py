"""Parquet and arrow files of receipts: which column holds what, and their rows a few at a time.

Read with pyarrow itself, since `datasets` holds a whole row group in memory, which may be a whole file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loader.errors import SourceError

KEY_COLUMNS = ("receiptid", "receipt_id", "id")
_ROWS_AT_A_TIME = 8


@dataclass(frozen=True)
class Columns:
    """Which column of a dataset holds what; None where it has no such column."""

    image: str
    key: str | None
    label: str | None
    currency: str | None

    @property
    def names(self) -> list[str]:
        return [name for name in (self.image, self.key, self.label, self.currency) if name is not None]


def find_columns(source: str, names: list[str], typed: list[str], shaped: list[str]) -> Columns:
    """The columns of a dataset. Its image column is the first that is `typed` as images, else the one named
    `image`, else the first `shaped` like one. Raises SourceError, naming the columns, when there is none.
    """
    lower = {name.lower(): name for name in reversed(names)}
    image = next(iter([*typed, *filter(None, [lower.get("image")]), *shaped]), None)
    if image is None:
        raise SourceError(
            f"no image column in {source}: it has {', '.join(names) or 'none'}; name the one with images `image`"
        )
    key = next((lower[name] for name in KEY_COLUMNS if name in lower), None)
    return Columns(image, key, lower.get("text"), lower.get("currency"))


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() == ".parquet"


def _arrow_reader(file: Path) -> Any:
    """Reads an arrow file in either of its formats, mapped into memory, not read into it."""
    import pyarrow as pa

    mapped = pa.memory_map(str(file))
    try:
        return pa.ipc.open_stream(mapped)  # as `datasets` writes it
    except pa.ArrowInvalid:
        return pa.ipc.open_file(mapped)


def _arrow_batches(file: Path) -> Iterator[Any]:
    reader = _arrow_reader(file)
    if hasattr(reader, "get_batch"):
        return map(reader.get_batch, range(reader.num_record_batches))
    return iter(reader)


def table_columns(file: Path) -> Columns:
    """The columns of a file. Raises SourceError without images in it, OSError or ArrowException when broken."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(file) if _is_parquet(file) else _arrow_reader(file).schema
    kinds = _kinds(schema.metadata or {})
    typed = [name for name in schema.names if kinds.get(name) == "Image"]
    structs = [field for field in schema if pa.types.is_struct(field.type) and field.name not in kinds]
    shaped = [field.name for field in structs if {"bytes", "path"} <= {part.name for part in field.type}]
    return find_columns(str(file), schema.names, typed, shaped)


def _kinds(metadata: dict[bytes, bytes]) -> dict[str, str]:
    """Column -> kind (`Image`, `Audio`, `Value`), from the note that `datasets` leaves in a file."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {name: feature["_type"] for name, feature in features.items() if "_type" in feature}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def batches(file: Path, columns: list[str]) -> Iterator[Any]:
    """These columns of a file, a few rows at a time. Raises OSError or ArrowException when broken."""
    import pyarrow.parquet as pq

    if _is_parquet(file):
        with pq.ParquetFile(file, pre_buffer=False) as table:
            yield from table.iter_batches(_ROWS_AT_A_TIME, columns=columns, use_threads=False)
        return
    for batch in _arrow_batches(file):
        for start in range(0, batch.num_rows, _ROWS_AT_A_TIME):
            yield batch.select(columns).slice(start, _ROWS_AT_A_TIME)


def row_count(file: Path) -> int:
    """Rows in a file, by its headers alone. Raises OSError or ArrowException when broken."""
    import pyarrow.parquet as pq

    if _is_parquet(file):
        return int(pq.read_metadata(file).num_rows)
    return sum(batch.num_rows for batch in batches(file, []))
