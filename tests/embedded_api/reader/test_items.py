"""Lines bought, in the layouts that receipts come in."""

from __future__ import annotations

import re

import pytest

from tests.embedded_api.reader.printed import bought


def test_name_and_amount_on_a_row() -> None:
    receipt = """
        KEDAI KOPI SENTOSA
        Tel 03-7875 1142
        12/03/2024  14:05

        TEH TARIK                 2.50
        ROTI CANAI                1.80
        NASI LEMAK AYAM          12.00

        SUBTOTAL                 16.30
        SERVICE CHARGE 10%        1.63
        ROUNDING ADJ              0.02
        TOTAL                 RM 17.95
        CASH                     20.00
        CHANGE                    2.05
    """
    assert bought(receipt) == [("TEH TARIK", "2.50"), ("ROTI CANAI", "1.80"), ("NASI LEMAK AYAM", "12.00")]


def test_quantity_and_prices_in_columns() -> None:
    receipt = """
        Qty  Description            Price      Amount (RM)
        2    PENCIL 2B               1.50         3.00
        1    EXERCISE BOOK A4        4.900        4.90
        12   ERASER                  0.50         6.00
             Total                               13.90
             Cash                                20.00
    """
    assert bought(receipt) == [("PENCIL 2B", "3.00"), ("EXERCISE BOOK A4", "4.90"), ("ERASER", "6.00")]


def test_names_above_article_numbers() -> None:
    receipt = """
        ITEM                     QTY   U/P    AMOUNT
        WASH BALL
        9064074                  2 X   1.13     2.26  SR
        SPONGE KOREA LARGE
        9064017                  2 X   2.83     5.66  SR
        Total Qty 4
        TOTAL                                   7.92
    """
    assert bought(receipt) == [("WASH BALL", "2.26"), ("SPONGE KOREA LARGE", "5.66")]


def test_names_below_article_numbers() -> None:
    receipt = """
        Item       Qty     S/Price    Amount   Tax
        101756      5        17.49     87.45    SR
        SIMEN
        100211     18        16.25    292.56    SR
        BATU HALUS
        Total Qty  23                 380.01
        Total Sales (Excluding GST)   358.50
        Total GST                      21.51
        Total                         380.01
    """
    assert bought(receipt) == [("SIMEN", "87.45"), ("BATU HALUS", "292.56")]


def test_unit_price_on_its_own_row_is_no_item() -> None:
    receipt = """
        135655 IBUPROFEN 200MG            $21.78
          2 @ $10.89
        SPRING WATER 1L                    $2.58
          2 x $1.29
        CHOCOLATE BAR                      $5.67
        SUBTOTAL                          $30.03
        SALES TAX 6%                       $1.80
        TOTAL                             $31.83
    """
    assert bought(receipt) == [
        ("IBUPROFEN 200MG", "21.78"),
        ("SPRING WATER 1L", "2.58"),
        ("CHOCOLATE BAR", "5.67"),
    ]


def test_name_above_and_quantity_times_price_with_the_amount() -> None:
    receipt = """
        Nasi Goreng Ayam
          2 x 34.000                 68.000
        Es Teh Manis
          3 x 7.500                  22.500
        Kopi Hitam
          1 x 12.500                 12.500
        Sub Total                   103.000
        PB1 10%                      10.300
        TOTAL                    Rp 113.300
        Tunai                    Rp 150.000
        Kembali                   Rp 36.700
    """
    assert bought(receipt) == [("Nasi Goreng Ayam", "68.000"), ("Es Teh Manis", "22.500"), ("Kopi Hitam", "12.500")]


def test_long_name_goes_on_below() -> None:
    receipt = """
        Item                            Amount
        Naughty Spare Rib - Full        106.90
        Slab
        Ribs Platter                    259.90
        Total                           366.80
    """
    assert bought(receipt) == [("Naughty Spare Rib - Full Slab", "106.90"), ("Ribs Platter", "259.90")]


