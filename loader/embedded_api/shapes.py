"""Rows of the store in the vendor's shapes."""

from __future__ import annotations

import json
import sqlite3
from typing import Any


def file_object(row: sqlite3.Row) -> dict[str, Any]:
    """A row of `files` as the API shows a file."""
    columns = [name for name in row.keys() if name != "seq"]  # noqa: SIM118 (a Row iterates over its values)
    return {"object": "file", **{name: row[name] for name in columns}, "signature": None, "expires_at": None}


def job_object(row: sqlite3.Row) -> dict[str, Any]:
    """A row of `jobs` as the API shows a batch job."""
    return {
        "id": row["id"],
        "object": "batch",
        "input_files": json.loads(row["input_files"]),
        "metadata": json.loads(row["metadata"]) if row["metadata"] else None,
        "endpoint": row["endpoint"],
        "model": row["model"],
        "agent_id": None,
        "output_file": row["output_file"],
        "error_file": row["error_file"],
        "errors": json.loads(row["errors"]),
        "outputs": None,
        "status": row["status"],
        "created_at": int(row["created"]),
        "started_at": row["started_at"],
        "completed_at": row["completed_at"],
        "total_requests": row["total_requests"],
        "completed_requests": row["succeeded_requests"] + row["failed_requests"],
        "succeeded_requests": row["succeeded_requests"],
        "failed_requests": row["failed_requests"],
    }
