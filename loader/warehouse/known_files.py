"""Which files have been read before, and what was found: so that a folder that grows is not read anew by every load.

A file is known by its location and version (size and times, or what a store says of it). It is noted in the transaction
that appends its receipt to raw.receipts, so that what a killed run has read is read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb


@dataclass(frozen=True)
class KnownFile:
    """A file that was read: a row of ledger.known_files. `rules`: those by which it was looked at."""

    location: str
    version: str
    rules: str
    receipt_id: str
    media_type: str | None
    width: int | None
    height: int | None
    image_bytes: int
    rejected_reason: str | None


COLUMNS = tuple(KnownFile.__dataclass_fields__)
_TYPES = {"width": "integer[]", "height": "integer[]", "image_bytes": "bigint[]"}


def find(connection: duckdb.DuckDBPyConnection, versions: Mapping[str, str], rules: str) -> dict[str, KnownFile]:
    """Those of these files (location -> version) that are known as they are now, by location.

    A file that other rules rejected is not: these may read it.
    """
    rows = connection.execute(
        f"""
        select {", ".join(COLUMNS)}
        from ledger.known_files
        join (select unnest($locations::varchar[]) as location, unnest($versions::varchar[]) as version)
            using (location, version)
        where rejected_reason is null or rules = $rules
        """,
        {"locations": list(versions), "versions": list(versions.values()), "rules": rules},
    ).fetchall()
    return {row[0]: KnownFile(*row) for row in rows}


def note(connection: duckdb.DuckDBPyConnection, files: Sequence[KnownFile]) -> None:
    """Note what was found in these files, which have different locations; what was known of them before is replaced."""
    values: dict[str, Any] = {name: [getattr(file, name) for file in files] for name in COLUMNS}
    connection.execute(
        "delete from ledger.known_files where location in (select unnest($location::varchar[]))",
        {"location": values["location"]},
    )
    columns = ", ".join(f"unnest(${name}::{_TYPES.get(name, 'varchar[]')})" for name in COLUMNS)
    connection.execute(f"insert into ledger.known_files select {columns}", values)
