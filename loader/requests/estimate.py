"""What a load would be: files, waves, bytes, tokens, dollars and days, with nothing planned or sent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from loader.requests import question as requests
from loader.requests.candidates import BATCH_BYTES, BATCH_RECEIPTS, Offered, in_threads, offer
from loader.requests.images import ImagePolicy, PreparedImage
from loader.requests.planner import Question, decide
from loader.requests.request_files import MAX_PENDING_REQUESTS, MAX_SHARD_BYTES, MAX_SHARD_REQUESTS
from loader.sources.receipt import Receipt, Source
from loader.warehouse.duckdb_file import Warehouse

DAYS_A_WAVE = 1  # `batch_api.JOB_TIMEOUT_HOURS`
ESTIMATE_FROM = 500  # a larger source is estimated from its first receipts


@dataclass(frozen=True)
class Estimate:
    """What a load would be. Bytes are those of the request files; tokens and dollars are estimates.

    `waves`: at most so many requests may be pending at once as the API allows. `days`: the most that it takes to answer
    them, as a job is given 24 hours and the next wave begins when the one before has ended; often it is far less.
    """

    receipts: int
    rejected: int
    already_asked: int
    requests: int
    shards: int
    waves: int
    days: int
    bytes: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    is_extrapolated: bool


def _batches(receipts: Iterable[Receipt]) -> Iterator[list[Offered]]:
    batch: list[Offered] = []
    size = 0
    for offered in in_threads(offer, receipts):
        batch.append(offered)
        size += offered.byte_count
        if len(batch) >= BATCH_RECEIPTS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _size_sent(offered: Offered, policy: ImagePolicy) -> tuple[int, int]:
    width, height = offered.width or 1, offered.height or 1
    scale = min(1.0, policy.side / max(width, height))
    return round(width * scale), round(height * scale)


def estimate(warehouse: Warehouse, source: Source, question: Question) -> Estimate:
    """What loading the source would be; nothing is planned or sent.

    A source of more than `ESTIMATE_FROM` receipts whose number is known is estimated from its first ones.
    """
    total = source.count()
    is_extrapolated = total is not None and total > ESTIMATE_FROM
    counts = dict.fromkeys(("receipts", "rejected", "known", "requests", "bytes", "tokens"), 0)
    cost = 0.0
    overhead = len(
        requests.request_line("0" * 32, PreparedImage(b"", "image/jpeg", 1, 1), question.style, requests.MAX_TOKENS)
    )
    seen: set[str] = set()
    for batch in _batches(islice(source, ESTIMATE_FROM) if is_extrapolated else source):
        with warehouse.transaction() as connection:
            decisions = decide(connection, question, [offered.receipt_id for offered in batch])
        for offered in batch:
            counts["receipts"] += 1
            if offered.rejected_reason is not None:
                counts["rejected"] += 1
            elif decisions[offered.receipt_id].attempt is None or offered.receipt_id in seen:
                counts["known"] += 1
            else:
                seen.add(offered.receipt_id)
                width, height = _size_sent(offered, question.policy)
                counts["requests"] += 1
                counts["bytes"] += overhead + 4 * (offered.byte_count + 2) // 3
                counts["tokens"] += requests.prompt_tokens(question.style, width, height)
                cost += question.request_cost_usd(width, height)
    scale = (total or 0) / counts["receipts"] if is_extrapolated and counts["receipts"] else 1.0
    figures = {name: math.ceil(value * scale) for name, value in counts.items()}
    shards = max(math.ceil(figures["bytes"] / MAX_SHARD_BYTES), math.ceil(figures["requests"] / MAX_SHARD_REQUESTS))
    waves = math.ceil(figures["requests"] / MAX_PENDING_REQUESTS)
    return Estimate(
        receipts=figures["receipts"],
        rejected=figures["rejected"],
        already_asked=figures["known"],
        requests=figures["requests"],
        shards=shards,
        waves=waves,
        days=waves * DAYS_A_WAVE,
        bytes=figures["bytes"],
        prompt_tokens=figures["tokens"],
        completion_tokens=figures["requests"] * requests.EXPECTED_COMPLETION_TOKENS,
        cost_usd=cost * scale,
        is_extrapolated=is_extrapolated,
    )
