"""Settings from flags, the environment and `.env`, in that order. The only module that reads the environment."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from dotenv import dotenv_values, find_dotenv

from loader import seeds
from loader.errors import SettingsError
from loader.work_folder import work_dir

ROOT = Path(__file__).resolve().parent.parent
EMBEDDED_MODEL = "local-ocr"
VENDOR = "api.mistral.ai"
API_MODEL = "mistral-small-2603"
PUBLIC_DATASET = "shirastromer/supermarket-receipts"
SAMPLES = "samples"
# Schemas of the warehouse, and what DuckDB itself calls so.
CLASHING_NAMES = (
    *("raw", "ledger", "reference", "staging", "intermediate", "marts", "audit"),
    *("main", "temp", "system", "memory", "information_schema", "pg_catalog"),
)
Style = Literal["schema", "notebook"]
STYLES: tuple[Style, ...] = get_args(Style)
"""How the question is put; see `requests`."""


@dataclass(frozen=True)
class Settings:
    """The settings of a run. Paths are absolute; `api_key` is None when the embedded API answers."""

    receipts: str
    model: str
    warehouse: Path
    bi_database: Path
    max_cost_usd: float
    currency: str | None = None
    server_url: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @property
    def is_embedded(self) -> bool:
        """True when no key is set, so that the loader starts its own API server."""
        return self.api_key is None

    @property
    def api(self) -> str:
        """Where jobs are made, as the ledger notes it: a job is known only there."""
        if self.is_embedded:
            return "embedded"
        return _api_name(self.server_url) if self.server_url else VENDOR

    @property
    def work_dir(self) -> Path:
        """The folder beside the warehouse for shards, downloads and the embedded server's state."""
        return work_dir(self.warehouse)


def read_settings(flags: Mapping[str, str | float | None] | None = None) -> Settings:
    """Settings for this process.

    `flags` holds what the command line says, by setting name in lower case (`receipts`, `max_cost_usd`, …);
    None means not given. A relative path in `.env` is relative to that file, any other to the current directory.
    Raises SettingsError naming the setting that cannot be used.
    """
    given = {name: str(value) for name, value in (flags or {}).items() if value is not None}
    env_file = find_dotenv(usecwd=True)
    filed = _read_env_file(env_file) if env_file else {}

    def setting(name: str) -> str | None:
        return given.get(name.lower()) or os.environ.get(name) or filed.get(name) or None

    def path(name: str, default: str) -> Path:
        value = setting(name)
        if value is None:
            return ROOT / default
        from_file = not (given.get(name.lower()) or os.environ.get(name))
        base = Path(env_file).parent if from_file else Path.cwd()
        try:
            found = (base / Path(value).expanduser()).resolve()
            str(found).encode()  # DuckDB takes UTF-8 only
            is_folder = not found.name or found.is_dir()
        except (RuntimeError, OSError, ValueError) as error:
            raise SettingsError(f"{name} is {value!r}, which is no path ({error}): name a file") from error
        if is_folder:
            raise SettingsError(f"{name} is {value!r}, which is a folder: name a file in it")
        _check_database_name(name, found)
        return found

    def receipts() -> str | None:
        """A folder or file that `.env` names beside itself, else the name as it is (a hub id, say)."""
        value = setting("RECEIPTS")
        if value and env_file and not (given.get("receipts") or os.environ.get("RECEIPTS")):
            beside = Path(env_file).parent / value
            return str(beside) if beside.exists() else value
        return value

    api_key = setting("MISTRAL_API_KEY")
    server_url = setting("MISTRAL_SERVER_URL")
    if server_url and not api_key:
        raise SettingsError(
            "MISTRAL_SERVER_URL is set and MISTRAL_API_KEY is not: set the key that this server wants, "
            "or unset MISTRAL_SERVER_URL to use the embedded server"
        )
    if server_url:
        _check_url(server_url)
    if api_key is not None and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
        raise SettingsError("MISTRAL_API_KEY holds a space or a character that no key has: paste it again")
    return Settings(
        receipts=receipts() or (PUBLIC_DATASET if api_key else SAMPLES),
        model=setting("MODEL") or (API_MODEL if api_key else EMBEDDED_MODEL),
        warehouse=path("WAREHOUSE", "data/warehouse.duckdb"),
        bi_database=path("BI_DATABASE", "data/bi.duckdb"),
        max_cost_usd=_dollars(setting("MAX_COST_USD") or "1.00"),
        currency=known_currency(setting("RECEIPTS_CURRENCY")),
        server_url=server_url.rstrip("/") if server_url else None,
        api_key=api_key,
    )


def _check_database_name(setting: str, path: Path) -> None:
    """Raise SettingsError for a file whose name DuckDB and dbt would take for something else.

    DuckDB names a database by its file's name up to the first dot, and looks for `marts.receipts` in a database
    `marts` before it looks for a schema; dbt takes the name up to the last dot.
    """
    stem = path.name.partition(".")[0]
    if stem.casefold() in CLASHING_NAMES:
        raise SettingsError(
            f"{setting} is {path}, and DuckDB cannot tell a database named {stem!r} from its own or from a schema: "
            "give the file another name"
        )
    if setting == "WAREHOUSE" and (not stem or "." in path.stem or path.suffix == ".files"):
        raise SettingsError(f"{setting} is {path}: give the file a name with one ending, such as warehouse.duckdb")


def user_name() -> str:
    """Who runs this, as the system knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return "unknown"


def proxy_variables() -> list[tuple[str, str]]:
    """The variables of the environment that name a proxy for the API, with what they say (it may be a password)."""
    names = re.compile(r"(http|https|all)_proxy", re.I)
    return [(name, value) for name, value in sorted(os.environ.items()) if names.fullmatch(name) and value]


def _read_env_file(path: str) -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv_values(path).items() if value}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({error}): make it a readable text file in UTF-8") from error


def _check_url(url: str) -> None:
    """Raise SettingsError for what is no server URL, or holds a password (it would appear in messages)."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", url)
        is_good = is_good and (parts.port is None or parts.port > 0)
    except ValueError:
        is_good = False
    if not is_good:
        raise SettingsError(f"MISTRAL_SERVER_URL is {url!r}: it must be a URL like https://proxy.example.com")
    if parts.username or parts.password:
        raise SettingsError("MISTRAL_SERVER_URL holds a user or password: put the key in MISTRAL_API_KEY instead")


def _api_name(url: str) -> str:
    """Host and port of a checked URL, in one spelling: jobs made under another would seem to be someone else's.

    Migration 3 brings older warehouses to the same spelling.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if host in ("localhost", "::1"):
        host = "127.0.0.1"
    elif ":" in host:
        host = f"[{host}]"
    return host if parts.port in (None, 80, 443) else f"{host}:{parts.port}"


def known_currency(code: str | None) -> str | None:
    """The ISO 4217 code in capitals, None for None. Raises SettingsError for one that the seed does not hold."""
    if code is None:
        return None
    known = seeds.currency_symbols()
    if code.strip().upper() in known:
        return code.strip().upper()
    raise SettingsError(
        f"unknown currency {code!r}: use an ISO 4217 code such as EUR; "
        "dbt_project/seeds/currencies.csv has those that are known, add a row for another"
    )


def _dollars(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SettingsError(f"MAX_COST_USD is {text!r}: it must be a number of US dollars, such as 5.00")
    return value
