"""What dbt noted in the warehouse about its last builds: see dbt_project/macros/note_results.sql.

The note stands in the warehouse that was built, so it counts for no other, and it is there however dbt was started.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

GOOD = ("success", "pass", "warn", "no-op")
SHOWN_FAILURES = 3


@dataclass(frozen=True)
class Build:
    """The latest result of every model, seed and test of a warehouse."""

    built_at: datetime | None  # what had landed by then is in the marts; None where dbt noted nothing
    dbt_version: str | None
    passed: int
    warned: int
    failing: tuple[str, ...]  # tests that failed, models that broke or were skipped
    built_from: str | None  # what a build of everything read (see built_from.py)
    interrupted: str | None  # the dbt command that was killed or ran with --empty
    is_tested: bool  # whether tests ran with the last build or after it

    @property
    def tests(self) -> str:
        """`passed`, `failed`, or `unknown` where dbt noted nothing or models were built after their tests."""
        if self.failing or self.interrupted:
            return "failed"
        return "passed" if self.built_at and self.is_tested else "unknown"

    @property
    def trouble(self) -> str | None:
        """Why these marts should not be published, in a few words, or None."""
        if self.interrupted:
            return f"the last `{self.interrupted}` was broken off or had --empty"
        if self.failing:
            more = len(self.failing) - SHOWN_FAILURES
            shown = ", ".join(self.failing[:SHOWN_FAILURES]) + (f" and {more} more" if more > 0 else "")
            return f"the last dbt build left {len(self.failing)} failing: {shown}"
        return None


def last_build(connection: duckdb.DuckDBPyConnection) -> Build:
    """What the warehouse that is in use (`use`) says about its last build."""
    try:
        rows = connection.execute(
            "select node, kind, status, dbt_version, started_at from audit.build_results order by node"
        ).fetchall()
    except duckdb.CatalogException:  # built by a version that noted nothing
        return Build(None, None, 0, 0, (), None, None, False)
    results = [(node, kind, status) for node, kind, status, _, _ in rows if kind not in ("invocation", "built_from")]
    return Build(
        built_at=min((at for _, kind, _, _, at in rows if kind == "model"), default=None),
        dbt_version=max((version for _, _, _, version, _ in rows), default=None),
        passed=sum(status == "pass" for _, _, status in results),
        warned=sum(status == "warn" for _, _, status in results),
        failing=tuple(_short(node) for node, _, status in results if status not in GOOD),
        built_from=next((node for node, kind, *_ in rows if kind == "built_from"), None),
        interrupted=next(
            (node for node, kind, status, _, _ in rows if kind == "invocation" and status != "ended"), None
        ),
        is_tested=_latest(rows, "test") >= max(_latest(rows, "model"), _latest(rows, "seed")),
    )


def _latest(rows: list[tuple[Any, ...]], wanted: str) -> datetime:
    return max((at for _, kind, _, _, at in rows if kind == wanted), default=datetime.min)


def _short(node: str) -> str:
    """`test.receipts_to_spend.not_null_receipts_status.1a2b3c` -> `not_null_receipts_status`."""
    parts = node.split(".")
    return parts[2] if len(parts) > 2 else node
