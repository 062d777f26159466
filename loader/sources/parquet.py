"""Parquet and arrow files of receipts: which column holds what, and their rows a few at a time.

Read with pyarrow itself, since `datasets` holds a whole row group in memory, which may be a whole file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from loader.errors import SourceError, one_line
from loader.sources import folder as folders
from loader.sources import locations
from loader.sources.file_kinds import suffix
from loader.sources.folder import Survey
from loader.sources.image_values import is_path
from loader.sources.receipt import PassedOver, ReadPath, Receipt, Source
from loader.sources.rows import PEEK_ROWS, Columns, Row, find_columns, row_receipt

_ROWS_AT_A_TIME = PEEK_ROWS
WITHOUT_IMAGES, BESIDE_TABLES = "tables without images", "images beside the tables"
"""How tables and images are reported that are not read."""


@dataclass(frozen=True)
class Table:
    """A file of rows. `key`: its name in the source. `open`: gives what pyarrow reads, a path or a file. `read`: reads
    the images that it names."""

    key: str
    shown: str
    location: str
    open: Callable[[], Any]
    read: ReadPath


def table_file(file: Path, place: Path) -> Table:
    """A table on this machine; `place` is what was named, the file itself or a folder around it."""
    key, shown = locations.printable(str(file.relative_to(place))), locations.printable(str(file))
    return Table(key, shown, locations.of_file(file), lambda: str(file), folders.inside(file.parent))


def open_beside_images(
    name: str,
    location: str,
    tables: list[Table],
    found: Survey,
    first_images: Callable[[], list[str]],
    limit: int | None,
) -> Source | None:
    """The rows of a folder's tables: where they have images it is a data set, and images beside them are no receipts.

    None when it has images and no table holds any (but labels, perhaps with the images' names): then those are read.
    Raises SourceError with neither.
    """
    if found.images and not hold_images(tables):
        for table in tables:
            found.passed_over.add(WITHOUT_IMAGES, table.key)
        return None
    source = open_tables(name, location, tables, limit, found.passed_over)
    if found.images:
        found.passed_over.add_all(BESIDE_TABLES, found.images, first_images())
    return source


def open_tables(
    name: str, location: str, tables: list[Table], limit: int | None, passed_over: PassedOver | None = None
) -> Source:
    """The rows of the tables that have images. `location` is that of the file or the folder that was named.

    Raises SourceError when none of them has any. One that is broken is reported as a receipt; one without images is
    counted as passed over.
    """
    import pyarrow as pa

    read, chosen, without, refusals = [], set[str](), list[Table](), list[SourceError]()
    for table in tables:
        try:
            columns = table_columns(table)
        except (OSError, pa.ArrowException) as error:
            refusals.append(SourceError(f"{table.shown} cannot be read: {one_line(error)}"))
        except SourceError as error:
            refusals.append(error)
            without.append(table)
            continue
        else:
            chosen.add(columns.note(name) or "")
        read.append(table)
    if not chosen:
        raise refusals[0]
    passed_over = passed_over or PassedOver()
    for table in without:
        passed_over.add(WITHOUT_IMAGES, table.key)
    return Source(
        name,
        lambda: _rows(name, location, read),
        lambda: _count(read),
        limit,
        passed_over,
        tuple(sorted(chosen - {""})),
    )


def hold_images(tables: list[Table]) -> bool:
    """Whether the first rows of one of these tables have images in them, rather than the names of files."""
    import pyarrow as pa

    for table in tables:
        with suppress(SourceError, OSError, pa.ArrowException):
            column = table_columns(table).image
            first = [row[column] for batch in islice(batches(table, [column]), 1) for row in batch.to_pylist()]
            if not all(map(is_path, first)):
                return True
    return False


def _rows(name: str, dataset: str, tables: list[Table]) -> Iterator[Receipt]:
    import pyarrow as pa

    number = 0
    for table in tables:
        first = number
        try:
            columns = table_columns(table)
            for batch in batches(table, columns.names):
                for row in batch.to_pylist():
                    here = locations.of_row(table.location, number - first)
                    yield row_receipt(name, row, number, columns, table.read, (dataset, here))
                    number += 1
        except (OSError, pa.ArrowException, SourceError) as error:
            here = locations.of_row(table.location, number - first)
            trouble = f"{table.shown.rpartition('/')[2]} cannot be read on: {one_line(error)}"
            yield Receipt(name, str(number), None, trouble, location=here)
            number += 1


def _count(tables: list[Table]) -> int | None:
    import pyarrow as pa

    try:
        return sum(row_count(table) for table in tables)
    except (OSError, pa.ArrowException):
        return None


def _is_parquet(table: Table) -> bool:
    return suffix(table.shown) == ".parquet"


def _arrow_reader(table: Table) -> Any:
    """Reads an arrow file in either of its formats; one of this machine is mapped into memory, not read into it."""
    import pyarrow as pa

    def opened() -> Any:
        file = table.open()
        return pa.memory_map(file) if isinstance(file, str) else pa.PythonFile(file)

    try:
        return pa.ipc.open_stream(opened())  # as `datasets` writes it
    except pa.ArrowInvalid:
        return pa.ipc.open_file(opened())


def _arrow_batches(table: Table) -> Iterator[Any]:
    reader = _arrow_reader(table)
    if hasattr(reader, "get_batch"):
        return map(reader.get_batch, range(reader.num_record_batches))
    return iter(reader)


def table_columns(table: Table) -> Columns:
    """The columns of a file. Raises SourceError without images, OSError or ArrowException when broken."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(table.open()) if _is_parquet(table) else _arrow_reader(table).schema
    kinds = _kinds(schema.metadata or {})
    structs = [field for field in schema if pa.types.is_struct(field.type) and field.name not in kinds]
    shaped = {field.name for field in structs if {"bytes", "path"} <= {part.name for part in field.type}}
    typed = [name for name in schema.names if kinds.get(name) == "Image" or name in shaped]
    possible = [field.name for field in schema if _may_hold_images(field.type) and kinds.get(field.name) not in _MEDIA]

    def peek(columns: Sequence[str]) -> list[Row]:
        with suppress(OSError, pa.ArrowException):  # damage in its rows is reported when they are read
            return [row for batch in islice(batches(table, list(columns)), 1) for row in batch.to_pylist()]
        return []

    return find_columns(table.shown, schema.names, typed=typed, possible=possible, peek=peek)


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


def batches(table: Table, columns: list[str]) -> Iterator[Any]:
    """These columns of a file, a few rows at a time. Raises OSError or ArrowException when broken."""
    import pyarrow.parquet as pq

    if _is_parquet(table):
        with pq.ParquetFile(table.open(), pre_buffer=False) as parquet:
            for group in range(parquet.num_row_groups):  # one by one: a damaged one costs no row of those before
                yield from parquet.iter_batches(_ROWS_AT_A_TIME, [group], columns, use_threads=False)
        return
    for batch in _arrow_batches(table):
        for start in range(0, batch.num_rows, _ROWS_AT_A_TIME):
            yield batch.select(columns).slice(start, _ROWS_AT_A_TIME)


def row_count(table: Table) -> int:
    """Rows in a file, by its headers alone. Raises OSError or ArrowException when broken."""
    import pyarrow.parquet as pq

    if _is_parquet(table):
        return int(pq.read_metadata(table.open()).num_rows)
    return sum(batch.num_rows for batch in batches(table, []))
