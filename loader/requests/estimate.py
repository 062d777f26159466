"""What a load would be: files, waves, bytes, tokens, dollars and days, with nothing planned or sent."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from loader.requests.candidates import Candidate, look_at
from loader.requests.images import ImagePolicy, PreparedImage, sizes_sent
from loader.requests.known import Beside, Lookup, known_and_unasked
from loader.requests.pictures import RejectedImage
from loader.requests.question import EXPECTED_COMPLETION_TOKENS, Question
from loader.requests.request_files import MAX_PENDING_REQUESTS, MAX_SHARD_BYTES, MAX_SHARD_REQUESTS
from loader.sources.receipt import Receipt, Source
from loader.threads import DECODING, THREADS, in_threads
from loader.warehouse.duckdb_file import Warehouse

DAYS_A_WAVE = 1  # `batch.mistral.JOB_TIMEOUT_HOURS`
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


LookedAt = tuple[Candidate, list[tuple[int, int]]]
"""A receipt, and the sizes in pixels of the images that are sent of it; none when it is not asked."""


def _looked_at(beside: Beside, policy: ImagePolicy) -> LookedAt:
    receipt = beside[0].with_image()
    with DECODING:
        return _image_looked_at(receipt, policy)


def _image_looked_at(receipt: Receipt, policy: ImagePolicy) -> LookedAt:
    candidate = look_at(receipt)
    if receipt.image is None or candidate.rejected_reason is not None:
        return candidate, []
    try:
        return candidate, sizes_sent(receipt.image, policy)
    except RejectedImage as rejected:
        return replace(candidate, rejected_reason=rejected.reason), []


def estimate(warehouse: Warehouse, source: Source, question: Question, rehash: bool = False) -> Estimate:
    """What loading the source would be; nothing is planned or sent. With `rehash`, known files are read again.

    A source of more than `ESTIMATE_FROM` receipts whose number is known is estimated from its first ones, unless only
    some of them are asked.
    """
    total = source.count()
    is_extrapolated = total is not None and total > ESTIMATE_FROM and question.only is None
    counts = dict.fromkeys(("receipts", "rejected", "known", "requests", "bytes", "tokens"), 0)
    cost = 0.0
    overhead = len(question.line("0" * 32, [PreparedImage(b"", "image/jpeg", 1, 1)]))
    with warehouse.transaction() as connection:
        decisions = question.decisions(connection)
    beside = Lookup(warehouse, question.policy, rehash).beside(
        islice(source, ESTIMATE_FROM) if is_extrapolated else source
    )

    def at_hand(beside: Beside) -> LookedAt | None:
        known = known_and_unasked(beside, decisions)
        return None if known is None else (known, [])

    looked_at = partial(_looked_at, policy=question.policy)
    threads = max(THREADS, source.read_ahead)
    for candidate, sizes in in_threads(looked_at, beside, threads=threads, at_hand=at_hand):
        counts["receipts"] += 1
        if candidate.rejected_reason is not None:
            counts["rejected"] += 1
        elif decisions[candidate.receipt_id] is None:
            counts["known"] += 1
        else:
            decisions.note_planned(candidate.receipt_id)
            counts["requests"] += 1
            counts["bytes"] += overhead + 4 * ((candidate.byte_count or 0) + 2) // 3
            counts["tokens"] += question.prompt_tokens(sizes)
            cost += question.request_cost_usd(sizes)
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
        completion_tokens=figures["requests"] * EXPECTED_COMPLETION_TOKENS,
        cost_usd=cost * scale,
        is_extrapolated=is_extrapolated,
    )
