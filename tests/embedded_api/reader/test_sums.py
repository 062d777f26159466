"""Lines against the sums that the receipt prints."""

from __future__ import annotations

from decimal import Decimal

from loader.embedded_api.reader.sums import Line, mended


def line(name: str, price: str) -> Line:
    return Line(name, price, Decimal(price))


TEA, RICE = line("TEA", "2.50"), line("RICE", "4.00")


def test_lines_that_add_up_stay() -> None:
    assert mended([TEA, RICE], [line("FAX", "1.00")], [Decimal("6.50")]) == [TEA, RICE]


def test_cash_rounding_adds_up() -> None:
    assert mended([TEA, RICE], [], [Decimal("6.52")]) == [TEA, RICE]


def test_without_a_printed_sum_nothing_changes() -> None:
    assert mended([TEA, RICE], [line("SOUP", "3.00")], []) == [TEA, RICE]


def test_a_line_outside_the_column_is_taken_when_it_is_what_lacks() -> None:
    assert mended([TEA], [RICE], [Decimal("6.50")]) == [TEA, RICE]


def test_a_line_too_many_goes() -> None:
    assert mended([TEA, RICE, line("TABLE", "9.00")], [], [Decimal("6.50")]) == [TEA, RICE]


def test_what_no_single_change_mends_stays() -> None:
    assert mended([TEA, RICE], [line("SOUP", "3.00")], [Decimal("100.00")]) == [TEA, RICE]
