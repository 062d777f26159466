"""Schema `raw` as Parquet files, for engines that are larger than one machine.

A table is a folder of parts that never change: one part a landed file of answers, and for the other tables one part
of the rows that were appended since the last export. A part is written under another name and renamed when it is
whole, and only then noted in `manifest.json`, so that an export that is killed leaves nothing half-written: the next
one writes what is missing under the same names. What is in the manifest is never written again.

The manifest is also what makes a place ours: it is written first, and only where there is nothing else.
"""

from __future__ import annotations

import hashlib
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import orjson

from loader import work_folder
from loader.errors import LoaderError, WarehouseError, system_trouble
from loader.files import put_in_place
from loader.stores import is_url, open_store, said, without_secrets
from loader.warehouse.duckdb_file import Warehouse

TABLES = ("loads", "receipts", "batch_requests", "batch_jobs", "batch_output", "corrections")
MANIFEST = "manifest.json"
FORMAT = 1
EMPTY = "empty"
ROWS_PER_GROUP = 50_000  # a line of an answer is about a kilobyte: row groups of some 50 MB


@dataclass(frozen=True)
class Exported:
    """What an export added, by table."""

    parts: dict[str, int]
    rows: dict[str, int]


@dataclass(frozen=True)
class Part:
    """A part as the manifest notes it. `key` is the landed file, the number of the rows before it, or `empty`."""

    file: str
    key: str
    rows: int
    last_row: str | None = None  # hash of its last row, by which the next export knows that it goes on from there


@dataclass(frozen=True)
class Missing:
    """A part that is to be written: its table and key, and the rows of it."""

    table: str
    key: str
    query: str
    parameters: list[Any] = field(default_factory=list)


