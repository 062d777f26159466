"""One self-contained HTML page of a first look at the marts: no script, nothing fetched, readable anywhere.

Every chart has its table beside it. Text from receipts is escaped by the template, stripped of control characters
and shortened; the page's own policy forbids scripts and the network besides.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.errors import NotOursError, WarehouseError, system_trouble
from loader.files import put_in_place
from loader.formats import dollars, figure, money, percent
from loader.marts.charts import Bar, bar_chart
from loader.marts.read import checked, open_marts
from loader.marts.review.running import running_page
from loader.settings import EMBEDDED_MODEL, SAMPLES, read_settings

if TYPE_CHECKING:
    import duckdb

SHOWN_CURRENCIES = 12  # those with the most receipts; more would be no first look
BIGGEST_ITEMS = 5
SHOWN_DOUBTFUL = 10
LONGEST_NAME = 60
STATUSES = {
    "extracted": "read, with at least one item",
    "empty": "read, but no item on it",
    "truncated": "the answer was cut off; its complete items are kept and marked",
    "unreadable": "the answer was not of the wanted shape",
    "failed": "the provider answered with an error",
    "missing": "the job ended without an answer",
    "pending": "no answer yet",
    "rejected": "the image could not be sent",
    "duplicate": "the same purchase as another receipt, and counts there",
    "replaced": "a later image of the same place counts",
    "not_a_receipt": "a person says that it is none",
}


@dataclass(frozen=True)
class Proof:
    """How much of a currency's gross spend stands on receipts that add up, that don't, or that can't be checked."""

    name: str  # proven, doubtful or unknown
    amount: str
    percent: str
    share: float


@dataclass(frozen=True)
class Spend:
    """What was spent in one currency."""

    currency: str
    total: str
    receipts: int
    items: int
    rows: list[tuple[str, str, str, str, str]]  # category, receipts, items, spend, share
    biggest: list[tuple[str, str, str, str, str]]  # name, merchant, date, price, its receipt's id
    chart: str
    proof: list[Proof]


@dataclass(frozen=True)
class Check:
    """A share of answers, receipts or items that pass a check that needs no truth."""

    name: str
    good: int
    of: int

    @property
    def share(self) -> float:
        return self.good / self.of if self.of else 1.0

    @property
    def percent(self) -> str:
        return percent(self.share)


@dataclass(frozen=True)
class Accuracy:
    """How a model's answers to one question compare with labels made by people."""

    model: str
    receipts: str
    found: str  # share of the items on the labels
    right: str  # share of the items in the answers that are on the labels
    priced: str  # share of the found items with the price of the label


@dataclass(frozen=True)
class ReportPage:
    """All that the page shows, ready to be put into its template."""

    receipts: int
    items: int
    cost: str
    spend: list[Spend]
    other_currencies: int
    statuses: list[tuple[str, str, str, str]]  # status, receipts, share, meaning
    status_chart: str
    costs: list[dict[str, str]]
    checks: list[Check]
    accuracies: list[Accuracy]  # none where no receipt has a label
    rejections: list[tuple[str, str]]  # reason, items
    doubtful: list[tuple[str, str, str, str, str, str]]  # receipt, where from, items' sum, total, unexplained, id
    published: dict[str, str] = field(default_factory=dict)
    is_ocr: bool = False
    is_samples: bool = False
    review: str | None = None  # where the review page is served, while it is


def write_report(path: Path) -> ReportPage:
    """Make the page from the published file (else the warehouse) and write it to `path`, whole or not at all.

    Raises WarehouseError when there are no marts or the page cannot be written, SettingsError without the extra
    `report`, NotOursError when there is another file in this place.
    """
    _check_is_ours(path)
    with open_marts() as connection:
        report = replace(read_report(connection), review=running_page(read_settings().warehouse))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(render(report))
            Path(part).chmod(0o644)
            put_in_place(Path(part), path)
        finally:
            Path(part).unlink(missing_ok=True)
    except OSError as error:
        raise WarehouseError(system_trouble(f"cannot write {path}", error)) from error
    return report


def _check_is_ours(path: Path) -> None:
    """Raise NotOursError when there is a file that is no report; those of version 0.1 bear no generator."""
    try:
        with path.open("rb") as file:
            start = file.read(1000)
    except FileNotFoundError:
        return
    except OSError as error:
        raise WarehouseError(system_trouble(f"cannot write {path}", error)) from error
    if start and not all(part in start for part in (b"default-src 'none'", b"<title>Spend by category</title>")):
        raise NotOursError(f"{path} is not a report of this program, so that it is not replaced: name another file")


