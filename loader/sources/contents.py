"""What files hold that hold others, zip archives and mails: members that may be receipts, and what is passed over.

The name of a member is a key like those of a folder's files (`a.zip/x.jpg`): it leads nowhere outside, is text, and is
another one for every file. An archive in an archive is not looked into, but counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from loader.sources import file_kinds
from loader.sources.locations import printable
from loader.sources.receipt import Image

MAX_MEMBERS = 100_000
"""An archive that holds more is not read: what it holds is kept in memory."""
OPEN_AT_ONCE = 4
"""So many archives are kept open, as their receipts are read a few at a time and in their order."""
NESTED = "archives in archives"
_LONGEST_NAME = 1000


class BrokenArchiveError(Exception):
    """An archive cannot be read; its text says why in one line."""


@dataclass(frozen=True, eq=False)
class ArchiveFile:
    """A file that holds others. `suffix` says of which kind it is, `open` gives it anew, to be read from any place in
    it. `location` and `version` are as a receipt's."""

    key: str
    suffix: str
    location: str
    version: str | None
    open: Callable[[], BinaryIO]

    def below(self, name: str) -> str:
        """The key of what is in it; its own where the name is empty, the name alone where it is the whole source."""
        return "/".join(part for part in (self.key, name) if part)


@dataclass(frozen=True)
class Member:
    """A file in an archive that may be a receipt."""

    name: str
    version: str | None
    read: Callable[[], Image]


@dataclass
class Contents:
    """What an archive holds: what may be receipts, and all else as kind and name."""

    members: list[Member] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    _copies: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, version: str | None, read: Callable[[], Image], head: Callable[[], bytes | None]) -> None:
        """A file of that name: a member if it is an image by its name, or by its first bytes, which `head` gives."""
        path = self._free(member_name(name))
        kind = _passed_kind(path, head)
        if kind is None:
            self.members.append(Member(path, version, read))
        else:
            self.passed_over.append((kind, path))

    def pass_over(self, kind: str, name: str) -> None:
        """A file that is not read whatever it holds."""
        self.passed_over.append((kind, self._free(member_name(name))))

    def _free(self, name: str) -> str:
        """The name, with a number where it is another file's."""
        free, number = name, self._copies.get(name, 1)
        folder, slash, last = name.rpartition("/")
        stem, _, end = last.rpartition(".")
        while free in self._copies:
            number += 1
            numbered = f"{stem} ({number}).{end}" if stem else f"{last} ({number})"
            free = f"{folder}{slash}{numbered}"
        self._copies[name] = number
        self._copies.setdefault(free, 1)
        return free


def _passed_kind(path: str, head: Callable[[], bytes | None]) -> str | None:
    """How a file is reported that is no receipt; None for one that may be."""
    *folders, name = path.split("/")
    if (hidden := next(filter(None, map(file_kinds.hidden_kind, (*folders, name))), None)) is not None:
        return hidden
    if file_kinds.is_image_name(name):
        return None
    if file_kinds.suffix(name) in file_kinds.ARCHIVE_SUFFIXES:
        return NESTED
    if file_kinds.is_worth_a_look(name):
        first = head()
        if first is None:
            return file_kinds.UNREADABLE
        if file_kinds.is_image_head(first[: file_kinds.HEAD_BYTES]):
            return None
    return file_kinds.kind(name)


def member_name(name: str) -> str:
    """The path of a file in an archive, with `/`, as text: `..` and what isn't UTF-8 is spelled as `printable` does."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    spelled = "/".join(r"\x2e\x2e" if part == ".." else _text(part) for part in parts)
    return spelled[-_LONGEST_NAME:] or "unnamed"


def _text(name: str) -> str:
    try:
        return printable(name)
    except UnicodeEncodeError:  # half a pair of surrogates, which no file's name can hold
        return name.encode("utf-8", "backslashreplace").decode()
