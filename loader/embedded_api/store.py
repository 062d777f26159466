"""What the server remembers: files and jobs in SQLite, their content beside it; a kill -9 harms neither.

A file exists once its row is committed, and its row is committed after its content is complete and
synced; a row goes before its content does. What a crash leaves without a row is removed when the store is
opened, in a directory that is ours (`loader.owned_folder`). One server owns a state directory: the second one is
refused.

    state.sqlite3   rows of `files` and `jobs`
    files/<id>      content of files
    uploads/<id>    uploads in progress
    jobs/<id>/      a job's inputs (hard links: deleting a file harms no job) and its results so far
    workers/        locks of living worker processes
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from loader.embedded_api import state_folder
from loader.embedded_api.filters import Where
from loader.embedded_api.shapes import file_object, job_object
from loader.embedded_api.state_folder import DATABASE, JOB_FILES, LOCK, STATE
from loader.errors import LoaderError
from loader.files import put_in_place
from loader.owned_folder import open_new, own_entries, remove_files, remove_folder

TERMINAL = ("SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED")

_SCHEMA = """
create table if not exists files (
    seq integer primary key autoincrement,
    id text unique not null,
    filename text not null,
    purpose text not null,
    sample_type text not null,
    source text not null,
    bytes integer not null,
    num_lines integer,
    mimetype text,
    visibility text,
    created_at integer not null
);
create table if not exists jobs (
    seq integer primary key autoincrement,
    id text unique not null,
    input_files text not null,
    endpoint text not null,
    model text not null,
    metadata text,
    timeout_hours integer not null,
    status text not null,
    errors text not null default '[]',
    created real not null,
    started_at integer,
    completed_at integer,
    total_requests integer not null default 0,
    succeeded_requests integer not null default 0,
    failed_requests integer not null default 0,
    output_file text,
    error_file text
);
"""


@dataclass(frozen=True)
class NewFile:
    """A file about to be remembered; `path` is its content, which the store takes over."""

    path: Path
    filename: str
    purpose: str
    sample_type: str
    source: str
    num_lines: int | None
    mimetype: str | None = "application/jsonl"
    visibility: str | None = "workspace"


class Store:
    """Files and jobs; safe to use from several threads."""

    def __init__(self, state_dir: Path) -> None:
        """Open or make the store in `state_dir`; raises LoaderError when another server has it."""
        self.directory = state_dir
        state_folder.claim(state_dir)
        self._owner = filelock.FileLock(state_dir / LOCK, mode=0o600)
        try:
            self._owner.acquire(timeout=0)
        except filelock.Timeout:
            raise LoaderError(
                f"Another embedded server is using {state_dir}: stop it, or give this one another directory"
            ) from None
        self._lock = threading.RLock()
        (state_dir / DATABASE).touch(mode=0o600)  # its log gets the same mode
        self._db = sqlite3.connect(state_dir / DATABASE, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_SCHEMA)
        self._remove_leftovers()

    def close(self) -> None:
        """Let go of the state directory."""
        with self._lock:
            self._db.close()
        self._owner.release()

    def _remove_leftovers(self) -> None:
        remove_files(self.directory / "uploads", STATE.folders["uploads"])
        known = {row["id"] for row in self._db.execute("select id from files")}
        remove_files(self.directory / "files", STATE.folders["files"], keep=lambda content: content.name in known)
        unfinished = {job["id"] for job in self.unfinished_jobs()}
        for job_dir in own_entries(self.directory / "jobs", STATE.folders["jobs"]):
            if job_dir.name not in unfinished:
                remove_folder(job_dir, JOB_FILES)

    # ---- files

    def upload_path(self) -> Path:
        """Where an upload may be written until it is complete."""
        return self.directory / "uploads" / uuid.uuid4().hex

    def file_path(self, file_id: str) -> Path:
        """Where a file's content is."""
        return self.directory / "files" / file_id

    def add_file(self, new: NewFile) -> dict[str, Any]:
        """Take over a complete, synced file; its row in the vendor's shape."""
        file_id = str(uuid.uuid4())
        with self._file_change([file_id]):
            self._insert_file(file_id, new)
        found = self.file(file_id)
        assert found is not None
        return found

    @contextlib.contextmanager
    def _file_change(self, file_ids: Sequence[str]) -> Iterator[None]:
        """A transaction that adds these files; when it fails (a full disk), their content goes."""
        try:
            with self._lock, self._db:
                yield
        except (OSError, sqlite3.Error):
            for file_id in file_ids:
                self.file_path(file_id).unlink(missing_ok=True)
            raise

    def _insert_file(self, file_id: str, new: NewFile) -> None:
        size = new.path.stat().st_size
        put_in_place(new.path, self.file_path(file_id))
        self._db.execute(
            "insert into files (id, filename, purpose, sample_type, source, bytes, num_lines, mimetype,"
            " visibility, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                file_id,
                new.filename,
                new.purpose,
                new.sample_type,
                new.source,
                size,
                new.num_lines,
                new.mimetype,
                new.visibility,
                int(time.time()),
            ),
        )

    def file(self, file_id: str) -> dict[str, Any] | None:
        """A file in the vendor's shape, or None."""
        with self._lock:
            row = self._db.execute("select * from files where id = ?", (file_id,)).fetchone()
        return file_object(row) if row else None

    def files(
        self,
        page: int,
        page_size: int,
        *,
        purpose: str | None = None,
        search: str | None = None,
        source: Sequence[str] = (),
        sample_type: Sequence[str] = (),
        mimetypes: Sequence[str] = (),
    ) -> tuple[list[dict[str, Any]], int]:
        """A page (from 0) of the files that fit all filters, newest first, and how many fit."""
        where = Where()
        where.equals("purpose", purpose)
        where.one_of("source", source)
        where.one_of("sample_type", sample_type)
        where.one_of("mimetype", mimetypes)
        if search is not None:
            where.add("instr(lower(filename), lower(?)) > 0", search)
        rows, total = self._page("files", where, "seq desc", page, page_size)
        return [file_object(row) for row in rows], total

    def delete_file(self, file_id: str) -> bool:
        """Forget a file and remove its content; False when there was none."""
        with self._lock, self._db:
            gone = self._db.execute("delete from files where id = ?", (file_id,)).rowcount > 0
        if gone:
            self.file_path(file_id).unlink(missing_ok=True)
        return gone

    # ---- jobs

    def job_dir(self, job_id: str) -> Path:
        """Where an unfinished job keeps its inputs and results."""
        return self.directory / "jobs" / job_id

    def add_job(
        self,
        *,
        model: str,
        endpoint: str,
        input_files: Sequence[str],
        inline: Path | None,
        metadata: dict[str, str] | None,
        timeout_hours: int,
    ) -> dict[str, Any]:
        """Remember a job, QUEUED; `inline` is a complete file of request lines, which the store takes over.

        Raises FileNotFoundError when an input file is gone.
        """
        job_id, now = str(uuid.uuid4()), time.time()
        job_dir = self.job_dir(job_id)
        job_dir.mkdir(mode=0o700)
        try:
            for number, file_id in enumerate(input_files):
                _link(self.file_path(file_id), job_dir / f"input-{number:05}.jsonl")
        except FileNotFoundError:
            remove_folder(job_dir, JOB_FILES)
            raise
        if inline is not None:
            inline.rename(job_dir / f"input-{len(input_files):05}.jsonl")
        with self._lock, self._db:
            self._db.execute(  # `started_at` is the creation's time: so the vendor shows a job that waits
                "insert into jobs (id, input_files, endpoint, model, metadata, timeout_hours, status,"
                " created, started_at) values (?, ?, ?, ?, ?, ?, 'QUEUED', ?, ?)",
                (
                    job_id,
                    json.dumps(list(input_files)),
                    endpoint,
                    model,
                    None if metadata is None else json.dumps(metadata),
                    timeout_hours,
                    now,
                    int(now),
                ),
            )
        found = self.job(job_id)
        assert found is not None
        return found

    def job(self, job_id: str) -> dict[str, Any] | None:
        """A job in the vendor's shape, or None."""
        with self._lock:
            row = self._db.execute("select * from jobs where id = ?", (job_id,)).fetchone()
        return job_object(row) if row else None

    def deadline(self, job_id: str) -> float:
        """Unix seconds after which the job's time is up."""
        with self._lock:
            row = self._db.execute("select created, timeout_hours from jobs where id = ?", (job_id,)).fetchone()
        return float(row["created"]) + 3600.0 * int(row["timeout_hours"])

    def jobs(
        self,
        page: int,
        page_size: int,
        *,
        model: str | None = None,
        status: Sequence[str] = (),
        created_after: float | None = None,
        metadata: dict[str, str] | None = None,
        newest_first: bool = True,
    ) -> tuple[list[dict[str, Any]], int]:
        """A page (from 0) of the jobs that fit all filters (every pair of metadata), and how many fit."""
        where = Where()
        where.equals("model", model)
        where.one_of("status", status)
        if created_after is not None:
            where.add("created > ?", created_after)
        for key, value in (metadata or {}).items():
            where.add("exists (select 1 from json_each(jobs.metadata) where key = ? and value = ?)", key, value)
        rows, total = self._page("jobs", where, "seq desc" if newest_first else "seq", page, page_size)
        return [job_object(row) for row in rows], total

    def unfinished_jobs(self) -> list[dict[str, Any]]:
        """Jobs that are queued, running or being cancelled, oldest first."""
        marks = ", ".join("?" * len(TERMINAL))
        with self._lock:
            rows = self._db.execute(
                f"select * from jobs where status not in ({marks}) order by seq", TERMINAL
            ).fetchall()
        return [job_object(row) for row in rows]

    def start_job(self, job_id: str, total: int, succeeded: int, failed: int) -> None:
        """QUEUED -> RUNNING, with its counters; a cancellation that was asked for stays asked for."""
        with self._lock, self._db:
            self._db.execute(
                "update jobs set status = case status when 'QUEUED' then 'RUNNING' else status end,"
                " started_at = coalesce(started_at, ?), total_requests = ?, succeeded_requests = ?,"
                " failed_requests = ? where id = ?",
                (int(time.time()), total, succeeded, failed, job_id),
            )

    def count(self, job_id: str, succeeded: int, failed: int) -> None:
        """Note how far a job is."""
        with self._lock, self._db:
            self._db.execute(
                "update jobs set succeeded_requests = ?, failed_requests = ? where id = ?",
                (succeeded, failed, job_id),
            )

    def request_cancellation(self, job_id: str) -> None:
        """QUEUED or RUNNING -> CANCELLATION_REQUESTED; a finished job stays as it is."""
        with self._lock, self._db:
            self._db.execute(
                "update jobs set status = 'CANCELLATION_REQUESTED' where id = ? and status in ('QUEUED', 'RUNNING')",
                (job_id,),
            )

    def finish_job(
        self,
        job_id: str,
        status: str,
        *,
        succeeded: int = 0,
        failed: int = 0,
        errors: Sequence[dict[str, Any]] = (),
        output: NewFile | None = None,
        error: NewFile | None = None,
    ) -> None:
        """The job's last state and its files, in one transaction; then its directory goes."""
        ids = {name: str(uuid.uuid4()) if new else None for name, new in (("output", output), ("error", error))}
        with self._file_change([file_id for file_id in ids.values() if file_id]):
            for name, new in (("output", output), ("error", error)):
                file_id = ids[name]
                if new is not None and file_id is not None:
                    self._insert_file(file_id, new)
            self._db.execute(
                "update jobs set status = ?, completed_at = ?, succeeded_requests = ?, failed_requests = ?,"
                " errors = ?, output_file = ?, error_file = ? where id = ?",
                (
                    status,
                    int(time.time()),
                    succeeded,
                    failed,
                    json.dumps(list(errors)),
                    ids["output"],
                    ids["error"],
                    job_id,
                ),
            )
        with contextlib.suppress(OSError):
            remove_folder(self.job_dir(job_id), JOB_FILES)

    def delete_job(self, job_id: str) -> None:
        """Forget a finished job; its files stay."""
        with self._lock, self._db:
            self._db.execute("delete from jobs where id = ?", (job_id,))

    def _page(self, table: str, where: Where, order: str, page: int, page_size: int) -> tuple[list[sqlite3.Row], int]:
        with self._lock:
            total = self._db.execute(f"select count(*) from {table} {where}", where.values).fetchone()[0]
            rows = self._db.execute(
                f"select * from {table} {where} order by {order} limit ? offset ?",
                [*where.values, page_size, page * page_size],
            ).fetchall()
        return rows, int(total)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without hard links
        with source.open("rb") as file, open_new(target, "xb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