def render(report: ReportPage) -> str:
    """The page."""
    from jinja2 import Environment, StrictUndefined

    template = Path(__file__).with_name("report.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(template).render(report=report)


def read_report(connection: duckdb.DuckDBPyConnection) -> ReportPage:
    """What the marts of an open file say. Raises WarehouseError when there are none yet."""
    checked(connection, "receipts")
    receipts, is_samples, is_ocr = _row(
        connection,
        "select count(*), coalesce(bool_or(source = $samples), false), coalesce(bool_or(model = $ocr), false) "
        "from marts.receipts",
        {"samples": SAMPLES, "ocr": EMBEDDED_MODEL},
    )
    (items,) = _row(connection, "select count(*) from marts.receipt_items")
    currencies = connection.execute(
        "select currency, count(distinct receipt_id), count(*), sum(price)::decimal(18, 3) from marts.receipt_items "
        "group by currency order by 2 desc, 1"
    ).fetchall()
    statuses = connection.execute(
        "select status, count(*) as receipts from marts.receipts group by status order by receipts desc, status"
    ).fetchall()
    costs = _costs(connection)
    return ReportPage(
        receipts=receipts,
        items=items,
        cost=_sum_of_costs(costs),
        spend=[_spend(connection, *row) for row in currencies[:SHOWN_CURRENCIES]],
        other_currencies=max(0, len(currencies) - SHOWN_CURRENCIES),
        statuses=[
            (status, figure("", count), percent(count / receipts), STATUSES.get(status, ""))
            for status, count in statuses
        ],
        status_chart=bar_chart([Bar(status, count, figure("", count)) for status, count in statuses])
        if statuses
        else "",
        costs=[_cost_cells(row) for row in costs],
        checks=_checks(connection),
        accuracies=_accuracies(connection),
        rejections=[
            (reason, figure("", count))
            for reason, count in connection.execute(
                "select reason, count(*) from marts.rejected_items group by reason order by 2 desc, 1"
            ).fetchall()
        ],
        doubtful=_doubtful(connection),
        published=_published(connection),
        is_ocr=is_ocr,
        is_samples=is_samples,
    )


def _spend(connection: duckdb.DuckDBPyConnection, currency: str, receipts: int, items: int, total: Decimal) -> Spend:
    rows = connection.execute(
        "select category, receipt_count, item_count, spend, share_of_spend from marts.spend_by_category "
        "where currency = ? order by spend desc, category",
        [currency],
    ).fetchall()
    biggest = connection.execute(
        "select name, merchant, purchased_on, price, receipt_id from marts.receipt_items where currency = ? "
        "order by price desc, receipt_item_id limit ?",
        [currency, BIGGEST_ITEMS],
    ).fetchall()
    return Spend(
        currency=currency,
        total=money(total, currency),
        receipts=receipts,
        items=items,
        rows=[
            (
                category,
                figure("", receipt_count),
                figure("", item_count),
                money(spend, currency),
                "" if share is None else percent(share),
            )
            for category, receipt_count, item_count, spend, share in rows
        ],
        biggest=[
            (_shown(name), _shown(merchant), figure("", purchased_on), money(price, currency), receipt_id)
            for name, merchant, purchased_on, price, receipt_id in biggest
        ],
        chart=bar_chart([Bar(category, float(spend), money(spend, currency)) for category, _, _, spend, _ in rows]),
        proof=_proof(connection, currency),
    )


def _proof(connection: duckdb.DuckDBPyConnection, currency: str) -> list[Proof]:
    amounts = _row(
        connection,
        """
        select
            coalesce(sum(price) filter (reconciliation = 'balanced'), 0)::decimal(18, 3) as proven,
            coalesce(sum(price) filter (reconciliation = 'off'), 0)::decimal(18, 3) as doubtful,
            coalesce(sum(price) filter (reconciliation = 'unknown'), 0)::decimal(18, 3) as unknown
        from marts.receipt_items as items
        inner join marts.receipts as receipts on receipts.receipt_id = items.receipt_id
        where items.currency = $currency and price > 0
        """,
        {"currency": currency},
    )
    gross = sum(amounts)
    return [
        Proof(name, money(amount, currency), percent(amount / gross), float(amount / gross))
        for name, amount in zip(("proven", "doubtful", "unknown"), amounts, strict=True)
        if amount
    ]


def _doubtful(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, str, str, str]]:
    """The receipts with the largest unexplained amounts; of each currency first the largest, as amounts of unlike
    currencies cannot be compared."""
    rows = connection.execute(
        """
        select merchant, purchased_on, source, source_key, currency, spend, total, unexplained, receipt_id
        from marts.receipts
        where reconciliation = 'off' and spend is not null
        order by
            row_number() over (partition by currency order by abs(unexplained) desc, receipt_id),
            abs(unexplained / nullif(coalesce(total, subtotal), 0)) desc nulls last,
            receipt_id
        limit ?
        """,
        [SHOWN_DOUBTFUL],
    ).fetchall()
    return [
        (
            _shown(merchant) or "no merchant",
            ", ".join(filter(None, (figure("", bought), f"{_shown(source)}/{_shown(key)}"))),
            money(spend, currency),
            "" if total is None else money(total, currency),
            f"{currency} {money(unexplained, currency)}",
            receipt_id,
        )
        for merchant, bought, source, key, currency, spend, total, unexplained, receipt_id in rows
    ]


