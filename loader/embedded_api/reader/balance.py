"""Which reading of a receipt is meant: the one that adds up.

A receipt prints its own check sum: items, and what is added to them, make the total. Where the items end, which column
is theirs, whether a line belongs to them and which row has the total may be read in more than one way; of the
likeliest ways the first that adds up is taken, and the likeliest as it is where none does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

from loader.embedded_api.reader import words
from loader.embedded_api.reader.amounts import SUMS, Amount, amounts
from loader.embedded_api.reader.charges import Charges, charges_of
from loader.embedded_api.reader.header import plain_sum, totals_of
from loader.embedded_api.reader.items import Guess, guesses
from loader.embedded_api.reader.names import has_name, trimmed, words_beside
from loader.embedded_api.reader.rows import Row
from loader.embedded_api.reader.sums import Line, adds_up, mended, printed_sums, value_of, without_sign

NO_LINE = SUMS | {"payment", "change", "points", "count", "rounding", "tax", "tip", "service"}
MOST_TOTALS = 4
NOTHING, SLACK = Decimal(0), Decimal("0.02")  # cash is rounded, and not every till prints by how much


@dataclass(frozen=True)
class Settled:
    """The lines bought, the total and what is printed beside them; `is_balanced`: whether they add up."""

    lines: list[Line]
    total: Amount | None
    charges: Charges
    is_balanced: bool


def settled(rows: Sequence[Row], decimals: bool) -> Settled:
    """The reading that is meant; `decimals`: whether the receipt prints amounts with decimals."""
    printed = charges_of(rows, decimals)
    totals = _with_tip_first(totals_of(rows, decimals)[:MOST_TOTALS], printed)
    guess = _likeliest(rows, decimals, totals, printed)
    plain = plain_sum(rows, decimals)
    if guess is None:
        return Settled([], totals[0] if totals else plain, printed, False)
    others = [*_unnamed(rows, guess, printed, decimals), guess.sum_row, plain, *_without_sign(totals)]
    for some in (totals, [total for total in others if total is not None]):
        for total, charges in product(some, _charges(printed)):
            if any(total.value == value_of(guess.lines) + added for added in _added(charges) if added > 0):
                return Settled(guess.lines, total, charges, True)
        for (rank, total), charges in product(enumerate(some), _charges(printed)):
            for lines in _with_later(rows, guess, total, decimals):
                if balances(lines, total, charges, SLACK if rank == 0 else NOTHING):
                    return Settled(lines, total, charges, True)
    likeliest = totals[0] if totals else plain
    *_, lines = _with_later(rows, guess, likeliest, decimals)
    return Settled(lines, likeliest, printed, False)


def _with_tip_first(totals: Sequence[Amount], charges: Charges) -> list[Amount]:
    """What was paid before what was to be paid: a total that is another one and the tip comes first."""
    tip = charges.tip.value if charges.tip else NOTHING
    less = {total.value for total in totals} if tip > 0 else set()
    return sorted(totals, key=lambda total: total.value - tip not in less)


def _without_sign(totals: Sequence[Amount]) -> Iterator[Amount]:
    for total in totals:
        if less := without_sign(total.printed):
            yield replace(total, printed=less[0], value=less[1])


def balances(lines: Sequence[Line], total: Amount, charges: Charges, slack: Decimal) -> bool:
    """Whether the lines make the total, but for `slack`, alone or with tax, tip or service charge, and the rounding."""
    return bool(lines) and any(abs(total.value - added - value_of(lines)) <= slack for added in _added(charges))


def _unnamed(rows: Sequence[Row], guess: Guess, charges: Charges, decimals: bool) -> list[Amount]:
    """Totals without their word: what stands below the items and is their sum with what is added."""
    items = value_of(guess.lines)
    below = [found[-1] for row in rows[guess.end :] if (found := amounts(row, decimals))]
    wanted = {items + added for added in _added(charges) if added > 0}
    if sum(amount.value == items for amount in below) > 1:  # what was paid, and in a table of taxes
        wanted.add(items)
    return sorted((amount for amount in below if amount.value in wanted), key=lambda amount: -amount.value)[:1]


def _likeliest(rows: Sequence[Row], decimals: bool, totals: Sequence[Amount], charges: Charges) -> Guess | None:
    """The first guess that makes a printed sum, or a total less what is added, else the first with one change."""
    sums = printed_sums(rows, decimals)
    less = [total.value - added for total in totals for each in _charges(charges) for added in _added(each)]
    found: list[Guess] = []
    for guess in guesses(rows, decimals):
        if adds_up(guess.lines, sums) or value_of(guess.lines) in less:
            return guess
        found.append(guess)
    if not found:
        return None
    for goals in (sums, less):
        lines = mended(found[0].lines, found[0].strays, goals)
        if lines != found[0].lines:
            return replace(found[0], lines=lines)
    return next((guess for guess in found if guess.sum_row is not None and not totals), found[0])


def _charges(printed: Charges) -> Iterator[Charges]:
    """What is printed beside the items; of several taxes perhaps one alone, where the others are parts or sums, and
    the rounding with the minus that the till or the OCR lost."""
    yield printed
    if printed.rounding and printed.rounding.value > 0:
        down = printed.rounding
        yield replace(printed, rounding=replace(down, printed=f"-{down.printed}", value=-down.value))
    for tax in printed.taxes if len(printed.taxes) > 1 else ():
        yield replace(printed, taxes=(tax,))


def _added(charges: Charges) -> Iterator[Decimal]:
    """What may have been added to the items, nothing first; a rounding always."""
    rounding = charges.rounding.value if charges.rounding else NOTHING
    tax = sum((tax.value for tax in charges.taxes), NOTHING)
    parts = (tax, charges.tip.value if charges.tip else NOTHING)
    service = charges.service_charge.value if charges.service_charge else NOTHING
    for a, b, c in product((0, 1), repeat=3):
        yield rounding + a * parts[0] + b * parts[1] + c * service


def _with_later(rows: Sequence[Row], guess: Guess, total: Amount | None, decimals: bool) -> Iterator[list[Line]]:
    """The lines alone, the first of them that make the total, those with what stands between the first sum and the
    total: all that is no sum or charge, one of it, and last the discounts that are printed with a minus and were not
    read before."""
    yield guess.lines
    if total is not None:
        yield from (
            guess.lines[:end] for end in range(1, len(guess.lines)) if value_of(guess.lines[:end]) == total.value
        )
    later = list(_later(rows, guess, total, decimals))
    if len(later) > 1:
        yield guess.lines + later
    for line in later:
        yield [*guess.lines, line]
    known = {line.value for line in guess.lines}
    discounts = [line for line in later if line.value < 0 and line.value not in known]
    yield guess.lines + [line for line in discounts if words.kinds(line.name) & {"discount", "void"}]


def _later(rows: Sequence[Row], guess: Guess, total: Amount | None, decimals: bool) -> Iterator[Line]:
    last = max((position for position, row in enumerate(rows) if total in amounts(row, decimals)), default=0)
    for row in rows[guess.end : last]:
        found = amounts(row, decimals)[-1:]
        kinds = words.kinds(row.text)
        if not found or found[0] == total or kinds & (NO_LINE - {"tax"}) or (found[0].value >= 0 and kinds & {"tax"}):
            continue
        name = words_beside(row, found[0])
        if has_name(name) and found[0].value:
            yield Line(trimmed(name), found[0].printed, found[0].value)
