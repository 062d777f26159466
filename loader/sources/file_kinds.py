"""Which files may be receipts: by the end of their names, else by their first bytes."""

from __future__ import annotations

import re

_SENT = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".mpo", ".png", ".apng", ".webp"))
_HEIF = frozenset((".heic", ".heics", ".heif", ".heifs", ".hif"))
_MADE_JPEG = frozenset((".gif", ".bmp", ".dib", ".tif", ".tiff", ".avif", ".avifs", ".pdf")) | _HEIF
_REJECTED = frozenset((".jxl",))
IMAGE_SUFFIXES = _SENT | _MADE_JPEG | _REJECTED
"""JPEG XL is not read: a receipt that is one is rejected with that reason rather than passed over."""

TABLE_SUFFIXES = frozenset((".parquet", ".arrow"))
ARCHIVE_SUFFIXES = frozenset((".zip", ".eml"))
"""Files that hold others: they are looked into as folders are."""

SYSTEM, HIDDEN, UNREADABLE = "system files", "hidden files", "cannot be read"
"""How files are reported that are not told by the end of their names."""

_DATA = frozenset((".json", ".jsonl", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".xls", ".xlsx", ".log"))
_NEVER_IMAGES = _DATA | frozenset((".txt", ".html", ".htm", ".md", ".doc", ".docx", ".py", ".mp4", ".mov"))
"""Not looked into, for they lie beside receipts in their thousands: labels, exports, films."""

HEAD_BYTES = 32
_HEAD = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|%PDF-"
    rb"|(?:II[*+]\0|MM\0[*+])(?!....CR)"  # TIFF and its large kind; a Canon raw is one by its first bytes
    rb"|BM....\0\0\0\0....[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"
    rb"|....ftyp(?:avi[fs]|mif1|msf1|he(?:i[cxms]|v[cxms]))|\0\0\0\x0cJXL \r\n\x87\n",
    re.DOTALL,
)
_SYSTEM = re.compile(
    r"@eadir|@(?:recycle|tmp|sharebin|recently-snapshot|appstore|synologydrive)|#recycle|#snapshot"  # Synology, QNAP
    r"|\.@__thumb|\.snapshots?|\.zfs|\.nfs[0-9a-f]+|lost\+found"
    r"|\$recycle\.bin|recycler|recycled|system volume information|found\.\d{3}"  # Windows
    r"|thumbs\.db(?::\w+)?|ehthumbs(?:_vista)?\.db|desktop\.ini|~\$.+"
    r"|__macosx|\._.*|\.ds_store|\.spotlight-v100|\.trashes|\.fseventsd|\.temporaryitems|\.documentrevisions-v100"
    r"|\.appledouble|\.apdisk|\.volumeicon\.icns|icon\r|network trash folder|temporary items"  # macOS
    r"|\.trash(?:-\d+)?|\.directory|\.thumbnails|\.stversions|\.stfolder|\.dropbox(?:\.cache)?|\.?picasa\.ini",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"\.(?=\w{0,9}[a-z])\w{1,10}")


def suffix(name: str) -> str:
    """The end of a file's name, in lower case, with its dot; empty when there is none."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def is_image_name(name: str) -> bool:
    """Whether a file is taken for an image by its name alone, which is no system's or hidden one then."""
    return name[name.rfind(".") :].lower() in IMAGE_SUFFIXES and name[0] not in ".~"


def is_worth_a_look(name: str) -> bool:
    """Whether its first bytes decide about a file whose name is no image's."""
    end = suffix(name)
    return end not in _NEVER_IMAGES and end not in TABLE_SUFFIXES and end not in ARCHIVE_SUFFIXES


def is_image_head(head: bytes) -> bool:
    """Whether a file that begins so is an image or a PDF."""
    return _HEAD.match(head) is not None


def is_system_name(name: str) -> bool:
    """Whether a system keeps its own things in a file or folder of this name: thumbnails, a waste basket, …"""
    return _SYSTEM.fullmatch(name) is not None


def hidden_kind(name: str) -> str | None:
    """How a file or folder of this name is reported that is not looked at for its name; None where it is."""
    if is_system_name(name):
        return SYSTEM
    return HIDDEN if name.startswith(".") else None


def kind(name: str) -> str:
    """How a file that is no receipt is reported: by the end of its name."""
    end = suffix(name)
    if not end:
        return "no suffix"
    return end if _SUFFIX.fullmatch(end) else "other"