class Folder:
    """A local folder, or one behind any URL that fsspec opens (`s3://…`, `gs://…`, `memory://…`)."""

    def __init__(self, place: str) -> None:
        self._files, self._root = open_store(place)
        self._is_local = "file" in self._files.protocol

    def path(self, name: str) -> str:
        """The place of a file in this folder, as its file system has it."""
        return posixpath.join(self._root, name)

    def read(self, name: str) -> bytes | None:
        """A file's bytes, None when there is no such file."""
        try:
            return bytes(self._files.cat_file(self.path(name)))
        except FileNotFoundError:
            return None

    def first_name(self) -> str | None:
        """Something that is there, None where nothing is."""
        try:
            found = sorted(self._files.ls(self._root, detail=False))
        except FileNotFoundError:
            return None
        own = (self._root.strip("/"), self.path(f".{MANIFEST}.unfinished").strip("/"))
        paths = [str(path).strip("/") for path in found]
        return next((posixpath.basename(path) for path in paths if path not in own), None)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Gives a local path to write to; what was written there is the file `name` at the end of the block.

        Killed before that, there is no such file (or still the former one). Storage elsewhere gets the file when it
        is whole, under another name, which is then changed.
        """
        final = self.path(name)
        aside = posixpath.join(posixpath.dirname(final), f".{posixpath.basename(final)}.unfinished")
        self._files.makedirs(posixpath.dirname(final), exist_ok=True)
        if self._is_local:
            yield Path(aside)
            put_in_place(Path(aside), Path(final))
            return
        with tempfile.TemporaryDirectory(prefix="export-") as directory:
            yield Path(directory) / "part"
            self._files.put_file(str(Path(directory) / "part"), aside)
        self._files.mv(aside, final)


def export_raw(warehouse: Warehouse, place: str) -> Exported:
    """Write what of schema `raw` is not yet at `place`, a folder or a URL, as Parquet parts.

    What is written is the state of one moment. The warehouse is free for others between two parts and while one is
    uploaded. Raises SettingsError when the place cannot be opened, and WarehouseError when it cannot be written or
    holds the export of another warehouse.
    """
    from filelock import FileLock

    folder = Folder(place)
    place = without_secrets(place)
    own = work_folder.claim(warehouse.path)
    parts, rows = dict.fromkeys(TABLES, 0), dict.fromkeys(TABLES, 0)
    try:
        with FileLock(own / "export.lock"):
            manifest = _read_manifest(folder, place)
            planned = _plan(warehouse, manifest, place)
            if not any(manifest.values()):
                _write_manifest(folder, manifest)  # from here on the place is ours
            for missing in planned:
                part = _write(warehouse, folder, missing)
                manifest[missing.table].append(part)
                _write_manifest(folder, manifest)
                parts[missing.table] += 1
                rows[missing.table] += part.rows
    except OSError as error:
        raise WarehouseError(
            system_trouble(f"cannot export to {place}, and what was exported before is whole", error)
        ) from error
    except Exception as error:  # of a store's own library, whatever it is
        if isinstance(error, LoaderError) or not is_url(place):
            raise
        raise WarehouseError(
            f"cannot export to {place}, and what was exported before is whole: {said(error)}"
        ) from error
    return Exported(parts, rows)


def _plan(warehouse: Warehouse, manifest: dict[str, list[Part]], place: str) -> list[Missing]:
    """What is not there yet, as of one moment. A table without rows gets a part without rows, so that its columns
    are known.
    """
    missing: list[Missing] = []
    with warehouse.transaction() as connection:
        for table in TABLES:
            known = manifest.setdefault(table, [])
            if table == "batch_output":
                keys = {part.key for part in known}
                landed = connection.execute("select file_id from raw.batch_output group by 1 order by min(rowid)")
                found = [
                    Missing(table, file_id, "from raw.batch_output where file_id = ? order by line_number", [file_id])
                    for (file_id,) in landed.fetchall()
                    if file_id not in keys
                ]
            else:
                _check_goes_on(connection, table, known, place)
                done = sum(part.rows for part in known)
                new = _count(connection, table) - done
                # the tables are append-only, so that a row keeps its place in the order of insertion
                found = [Missing(table, f"{done:012d}", f"from raw.{table} limit {new} offset {done}")] if new else []
            missing += found
            if not found and not known:
                missing.append(Missing(table, EMPTY, f"from raw.{table} limit 0"))
    return missing


def _write(warehouse: Warehouse, folder: Folder, missing: Missing) -> Part:
    table, key = missing.table, missing.key
    name = f"{table}/{_file_name(key)}.parquet"
    last_row = None
    with folder.writing(name) as path, warehouse.transaction() as connection:
        file = str(path).replace("'", "''")
        copied = connection.execute(
            f"copy ({missing.query}) to '{file}' (format parquet, compression zstd, row_group_size {ROWS_PER_GROUP})",
            missing.parameters,
        ).fetchone()
        rows = int(copied[0]) if copied else 0
        if table != "batch_output" and rows:
            last_row = _row_hash(connection, table, int(key) + rows - 1)
    return Part(name, key, rows, last_row)


def _file_name(key: str) -> str:
    """A name that any storage takes, another one for every key."""
    if key.replace("-", "").replace("_", "").isalnum() and key.isascii() and len(key) <= 100:
        return f"part-{key}"
    return f"part-{hashlib.sha256(key.encode()).hexdigest()}"


def _check_goes_on(connection: duckdb.DuckDBPyConnection, table: str, known: list[Part], place: str) -> None:
    done = 0
    for part in known:
        done += part.rows
        if part.last_row is not None and _row_hash(connection, table, done - 1) != part.last_row:
            raise WarehouseError(
                f"{place} holds an export of another warehouse (raw.{table} differs): name another folder"
            )


def _row_hash(connection: duckdb.DuckDBPyConnection, table: str, position: int) -> str | None:
    row = connection.execute(f"from raw.{table} limit 1 offset {position}").fetchone()
    if row is None:
        return None
    while row and row[-1] is None:  # a column that a migration added must not change the hash of earlier rows
        row = row[:-1]
    return hashlib.sha256(repr(row).encode()).hexdigest()


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"select count(*) from raw.{table}").fetchone()
    return int(row[0]) if row else 0


def _read_manifest(folder: Folder, place: str) -> dict[str, list[Part]]:
    written = folder.read(MANIFEST)
    if written is None:
        stranger = folder.first_name()
        if stranger is not None:
            raise WarehouseError(
                f"{place} holds what this program did not export ({stranger}): name a folder that is empty or new"
            )
        return {}
    try:
        document = orjson.loads(written)
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']}")
        return {table: [Part(**part) for part in parts] for table, parts in document["tables"].items()}
    except (ValueError, KeyError, TypeError) as error:
        raise WarehouseError(
            f"{place}/{MANIFEST} is not a manifest of this program ({error}): name another folder"
        ) from error


def _write_manifest(folder: Folder, manifest: dict[str, list[Part]]) -> None:
    with folder.writing(MANIFEST) as path:
        path.write_bytes(orjson.dumps({"format": FORMAT, "tables": manifest}, option=orjson.OPT_INDENT_2))
