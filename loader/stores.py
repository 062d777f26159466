"""Storage behind a URL, by fsspec: one way to open it, for what is read from it and what is written to it.

Who may read there is known as each store's own tools know it (environment, profiles); nothing of it is shown.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from loader.errors import SettingsError, one_line

_EXTRAS = {"s3": "s3", "s3a": "s3", "http": "http", "https": "http"}
_URL = re.compile(r"[A-Za-z][\w+.-]*://")
_WEB = re.compile(r"https?://", re.IGNORECASE)


def is_url(name: str) -> bool:
    """Whether a name is a URL rather than a path."""
    return _URL.match(name) is not None


def open_store(url: str, **options: Any) -> tuple[Any, str]:
    """The file system behind a URL, and the path there. `options`: for fsspec.

    Raises SettingsError when there is no such kind of store, or its package is missing.
    """
    import fsspec

    shown, scheme = without_secrets(url), url.partition("://")[0].lower()
    try:
        files, path = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        extra = _EXTRAS.get(scheme)
        command = f"`pip install -c constraints.txt -e '.[{extra}]'`" if extra else one_line(error)
        raise SettingsError(f"{shown} needs a package that is missing: {command}") from error
    except ValueError as error:
        raise SettingsError(f"{shown} cannot be opened ({said(error)}): name a folder or a URL of storage") from error
    return files, path


def without_secrets(url: str) -> str:
    """A URL without what may be a secret; other text as it is.

    Of web addresses user, password, query and fragment, where keys and signatures stand; of other URLs the user if it
    has a password.
    """
    if not is_url(url):
        return url
    try:
        scheme, place, path, query, fragment = urlsplit(url)
    except ValueError:  # brackets that are no address
        return f"{url.partition('://')[0]}://…"
    user, _, host = place.rpartition("@")
    if _WEB.match(url):
        return urlunsplit((scheme, host, path, "", ""))
    return urlunsplit((scheme, host if ":" in user else place, path, query, fragment))


def said(error: BaseException) -> str:
    """What another program's error says, in one line, the URLs in it without secrets."""
    return re.sub(r"[A-Za-z][\w+.-]*://[^\s'\"<>]+", lambda url: without_secrets(url[0]), one_line(error))
