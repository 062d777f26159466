"""From a source to shards on disk: which receipts are asked.

Receipts stream through: each is named by the hash of its bytes, made fit to be sent and written to the open shard. A
new one goes straight through, so that its memory is free again for the next: fresh memory takes the system longer
than all else done to an image that travels untouched. One that may have been seen before waits for others, as opening
the ledger takes longer still. Hashing and shrinking happen in threads, all else in the order of the source. Memory
follows what is under way, not the source. What is known of a receipt is committed no later than the shard that
holds its request.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from duckdb import DuckDBPyConnection

from loader import seeds
from loader.errors import SettingsError
from loader.requests import question as requests
from loader.requests.candidates import BATCH_BYTES, BATCH_RECEIPTS, Offered, in_threads, offer
from loader.requests.images import ORIGINAL, ImagePolicy, PreparedImage, RejectedImage, prepare
from loader.requests.request_files import MAX_SHARD_BYTES, MAX_SHARD_REQUESTS, ShardWriter
from loader.requests.seen import SeenBefore
from loader.settings import Style
from loader.sources.receipt import Receipt, Source
from loader.warehouse import ledger
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.ledger import Request, ShardRecord
from loader.warehouse.raw import ReceiptRow, append_receipts

LATELY_REQUESTS = 2 * BATCH_RECEIPTS  # more than can be under way between a decision and its request
UNCOMMITTED_RECEIPTS = 10_000

T = TypeVar("T")
NEW = ledger.Decision(attempt=1, truncated_at=None)
Image = PreparedImage | RejectedImage | None
"""An image as it is sent, or why it can't be; None when it is not to be sent."""


@dataclass(frozen=True)
class Question:
    """What is asked of each receipt, of whom, and how often at most."""

    model: str
    style: Style = "schema"
    policy: ImagePolicy = ORIGINAL
    max_attempts: int = 3
    again: bool = False
    is_retry: bool = False  # asked once more by the run that has asked it
    setbacks: ledger.Setbacks = field(default_factory=ledger.Setbacks)

    @property
    def prompt_id(self) -> str:
        """Identity of the question."""
        return requests.prompt_id(self.style, self.policy)

    @property
    def bounds(self) -> ledger.Bounds:
        """How often a request may be asked; `again` lets one be tried once more that could not be read twice."""
        unreadable = None if self.again and not self.is_retry else ledger.MAX_UNREADABLE
        return ledger.Bounds(self.max_attempts, unreadable, self.setbacks)

    def custom_id(self, receipt_id: str) -> str:
        """Identity of the question about one receipt."""
        return requests.custom_id(receipt_id, self.model, self.prompt_id)

    def request_cost_usd(self, width: int, height: int) -> float:
        """Estimated cost of one request in US dollars. Raises SettingsError for a model without a price."""
        price = seeds.model_prices().get(self.model)
        if price is None:
            raise SettingsError(
                f"no price is known for model {self.model!r}: use one of {', '.join(seeds.model_prices())}, "
                "or add a row to dbt_project/seeds/model_prices.csv"
            )
        return price.batch_cost_usd(
            requests.prompt_tokens(self.style, width, height), requests.EXPECTED_COMPLETION_TOKENS
        )


