"""Date and total."""

from __future__ import annotations

import pytest

from loader.embedded_api.reader import header
from loader.embedded_api.reader.amounts import prints_decimals
from tests.embedded_api.reader.printed import rows


def total(receipt: str) -> str | None:
    found = rows(receipt)
    amounts = header.totals_of(found, prints_decimals(found))
    return amounts[0].printed if amounts else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Date: 25/12/2018 8:13:39 PM", "2018-12-25"),
        ("18-11-18 13:58 SH01", "2018-11-18"),
        ("12 MAR 2018 18:19", "2018-03-12"),
        (":26-05-201815:16:13", "2018-05-26"),
        ("Date: 2016-07-3113:48:37", "2016-07-31"),
        ("2018/02/22", "2018-02-22"),
        ("2024年3月5日", "2024-03-05"),
        ("Datum: 03.11.2024 12:45", "2024-11-03"),
        ("14. März 2025", "2025-03-14"),
        ("March 5, 2024", "2024-03-05"),
        ("Mar05'24 09:28PM", "2024-03-05"),
        ("Chk 1188  Dec0823 07:02PM", "2023-12-08"),
        ("Dec08'2307:02PM", "2023-12-08"),
        ("Dec 08 07:02PM", None),
        ("19.05.2016:23 0118", "2020-05-19"),
        ("24/11/02 15:20:11", "2024-11-02"),
        ("02/11/24 15:20:11", "2024-11-02"),
        ("5 0ct'24 11:36", "2024-10-05"),
        ("5 0CT24 22:48", "2024-10-05"),
        ("5 Agustus 2024", "2024-08-05"),
        ("12/25/2024", "2024-12-25"),
        ("31/02/2024", None),
        ("Tel 03-7875 1142", None),
        ("0605.1990.12", None),
    ],
)
def test_date(text: str, expected: str | None) -> None:
    assert header.purchased_on(rows(text), month_first=False) == expected


def test_month_first_where_the_currency_is_the_us_dollar() -> None:
    assert header.purchased_on(rows("03/04/2024"), month_first=True) == "2024-03-04"
    assert header.purchased_on(rows("03/04/2024"), month_first=False) == "2024-04-03"


def test_the_row_that_says_date_comes_before_one_that_speaks_of_an_end() -> None:
    receipt = "Valid until 31/12/2025\nDate 05/03/2024\nPrinted 06/03/2024"
    assert header.purchased_on(rows(receipt), month_first=False) == "2024-03-05"


@pytest.mark.parametrize("text", ["27032018  No.CS-20242", "2703/2018", "27/032018"])
def test_date_without_separators_when_there_is_no_other(text: str) -> None:
    assert header.purchased_on(rows(text), month_first=False) == "2018-03-27"
    assert header.purchased_on(rows(f"{text}\n01/02/2018"), month_first=False) == "2018-02-01"


def test_total_after_tax_and_rounding() -> None:
    receipt = """
        Tea                             9.01
        Sub Total                       9.01
        Total (Excluding GST)           8.50
        Total GST                       0.51
        Rounding                       -0.01
        Total (Inclusive of GST)        9.00
        Cash                           10.00
        Change                          1.00
        GST Summary    8.50             0.51
        Total          8.50             0.51
    """
    assert total(receipt) == "9.00"


def test_total_is_not_what_was_handed_over() -> None:
    receipt = "Pay parking ticket  5.00\nAmount Incl. GST  5.00\nAccepted total  10.00\nChange  5.00"
    assert total(receipt) == "5.00"


def test_total_is_not_the_number_of_things() -> None:
    assert total("Tea  2.50\nTotal Qty  1.00\nTOTAL  2.50\nTotal savings  0.50") == "2.50"


def test_the_amount_of_a_total_may_stand_below_it() -> None:
    assert total("Tea  2.50\nTOTAL\n2.50") == "2.50"


def test_no_total() -> None:
    assert total("Tea  2.50") is None
