"""From a source to shards on disk. A receipt is asked once, whatever was planned, sent or answered before and however
often the source offers it; what is known of it is committed no later than the shard that holds its request.

A receipt that is not asked is not read either, where its file is known and has not changed. What the ledger knows of
requests is read once, as one load at a time has the lock; what is planned is noted beside it. Reading, hashing and
shrinking happen in threads, a few receipts ahead, all else in the order of the source. Memory follows what is under
way, not the source, but for the 64 bits by which a receipt is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from loader.requests.candidates import Candidate, look_at
from loader.requests.images import PreparedImage, prepare
from loader.requests.known import Beside, Lookup, known_and_unasked
from loader.requests.pictures import RejectedImage
from loader.requests.question import Question, max_tokens_for
from loader.requests.request_files import MAX_SHARD_BYTES, MAX_SHARD_REQUESTS, ShardWriter
from loader.sources.receipt import PassedOver, Receipt, Source
from loader.threads import DECODING, THREADS, in_threads
from loader.warehouse import known_files, ledger
from loader.warehouse.decisions import Decision, Decisions
from loader.warehouse.duckdb_file import Warehouse
from loader.warehouse.ledger import Request, Shard, ShardRecord
from loader.warehouse.raw import ReceiptRow, append_receipts

UNCOMMITTED_RECEIPTS = 10_000

Prepared = tuple[Candidate, tuple[PreparedImage, ...] | RejectedImage | None]
"""A receipt with its images as they are sent, or why they can't be; None when it is not asked."""


class Planner:
    """Plans the requests of one source. `receipts`, `planned`, `rejected`, `skipped` count receipts as they pass.

    `notes` counts and names those that are sent otherwise than one would think: what `PreparedImage.notes` says.
    """

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
        on_receipt: Callable[[str, int], None] = lambda receipt_id, count: None,
        rehash: bool = False,
    ) -> None:
        self.receipts = self.planned = self.rejected = self.skipped = 0
        self.notes = PassedOver()  # counts and names by kind, which is what is wanted here
        self._warehouse = warehouse
        self._source = source
        self._question = question
        self._api = api
        self._default_currency = default_currency
        self._load_id = load_id
        self._on_receipt = on_receipt
        self._writer = ShardWriter(directory, max_shard_bytes, max_shard_requests)
        self._lookup = Lookup(warehouse, question.policy, rehash)
        self._rows: list[ReceiptRow] = []  # not yet committed
        self._files: dict[str, known_files.KnownFile] = {}  # neither
        self._decisions = Decisions()

    def shards(self) -> Iterator[ShardRecord]:
        """Shards, each on disk and in the ledger when it is given out. Raises OSError when the disk is full."""
        with self._warehouse.transaction() as connection:
            self._decisions = self._question.decisions(connection, self._load_id)
        try:
            beside = self._lookup.beside(self._source)
            threads = max(THREADS, self._source.read_ahead)
            for prepared in in_threads(self._prepared, beside, threads=threads, at_hand=self._unread):
                self.receipts += 1
                self._on_receipt(prepared[0].receipt_id, self.receipts)
                yield from self._plan(prepared)
                if len(self._rows) >= UNCOMMITTED_RECEIPTS:
                    self._commit()
            yield from self._roll()
            if self._rows:
                self._commit()
        finally:
            self._writer.close()

    def _unread(self, beside: Beside) -> Prepared | None:
        """A known receipt that is not asked, or cannot be; None when its file must be read."""
        known = known_and_unasked(beside, self._decisions)
        if known is None:
            return None
        return known, None if known.rejected_reason is None else RejectedImage(known.rejected_reason)

    def _prepared(self, beside: Beside) -> Prepared:
        receipt = beside[0].with_image()
        with DECODING:
            return self._prepared_image(receipt)

    def _prepared_image(self, receipt: Receipt) -> Prepared:
        candidate = look_at(receipt)
        if candidate.rejected_reason is not None:
            return candidate, RejectedImage(candidate.rejected_reason, candidate.may_pass)
        if self._decisions[candidate.receipt_id] is None:
            return candidate, None
        try:
            return candidate, prepare(candidate.receipt.image or b"", self._question.policy)
        except RejectedImage as rejected:
            return candidate, rejected

    def _plan(self, prepared: Prepared) -> Iterator[ShardRecord]:
        candidate, images = prepared
        reason = None
        decision = self._decisions[candidate.receipt_id]  # once more: a copy may have been planned meanwhile
        if isinstance(images, RejectedImage):
            self.rejected += 1
            reason = images.reason
        elif images is None or decision is None:
            self.skipped += 1
        else:
            for note in images[0].notes:
                self.notes.add(note, candidate.receipt.source_key)
            yield from self._write(candidate.receipt_id, images, decision)
        self._rows.append(candidate.row(self._default_currency, reason))
        may_pass = isinstance(images, RejectedImage) and images.may_pass
        if (file := self._lookup.found(candidate, reason, may_pass)) is not None:
            self._files[file.location] = file

    def _write(self, receipt_id: str, images: tuple[PreparedImage, ...], decision: Decision) -> Iterator[ShardRecord]:
        question = self._question
        custom_id = question.custom_id(receipt_id)
        max_tokens = max_tokens_for(decision.truncated_at)
        line = question.line(custom_id, images, max_tokens)
        if not self._writer.fits(len(line)):
            yield from self._roll()
        cost = question.request_cost_usd((image.width, image.height) for image in images)
        self._writer.add(Request(custom_id, receipt_id, decision.attempt, max_tokens, cost), line)
        self._decisions.note_planned(receipt_id)
        self.planned += 1

    def _roll(self) -> Iterator[ShardRecord]:
        shard = self._writer.finish()
        if shard is not None and (record := self._commit(shard)) is not None:
            yield record

    def _commit(self, shard: Shard | None = None) -> ShardRecord | None:
        """One transaction: the receipts that have passed, and the shard that holds their requests."""
        record = None
        with self._warehouse.transaction() as connection:
            if self._rows:
                append_receipts(connection, self._rows, self._load_id)
            if self._files:
                known_files.note(connection, list(self._files.values()))
            if shard is not None:
                record = ledger.plan_shard(
                    connection,
                    shard,
                    api=self._api,
                    model=self._question.model,
                    prompt_id=self._question.prompt_id,
                    style=self._question.style,
                    load_id=self._load_id,
                )
        self._rows, self._files = [], {}
        return record
