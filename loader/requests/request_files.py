"""Request lines -> JSONL files within the API's limits.

A shard is written under a temporary name and renamed, so that a file with a shard's name is whole however the loader
ended. It is not synced, which would take longer than all else: a run sends only what it wrote itself, and what an
earlier run left unsent is planned again. Its id is a hash of the requests in it: the same requests make the same shard.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from loader.warehouse.ledger import Request, Shard

MAX_SHARD_BYTES = 500_000_000  # the API takes 512 MB a file; pages differ on whether that is MB or MiB
MAX_SHARD_REQUESTS = 100_000
BUFFER_BYTES = 1024 * 1024
MAX_PENDING_REQUESTS = 1_000_000  # at once in a workspace: a larger load goes in waves


class ShardWriter:
    """Collects request lines into one shard; ask `fits` before `add`, and `finish` when it no longer does."""

    def __init__(
        self,
        directory: Path,
        max_bytes: int = MAX_SHARD_BYTES,
        max_requests: int = MAX_SHARD_REQUESTS,
    ) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._max_requests = max_requests
        self._file: BinaryIO | None = None
        self._requests: list[Request] = []
        self._bytes = 0

    def fits(self, byte_count: int) -> bool:
        """Whether a line of this size still goes into this shard (the first always does)."""
        if not self._requests:
            return True
        return self._bytes + byte_count <= self._max_bytes and len(self._requests) < self._max_requests

    def add(self, request: Request, line: Iterable[bytes]) -> None:
        """Append one request's line, given in pieces. Raises OSError when the disk is full."""
        if self._file is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            private = os.open(self._part_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(private, "wb", buffering=BUFFER_BYTES)
        self._requests.append(request)
        self._bytes += sum(map(self._file.write, line))

    def finish(self) -> Shard | None:
        """Name the file; None when nothing was added. The writer is empty afterwards."""
        if self._file is None:
            return None
        self._file.close()
        requests = tuple(self._requests)
        key = "\n".join(sorted(f"{r.custom_id}/{r.attempt}" for r in requests))
        shard_id = hashlib.sha256(key.encode()).hexdigest()[:32]
        path = shard_path(self._directory, shard_id)
        self._part_path.rename(path)
        shard = Shard(shard_id, path, self._bytes, requests)
        self._file, self._requests, self._bytes = None, [], 0
        return shard

    def close(self) -> None:
        """Drop what was not finished."""
        if self._file is not None:
            self._file.close()
            self._part_path.unlink(missing_ok=True)
            self._file = None

    @property
    def _part_path(self) -> Path:
        return self._directory / "building.part"


def shard_path(directory: Path, shard_id: str) -> Path:
    """Where a shard's file stands; its name is also the name under which it is uploaded."""
    return directory / f"receipts-{shard_id}.jsonl"
