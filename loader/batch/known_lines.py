"""Which lines of a file have landed before, whatever became of the file since: cut in parts, written again, renamed.

Two lines are one when they have the same `custom_id` and say the same: `response` and `error` as JSON, however that is
written (order of keys, blanks, escapes, line ends, a byte order mark). Their own `id` does not count, as some servers
give all lines the same. The text of an answer is a string in that JSON, so `25.000` and `25.0` in it stay different.
What is no line of batch output is one with another when its text is. A line takes 16 bytes here, so that memory stays
flat.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from loader.warehouse.lines import line_reader, read_lines

KEY_BYTES = 16
BLANKS = " \t\r\n\x0b\x0c\x00\ufeff\u00a0\u200b"
EMPTY_ERRORS: tuple[Any, ...] = (None, "", {}, [])
READ_ROWS = 2048
# The id as the line spells it, or null: where it has an escape, is a number or is missing.
WRITTEN_ID = r"""nullif(regexp_extract(line, '"custom_id"\s*:\s*"([^"\\]*)"', 1), '')"""


def compare(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, int]:
    """How many lines of a file are new, and how many are known; blank ones are neither.

    Makes the temporary tables `new_lines` (`line_number`) and `known_lines` (`job_id`, `custom_id`: what they answer).
    """
    connection.execute("create or replace temporary table offered (line_number bigint, custom_id varchar, key blob)")
    lines = _lines_of_new_ids(connection, path)
    if lines is not None:
        connection.execute("create or replace temporary table known_lines (job_id varchar, custom_id varchar)")
        return lines, 0
    for batch in read_lines(path):
        _insert(connection, batch.column("line_number"), batch.column("line").to_pylist())
    connection.register("landed", _landed(connection))
    connection.execute(
        """
        create or replace temporary table new_lines as
        select min(line_number) as line_number
        from offered
        where key not in (select key from landed)
        group by key;

        create or replace temporary table known_lines as
        select distinct landed.job_id, offered.custom_id
        from offered
        inner join landed on landed.key = offered.key
        where offered.custom_id is not null;
        """
    )
    connection.unregister("landed")
    new, offered = connection.execute(
        "select (select count(*) from new_lines), (select count(*) from offered)"
    ).fetchone() or (0, 0)
    return new, offered - new


def _lines_of_new_ids(connection: duckdb.DuckDBPyConnection, path: Path) -> int | None:
    """How many lines a file has, when each has an id of its own and none of these has landed; else None.

    Most files are so, and need no comparison of what their lines say.
    """
    connection.register("reading", line_reader(path))
    connection.execute(
        f"""
        create or replace temporary table ids as
        select {WRITTEN_ID} as custom_id from reading where trim(line, $blanks) <> ''
        """,
        {"blanks": BLANKS},
    )
    connection.unregister("reading")
    ((lines, has_one_each),) = connection.execute(
        "select count(*), count(distinct custom_id) = count(*) from ids"
    ).fetchall()
    if not has_one_each:
        return None
    landed = connection.execute(
        f"""
        with landed as (select {WRITTEN_ID} as custom_id from raw.batch_output)
        select 1 from landed where custom_id is null or custom_id in (select custom_id from ids) limit 1
        """
    ).fetchall()
    return None if landed else int(lines)


def _insert(connection: duckdb.DuckDBPyConnection, numbers: pa.Array, lines: list[str]) -> None:
    found = [(number, *_identity(line)) for number, line in zip(numbers.to_pylist(), lines, strict=True)]
    kept = [row for row in found if row[2] is not None]
    columns = zip(*kept, strict=True) if kept else ((), (), ())
    types = (pa.int64(), pa.string(), pa.binary())
    batch = pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)],
        names=["line_number", "custom_id", "key"],
    )
    connection.register("read_batch", batch)
    connection.execute("insert into offered select * from read_batch")
    connection.unregister("read_batch")


def _landed(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Key and job of all landed lines that may be one with an offered one: of the same id, or without any."""
    found = connection.execute(
        f"""
        with lines as (select job_id, line, {WRITTEN_ID} as custom_id from raw.batch_output)
        select job_id, line
        from lines
        where custom_id is null or custom_id in (select custom_id from offered)
        """
    )
    keys, jobs, numbers = bytearray(), array("i"), dict[str, int]()
    while rows := found.fetchmany(READ_ROWS):
        for job_id, line in rows:
            key = _identity(line)[1]
            if key is not None:
                keys += key
                jobs.append(numbers.setdefault(job_id, len(numbers)))
    fixed = pa.Array.from_buffers(pa.binary(KEY_BYTES), len(jobs), [None, pa.py_buffer(bytes(keys))])
    job_ids = pa.DictionaryArray.from_arrays(pa.array(jobs, pa.int32()), pa.array(list(numbers), pa.string()))
    return pa.table({"key": fixed.cast(pa.binary()), "job_id": job_ids.cast(pa.string())})


def _identity(line: str) -> tuple[str | None, bytes | None]:
    """The `custom_id` of a line and the key that it shares with those that say the same; no key for a blank line."""
    text = line.strip(BLANKS)
    if not text:
        return None, None
    answer = _parsed(text)
    custom_id = answer.get("custom_id") if isinstance(answer, dict) else None
    if custom_id is None:
        return None, _digest(text.encode("utf-8", "surrogatepass"))
    error = answer.get("error")
    said = [str(custom_id), answer.get("response"), None if error in EMPTY_ERRORS else error]
    return _utf8(str(custom_id)), _digest(_canonical(said))


def _utf8(custom_id: str) -> str | None:
    """An id as a text that can be UTF-8; one with half a surrogate is looked for among the lines without an id."""
    return custom_id if custom_id.isprintable() else None


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # half a surrogate, a number of 400 digits, …
        try:
            return json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return None


def _canonical(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, orjson.JSONEncodeError):
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=KEY_BYTES).digest()
