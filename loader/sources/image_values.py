"""The image in a row of a data set: as bytes, as text that spells them (base64, a data URL), or as a path."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from loader.sources.file_kinds import HEAD_BYTES, is_image_head, is_image_name
from loader.sources.receipt import MAX_FILE_BYTES, Image, ReadPath

_LOOKED_AT = 64
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{44,}={0,2}")
_DATA_URL = re.compile(r"\s*data:([^,]{0,200}),", re.IGNORECASE)
_WEB = re.compile(r"\s*https?://", re.IGNORECASE)
_LONGEST_PATH = 4096


def image_in(value: Any, read: ReadPath) -> Image:
    """The image that a row's value holds. A list of one image counts as that image."""
    if isinstance(value, list | tuple):
        images = [one for one in value if one is not None]
        if len(images) == 1 and not isinstance(images[0], list | tuple):
            return image_in(images[0], read)
        if images and (isinstance(images[0], bytes | Mapping) or likeness(images) is not None):
            return None, f"a list of {len(images)} images: several a receipt are not read, give each a row of its own"
        return None, "no image in this row" + (f", but a list of {len(images)} values" if images else "")
    value = _content(value)
    if isinstance(value, bytes):
        return _of_bytes(value)
    if isinstance(value, str) and value.strip():
        return _of_text(value, read)
    nothing = value is None or isinstance(value, str)
    return None, "no image in this row" + ("" if nothing else f", but a value of type {type(value).__name__}")


def likeness(value: Any) -> float | None:
    """How surely a value is an image: 0 its bytes, 1 text that spells them, 1.5 several, 2 a path; None not at all."""
    if isinstance(value, list | tuple):
        first = next((one for one in value if one is not None), None)
        kind = None if isinstance(first, list | tuple) else likeness(first)
        return None if kind is None else max(kind, 1.5)
    value = _content(value)
    if isinstance(value, bytes):
        if is_image_head(value[:HEAD_BYTES]):
            return 0
        value = value[: 4 * _LOOKED_AT].decode("latin-1")
        return 1 if _spells_image(value) else None
    if not isinstance(value, str):
        return None
    if _spells_image(value[: 4 * _LOOKED_AT]):
        return 1
    return 2 if len(value) <= _LONGEST_PATH and not _WEB.match(value) and is_image_name(value.strip() or ".") else None


def is_path(value: Any) -> bool:
    """Whether a value can at most name an image that lies elsewhere; nothing does, too."""
    if isinstance(value, list | tuple):
        return all(map(is_path, value))
    return not isinstance(_content(value), bytes) and likeness(value) in (None, 2)


def _content(value: Any) -> Any:
    """What the struct that data sets keep images in holds; any other value as it is."""
    if isinstance(value, Mapping):
        return value["bytes"] if value.get("bytes") is not None else value.get("path")
    return bytes(value) if isinstance(value, bytearray | memoryview) else value


def _spells_image(text: str) -> bool:
    """Whether text begins like an image in base64 or a data URL of one."""
    url = _DATA_URL.match(text)
    if url:
        return url[1].lower().lstrip().startswith(("image/", "application/pdf")) or _spells_image(text[url.end() :])
    start = "".join(text[: 2 * _LOOKED_AT].split())[:_LOOKED_AT]
    if not _BASE64.fullmatch(start):
        return False
    return is_image_head(base64.b64decode(start[:44].translate(_URL_SAFE)))


_URL_SAFE = str.maketrans("-_", "+/")


def _of_bytes(value: bytes) -> Image:
    if is_image_head(value[:HEAD_BYTES]) or not _spells_image(value[: 4 * _LOOKED_AT].decode("latin-1")):
        return value, None
    return _spelled(value.decode("latin-1"))


def _of_text(value: str, read: ReadPath) -> Image:
    if _DATA_URL.match(value) or _spells_image(value):
        return _spelled(value)
    if _WEB.match(value):
        return None, "its image is a web address, which is not fetched"
    if len(value) > _LONGEST_PATH:
        return None, "its image is text that is no path, base64 or data URL of one"
    return read(value)


def _spelled(text: str) -> Image:
    """The bytes that base64 or a data URL spells."""
    if len(text) > MAX_FILE_BYTES // 3 * 4:
        return None, f"text of {len(text):,} characters: too large for an image"
    url = _DATA_URL.match(text)
    if url:
        text = text[url.end() :]
        if not url[1].lower().replace(" ", "").endswith(";base64"):
            return unquote_to_bytes(text), None
        if "%" in text:
            text = unquote_to_bytes(text).decode("latin-1")
    plain = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True), None
    except ValueError:
        return None, "its base64 text cannot be decoded"