def test_discounts_and_voids_are_negative_items() -> None:
    receipt = """
        Item                            Amount
        TABLE LAMP                       55.90
        MEMBER DISCOUNT 10%              -5.59
        GREETING CARD                     4.00
        VOID GREETING CARD               (4.00)
        STORE COUPON                      0.31-
        Total                            50.00
    """
    assert bought(receipt) == [
        ("TABLE LAMP", "55.90"),
        ("MEMBER DISCOUNT 10%", "-5.59"),
        ("GREETING CARD", "4.00"),
        ("VOID GREETING CARD", "(4.00)"),
        ("STORE COUPON", "0.31-"),
    ]


def test_a_discount_without_a_minus_gets_one_where_the_sum_says_so() -> None:
    receipt = """
        Item                            Amount
        TABLE LAMP                       55.90
        LESS MEMBER DISCOUNT              5.90
        Total                            50.00
    """
    assert bought(receipt) == [("TABLE LAMP", "55.90"), ("LESS MEMBER DISCOUNT", "-5.90")]


def test_a_discount_after_the_subtotal_is_an_item_when_it_is_negative() -> None:
    receipt = """
        Latte                             4.20
        Cheesecake                        5.80
        Subtotal                         10.00
        Voucher                          -2.00
        VAT 20%                           1.33
        Total                             8.00
    """
    assert bought(receipt) == [("Latte", "4.20"), ("Cheesecake", "5.80"), ("Voucher", "-2.00")]


def test_amounts_of_nought_behind_the_amount_are_discounts_or_taxes() -> None:
    receipt = """
        Description        Price    Amount    Disc
        PLAIN PAPER        12.00     12.00    0.00
        GLUE STICK          2.00      4.00    0.00
        Total                        16.00
    """
    assert bought(receipt) == [("PLAIN PAPER", "12.00"), ("GLUE STICK", "4.00")]


def test_a_subtotal_whose_word_is_unreadable_ends_the_items() -> None:
    receipt = """
        FISHBALL NOODLE                 7.00
        ICED LEMON TEA                  2.50
        SXB T01                         9.50
        GST 6%                          0.57
        NET TOTAL                      10.05
    """
    assert bought(receipt) == [("FISHBALL NOODLE", "7.00"), ("ICED LEMON TEA", "2.50")]


def test_german_receipt() -> None:
    receipt = """
        Supermarkt Sonnenschein GmbH
        Hauptstr. 12
        10115 Berlin
                                   EUR
        BIO VOLLMILCH 3,8%        1,49 A
        Roggenbrot                3,20 A
        Apfelsaft 1L
          2 Stk x 1,99            3,98 B
        Pfand                     0,50 B
        LEERGUT                  -0,75 B
        --------------------------------
        SUMME             EUR     8,42
        Geg. BAR          EUR    10,00
        Rückgeld          EUR     1,58
        MwSt. 19%  3,13   0,60    3,73
    """
    assert bought(receipt) == [
        ("BIO VOLLMILCH 3,8%", "1,49"),
        ("Roggenbrot", "3,20"),
        ("Apfelsaft 1L", "3,98"),
        ("Pfand", "0,50"),
        ("LEERGUT", "-0,75"),
    ]


def test_yen_without_decimals() -> None:
    receipt = """
        Dogenzaka, Shibuya-ku
        2024/03/05 12:31
        Wagyu Beef Bowl               ¥1,200
        Green Tea                       ¥150
        小計                          ¥1,350
        消費税                          ¥135
        合計                          ¥1,485
    """
    assert bought(receipt) == [("Wagyu Beef Bowl", "1,200"), ("Green Tea", "150")]


def test_spanish_french_italian_dutch_and_portuguese_sums_end_the_items() -> None:
    for word in ("TOTAL A PAGAR", "NET A PAYER", "TOTALE EURO", "TE BETALEN", "TOTAL A PAGAR"):
        receipt = f"""
            Menu del dia                 12,50
            Cafe solo                     1,40
            {word}                       13,90
            VISA                         13,90
        """
        assert bought(receipt) == [("Menu del dia", "12,50"), ("Cafe solo", "1,40")], word


