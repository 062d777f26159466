"""From a source to shards on disk: which receipts are asked, and what that would cost.

Receipts stream through in small batches: each is named by the hash of its bytes, looked up in the ledger if it may
have been seen before, made fit to be sent and written to the open shard. Hashing and shrinking happen in threads, all
else in the order of the source. Memory follows the batch, not the source. What is known of a receipt is committed no
later than the shard that holds its request.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from duckdb import DuckDBPyConnection

from loader import ledger, reference, requests
from loader.errors import SettingsError
from loader.images import ORIGINAL, ImagePolicy, PreparedImage, RejectedImage, inspect, prepare
from loader.receipts import Receipt, Source
from loader.seen import SeenBefore
from loader.shards import MAX_PENDING_REQUESTS, MAX_SHARD_BYTES, MAX_SHARD_REQUESTS, Request, Shard, ShardWriter
from loader.warehouse import ReceiptRow, Warehouse, append_receipts

BATCH_RECEIPTS = 256
BATCH_BYTES = 12 * 1024 * 1024
UNCOMMITTED_RECEIPTS = 2000
THREADS = min(os.cpu_count() or 1, 4)  # each may hold a decoded image
DAYS_A_WAVE = 1  # `batch_api.JOB_TIMEOUT_HOURS`
ESTIMATE_FROM = 500  # a larger source is estimated from its first receipts

T = TypeVar("T")
U = TypeVar("U")
NEW = ledger.Decision(attempt=1, truncated_at=None)


@dataclass(frozen=True)
class Question:
    """What is asked of each receipt, of whom, and how often at most."""

    model: str
    style: requests.Style = "schema"
    policy: ImagePolicy = ORIGINAL
    max_attempts: int = 3
    again: bool = False

    @property
    def prompt_id(self) -> str:
        """Identity of the question."""
        return requests.prompt_id(self.style, self.policy)

    def custom_id(self, receipt_id: str) -> str:
        """Identity of the question about one receipt."""
        return requests.custom_id(receipt_id, self.model, self.prompt_id)

    def request_cost_usd(self, width: int, height: int) -> float:
        """Estimated cost of one request in US dollars. Raises SettingsError for a model without a price."""
        price = reference.model_prices().get(self.model)
        if price is None:
            raise SettingsError(
                f"no price is known for model {self.model!r}: use one of {', '.join(reference.model_prices())}, "
                "or add a row to dbt_project/seeds/model_prices.csv"
            )
        return price.batch_cost_usd(
            requests.prompt_tokens(self.style, width, height), requests.EXPECTED_COMPLETION_TOKENS
        )


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


@dataclass(frozen=True)
class _Offered:
    """A receipt as it came, what its header says, and why it cannot be sent (if it can't)."""

    receipt: Receipt
    receipt_id: str
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    rejected_reason: str | None = None

    def row(self, currency: str | None, rejected_reason: str | None) -> ReceiptRow:
        image = self.receipt.image
        return ReceiptRow(
            receipt_id=self.receipt_id,
            source=self.receipt.source,
            source_key=self.receipt.source_key,
            media_type=self.media_type,
            width=self.width,
            height=self.height,
            image_bytes=None if image is None else len(image),
            currency=self.receipt.currency or currency,
            label=self.receipt.label,
            rejected_reason=rejected_reason,
        )


def _offer(receipt: Receipt) -> _Offered:
    if receipt.image is None:
        # There are no bytes to hash: the place where they should be is all that is known.
        place = f"{receipt.source}/{receipt.source_key}".encode()
        return _Offered(receipt, requests.receipt_id(place), rejected_reason=receipt.error or "cannot be read")
    receipt_id = requests.receipt_id(receipt.image)
    try:
        return _Offered(receipt, receipt_id, *inspect(receipt.image))
    except RejectedImage as rejected:
        return _Offered(receipt, receipt_id, rejected_reason=rejected.reason)


def _in_threads(function: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """What `function` makes of each item, in their order; a few items are worked on ahead."""
    with ThreadPoolExecutor(THREADS) as pool:
        ahead: deque[Future[U]] = deque()
        for item in items:
            ahead.append(pool.submit(function, item))
            if len(ahead) > 2 * THREADS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _batches(receipts: Iterable[Receipt]) -> Iterator[list[_Offered]]:
    batch: list[_Offered] = []
    size = 0
    for offered in _in_threads(_offer, receipts):
        batch.append(offered)
        size += len(offered.receipt.image or b"")
        if len(batch) >= BATCH_RECEIPTS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class Planner:
    """Plans the requests of one source. `planned`, `rejected`, `skipped` count receipts as they pass."""

    def __init__(
        self,
        warehouse: Warehouse,
        source: Source,
        question: Question,
        *,
        api: str,
        currency: str | None,
        load_id: str,
        directory: Path,
        max_shard_bytes: int = MAX_SHARD_BYTES,
        max_shard_requests: int = MAX_SHARD_REQUESTS,
        on_receipt: Callable[[str, int], None] = lambda receipt_id, seen: None,
    ) -> None:
        self.seen = self.planned = self.rejected = self.skipped = 0
        self._warehouse = warehouse
        self._source = source
        self._question = question
        self._api = api
        self._currency = currency
        self._load_id = load_id
        self._on_receipt = on_receipt
        self._writer = ShardWriter(directory, max_shard_bytes, max_shard_requests)
        self._rows: list[ReceiptRow] = []  # not yet committed
        self._since_decision: set[str] = set()  # planned after the ledger was asked about their batch
        self._seen_before = SeenBefore()

    def shards(self) -> Iterator[Shard]:
        """Shards, each on disk and in the ledger when it is given out. Raises OSError when the disk is full."""
        with self._warehouse.transaction() as connection:
            for receipt_id in ledger.receipt_ids(connection):
                self._seen_before.add(receipt_id)
        try:
            for batch in _batches(self._source):
                decisions = self._decisions([offered.receipt_id for offered in batch])
                self._since_decision = set()
                asked = ((offered, decisions[offered.receipt_id]) for offered in batch)
                for offered, image in _in_threads(self._prepared, asked):
                    self.seen += 1
                    self._on_receipt(offered.receipt_id, self.seen)
                    yield from self._plan(offered, decisions[offered.receipt_id], image)
                batch.clear()  # its images, before the next ones are read
            yield from self._roll()
            if self._rows:
                self._commit(lambda connection: None)
        finally:
            self._writer.close()

    def _decisions(self, receipt_ids: list[str]) -> dict[str, ledger.Decision]:
        """For each receipt whether it is to be asked; the ledger is opened only for those it may know."""
        question = self._question
        known = [receipt_id for receipt_id in receipt_ids if receipt_id in self._seen_before]
        decisions = dict.fromkeys(receipt_ids, NEW)
        if known:
            decisions |= self._commit(lambda connection: _decide(connection, question, known))
        elif len(self._rows) >= UNCOMMITTED_RECEIPTS:
            self._commit(lambda connection: None)
        return decisions

    def _prepared(
        self, asked: tuple[_Offered, ledger.Decision]
    ) -> tuple[_Offered, PreparedImage | RejectedImage | None]:
        """A receipt and its image as it is sent, or why it can't be; None when it is not to be sent."""
        offered, decision = asked
        if offered.rejected_reason is not None:
            return offered, RejectedImage(offered.rejected_reason)
        if decision.attempt is None:
            return offered, None
        try:
            return offered, prepare(offered.receipt.image or b"", self._question.policy)
        except RejectedImage as rejected:
            return offered, rejected

    def _commit(self, also: Callable[[DuckDBPyConnection], T]) -> T:
        """One transaction: the receipts that have passed, and `also`."""
        with self._warehouse.transaction() as connection:
            if self._rows:
                append_receipts(connection, self._rows, self._load_id)
            result = also(connection)
        self._rows = []
        return result

    def _plan(
        self, offered: _Offered, decision: ledger.Decision, image: PreparedImage | RejectedImage | None
    ) -> Iterator[Shard]:
        reason = None
        custom_id = self._question.custom_id(offered.receipt_id)
        if isinstance(image, RejectedImage):
            self.rejected += 1
            reason = image.reason
        elif image is None or custom_id in self._writer or custom_id in self._since_decision:
            self.skipped += 1
        else:
            yield from self._write(offered.receipt_id, custom_id, image, decision)
        self._rows.append(offered.row(self._currency, reason))

    def _write(
        self, receipt_id: str, custom_id: str, image: PreparedImage, decision: ledger.Decision
    ) -> Iterator[Shard]:
        max_tokens = requests.max_tokens_for(decision.truncated_at)
        line = requests.request_line(custom_id, image, self._question.style, max_tokens)
        if not self._writer.fits(line):
            yield from self._roll()
        cost = self._question.request_cost_usd(image.width, image.height)
        self._writer.add(Request(custom_id, receipt_id, decision.attempt or 1, max_tokens, cost), line)
        self._since_decision.add(custom_id)
        self._seen_before.add(receipt_id)
        self.planned += 1

    def _roll(self) -> Iterator[Shard]:
        shard = self._writer.finish()
        if shard is None:
            return
        question = self._question
        self._commit(
            lambda connection: ledger.plan_shard(
                connection,
                shard,
                api=self._api,
                model=question.model,
                prompt_id=question.prompt_id,
                style=question.style,
                load_id=self._load_id,
            )
        )
        yield shard


def _decide(connection: DuckDBPyConnection, question: Question, receipt_ids: list[str]) -> dict[str, ledger.Decision]:
    """What the ledger says about these receipts, by receipt_id."""
    custom_ids = {question.custom_id(receipt_id): receipt_id for receipt_id in receipt_ids}
    decisions = ledger.decide(
        connection,
        list(custom_ids),
        list(custom_ids.values()),
        question.model,
        question.max_attempts,
        question.again,
    )
    return {custom_ids[custom_id]: decision for custom_id, decision in decisions.items()}


def _size_sent(offered: _Offered, policy: ImagePolicy) -> tuple[int, int]:
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
            decisions = _decide(connection, question, [offered.receipt_id for offered in batch])
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
                counts["bytes"] += overhead + 4 * (len(offered.receipt.image or b"") + 2) // 3
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
