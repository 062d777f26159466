"""The filters of a list, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Where:
    """A WHERE clause out of the filters that were given."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.values: list[Any] = []

    def add(self, condition: str, *values: Any) -> None:
        """Keep rows for which `condition` holds, with `values` in place of its question marks."""
        self._conditions.append(condition)
        self.values.extend(values)

    def equals(self, column: str, value: str | None) -> None:
        """Keep rows with this value; None keeps all."""
        if value is not None:
            self.add(f"{column} = ?", value)

    def one_of(self, column: str, values: Sequence[str]) -> None:
        """Keep rows with one of these values; none given keeps all."""
        if values:
            self.add(f"{column} in ({', '.join('?' * len(values))})", *values)

    def __str__(self) -> str:
        return "where " + " and ".join(self._conditions) if self._conditions else ""
