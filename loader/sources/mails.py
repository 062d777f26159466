"""Mails in files (`.eml`): their attachments, also those of mails that are forwarded in them.

A picture that the mail's own text shows (a shop's logo, a signature) is no attachment; it is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import InvalidBase64LengthDefect
from email.header import decode_header, make_header
from email.message import Message
from functools import lru_cache, partial
from typing import Any
from urllib.parse import unquote

from loader.errors import one_line
from loader.sources.contents import MAX_MEMBERS, OPEN_AT_ONCE, ArchiveFile, BrokenArchiveError, Contents
from loader.sources.file_kinds import HEAD_BYTES
from loader.sources.receipt import Image

MAX_MAIL_BYTES = 100_000_000
"""No mail server passes on a larger one, and it is parsed in memory."""
SHOWN, WITHOUT = "pictures in the text of mails", "mails without a receipt attached"
_SHOWS = re.compile(rb"""\bcid:([^"'<>\s)]+)""", re.IGNORECASE)


@dataclass(frozen=True)
class _Part:
    name: str
    is_shown: bool
    content: Message


def contents(mail: ArchiveFile) -> Contents:
    """What is attached to a mail. Raises BrokenArchiveError for one that cannot be read or is far too large."""
    found = Contents()
    for number, part in enumerate(_parts(mail)):
        if part.is_shown:
            found.pass_over(SHOWN, part.name)
        else:
            found.add(part.name, mail.version, partial(_read, mail, number, part.name), partial(_head, part))
    if not found.members:
        found.passed_over.append((WITHOUT, ""))
    return found


def _head(part: _Part) -> bytes | None:
    return (_decoded(part.content)[0] or b"")[:HEAD_BYTES]


def _read(mail: ArchiveFile, number: int, name: str) -> Image:
    try:
        parts = _parts(mail)
    except BrokenArchiveError as broken:
        return None, str(broken)
    if number >= len(parts) or parts[number].name != name:
        return None, "cannot be read: its mail has changed since it was listed"
    return _decoded(parts[number].content)


@lru_cache(OPEN_AT_ONCE)
def _parts(mail: ArchiveFile) -> list[_Part]:
    try:
        with mail.open() as file:
            text = file.read(MAX_MAIL_BYTES + 1)
        if len(text) > MAX_MAIL_BYTES:
            raise BrokenArchiveError(f"mail: more than {MAX_MAIL_BYTES:,} bytes: save what is attached to it")
        found = [part for part in message_from_bytes(text).walk() if not part.is_multipart()]
    except OSError as error:
        raise BrokenArchiveError(f"mail: cannot be read: {error.strerror or one_line(error)}") from error
    except (RecursionError, ValueError, LookupError, TypeError) as error:  # what the parser makes of hostile headers
        raise BrokenArchiveError(f"mail: cannot be read: {one_line(error)}") from error
    if len(found) > MAX_MEMBERS:
        raise BrokenArchiveError(f"mail: holds {len(found):,} parts: save what is attached to it")
    shown = _shown_ids(found)
    parts = []
    for number, part in enumerate(found, start=1):
        name = _attached_name(part, number)
        if name is not None:
            is_shown = part.get_content_maintype() == "image" and _header(part, "Content-ID").strip(" <>") in shown
            parts.append(_Part(name, is_shown, part))
    return parts


def _shown_ids(parts: list[Message]) -> set[str]:
    """The ids of the parts that the texts of a mail show."""
    texts = [_decoded(part)[0] or b"" for part in parts if part.get_content_type() == "text/html"]
    return {unquote(name.decode("latin-1")) for text in texts for name in _SHOWS.findall(text)}


def _header(part: Message, name: str) -> str:
    return str(part.get(name, ""))


def _attached_name(part: Message, number: int) -> str | None:
    """The name of what is attached, made up where it has none; None for the text of the mail itself."""
    try:
        name: Any = part.get_filename()
        if name and "=?" in name:  # which no standard allows, and most programs write
            name = str(make_header(decode_header(name)))
        is_attached = part.get_content_disposition() == "attachment"
    except Exception:  # the library trips over hostile headers in ways of its own
        name, is_attached = None, True
    if name:
        return str(name)
    return f"part-{number}" if is_attached or part.get_content_maintype() not in ("text", "multipart") else None


def _decoded(part: Message) -> Image:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        return None, f"cannot be read: {one_line(error)}"
    if any(isinstance(defect, InvalidBase64LengthDefect) for defect in part.defects):
        return None, "its base64 text cannot be decoded"
    if not isinstance(data, bytes):
        return None, "cannot be read: no content"
    return data, None
