"""Files that hold others, zip archives and mails, looked into as folders are. Nothing is unpacked to disk."""

from __future__ import annotations

from collections.abc import Iterator

from loader.sources import file_kinds, mails, zips
from loader.sources.contents import ArchiveFile, BrokenArchiveError, Contents
from loader.sources.receipt import Receipt


def is_archive_name(name: str) -> bool:
    """Whether a file of this name is looked into."""
    return file_kinds.suffix(name) in file_kinds.ARCHIVE_SUFFIXES


def look_into(archive: ArchiveFile) -> Contents:
    """What an archive holds. Raises BrokenArchiveError."""
    return mails.contents(archive) if archive.suffix == ".eml" else zips.contents(archive)


def receipts(source: str, archive: ArchiveFile) -> Iterator[Receipt]:
    """The receipts in an archive, not read yet; one that cannot be opened is a receipt with the reason."""
    try:
        members = look_into(archive).members
    except BrokenArchiveError as broken:
        key = archive.key or archive.location.rpartition("/")[2]
        yield Receipt(source, key, None, str(broken), location=archive.location)
        return
    for member in members:
        yield Receipt(
            source,
            archive.below(member.name),
            location=f"{archive.location}/{member.name}",
            version=member.version,
            read=member.read,
        )
