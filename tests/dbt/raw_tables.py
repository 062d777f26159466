"""Writes rows into schema `raw` of a fresh warehouse, the way the loader promises to."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import duckdb

from loader.warehouse.duckdb_file import Warehouse

T0 = dt.datetime(2026, 3, 1, 8, 0, 0)


def at(minutes: float) -> dt.datetime:
    """A moment, in minutes after the first one."""
    return T0 + dt.timedelta(minutes=minutes)


def unix(moment: dt.datetime) -> int:
    """Unix seconds of a moment in UTC."""
    return int(moment.replace(tzinfo=dt.UTC).timestamp())


def answer_line(
    custom_id: str | None,
    content: Any,
    *,
    finish_reason: str = "stop",
    tokens: tuple[int, int] = (1000, 100),
    created: int = unix(T0) + 600,
) -> str:
    """A line of an output file whose answer has this content (text, null or a list of chunks)."""
    body = {
        "id": "cmpl",
        "object": "chat.completion",
        "model": "an-alias-that-is-only-echoed",
        "usage": {
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "total_tokens": tokens[0] + tokens[1],
        },
        "created": created,
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": content, "tool_calls": None},
            }
        ],
    }
    line = {
        "id": f"line-{custom_id}",
        "custom_id": custom_id,
        "response": {"status_code": 200, "body": body},
        "error": None,
    }
    return json.dumps(line, ensure_ascii=False)


class RawTables:
    """A warehouse with the loader's tables. In a `with` block it is open, and every method appends rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        Warehouse(path).prepare()

    def __enter__(self) -> Self:
        self.warehouse = duckdb.connect(str(self.path), config={"storage_compatibility_version": "v1.0.0"})
        self.warehouse.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.warehouse.commit()
        self.warehouse.close()

    def insert(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Append rows, given as column -> value."""
        for row in rows:
            columns = ", ".join(row)
            marks = ", ".join("?" * len(row))
            self.warehouse.execute(f"insert into raw.{table} ({columns}) values ({marks})", list(row.values()))

    def receipts(
        self,
        ids: Iterable[str],
        *,
        source: str = "folder",
        currency: str | None = None,
        minutes: float = 0,
        **more: Any,
    ) -> None:
        """Receipts as a source offers them; `source_key` is the id."""
        self.insert(
            "receipts",
            (
                {
                    "receipt_id": receipt_id,
                    "source": source,
                    "source_key": receipt_id,
                    "media_type": "image/jpeg",
                    "width": 800,
                    "height": 1200,
                    "image_bytes": 100_000,
                    "currency": currency,
                    "load_id": "load",
                    "loaded_at": at(minutes),
                    **more,
                }
                for receipt_id in ids
            ),
        )

    def requests(
        self,
        shard: str,
        asked: dict[str, str],
        *,
        model: str = "mistral-small-2603",
        prompt_id: str = "prompt",
        attempt: int = 1,
        minutes: float = 1,
    ) -> None:
        """The requests of a shard: custom_id -> receipt_id."""
        self.insert(
            "batch_requests",
            (
                {
                    "custom_id": custom_id,
                    "receipt_id": receipt_id,
                    "model": model,
                    "prompt_id": prompt_id,
                    "shard_id": shard,
                    "attempt": attempt,
                    "max_tokens": 2000,
                    "load_id": "load",
                    "requested_at": at(minutes),
                }
                for custom_id, receipt_id in asked.items()
            ),
        )

    def job(
        self,
        job: str,
        shard: str,
        status: str = "SUCCESS",
        *,
        minutes: float = 2,
        fetched: float | None = None,
        model: str = "mistral-small-2603",
    ) -> None:
        """A snapshot of a job that was made `minutes` after the start."""
        terminal = status not in ("QUEUED", "RUNNING", "CANCELLATION_REQUESTED", "PAUSED")
        body = {
            "id": job,
            "status": status,
            "model": model,
            "metadata": {"shard": shard},
            "total_requests": 0,
            "succeeded_requests": 0,
            "failed_requests": 0,
            "created_at": unix(at(minutes)),
            "started_at": unix(at(minutes)),
            "completed_at": unix(at(minutes + 5)) if terminal else None,
            "output_file": None,
            "error_file": None,
            "errors": [],
        }
        fetched_at = at(minutes + (6 if terminal else 1) if fetched is None else fetched)
        row = {"job_id": job, "shard_id": shard, "job": json.dumps(body), "fetched_at": fetched_at}
        self.insert("batch_jobs", [row])

    def lines(self, job: str, file: str, lines: Iterable[str], *, kind: str = "output", minutes: float = 10) -> None:
        """The lines of a file that a job made, numbered from 1."""
        self.insert(
            "batch_output",
            (
                {
                    "job_id": job,
                    "file_id": file,
                    "file_kind": kind,
                    "line_number": number,
                    "line": line,
                    "load_id": "load",
                    "landed_at": at(minutes),
                }
                for number, line in enumerate(lines, start=1)
            ),
        )

    def land(
        self,
        file: str,
        lines: list[str],
        *,
        ids: Iterable[str],
        currency: str | None = None,
        minutes: float = 3,
    ) -> None:
        """A file landed by hand: a receipt and a request for each of its own ids."""
        asked = {custom_id: f"{file}:{custom_id}" for custom_id in ids}
        for custom_id, receipt_id in asked.items():
            self.receipts([receipt_id], source=file, source_key=custom_id, currency=currency, minutes=minutes)
        self.requests(file, asked, model="pixtral-large-latest", minutes=minutes)
        self.job(file, file, model="pixtral-large-latest", minutes=minutes)
        self.lines(file, file, lines, minutes=minutes)
