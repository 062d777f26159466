"""What Unicode knows is read as the amount that it was: CLDR's own way to write money, in every locale that has a
currency as its own, and every digit, dash, space and unseen mark."""

from __future__ import annotations

import csv
import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import chain, product

import duckdb
import pytest
from babel import Locale, UnknownLocaleError, localedata
from babel.core import get_global
from babel.numbers import (
    UnsupportedNumberingSystemError,
    format_currency,
    get_currency_precision,
    get_territory_currencies,
)

from loader.warehouse.dbt_sql import render
from tests.dbt.build import PROJECT

AMOUNTS = [Decimal(amount) for amount in ("0.5", "12.5", "999.99", "1234.5", "25000", "1234567.89")]

# What CLDR writes and the rules don't read: (currency, pattern of the print) and why.
LEFT_OUT = {
    ("SOS", r"S"): "a bare S is a tax letter, or a dollar sign misread",
    ("MMK", r"K\)?$"): "K behind a figure is thousands, whatever the currency",
}

Case = tuple[str, str, str, Decimal]  # currency, locale, as printed, amount


def _own_locales() -> Iterator[tuple[str, str]]:
    """(currency, locale) for every locale and every currency that its country has."""
    countries = get_global("territory_currencies")
    for name in sorted(localedata.locale_identifiers()):
        try:
            territory = Locale.parse(name).territory
        except UnknownLocaleError:
            continue
        if territory in countries:
            yield from ((currency, name) for currency in get_territory_currencies(territory))


def _amounts(rule: dict[str, str], currency: str) -> Iterator[Decimal]:
    """Amounts that such receipts print, as CLDR rounds them."""
    digits = Decimal(1).scaleb(-get_currency_precision(currency))
    for amount in AMOUNTS:
        rounded = amount.quantize(digits, ROUND_HALF_EVEN)
        is_whole = rounded == rounded.to_integral_value()
        if rounded <= Decimal(rule["plausible_max"]) and rounded and (is_whole or int(rule["printed_decimals"])):
            yield from (rounded, -rounded)


def _cases() -> Iterator[Case]:
    with (PROJECT / "seeds" / "currencies.csv").open(encoding="utf-8", newline="") as file:
        rules = {row["currency"]: row for row in csv.DictReader(file)}
    for currency, locale in _own_locales():
        for amount, style, numbers in product(
            _amounts(rules[currency], currency), ("standard", "accounting"), ("latn", "default")
        ):
            with suppress(UnsupportedNumberingSystemError):  # CLDR has no marks for the digits of some locales
                yield (
                    currency,
                    locale,
                    format_currency(amount, currency, locale=locale, format_type=style, numbering_system=numbers),
                    amount,
                )


def _unicode_cases() -> Iterator[Case]:
    for character in map(chr, range(0x80, sys.maxunicode + 1)):
        kind = unicodedata.category(character)
        if kind == "Nd" and unicodedata.digit(character) == 0:
            digits = [chr(ord(character) + digit) for digit in range(10)]
            yield "EUR", kind, f"{digits[1]}{digits[2]},{digits[5]}{digits[0]}", Decimal("12.5")
            yield "USD", kind, f"${''.join(digits[3:6])}.{''.join(digits[6:8])}", Decimal("345.67")
            yield "USD", kind, f"{digits[8]}.{digits[9]}{digits[1]}", Decimal("8.91")
        elif kind == "Pd":
            yield "JPY", kind, f"{character}50", Decimal(-50)
            yield "USD", kind, f"3.00{character}T", Decimal(-3)
            yield "EUR", kind, f"5,{character}", Decimal(5)
        elif kind == "Zs":
            yield "EUR", kind, f"1{character}234,50{character}€", Decimal("1234.5")
        elif kind == "Cf":
            yield "EUR", kind, f"{character}-1{character}2,5{character}0{character} €", Decimal("-12.5")


@pytest.fixture(scope="module")
def read(corpus: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The corpus with all cases in the table `cases`, and what the rules make of them in `readings`."""
    relations = {
        "currencies": "reference.currencies",
        "int_currencies__symbols": "intermediate.int_currencies__symbols",
        "int_prices__printed": "printed_prices",
    }
    corpus.execute(
        "create temp table cases (currency varchar, locale varchar, literal varchar, expected decimal(18, 3))"
    )
    columns = [list(column) for column in zip(*chain(_cases(), _unicode_cases()), strict=True)]
    corpus.execute("insert into cases select unnest(?), unnest(?), unnest(?), unnest(?)", columns)
    corpus.execute(
        "create temp table printed_prices as select distinct literal, false as is_number, currency from cases"
    )
    corpus.execute(f"create temp table readings as {render('int_prices__parsed', relations)}")
    return corpus


def test_every_amount_comes_back(read: duckdb.DuckDBPyConnection) -> None:
    lost = read.execute(
        """
        select cases.currency, locale, literal, cast(expected as varchar), cast(amount as varchar), reason
        from cases inner join readings using (literal, currency)
        where amount is distinct from expected
        """
    ).fetchall()
    assert [row for row in lost if not _is_left_out(row[0], row[2])] == []
    for currency, pattern in LEFT_OUT:  # what is read by now leaves the list
        assert any(row[0] == currency and re.search(pattern, row[2]) for row in lost), currency


def test_every_currency_of_the_seed_but_the_unknown_has_cases(read: duckdb.DuckDBPyConnection) -> None:
    without = read.execute(
        "select currency from reference.currencies anti join cases using (currency) order by 1"
    ).fetchall()
    assert without == [("SVC",), ("XXX",)]  # the colón is tender where prices are in dollars


def _is_left_out(currency: str, literal: str) -> bool:
    return any(currency == left_out and re.search(pattern, literal) for left_out, pattern in LEFT_OUT)
