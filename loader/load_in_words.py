"""What `loader load` tells at its end: what it did or would do, and what to do about what is still open."""

from __future__ import annotations

from typing import Any

from loader.batch.failures import in_words
from loader.batch.run import Summary
from loader.requests.estimate import Estimate
from loader.sources.receipt import Source
from loader.warehouse.decisions import Open

SHOWN_IDS = 5
# What to do about requests that are still open, by state; those that failed or went missing can be tried more often.
NEXT_STEPS = {
    "unreadable": "`loader load --again`, or another model, asks the unreadable ones again",
    "unprocessed": "`loader load` sends those again that were in jobs that failed",
    "cancelled": "`loader load` sends those again that were cancelled",
    "refused": "`loader load --again` asks those again that were refused",
    "failed": "`loader load --attempts N` asks them again",
    "missing": "`loader load --attempts N` asks them again",
}


def not_read(source: Source) -> dict[str, Any]:
    """What a source holds besides receipts, for a JSON document."""
    return {"passed_over": source.passed_over.by_kind(), "notes": list(source.notes)}


def summary_in_words(summary: Summary, source: Source) -> str:
    """What a load did, in one line."""
    parts = [f"{summary.receipts:,} receipts from {source.name}"]
    if summary.rejected:
        parts.append(f"{summary.rejected:,} rejected (raw.receipts says why)")
    if summary.already_asked:
        parts.append(f"{summary.already_asked:,} asked before")
    parts.append(f"{summary.requests:,} requests in {summary.jobs:,} jobs")
    parts.append(f"{summary.lines:,} lines landed")
    if source.passed_over.counts:
        parts.append(source.passed_over.in_words())
    if summary.pending:
        parts.append(f"{summary.pending:,} pending: `loader load` fetches them")
    return "; ".join(parts)


def still_open_in_words(still_open: list[Open]) -> str:
    """Which requests have no good answer, and what to do about them, in one line."""
    named = ", ".join(request.custom_id for request in still_open[:SHOWN_IDS])
    more = f" and {len(still_open) - SHOWN_IDS} more" if len(still_open) > SHOWN_IDS else ""
    states = {"refused" if request.is_final else request.state for request in still_open}
    steps = dict.fromkeys(step for state, step in NEXT_STEPS.items() if state in states)
    return (
        f"{len(still_open)} requests have no good answer after all attempts ({in_words(still_open)}): {named}{more}; "
        f"marts.rejected_answers says why, and {'; '.join(steps)}"
    )


def estimate_in_words(expected: Estimate, source: Source, receipts: str, model: str) -> str:
    """What a load would be, in one line."""
    passed_over = source.passed_over.in_words()
    about = "about " if expected.is_extrapolated else ""
    return (
        f"{receipts} to {model}: {about}{expected.requests:,} requests "
        f"({expected.receipts:,} receipts, {expected.already_asked:,} asked before, "
        f"{expected.rejected:,} rejected) in {expected.shards:,} shards and {expected.waves:,} waves, "
        f"{expected.bytes / 1e6:,.1f} MB, answered within {expected.days:,} days, "
        f"{expected.prompt_tokens:,} prompt and about {expected.completion_tokens:,} completion tokens, "
        f"about ${expected.cost_usd:.4f}; {passed_over + '; ' if passed_over else ''}nothing was sent"
    )
