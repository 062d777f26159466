"""Commands of the loader, run in this process (the fixture `run`)."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
"""Arguments of `loader …` -> exit code, standard output, standard error."""

NAMES = ("MISTRAL_API_KEY", "MISTRAL_SERVER_URL", "RECEIPTS", "RECEIPTS_CURRENCY", "MODEL", "WAREHOUSE", "BI_DATABASE")
"""Settings that no test takes from the environment."""
