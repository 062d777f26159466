"""Parquet and arrow files of receipts: which column holds what, and their rows a few at a time.

Read with pyarrow itself, since `datasets` holds a whole row group in memory, which may be a whole file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from loader.errors import SourceError, one_line
from loader.sources import folder as folders
from loader.sources import locations
from loader.sources.image_values import is_path
from loader.sources.receipt import PassedOver, Receipt, Source
from loader.sources.rows import PEEK_ROWS, Columns, Row, find_columns, row_receipt

_ROWS_AT_A_TIME = PEEK_ROWS
WITHOUT_IMAGES = "tables without images"
"""How tables that are not read are reported."""


def open_tables(
    name: str, place: Path, files: list[Path], limit: int | None, passed_over: PassedOver | None = None
) -> Source:
    """The rows of the files that have images. `place` is the file or the folder that was named.

    Raises SourceError when none of them has any. One that is broken is reported as a receipt; one without images is
    counted as passed over.
    """
    import pyarrow as pa

    read, chosen, without, refusals = [], set[str](), list[Path](), list[SourceError]()
    for file in files:
        try:
            columns = table_columns(file)
        except (OSError, pa.ArrowException) as error:
            refusals.append(SourceError(f"{locations.printable(str(file))} cannot be read: {one_line(error)}"))
        except SourceError as error:
            refusals.append(error)
            without.append(file)
            continue
        else:
            chosen.add(columns.note(name) or "")
        read.append(file)
    if not chosen:
        raise refusals[0]
    passed_over = passed_over or PassedOver()
    for file in without:
        passed_over.add(WITHOUT_IMAGES, locations.printable(str(file.relative_to(place))))
    return Source(
        name,
        lambda: _rows(name, locations.of_file(place), read),
        lambda: _count(read),
        limit,
        passed_over,
        tuple(sorted(chosen - {""})),
    )


def hold_images(files: list[Path]) -> bool:
    """Whether the first rows of one of these tables have images in them, rather than the names of files."""
    import pyarrow as pa

    for file in files:
        with suppress(SourceError, OSError, pa.ArrowException):
            column = table_columns(file).image
            first = [row[column] for batch in islice(batches(file, [column]), 1) for row in batch.to_pylist()]
            if not all(map(is_path, first)):
                return True
    return False


def _rows(name: str, dataset: str, files: list[Path]) -> Iterator[Receipt]:
    import pyarrow as pa

    number = 0
    for file in files:
        read = folders.inside(file.parent)
        place = locations.of_file(file)
        first = number
        try:
            columns = table_columns(file)
            for batch in batches(file, columns.names):
                for row in batch.to_pylist():
                    here = locations.of_row(place, number - first)
                    yield row_receipt(name, row, number, columns, read, (dataset, here))
                    number += 1
        except (OSError, pa.ArrowException, SourceError) as error:
            here = locations.of_row(place, number - first)
            trouble = f"{locations.printable(file.name)} cannot be read on: {one_line(error)}"
            yield Receipt(name, str(number), None, trouble, location=here)
            number += 1


def _count(files: list[Path]) -> int | None:
    import pyarrow as pa

    try:
        return sum(row_count(file) for file in files)
    except (OSError, pa.ArrowException):
        return None


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
    """The columns of a file. Raises SourceError without images, OSError or ArrowException when broken."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(file) if _is_parquet(file) else _arrow_reader(file).schema
    kinds = _kinds(schema.metadata or {})
    structs = [field for field in schema if pa.types.is_struct(field.type) and field.name not in kinds]
    shaped = {field.name for field in structs if {"bytes", "path"} <= {part.name for part in field.type}}
    typed = [name for name in schema.names if kinds.get(name) == "Image" or name in shaped]
    possible = [field.name for field in schema if _may_hold_images(field.type) and kinds.get(field.name) not in _MEDIA]

    def peek(columns: Sequence[str]) -> list[Row]:
        with suppress(OSError, pa.ArrowException):  # damage in its rows is reported when they are read
            return [row for batch in islice(batches(file, list(columns)), 1) for row in batch.to_pylist()]
        return []

    return find_columns(locations.printable(str(file)), schema.names, typed=typed, possible=possible, peek=peek)


_MEDIA = ("Audio", "Video", "Pdf")


def _may_hold_images(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _may_hold_images(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _may_hold_images(kind.value_type)
    if types.is_struct(kind):
        return bool({"bytes", "path"} & {part.name for part in kind})
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    is_bytes = types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    return bool(text or is_bytes or types.is_fixed_size_binary(kind))


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
            for group in range(table.num_row_groups):  # one by one: a damaged one costs no row of those before
                yield from table.iter_batches(_ROWS_AT_A_TIME, [group], columns, use_threads=False)
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
