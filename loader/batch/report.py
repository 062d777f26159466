"""What a run tells of itself while it goes on; who shows it (a terminal, a test) is not known here."""

from __future__ import annotations

from typing import Protocol


class Report(Protocol):
    """How a run tells what it does."""

    def say(self, message: str) -> None:
        """A line that a person should read."""

    def progress(self, stage: str, done: int, total: int | None) -> None:
        """`done` of `total` (None: unknown) in a stage: `receipts` or `answers`."""
