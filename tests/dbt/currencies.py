"""What is said of a receipt's currency, by whom, and the currency that it must have: a table."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.dbt.raw_tables import RawTables, answer_line


@dataclass(frozen=True)
class Said:
    """What is said of the currency of a receipt, and which it is."""

    currency: str
    column: str | None = None  # of the data set, or a correction
    answer: str | None = None
    setting: str | None = None
    country: str | None = None
    price: str = "12.50"
    is_warned: bool = False  # that answer and setting differ


SAID: list[Said] = [
    # the first that says one
    Said("EUR", column="EUR", answer="IDR", setting="MYR", country="JP"),
    Said("IDR", answer="IDR", setting="MYR", country="JP", price="Rp 25.000", is_warned=True),
    Said("MYR", setting="MYR", country="JP"),
    Said("JPY", country="JP", price="¥1,200"),
    Said("XXX"),
    Said("EUR", answer="EUR", setting="MYR", price="12,50 €", is_warned=True),
    Said("JPY", answer="JPY", setting="MYR", price="¥1,200", is_warned=True),
    Said("MYR", answer="MYR", setting="MYR"),
    Said("RUB", answer="RUB", price="1 234,50"),
    Said("BGN", answer="BGN", price="12,50"),
    Said("RSD", answer="RSD", price="450,00"),
    # one sign of many: the setting knows which
    Said("SGD", answer="USD", setting="SGD", price="$4.90", is_warned=True),
    Said("USD", answer="CAD", setting="USD", price="$4.90", is_warned=True),
    Said("NOK", answer="SEK", setting="NOK", price="49,00 kr", is_warned=True),
    Said("CNY", answer="JPY", setting="CNY", price="¥12.50", is_warned=True),
    Said("PKR", answer="INR", setting="PKR", price="Rs 450", is_warned=True),
    Said("EGP", answer="GBP", setting="EGP", price="£45.00", is_warned=True),
    Said("USD", answer="USD", setting="MYR", country="SG", price="$4.90", is_warned=True),
    Said("USD", answer="USD", country="SG", price="$4.90"),
    Said("EUR", column="EUR", answer="USD", setting="SGD"),
    # words that are no code
    Said("MYR", answer="RM"),
    Said("EUR", answer="euro"),
    Said("EUR", answer="€", setting="MYR", price="12,50", is_warned=True),
    Said("USD", answer=" usd\u00a0"),
    Said("IDR", answer="Rp", price="25.000"),
    Said("CNY", answer="RMB"),
    Said("PLN", answer="zł", price="12,50"),
    Said("SGD", answer="$", setting="SGD"),
    Said("SGD", answer="$", country="SG"),
    Said("AUD", answer="$", setting="AUD", country="SG"),
    Said("SGD", answer="$", setting="MYR", country="SG", is_warned=True),
    Said("XXX", answer="$", setting="MYR", is_warned=True),
    Said("XXX", answer="$", country="MY"),
    Said("XXX", answer="$"),
    Said("NOK", answer="kr", setting="NOK"),
    Said("DKK", answer="kr.", country="DK"),
    Said("JPY", answer="¥", country="JPN", price="1,200"),
    Said("INR", answer="Rs.", setting="INR"),
    Said("XOF", answer="CFA", setting="XOF", price="1200"),
    Said("XXX", answer="CFA", price="1200"),
    Said("XXX", answer="dollars"),
    Said("MYR", answer="ringgit", setting="MYR", is_warned=True),
    Said("MYR", answer="???", country="MY"),
    Said("GBP", answer=" N / A ", country="UK"),
    # words for nothing
    Said("MYR", answer="", setting="MYR"),
    Said("MYR", answer="XXX", setting="MYR"),
    Said("XXX", answer="XXX"),
    Said("XXX", answer="XTS", setting="XXX"),
    Said("MYR", answer="None", setting="MYR"),
    Said("XXX", answer="unk"),
    Said("XXX", country="ZZ"),
    Said("XXX", country="Atlantis"),
    # a code that is not listed is a currency of its own, read as the unknown one
    Said("HRK", answer="HRK", setting="EUR", price="12,50", is_warned=True),
    Said("HRK", answer="hrk", price="12.500"),
    Said("ZZZ", answer="ZZZ", country="MY"),
    Said("ZZZ", column="zzz", answer="EUR"),
    # a data set's column is read in the same way
    Said("MYR", column="rm", answer="EUR"),
    Said("USD", column=" USD "),
    Said("SGD", column="$", setting="SGD", answer="EUR"),
    Said("EUR", column="$", answer="EUR"),
    Said("EUR", column="unknown", answer="EUR"),
    Said("MYR", column="XXX", setting="MYR"),
]


LISTED = {said.currency for said in SAID} - {"XXX", "HRK", "ZZZ"}


def receipt_id(number: int) -> str:
    """The receipt of a row of the table."""
    return f"currency {number}"


def write_currencies(raw: RawTables) -> None:
    """A receipt for each row of the table, asked and answered with one item; and one more each that was not asked."""
    lines = []
    for number, said in enumerate(SAID):
        for name in (receipt_id(number), f"{receipt_id(number)} unasked"):
            raw.receipts([name], source="currencies", currency=said.column, default_currency=said.setting)
        item = {"name": "Bun", "price": said.price, "classification": "Food"}
        content = {"items": [item], "currency": said.answer, "country": said.country}
        lines.append(answer_line(f"asked {number}", json.dumps(content)))
    raw.receipts(["not listed"], source="currencies")
    too_much = {"name": "Bun", "price": "99999999999", "classification": "Food"}
    lines.append(answer_line("not listed", json.dumps({"items": [too_much], "currency": "HRK"})))
    asked = {f"asked {number}": receipt_id(number) for number in range(len(SAID))}
    raw.requests("currencies", {**asked, "not listed": "not listed"})
    raw.job("job-currencies", "currencies")
    raw.lines("job-currencies", "file-currencies", lines)
