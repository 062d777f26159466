"""Subtotal, taxes, tip, service charge and rounding, as printed."""

from __future__ import annotations

import pytest

from loader.embedded_api.reader.amounts import prints_decimals
from loader.embedded_api.reader.charges import charges_of
from tests.embedded_api.reader.printed import rows

Printed = tuple[str | None, tuple[str, ...], str | None, str | None, str | None]
"""Subtotal, taxes, tip, service charge, rounding."""

CASES: dict[str, tuple[str, Printed]] = {
    "tax added": (
        """
        BURGER             10.00
        Subtotal           10.00
        Sales Tax           0.80
        Total              10.80
        """,
        ("10.00", ("0.80",), None, None, None),
    ),
    "two taxes": (
        """
        SOUP               10.00
        Sub total          10.00
        GST 5%              0.50
        PST 7%              0.70
        TOTAL              11.20
        """,
        ("10.00", ("0.50", "0.70"), None, None, None),
    ),
    "a table of taxes, net, tax and gross": (
        """
        BROT                3,21 A
        SUMME               3,21
        A  7,0%   3,00   0,21   3,21
        """,
        (None, ("0,21",), None, None, None),
    ),
    "tax and gross, the rate first": (
        """
        CHEESE              6.00
        TOTAL               6.00
        VAT 20%   1.00   6.00
        """,
        (None, ("1.00",), None, None, None),
    ),
    "a line that sums up the others": (
        """
        SOUP               20.00
        Tax A               1.00
        Tax B               0.50
        Tax                 1.50
        """,
        (None, ("1.00", "0.50"), None, None, None),
    ),
    "a tip that was given, and tips that are suggested": (
        """
        STEAK              20.00
        Tip                 4.00
        Total              24.00
        Tip 18%  =  3.60
        Tip 20%  =  4.00
        """,
        (None, (), "4.00", None, None),
    ),
    "a tip that is a share of the sum": (
        """
        STEAK              20.00
        Gratuity 18%        3.60
        Total              23.60
        """,
        (None, (), "3.60", None, None),
    ),
    "service and rounding": (
        """
        NASI               10.02
        Sub Total          10.02
        Service Charge      1.00
        Rounding Adj       -0.02
        Total              11.00
        """,
        ("10.02", (), None, "1.00", "-0.02"),
    ),
    "a total that tells of tax is none": (
        """
        TEH                 2.00
        Total incl GST      2.00
        """,
        (None, (), None, None, None),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_charges(name: str) -> None:
    receipt, expected = CASES[name]
    found = rows(receipt)
    charges = charges_of(found, prints_decimals(found))
    others = (charges.subtotal, charges.tip, charges.service_charge, charges.rounding)
    subtotal, tip, service_charge, rounding = (amount.printed if amount else None for amount in others)
    assert (subtotal, tuple(tax.printed for tax in charges.taxes), tip, service_charge, rounding) == expected
