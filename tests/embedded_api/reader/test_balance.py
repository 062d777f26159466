"""The reading that adds up, of all the ways to read a receipt."""

from __future__ import annotations

import pytest

from loader.embedded_api.reader.amounts import prints_decimals
from loader.embedded_api.reader.balance import settled
from tests.embedded_api.reader.printed import rows

CASES: dict[str, tuple[str, list[str], str]] = {
    "a dollar sign of an item read as a digit": (
        """
        STEAK             522.95
        NOODLE              2.00
        SUSHI              20.75
        Subtotal           45.70
        Tax                 3.00
        Total              48.70
        """,
        ["22.95", "2.00", "20.75"],
        "48.70",
    ),
    "a dollar sign of the total read as a digit": (
        """
        STEAK              84.10
        NOODLE              2.00
        Tax                 8.68
        Total             894.78
        """,
        ["84.10", "2.00"],
        "94.78",
    ),
    "a dear item": (
        """
        BICYCLE           522.95
        BELL                9.00
        Total             531.95
        """,
        ["522.95", "9.00"],
        "531.95",
    ),
    "sums of the kinds of goods below them": (
        """
        SOUP                7.00
        STEAK              31.00
        RED WINE           12.00
        HOUSE BEER          6.50
        Food               38.00
        Drinks             18.50
        Sales Tax           4.52
        Total              61.02
        """,
        ["7.00", "31.00", "12.00", "6.50"],
        "61.02",
    ),
    "a total with the tip below the one without": (
        """
        PASTA              23.00
        SALAD              11.00
        Subtotal           34.00
        Tax                 3.02
        Total              37.02
        Amount:            37.02
        + Tip:              7.00
        = Total:           44.02
        """,
        ["23.00", "11.00"],
        "44.02",
    ),
    "a total with the tip above the one without": (
        """
        PASTA              23.00
        Tax                 2.00
        Tip                 5.00
        Total              30.00
        Order Total        25.00
        """,
        ["23.00"],
        "30.00",
    ),
    "a tip that is suggested": (
        """
        PASTA              23.00
        Tax                 2.00
        Total              25.00
        18% Tip             4.14
        Total              29.14
        """,
        ["23.00"],
        "25.00",
    ),
    "thousands after a blank": (
        """
        TEJ                  389
        SAJT               1 098
        OSSZESEN:       1 487 Ft
        """,
        ["389", "1098"],
        "1487",
    ),
    "tax is added, without a subtotal": (
        """
        BURGER              4.00
        FRIES               3.00
        TXTL                 .50
        TOTL                7.50
        """,
        ["4.00", "3.00"],
        "7.50",
    ),
    "a total of the goods above the one with tax": (
        """
        SHIRT              20.00
        Net total          20.00
        PST 7%              1.40
        GST 5%              1.00
        Total              22.40
        """,
        ["20.00"],
        "22.40",
    ),
    "a discount below the subtotal, by another name": (
        """
        VITAMINS            7.99
        BRUSH               1.99
        Zwischensumme       9.98
        3% AUF ALLES       -0.30
        SUMME               9.68
        """,
        ["7.99", "1.99", "-0.30"],
        "9.68",
    ),
    "fees below the subtotal": (
        """
        PASTA               5.80
        SUBTOTAL            5.80
        LID FOR A BOX       0.05
        BOX FOR FOOD        0.10
        TOTAL               5.95
        """,
        ["5.80", "0.05", "0.10"],
        "5.95",
    ),
    "a total without its word": (
        """
        BURGER             30.63
        Subtotal           30.63
        Tax                 2.97
        *DRV WINDOW        33.60
        Cash               40.00
        Change              6.40
        """,
        ["30.63"],
        "33.60",
    ),
    "all words of sums unknown": (
        """
        HLADINKA          116.00
        RIZEK             279.00
        XXXXXX            395.00
        YYYYYYYY          395.00
        """,
        ["116.00", "279.00"],
        "395.00",
    ),
    "a digit of the total misread, as what was paid shows": (
        """
        BROT                0,29
        SALAT               1,19
        HUHN                3,99
        SUMME               5,17
        Karte               5,47
        E  7,0%  0,36  5,11  5,47
        """,
        ["0,29", "1,19", "3,99"],
        "5,47",
    ),
    "a receipt of the card above the total": (
        """
        SUPER E5           39,35
        Kundenbeleg
        Betrag:            39,35
        KARTE 1            39,35
        TOTAL              39,35
        """,
        ["39,35"],
        "39,35",
    ),
    "a rounding whose minus is lost": (
        """
        BALL                2.26
        SPONGE              5.85
        TOTAL               8.11
        ROUNDING ADJ        0.01
        TOTAL ROUNDED       8.10
        """,
        ["2.26", "5.85"],
        "8.10",
    ),
    "a rounding whose point is lost": (
        """
        BAG                80.91
        Total Sales        80.91
        Rounding            -001
        Net Total          80.90
        """,
        ["80.91"],
        "80.90",
    ),
    "options that cost nothing": (
        """
        RICE               12.00
        No Cheese           0.00
        Total              12.00
        """,
        ["12.00"],
        "12.00",
    ),
    "the price of one on a row of its own": (
        """
        Atemschutzmaske
        08001287  2*9,95   19,90
        Einzelpreis         9,95
        Summe              19,90
        """,
        ["19,90"],
        "19,90",
    ),
    "what is taxed, above the total": (
        """
        DOUBLE IPA            1 x15,00 15,00A
        PIEROGI               1 x20,00 20,00B
        SPRZEDAZ OPODATKOWANA A         15,00
        SPRZEDAZ OPODATKOWANA B         20,00
        SUMA PLN                        35,00
        """,
        ["15,00", "20,00"],
        "35,00",
    ),
    "service and tip": (
        """
        STEAK              20.00
        Subtotal           20.00
        Service Charge 10%  2.00
        Tax                 1.60
        Tip                 3.00
        Total              26.60
        """,
        ["20.00"],
        "26.60",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_adds_up_is_taken(name: str) -> None:
    receipt, prices, total = CASES[name]
    found = rows(receipt)
    money = settled(found, prints_decimals(found))
    assert money.is_balanced
    assert [line.price for line in money.lines] == prices
    assert money.total is not None and money.total.printed == total


def test_what_does_not_add_up_is_read_as_it_stands() -> None:
    found = rows("TEA      2.50\nRICE     4.00\nTOTAL    9.99")
    money = settled(found, True)
    assert not money.is_balanced
    assert [line.price for line in money.lines] == ["2.50", "4.00"]
    assert money.total is not None and money.total.printed == "9.99"
