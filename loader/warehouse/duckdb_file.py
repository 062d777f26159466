"""The DuckDB file: opening it, and bringing its tables up to date.

The file is never held open while something is waited for: every step opens it, does one transaction and closes it,
so that dbt and the loader can take turns. One process at a time can have it open for writing (DuckDB's rule); who
comes second waits a while; the error after that names who holds it.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import duckdb

from loader.errors import WarehouseError, WarehouseInUseError, system_cause, system_trouble
from loader.warehouse.migrations import MIGRATIONS
from loader.work_folder import work_dir

# DuckDB 2.0's own file format cannot be opened by the DuckDB 1.x that BI tools embed.
STORAGE_VERSION = "v1.0.0"
MEMORY_LIMIT = "300MB"  # landing a million lines needs no more, and the loader shares its machine
LOCK_POLL_SECONDS = 0.25
WAIT_SECONDS = 1800.0  # a build of five million answers holds the file for a quarter of an hour

T = TypeVar("T")


@dataclass
class Warehouse:
    """A warehouse file, opened for the length of one step at a time.

    `wait_seconds` is how long a step waits for another program that holds the file; `on_wait` is called once a wait.
    """

    path: Path
    wait_seconds: float = WAIT_SECONDS
    on_wait: Callable[[str], None] = field(default=lambda message: None)
    _is_current: bool = field(default=False, repr=False, compare=False)
    # Threads of this process take turns: DuckDB cannot open a file that another thread is just closing.
    _turn: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    def prepare(self) -> None:
        """Make the file if need be and bring its tables up to date. Raises WarehouseError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            self._bring_up_to_date(connection)

    def _bring_up_to_date(self, connection: duckdb.DuckDBPyConnection) -> None:
        _migrate(connection, self.path)
        self._is_current = True

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction on the open file: committed at the end of the block, or rolled back and nothing changed."""
        with self._connection() as connection:
            if not self._is_current:
                self._bring_up_to_date(connection)
            connection.begin()
            try:
                yield connection
                _commit(connection)
            except BaseException:
                _roll_back(connection)
                raise

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._turn, closing(self._connect()) as connection:
            try:
                yield connection
            except duckdb.Error as error:
                raise _readable(error, self.path) from error

    def _connect(self) -> duckdb.DuckDBPyConnection:
        def connect() -> duckdb.DuckDBPyConnection:
            return duckdb.connect(
                str(self.path),
                config={
                    "storage_compatibility_version": STORAGE_VERSION,
                    "memory_limit": MEMORY_LIMIT,
                    "temp_directory": str(work_dir(self.path) / "spill"),
                },
            )

        try:
            return once_free(self.path, connect, self.wait_seconds, self.on_wait)
        except duckdb.Error as error:
            raise _readable(error, self.path) from error


def once_free(path: Path, open_file: Callable[[], T], wait_seconds: float, on_wait: Callable[[str], None]) -> T:
    """What `open_file` gives, tried until no other program holds the file; `on_wait` is called once with who does.

    Raises WarehouseError naming the holder when that lasts longer, and what `open_file` raises otherwise.
    """
    deadline = time.monotonic() + wait_seconds
    has_said = False
    while True:
        try:
            return open_file()
        except duckdb.Error as error:
            if not is_lock_error(error):
                raise
            if time.monotonic() >= deadline:
                raise in_use(path, error, "close it there (BI tools should read the published file)") from error
            if not has_said:
                on_wait(f"{path.name} is in use by {lock_holder(error)}; waiting for it")
                has_said = True
            time.sleep(LOCK_POLL_SECONDS)


def in_use(path: Path, error: duckdb.Error, advice: str = "close it there") -> WarehouseInUseError:
    """Another program has a file open: which one, and what to do."""
    return WarehouseInUseError(f"{path} is in use by {lock_holder(error)}: {advice} and run the same command again")


@contextmanager
def closing(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The connection, closed at the end of the block.

    Raises KeyboardInterrupt for a Ctrl-C during a query, of which DuckDB makes a RuntimeError.
    """
    try:
        yield connection
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from None
    finally:
        connection.close()


def is_lock_error(error: duckdb.Error) -> bool:
    """Whether a file could not be opened because another program has it open."""
    return "Could not set lock on file" in str(error)


def lock_holder(error: duckdb.Error) -> str:
    """The program that holds the file, as DuckDB's message names it."""
    found = re.search(r"lock is held in (\S+)(.*?\(PID \d+\))?", str(error))
    if not found:
        return "another program"
    return f"{Path(found[1]).name}{found[2] or ''}"


def _readable(error: duckdb.Error, path: Path) -> WarehouseError:
    text = str(error)
    if system_cause(error)[0]:
        return WarehouseError(system_trouble(f"cannot use {path}, and nothing was half written", error))
    if "not a valid DuckDB" in text or "magic bytes" in text:
        return WarehouseError(f"{path} is not a DuckDB file: move it away or name another file in WAREHOUSE")
    return WarehouseError(f"{path}: {text.splitlines()[0]}")


def _commit(connection: duckdb.DuckDBPyConnection) -> None:
    connection.commit()


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.rollback()
    except duckdb.Error:
        # DuckDB has already ended a transaction whose commit failed; the first error is the one to show.
        return


def _migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.begin()
    connection.execute("create schema if not exists ledger")
    connection.execute(
        "create table if not exists ledger.migrations (version integer, name varchar, applied_at timestamp)"
    )
    row = connection.execute("select coalesce(max(version), 0) from ledger.migrations").fetchone()
    current = row[0] if row else 0
    newest = MIGRATIONS[-1][0]
    if current > newest:
        connection.rollback()
        raise WarehouseError(
            f"{path} was written by a newer version of this program (schema {current}, this one knows {newest}): "
            "update the program, or name another file in WAREHOUSE"
        )
    for version, name, statements in MIGRATIONS:
        if version > current:
            connection.execute(statements)
            connection.execute("insert into ledger.migrations values (?, ?, ?)", [version, name, now()])
    connection.commit()


def now() -> datetime:
    """This moment in UTC, without a zone, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None)