def test_modifiers_without_an_amount_are_no_items() -> None:
    receipt = """
        1  Milk Tea                      9.90
             Less Ice
             No Sugar
        1  Chicken Chop                 18.90
        Total                           28.80
    """
    names = [name for name, _ in bought(receipt)]
    assert [price for _, price in bought(receipt)] == ["9.90", "18.90"]
    assert names[0].startswith("Milk Tea")
    assert names[1] == "Chicken Chop"


def test_text_that_is_no_receipt_gives_no_items() -> None:
    assert bought("Dear Sir,\nplease find enclosed\nour catalogue of 2024.\nYours, A. Smith") == []


@pytest.mark.parametrize(
    ("first", "second", "total"),
    [
        ("40/-", "1,250/=", "1,290/="),
        ("Rs. 40", "Rs. 1,250", "Rs. 1,290"),
        ("₹40.00", "₹1,250.00", "₹1,290.00"),
        ("40", "1250", "1290"),
        ("1,23,456", "2,00,000", "3,23,456"),
        ("KSh 40", "KSh 1,250", "KSh 1,290"),
        ("40:-", "1250:-", "1290:-"),
        ("4,00 B", "1,29 A", "5,29"),
        ("*4,00", "*1,29", "*5,29"),
        ("4.00 T", "1.29-T", "2.71"),
    ],
)
def test_prices_in_every_form(first: str, second: str, total: str) -> None:
    receipt = f"""
        Masala Chai Large               {first:>12}
        Paneer Tikka Plate              {second:>12}
        TOTAL                           {total:>12}
        """
    printed = [re.sub(r"^(?:Rs\. |₹|KSh |\*)|[ -]?[ABT]$", "", price) for price in (first, second)]
    printed[1] += "-" * second.endswith("-T")
    assert bought(receipt) == [("Masala Chai Large", printed[0]), ("Paneer Tikka Plate", printed[1])]


@pytest.mark.parametrize(
    "measure", ["0,890kg x 1,19/kg", "0,735 kg x kr 24,79", "5 ks x 2,90", "2 x 1,95", "0.334 kg @ £1.83/kg", "3*12,00"]
)
def test_a_quantity_times_a_price_is_no_part_of_a_name(measure: str) -> None:
    below = f"""
        BANANEN                     4,06
        {measure}
        BROT                        2,00
        Summe                       6,06
    """
    above = f"""
        BANANEN
        {measure}{" " * (28 - len(measure))}4,06
        BROT
        1 x 2,00                    2,00
        Summe                       6,06
    """
    for receipt in (below, above):
        assert bought(receipt) == [("BANANEN", "4,06"), ("BROT", "2,00")]


def test_the_size_of_what_is_bought_is() -> None:
    receipt = """
        COLA 6x0,25                 4,50
        WASSER 6 x 1,5L             2,00
        Summe                       6,50
    """
    assert bought(receipt) == [("COLA 6x0,25", "4,50"), ("WASSER 6 x 1,5L", "2,00")]


def test_the_number_of_goods_is_no_second_line_of_a_name() -> None:
    receipt = """
        Lax                       102,59
        Rabatt                    -20,00
        Totalt 4 varor
        Total                      82,59
    """
    assert bought(receipt) == [("Lax", "102,59"), ("Rabatt", "-20,00")]


@pytest.mark.parametrize("code", ["007874235186", "000000004011KF", "003700080918 X"])
def test_an_article_number_behind_a_name_is_no_part_of_it(code: str) -> None:
    assert bought(f"GV WHL MLK {code}  3.12\nTIDE PODS  12.94\nTOTAL  16.06")[0] == ("GV WHL MLK", "3.12")


@pytest.mark.parametrize("word", ["TIP SAHNE", "TAX FREE TEE"])
def test_items_do_not_end_before_the_first_of_them(word: str) -> None:
    found = bought(f"{word:16}0,69\n{'GURKE':16}0,79\n{'KIWI':16}1,25\n{'Summe':16}2,73")
    assert found == [(word, "0,69"), ("GURKE", "0,79"), ("KIWI", "1,25")]