def _costs(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    result = connection.execute(
        """
        select
            coalesce(model, 'unknown') as model,
            count(attempt) as requests,
            sum(prompt_tokens)::bigint as prompt_tokens,
            sum(completion_tokens)::bigint as completion_tokens,
            sum(cost_usd)::decimal(18, 8) as cost_usd,
            (sum(cost_usd) / nullif(count(distinct receipt_id), 0))::decimal(18, 8) as per_receipt_usd
        from marts.answers
        group by all
        order by requests desc, model
        """
    )
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _cost_cells(row: dict[str, Any]) -> dict[str, str]:
    cells = {name: figure(name, value) for name, value in row.items()}
    if row["cost_usd"] is None and row["prompt_tokens"]:
        cells["cost_usd"] = "no price known"
    return cells


def _sum_of_costs(costs: list[dict[str, Any]]) -> str:
    known = [row["cost_usd"] for row in costs if row["cost_usd"] is not None]
    is_incomplete = any(row["cost_usd"] is None and row["prompt_tokens"] for row in costs)
    if is_incomplete and not known:
        return "unknown"
    return f"{'at least ' if is_incomplete else ''}${dollars(sum(known, Decimal(0)))}"


def _checks(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    asked, answered, provable, balanced, known_currency = _row(
        connection,
        """
        select
            count(*) filter (status not in ('pending', 'rejected')),
            count(*) filter (status in ('extracted', 'empty')),
            count(*) filter (reconciliation <> 'unknown'),
            count(*) filter (reconciliation = 'balanced'),
            count(*) filter (status = 'extracted' and currency <> 'XXX')
        from marts.receipts
        where status not in ('duplicate', 'replaced', 'not_a_receipt') -- another counts for it, or none
        """,
    )
    (extracted,) = _row(connection, "select count(*) from marts.receipts where status = 'extracted'")
    kept, clear, from_list = _row(
        connection,
        """
        select
            count(*),
            count(*) filter (not is_price_ambiguous),
            count(*) filter (lower(trim(category_raw)) = lower(category))
        from marts.receipt_items
        """,
    )
    (rejected,) = _row(connection, "select count(*) from marts.rejected_items")
    checks = [
        Check("receipts whose answer was complete and could be read", answered, asked),
        Check("receipts in a known currency", known_currency, extracted),
        Check("receipts that add up to what was paid", balanced, provable),
        Check("items that were kept", kept, kept + rejected),
        Check("kept items with only one way to read the price", clear, kept),
        Check("kept items with a category from the list", from_list, kept),
    ]
    return [check for check in checks if check.of]


def _accuracies(connection: duckdb.DuckDBPyConnection) -> list[Accuracy]:
    if not _has_table(connection, "extraction_quality"):
        return []
    rows = connection.execute(
        "select model, labelled_answer_count, item_recall, item_precision, price_accuracy "
        "from marts.extraction_quality where labelled_answer_count > 0 order by labelled_answer_count desc, model"
    ).fetchall()
    return [
        Accuracy(model, figure("", count), *("" if share is None else percent(share) for share in shares))
        for model, count, *shares in rows
    ]


def _has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    query = "select 1 from information_schema.tables where table_name = ?"
    return connection.execute(query, [name]).fetchone() is not None


def _published(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The row of table `published`; nothing when this is the warehouse itself."""
    if not _has_table(connection, "published"):
        return {}
    result = connection.execute("select * from published")
    values = result.fetchone() or ()
    return {column[0]: figure(column[0], value) for column, value in zip(result.description or [], values, strict=True)}


def _shown(text: str | None) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text or "")
    return printable if len(printable) <= LONGEST_NAME else printable[: LONGEST_NAME - 1] + "…"


def _row(connection: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any] | None = None) -> tuple[Any, ...]:
    row = connection.execute(query, values).fetchone()
    if row is None:
        raise AssertionError("an aggregate always gives a row")
    return row
