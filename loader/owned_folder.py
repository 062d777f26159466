"""Which folders are the loader's own: it removes, renames and overwrites nothing outside of them.

A folder becomes ours when it is empty (or new), and bears our mark from then on; one that holds anything else is
refused. Even in a folder of ours only names that we could have made are removed, only where they are what we make
(files for files, folders for folders), and never through a link.

Version 0.1 set no marks. A folder of its making is known by its names, all of which it must have made, and by a file
that says so (`Kind.is_older`); it is marked when it is met.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from loader.errors import NotOursError

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
ANY = r"(?s:.+)"
MARK_TEXT = b"The loader of receipts-to-spend keeps its own files here and removes them when they have done.\n"


@dataclass(frozen=True)
class Kind:
    """A kind of folder that the loader makes. Names are regular expressions.

    `folders` has those at its top level, each with the names that stand in it. One that `is_replaced` as a whole must
    hold nothing else even with our mark. `is_older` tells a folder of version 0.1, whose names are all of this kind,
    from somebody else's.
    """

    name: str
    files: str
    folders: Mapping[str, str] = field(default_factory=dict)
    is_private: bool = False
    is_replaced: bool = False
    is_older: Callable[[Path], bool] = lambda directory: False

    @property
    def mark(self) -> str:
        """The file that marks such a folder. It appears whole, as it needs no content."""
        return f".receipts-to-spend-{self.name}"


def claim(directory: Path, kind: Kind) -> None:
    """Make a folder ours, or know it as ours. Raises NotOursError when it is somebody else's, OSError when it can't be.

    A private one gets mode 0700, and its files 0600 when it becomes ours.
    """
    directory.mkdir(mode=0o700 if kind.is_private else 0o777, parents=True, exist_ok=True)
    names = _names(directory)
    is_marked = is_file(directory / kind.mark)
    stranger = None if is_marked and not kind.is_replaced else _stranger(directory, names, kind)
    if stranger is None and not is_marked and names and not kind.is_older(directory):
        stranger = names[0]
    if stranger is not None:
        raise NotOursError(
            f"{directory} holds what this program did not make ({stranger}): name a folder that is empty or new"
        )
    if not is_marked:
        _set_mark(directory / kind.mark)
        if kind.is_private:
            _tighten(directory, kind)
    for name in names:
        if (re.fullmatch(kind.files, name) or name in kind.folders) and (directory / name).is_symlink():
            raise NotOursError(
                f"{directory / name} is a link, and this program writes and removes only in folders of its own: "
                "remove the link, or name another folder"
            )
    if kind.is_private:
        directory.chmod(0o700)


def _stranger(directory: Path, names: list[str], kind: Kind) -> str | None:
    """The first thing in a folder that we could not have made, None when there is none."""
    for name in names:
        path = directory / name
        if name == kind.mark and is_file(path):
            continue
        if name not in kind.folders:
            if not (re.fullmatch(kind.files, name) and is_file(path)):
                return name
            continue
        if not is_folder(path):
            return name
        for inner in _names(path):
            if not re.fullmatch(kind.folders[name], inner) or (path / inner).is_symlink():
                return f"{name}/{inner}"
    return None


def _set_mark(mark: Path) -> None:
    with contextlib.suppress(FileExistsError), open_new(mark, "xb") as file:  # another process may just have set it
        file.write(MARK_TEXT)
    if not is_file(mark):
        raise NotOursError(f"{mark} is not a file: remove it, or name another folder")


def _tighten(directory: Path, kind: Kind) -> None:
    """Files for their owner only, where an older version left them to the umask."""
    for path in own_entries(directory, kind.files):
        path.chmod(0o600)
    for name, pattern in kind.folders.items():
        if is_folder(directory / name) and pattern != ANY:
            (directory / name).chmod(0o700)
            for path in own_entries(directory / name, pattern):
                path.chmod(0o700 if is_folder(path) else 0o600)


def own_entries(directory: Path, names: str) -> Iterator[Path]:
    """The files and folders of these names in a folder, links left out; none where it is no folder but a link."""
    for name in _names(directory) if is_folder(directory) else []:
        if re.fullmatch(names, name) and not (directory / name).is_symlink():
            yield directory / name


def remove_files(directory: Path, names: str, keep: Callable[[Path], bool] = lambda path: False) -> None:
    """Remove the files of these names from a folder of ours, and nothing else."""
    for path in own_entries(directory, names):
        if is_file(path) and not keep(path):
            path.unlink(missing_ok=True)


def remove_folder(directory: Path, names: str) -> None:
    """Remove the files of these names from a folder, and then the folder, if that leaves it empty. Raises OSError."""
    if is_folder(directory):
        remove_files(directory, names)
        with contextlib.suppress(OSError):  # it holds something that is not ours
            directory.rmdir()


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def is_file(path: Path) -> bool:
    """Whether there is a file here: a regular one, no link."""
    return _is(stat.S_ISREG, path)


def is_folder(path: Path) -> bool:
    """Whether there is a folder here, no link to one."""
    return _is(stat.S_ISDIR, path)


def _is(kind: Callable[[int], bool], path: Path) -> bool:
    try:
        return kind(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def open_new(path: Path, mode: str) -> BinaryIO:
    """Open a file of ours for writing, for its owner only, and not through a link. Raises OSError."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW, 0o600)

    return cast(BinaryIO, open(path, mode, opener=opener))
