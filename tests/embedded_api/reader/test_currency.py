"""The currency of a receipt: signs beside money, and the country that shows."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from loader import seeds
from loader.embedded_api.reader import currency
from loader.embedded_api.reader.amounts import currencies_of, prints_decimals
from tests.embedded_api.reader.printed import rows

SIGNED = "Tea  {0}2.50\nCake  {0}4.00\nTOTAL  {0}6.50"


def read(receipt: str) -> str | None:
    found = rows(receipt)
    return currency.origin_of(found, prints_decimals(found)).currency


@pytest.mark.parametrize(
    ("receipt", "expected"),
    [
        ("Tea  2.50\nTOTAL  RM 2.50", "MYR"),
        ("Teh  7.500\nTOTAL  Rp 7.500", "IDR"),
        ("Brot  3,20 €\nSUMME  3,20 €", "EUR"),
        ("Tea  £2.50\nTOTAL  £2.50", "GBP"),
        ("Tea  ¥150\nTOTAL  ¥150", "JPY"),
        ("Tea  ₹40.00\nTOTAL  ₹40.00", "INR"),
        ("Kawa  12,50 zł\nSUMA  12,50 zł", "PLN"),
        ("Tea  R$ 2,50\nTOTAL  R$ 2,50", "BRL"),
        ("Tea  HK$20.00\nTOTAL  HK$20.00", "HKD"),
        ("Tea  2.50\nTOTAL  CHF 2.50", "CHF"),
        ("Item  Amount (RM)\nTea  2.50", "MYR"),
        ("                EUR\nBrot  3,20 A\nSumme  3,20", "EUR"),
        ("Tea  2.50\nTOTAL  2.50", None),
    ],
)
def test_a_sign_beside_money(receipt: str, expected: str | None) -> None:
    assert read(receipt) == expected


@pytest.mark.parametrize("sign", ["$", "kr ", "Rs "])
def test_a_sign_that_many_share_says_nothing_without_a_country(sign: str) -> None:
    assert read(SIGNED.format(sign)) is None


@pytest.mark.parametrize(
    ("head", "sign", "expected"),
    [
        ("12 Main St\nSpringfield, IL 62704", "$", "USD"),
        ("Portland, OR\n(503) 555-0142", "$", "USD"),
        ("Sales Tax  0.20", "$", "USD"),
        ("KEDAI KOPI SDN BHD\n81100 JOHOR BAHRU\nGST ID: 000433614848", "$", "MYR"),
        ("TOAST BOX PTE LTD\nGST REG NO 201012345K", "$", "SGD"),
        ("12 QUEEN ST, BRISBANE QLD 4000\nABN 12 345 678 901\nGST  0.50", "$", "AUD"),
        ("Lambton Quay, Wellington\nGST 123-456-789\nwww.kiwicafe.co.nz", "$", "NZD"),
        ("100 King St W, Toronto ON M5X 1A9\nHST 13%  0.75", "$", "CAD"),
        ("RFC: ABC010203AB1\nMexico CDMX", "$", "MXN"),
        ("CUIT 30-12345678-9\nBuenos Aires", "$", "ARS"),
        ("Nathan Road, Kowloon", "$", "HKD"),
        ("Storgatan 1, Stockholm\nOrg.nr 556123-4567\nMoms 12%  0.70", "kr ", "SEK"),
        ("Karl Johans gate 1, Oslo\n987 654 321 MVA", "kr ", "NOK"),
        ("Torget 4, 0155 Oslo\nOrg.nr 990 112 445 MVA", "", "NOK"),
        ("CVR 12345678\nheraf moms  0.50", "kr ", "DKK"),
        ("GSTIN 29ABCDE1234F1Z5\nCGST 2.5%  0.10\nSGST 2.5%  0.10", "Rs ", "INR"),
        ("Mall Road, Lahore\nNTN 1234567-8", "Rs ", "PKR"),
        ("Galle Road, Colombo 03\nTel +94 11 234 5678", "Rs ", "LKR"),
        ("Zamalek, Cairo", "£", "GBP"),  # the sign is the pound's before all
        ("Hauptstr. 1\n10115 Berlin\nUSt-IdNr. DE123456789\nMwSt 19%  0,50", "", "EUR"),
        ("Bahnhofstrasse 1, Zürich\nCHE-123.456.789 MWST", "", "CHF"),
        ("ul. Długa 1\n80-894 Gdańsk\nNIP 583-318-89-35\nPTU A 23%  0.50", "", "PLN"),
        ("Praha 2\nDIČ: CZ29131979", "", "CZK"),
        ("Jl. Kemang Raya 24, Jakarta\nNPWP 01.234.567.8-901.000", "", "IDR"),
        ("Moi Avenue, Nairobi\nPIN P051234567X", "", "KES"),
        ("10 High Street, London SW1A 1AA\nVAT 123 4567 89", "", "GBP"),
        ("Rue de Rivoli, Paris\nSIRET 123 456 789 00012\nTVA 10%  0,50", "", "EUR"),
    ],
)
def test_the_country_shows(head: str, sign: str, expected: str) -> None:
    assert read(f"{head}\n{SIGNED.format(sign)}") == expected


@pytest.mark.parametrize(
    "line",
    ["AEON CO. (M) BHD (126926-H)", "TAX CODE GS1 6%", "INVOICE (R05)", "KEDAI BUKU SDN BHD 1234", "VITAMIN E 12.00"],
)
def test_neither_a_company_s_form_nor_a_code_is_a_sign(line: str) -> None:
    assert read(f"{line}\nTea  2.50\nTOTAL  2.50") in (None, "MYR")


def test_another_currency_s_equivalent_is_not_the_receipt_s() -> None:
    receipt = "Praha 2\nDIČ: CZ29131979\nDPH 21%  20.13\nPivo  116.00\nCelkem  116.00\nkurz 23/1  Eur 5.04"
    assert read(receipt) == "CZK"


@pytest.mark.parametrize(
    ("head", "sign", "printed", "country"),
    [
        ("12 Main St\nSpringfield, IL 62704", "$", "USD", "US"),
        ("12 Main St\nSpringfield, IL 62704", "", None, "US"),
        ("KEDAI KOPI SDN BHD\n81100 JOHOR BAHRU", "RM ", "MYR", "MY"),
        ("KEDAI KOPI SDN BHD\n81100 JOHOR BAHRU", "", None, "MY"),
        ("Hauptstr. 1\n10115 Berlin\nUSt-IdNr. DE123456789", "", None, "DE"),
        ("Wien\nATU12345678\nUSt-IdNr.", "€", "EUR", "AT"),
        ("Rue de Rivoli, Paris\nSIRET 123 456 789 00012", "", None, "FR"),
        ("Damrak 1, Amsterdam\nBTW NL123456789B01", "€", "EUR", "NL"),
        ("Madrid\nNIF B83856088", "", None, "ES"),
        ("", "€", "EUR", None),
        ("Praha 2\nDIČ: CZ29131979\nkurz 23/1  Eur 5.04", "", None, "CZ"),
        ("Zamalek, Cairo", "$", None, "EG"),
    ],
)
def test_a_currency_is_said_where_it_is_printed_and_the_country_where_it_shows(
    head: str, sign: str, printed: str | None, country: str | None
) -> None:
    found = rows(f"{head}\n{SIGNED.format(sign)}" if head else SIGNED.format(sign))
    origin = currency.origin_of(found, prints_decimals(found))
    assert (origin.printed_currency, origin.country) == (printed, country)


def test_the_table_of_evidence_names_countries_of_the_seed() -> None:
    with Path(currency.__file__).with_name("evidence.csv").open(encoding="utf-8", newline="") as file:
        named = [(code, row["where"]) for row in csv.DictReader(file) for code in row["countries"].split()]
    named += [(code, "any") for codes, _, _ in currency.PATTERNS for code in codes.split()]
    named += [(code, "any") for codes in currency.CALLING_CODES.values() for code in codes.split()]
    named += [(code, "any") for code in currency.DOMAINS]
    assert {code for code, _ in named} <= set(seeds.currency_of_country())
    assert {where for _, where in named} == {"any", "head", "sum"}


@pytest.mark.parametrize("code", sorted(set(seeds.currency_symbols()) - {"XXX"}))
def test_every_currency_is_known_by_its_code(code: str) -> None:
    assert currencies_of(code) == {code}
    whole = seeds.currency_decimals().get(code) == 0
    signed = SIGNED.format(f"{code} ")
    assert read(re.sub(r"\.\d\d", "00", signed) if whole else signed) == code
