"""dbt's own rules over what a person types: prices as printed, and whether a receipt adds up.

The compiled text of the models runs in a DuckDB in memory, on a few rows; there are no other rules here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from loader.warehouse.dbt_sql import render

MOST_REMEMBERED = 20_000


@dataclass(frozen=True)
class Price:
    """What a text means as a price. `amount` is None where `reason` says why it cannot be read."""

    amount: Decimal | None
    is_ambiguous: bool
    reason: str | None


@dataclass(frozen=True)
class Verdict:
    """Whether a receipt adds up: `balanced`, `off` (by `unexplained`) or `unknown`."""

    reconciliation: str
    unexplained: Decimal | None
    spend: Decimal


class Rules:
    """The rules, ready to be asked; from several threads one after the other."""

    def __init__(self, currencies: Any) -> None:
        """`currencies`: the seed as the last build had it, an Arrow table."""
        self._turn = threading.Lock()
        self._memory = duckdb.connect(config={"threads": "1", "memory_limit": "200MB"})
        self._memory.register("given", currencies)
        self._memory.execute("create table currencies as from given")
        self._memory.unregister("given")
        self._memory.execute(
            f"create table signs as {render('int_currencies__printed_signs', {'currencies': 'currencies'})}"
        )
        self._memory.execute("create table literals (literal varchar, is_number boolean, currency varchar)")
        self._memory.execute(
            "create table answers (answer_id varchar, is_good boolean, is_tax_asked boolean, currency varchar, "
            "payment_method varchar)"
        )
        self._memory.execute("create table items (answer_id varchar, price decimal(18, 3), reason varchar)")
        self._memory.execute(
            "create table amounts (answer_id varchar, kind varchar, amount decimal(18, 3), reason varchar)"
        )
        self._prices = "select literal, amount, is_ambiguous, reason from ({})".format(
            render(
                "int_prices__parsed",
                {
                    "int_prices__printed": "literals",
                    "int_currencies__printed_signs": "signs",
                    "currencies": "currencies",
                },
            )
        )
        self._verdict = "select reconciliation, unexplained from ({})".format(
            render(
                "int_answers__reconciled",
                {
                    "int_answers__described": "answers",
                    "int_items__valued": "items",
                    "int_amounts__valued": "amounts",
                    "currencies": "currencies",
                },
            )
        )
        self._known: dict[tuple[str, str], Price] = {}

    def prices(self, texts: Iterable[str], currency: str) -> dict[str, Price]:
        """What these texts mean in a currency."""
        wanted = set(texts)
        with self._turn:
            new = [text for text in wanted if (text, currency) not in self._known]
            if new:
                if len(self._known) > MOST_REMEMBERED:
                    self._known.clear()
                self._memory.execute("delete from literals")
                self._memory.execute(
                    "insert into literals select unnest($new::varchar[]), false, $currency",
                    {"new": new, "currency": currency},
                )
                for text, amount, is_ambiguous, reason in self._memory.execute(self._prices).fetchall():
                    self._known[text, currency] = Price(None if reason else amount, bool(is_ambiguous), reason)
            nothing = Price(None, False, "not a price")
            return {text: self._known.get((text, currency), nothing) for text in wanted}

    def verdict(
        self, currency: str, payment_method: str | None, prices: list[Decimal], amounts: dict[str, Decimal]
    ) -> Verdict:
        """Whether kept items of these prices come to what a receipt prints beside them (`total`, `tax`, …)."""
        with self._turn:
            for table in ("answers", "items", "amounts"):
                self._memory.execute(f"delete from {table}")
            self._memory.execute("insert into answers values ('a', true, true, ?, ?)", [currency, payment_method])
            self._memory.execute("insert into items select 'a', unnest(?::decimal(18, 3)[]), null", [prices])
            self._memory.execute(
                "insert into amounts select 'a', unnest(?::varchar[]), unnest(?::decimal(18, 3)[]), null",
                [list(amounts), list(amounts.values())],
            )
            found = self._memory.execute(self._verdict).fetchone()
        reconciliation, unexplained = found or ("unknown", None)
        return Verdict(reconciliation, unexplained, sum(prices, Decimal(0)))
