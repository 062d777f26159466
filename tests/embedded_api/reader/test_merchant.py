"""The name of the shop among all that stands above the goods."""

from __future__ import annotations

import pytest

from loader.embedded_api.reader.merchant import is_address, merchant_of
from tests.embedded_api.reader.printed import rows

CASES = {
    "a company below a name in pen": (
        "tan woon yann\nBOOK TALK (TAMAN DAYA) SDN BHD\nNO.5 JALAN SAGU 18\nA  1.00",
        "BOOK TALK (TAMAN DAYA) SDN BHD",
    ),
    "no company": ("Yam Fresh\nNo.145G, Jalan Rimbunan\nA  1.00", "Yam Fresh"),
    "a date above": ("Date 05/03/2024\nBäckerei Müller GmbH\nA  1.00", "Bäckerei Müller GmbH"),
    "slogans above": (
        "For a Chance to WIN\nSee Back of Receipt\nTaco Hill 017314\n7230 Pendleton Pike\nLawrence, IN 46226\nA  1.00",
        "Taco Hill 017314",
    ),
    "a larger town": ("Nelly's\n255-41 Jericho Turnpike\nFloral Park, NY 11001\nwww.nellys.net\nA  1.00", "Nelly's"),
    "the name of the web address": (
        "SCHÖNE WOCHE\nKaufmarkt Lehr\nGrüner Weg 4\nwww.kaufmarkt-lehr.de\nA  1,00",
        "Kaufmarkt Lehr",
    ),
    "a welcome": ("Demo System\nWelcome to Frozen Land\n12502 Kendall Drive\nA  1.00", "Frozen Land"),
    "a bar, which pays in German": ("Gourmet Mash Bar\n91 Shandwick Place\nA  1.00", "Gourmet Mash Bar"),
    "a till's line of a station": ("Spice Hut\n771 Newark Avenue\nServer: Com  Station: 6\nA  1.00", "Spice Hut"),
    "a station that is a shop": ("Northgate Station Kiosk\n1 Railway Lane\nA  1.00", "Northgate Station Kiosk"),
    "nothing but a web address": ("1. Kopie\nwww.pancakes.amsterdam\nA  1,00", "pancakes"),
    "nothing but the till": ("1660 India Street\nServer: Jake  12/17/2017\nTable 24/1\nA  1.00", None),
    "a chain above who runs the shop": ("EDEKA\nHolzmann Markt oHG\nRingstr. 5\n80331 München\nA  1,00", "EDEKA"),
    "a chain whose name has a number": ("REMA 1000 TORGET\nTorget 4\n0155 Oslo\nA  1,00", "REMA 1000 TORGET"),
    "a chain in a slogan": ("Thank you for choosing IKEA\nMöbelhaus Nord\nA  1,00", "Möbelhaus Nord"),
    "a name above the company of its owner": (
        "La Taverna\nRossi Paolo S.N.C.\nPiazza Dante 3\n50122 Firenze\nA  1,00",
        "La Taverna",
    ),
    "a company alone": ("Holzmann GmbH\nRingstr. 5\n80331 München\nA  1,00", "Holzmann GmbH"),
    "no letters": ("12345\n2 Coffee House Blend  3.20", None),
}


@pytest.mark.parametrize("name", CASES)
def test_merchant(name: str) -> None:
    receipt, expected = CASES[name]
    assert merchant_of(rows(receipt), decimals=True) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("33100 Paderborn", "Pohlweg 110", "Detmolder Straße 8", "1660 India Street", "130-4370 Lorimer Road"),
        *("Edinburgh, EH2 4SD", "Whistler BC V0N 1B4", "80-894 Gdańsk, ul. Elżbietańska 4/8", "Windham, NH"),
        *("(516) 354-1355", "TEL 07-3523888", "1012 LN Amsterdam", "Calle Mayor 5", "12, JALAN TAMPOI 7/4"),
        *("LEOF. KIFISIAS 118", "Andrássy út 30", "Thorvald Meyers gate 40"),
    ],
)
def test_addresses_and_telephones(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text", ["99 SPEEDY MART", "Golden Bowl", "HORNBERG Baumarkt AG", "IN AND OUT", "Store #17864"]
)
def test_shops_are_no_addresses(text: str) -> None:
    assert not is_address(text)
