"""What a source gives: its receipts one after the other, and an account of what it does not give."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

NAMED = 3
"""So many names of a kind are shown."""
_MOST_KINDS = 40
_OTHER = "other"

Image = tuple[bytes | None, str | None]
"""The bytes of an image, or None and why not in one line."""
ReadPath = Callable[[str], Image]
"""Reads the file that a path names."""

MAX_FILE_BYTES = 200_000_000
"""A larger file is no photograph of a receipt, and reading it would fill the memory."""


@dataclass(frozen=True)
class Receipt:
    """A receipt as its source offers it.

    `source`: `samples`, a hub id, or the folder's or file's name. `source_key`: the dataset's receiptId, the
    path of the image in the folder (with `/`), or the number of the row (from 0). `image`: the bytes as
    stored; None when they could not be read, and then `error` says why in one line, or when they have not been read
    yet, and then `read` does it. `currency` and `label`: what the dataset's columns `currency` and `text` hold (JSON
    text when structured), None when nothing. `location`: where the image lies, the same from wherever it is looked at
    (see `locations`). `version`: as long as it is the same at one location, the bytes there are; None when that isn't
    known.
    """

    source: str
    source_key: str
    image: bytes | None = None
    error: str | None = None
    currency: str | None = None
    label: str | None = None
    location: str | None = None
    version: str | None = None
    read: Callable[[], Image] | None = field(default=None, compare=False, repr=False)

    def with_image(self) -> Receipt:
        """The receipt with its image in memory, read now if it was not yet."""
        if self.read is None:
            return self
        image, error = self.read()
        return replace(self, image=image, error=error, read=None)


def too_large(size: int) -> str:
    """Why a file of more than `MAX_FILE_BYTES` is not read."""
    return f"a file of {size:,} bytes: too large for an image"


@dataclass
class PassedOver:
    """What a source holds and does not give: how many of each kind, and the first names of each."""

    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str) -> None:
        """Count one, and keep its name when it is among the first of its kind."""
        if kind not in self.counts and len(self.counts) >= _MOST_KINDS:
            kind = _OTHER
        self.counts[kind] = self.counts.get(kind, 0) + 1
        names = self.names.setdefault(kind, [])
        if len(names) < NAMED or name < names[-1]:
            insort(names, name)
            del names[NAMED:]

    def add_all(self, kind: str, count: int, first: list[str]) -> None:
        """Count so many of a kind, of which these are the first."""
        self.counts[kind] = count
        self.names[kind] = first

    def by_kind(self) -> list[dict[str, Any]]:
        """Kind, count and first names, the most frequent kind first."""
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return [{"kind": kind, "count": count, "first": self.names[kind]} for kind, count in ordered]

    def in_words(self, *, with_names: bool = False) -> str:
        """How many of what, in one line; empty when nothing was passed over."""
        parts = []
        for kind, count in sorted(self.counts.items(), key=lambda item: (-item[1], item[0])):
            more = ", …" if count > len(self.names[kind]) else ""
            names = f" ({', '.join(map(in_a_line, self.names[kind]))}{more})" if with_names else ""
            parts.append(f"{count:,} {in_a_line(kind)}{names}")
        return f"passed over: {', '.join(parts)}" if parts else ""


def in_a_line(name: str) -> str:
    """A name that comes from outside, its control characters spelled out."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)


class Source:
    """At most `limit` receipts of one source: iterable as often as wanted, read as they are asked for.

    `notes`: what was chosen where there was a choice, a line each. `read_ahead`: so many are worth reading at once, as
    each is waited for.
    """

    def __init__(
        self,
        name: str,
        receipts: Callable[[], Iterator[Receipt]],
        count: Callable[[], int | None],
        limit: int | None,
        passed_over: PassedOver | None = None,
        notes: tuple[str, ...] = (),
        read_ahead: int = 0,
    ) -> None:
        self.name = name
        self.passed_over = passed_over or PassedOver()
        self.notes = notes
        self.read_ahead = read_ahead
        self._receipts = receipts
        self._count = count
        self._limit = limit

    def __iter__(self) -> Iterator[Receipt]:
        """Raises SourceError when the source as a whole stops being readable."""
        return islice(self._receipts(), self._limit)

    def count(self) -> int | None:
        """How many receipts there are, without reading an image; None when that isn't known."""
        count = self._count()
        return count if count is None or self._limit is None else min(count, self._limit)