class Planner:
    """Plans the requests of one source. `planned`, `rejected`, `skipped` count receipts as they pass."""

    def __init__(
        self,
        warehouse: Warehouse,
        source: Source,
        question: Question,
        *,
        api: str,
        default_currency: str | None,
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
        self._default_currency = default_currency
        self._load_id = load_id
        self._on_receipt = on_receipt
        self._writer = ShardWriter(directory, max_shard_bytes, max_shard_requests)
        self._rows: list[ReceiptRow] = []  # not yet committed
        self._lately: OrderedDict[str, None] = OrderedDict()  # planned since the ledger was asked, and some before
        self._seen_before = SeenBefore()

    def shards(self) -> Iterator[ShardRecord]:
        """Shards, each on disk and in the ledger when it is given out. Raises OSError when the disk is full."""
        with self._warehouse.transaction() as connection:
            for receipt_id in ledger.receipt_ids(connection):
                self._seen_before.add(receipt_id)
        try:
            for offered, decision, image in self._decided():
                self.seen += 1
                self._on_receipt(offered.receipt_id, self.seen)
                yield from self._plan(offered, decision, image)
                if len(self._rows) >= UNCOMMITTED_RECEIPTS:
                    self._commit(lambda connection: None)
            yield from self._roll()
            if self._rows:
                self._commit(lambda connection: None)
        finally:
            self._writer.close()

    def _decided(self) -> Iterator[tuple[Offered, ledger.Decision, Image]]:
        """The receipts of the source in order, each with whether it is to be asked, and its image if so."""
        waiting: list[tuple[Offered, Image]] = []
        size = 0
        for offered, image in in_threads(self._first_look, self._source):
            if image is not None and not waiting:
                yield offered, NEW, image
                continue
            waiting.append((offered, image))
            size += offered.byte_count
            if len(waiting) >= BATCH_RECEIPTS or size >= BATCH_BYTES:
                yield from self._looked_up(waiting)
                waiting, size = [], 0
        if waiting:
            yield from self._looked_up(waiting)

    def _first_look(self, receipt: Receipt) -> tuple[Offered, Image]:
        """A receipt with its image as it is sent; without, when the ledger may know it."""
        offered = offer(receipt)
        return offered, None if offered.receipt_id in self._seen_before else self._prepared(offered, NEW)

    def _looked_up(self, waiting: list[tuple[Offered, Image]]) -> Iterator[tuple[Offered, ledger.Decision, Image]]:
        """The same receipts, those without an image as the ledger decides."""
        question = self._question
        asked = [offered.receipt_id for offered, image in waiting if image is None]
        decisions = self._commit(lambda connection: decide(connection, question, asked, self._load_id))
        # The ledger does not know the open shard yet, which may be closed before these receipts have passed.
        for receipt_id in asked:
            if question.custom_id(receipt_id) in self._writer:
                decisions[receipt_id] = ledger.Decision(attempt=None, truncated_at=None)

        def prepared(offered: Offered, image: Image) -> tuple[Offered, ledger.Decision, Image]:
            if image is not None:
                return offered, NEW, image
            decision = decisions[offered.receipt_id]
            return offered, decision, self._prepared(offered, decision)

        return in_threads(lambda one: prepared(*one), waiting)

    def _prepared(self, offered: Offered, decision: ledger.Decision) -> Image:
        if offered.rejected_reason is not None:
            return RejectedImage(offered.rejected_reason)
        if decision.attempt is None:
            return None
        try:
            return prepare(offered.receipt.image or b"", self._question.policy)
        except RejectedImage as rejected:
            return rejected

    def _commit(self, also: Callable[[DuckDBPyConnection], T]) -> T:
        """One transaction: the receipts that have passed, and `also`."""
        with self._warehouse.transaction() as connection:
            if self._rows:
                append_receipts(connection, self._rows, self._load_id)
            result = also(connection)
        self._rows = []
        return result

    def _plan(self, offered: Offered, decision: ledger.Decision, image: Image) -> Iterator[ShardRecord]:
        reason = None
        custom_id = self._question.custom_id(offered.receipt_id)
        if isinstance(image, RejectedImage):
            self.rejected += 1
            reason = image.reason
        elif image is None or custom_id in self._writer or custom_id in self._lately:
            self.skipped += 1
        else:
            yield from self._write(offered.receipt_id, custom_id, image, decision)
        self._rows.append(offered.row(self._default_currency, reason))

    def _write(
        self, receipt_id: str, custom_id: str, image: PreparedImage, decision: ledger.Decision
    ) -> Iterator[ShardRecord]:
        max_tokens = requests.max_tokens_for(decision.truncated_at)
        line = requests.request_line(custom_id, image, self._question.style, max_tokens)
        if not self._writer.fits(len(line)):
            yield from self._roll()
        cost = self._question.request_cost_usd(image.width, image.height)
        self._writer.add(Request(custom_id, receipt_id, decision.attempt or 1, max_tokens, cost), line)
        self._lately[custom_id] = None
        if len(self._lately) > LATELY_REQUESTS:
            self._lately.popitem(last=False)
        self._seen_before.add(receipt_id)
        self.planned += 1

    def _roll(self) -> Iterator[ShardRecord]:
        shard = self._writer.finish()
        if shard is None:
            return
        question = self._question
        yield self._commit(
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


def decide(
    connection: DuckDBPyConnection, question: Question, receipt_ids: list[str], load_id: str | None = None
) -> dict[str, ledger.Decision]:
    """What the ledger says about these receipts, by receipt_id."""
    custom_ids = {question.custom_id(receipt_id): receipt_id for receipt_id in receipt_ids}
    decisions = ledger.decide(
        connection,
        list(custom_ids),
        list(custom_ids.values()),
        question.model,
        question.bounds,
        question.again,
        load_id,
    )
    return {custom_ids[custom_id]: decision for custom_id, decision in decisions.items()}
