"""The whole way from bytes to a reading, on receipts drawn with Pillow's own font, and on what is no receipt."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import EpsImagePlugin, Image, ImageDraw, ImageFont

from loader.embedded_api.completions import complete
from loader.embedded_api.errors import ApiRefusal
from loader.embedded_api.reader import NOTHING, Item, read_images, read_receipt, reading_of
from loader.requests.images import POLICIES, prepare
from loader.requests.pictures import RejectedImage
from loader.sources import samples
from tests.embedded_api import batch_lines
from tests.embedded_api.reader.printed import boxes_of

KOPITIAM = """
    RESTORAN KOPI SENTOSA
    12 JALAN SAGU 18
    81100 JOHOR BAHRU
    DATE 05/03/2024 14:05

    NASI LEMAK AYAM|12.00
    TEH TARIK|2.50
    PARKING TICKET|3.00
    MEMBER DISCOUNT|-1.50

    SUB TOTAL|16.00
    SERVICE TAX 6%|0.96
    ROUNDING ADJ|-0.01
    TOTAL|RM 16.95
    CASH|RM 20.00
    CHANGE|RM 3.05
"""
WARUNG = """
    WARUNG SEDAP MALAM
    Jl. Kemang Raya 24
    12/08/2024 19:21

    Nasi Goreng Ayam
    2 x 34.000|68.000
    Es Teh Manis
    3 x 7.500|22.500
    Obat Maag Tablet
    1 x 12.000|12.000

    Sub Total|102.500
    PB1 10%|10.250
    TOTAL|Rp 112.750
    Tunai|Rp 150.000
    Kembali|Rp 37.250
"""


def drawn(receipt: str, form: str = "PNG", mode: str = "RGB", width: int = 560) -> bytes:
    """A picture of a receipt; what stands behind `|` is set to the right."""
    lines = dedent(receipt).strip("\n").split("\n")
    font = ImageFont.load_default(24)
    picture = Image.new("RGB", (width, 60 + 36 * len(lines)), "white")
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        left, _, right = line.partition("|")
        pen.text((30, 30 + 36 * number), left, "black", font)
        pen.text((width - 30, 30 + 36 * number), right, "black", font, anchor="ra")
    return encoded(picture.convert(mode), form)


def encoded(picture: Image.Image, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, form)
    return file.getvalue()


def test_a_malaysian_receipt() -> None:
    reading = read_receipt(drawn(KOPITIAM))
    assert reading.items == (
        Item("NASI LEMAK AYAM", "12.00", "Food"),
        Item("TEH TARIK", "2.50", "Beverage"),
        Item("PARKING TICKET", "3.00", "Travel"),
        Item("MEMBER DISCOUNT", "-1.50", "Other"),
    )
    assert reading.merchant == "RESTORAN KOPI SENTOSA"
    assert (reading.purchased_on, reading.currency, reading.total) == ("2024-03-05", "MYR", "16.95")


def test_an_indonesian_receipt_keeps_its_prices_as_printed() -> None:
    reading = read_receipt(drawn(WARUNG, "JPEG", "L"), ["Food", "Beverage", "Household"])
    assert reading.items == (
        Item("Nasi Goreng Ayam", "68.000", "Food"),
        Item("Es Teh Manis", "22.500", "Beverage"),
        Item("Obat Maag Tablet", "12.000", "Household"),
    )
    assert (reading.purchased_on, reading.currency, reading.total) == ("2024-08-12", "IDR", "112.750")


def test_a_long_receipt_is_read_in_pieces() -> None:
    goods = "\n".join(f"    GREEN APPLE {number:02}|{number}.50" for number in range(10, 46))
    total = sum(number + 0.5 for number in range(10, 46))
    reading = read_receipt(drawn(f"    FRUIT SHOP\n{goods}\n    TOTAL|{total:,.2f}", width=400))
    assert [item.price for item in reading.items] == [f"{number}.50" for number in range(10, 46)]
    assert reading.total == f"{total:,.2f}"


def test_transparency_is_paper() -> None:
    picture = Image.open(io.BytesIO(drawn("    TEA|2.50\n    TOTAL|2.50"))).convert("RGBA")
    picture.putdata([(0, 0, 0, 255 - pixel[0]) for pixel in picture.get_flattened_data()])
    assert [item.price for item in read_receipt(encoded(picture)).items] == ["2.50"]


@pytest.mark.parametrize("scale", [1, 12])
def test_a_photo_is_turned_upright_by_its_exif(scale: int) -> None:
    picture = Image.open(io.BytesIO(drawn("    GREEN TEA|2.50\n    TOTAL|2.50"))).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    file = io.BytesIO()
    picture.resize((picture.width * scale, picture.height * scale)).save(file, "PNG", exif=exif)
    assert [item.name for item in read_receipt(file.getvalue()).items] == ["GREEN TEA"]


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.frombytes("RGB", size, random.Random(7).randbytes(size[0] * size[1] * 3))


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"no image at all",
        random.Random(7).randbytes(5000),
        drawn(KOPITIAM, "JPEG")[:200],
        drawn(KOPITIAM)[:2000],
        encoded(Image.new("RGB", (1, 1))),
        encoded(Image.new("1", (3, 900))),
        encoded(Image.new("L", (2000, 2)), "JPEG"),
        encoded(Image.new("I;16", (60, 60), 40000)),
        encoded(Image.new("CMYK", (60, 60)), "JPEG"),
        encoded(Image.new("P", (60, 60)), "GIF"),
        encoded(Image.new("L", (6000, 6000), "white")),
        encoded(Image.new("1", (20000, 20000))),
        encoded(noise((300, 300))),
        drawn("    Dear Sir,\n    please find enclosed our\n    catalogue. Yours, A. Smith"),
    ],
    ids=[
        *("empty", "text", "random", "cut JPEG", "cut PNG", "one pixel", "thin", "flat", "16 bits", "CMYK", "palette"),
        *("blank", "bomb", "noise", "letter"),
    ],
)
def test_what_is_no_receipt_gives_no_items(image: bytes) -> None:
    assert read_receipt(image).items == ()


SLIVERS = [(1600, 1), (1, 1600), (1, 1), (1600, 12), (12, 1600), (10000, 13), (13, 10000), (1600, 25), (25, 1600)]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to see its own memory")
def test_slivers_and_long_rules_cost_no_more_than_a_receipt() -> None:
    """Recognition costs by the length of what is taken for print; a rule across the page is none."""
    ruled = Image.new("L", (1600, 1600), "white")
    pen = ImageDraw.Draw(ruled)
    for top in range(0, 1600, 16):
        pen.rectangle((0, top, 1600, top + 3), fill="black")
    images = [encoded(kind) for size in SLIVERS for kind in (Image.new("L", size, 0), noise(size))] + [encoded(ruled)]
    program = dedent("""
        import pickle, re, sys
        from loader.embedded_api.reader import NOTHING, read_receipt
        assert all(read_receipt(image) == NOTHING for image in pickle.load(sys.stdin.buffer))
        print(re.findall(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[0])
    """)
    run = subprocess.run([sys.executable, "-c", program], input=pickle.dumps(images), capture_output=True, check=True)
    assert int(run.stdout) < 1_000_000  # kB; a receipt takes some 600,000


def test_an_eps_in_an_image_s_place_starts_no_ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 400 600\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # Pillow looks for it once
    assert read_receipt(eps) == NOTHING
    with pytest.raises(ApiRefusal, match="400"):
        complete(batch_lines.body(eps), "m", read_images)
    with pytest.raises(RejectedImage):
        prepare(eps)
    assert not (tmp_path / "started").exists()


def test_an_item_is_not_taken_for_the_shop() -> None:
    reading = reading_of(boxes_of("MAPLE PHARMACY\nXQ-17 SPECIAL  4.00\nCHOCOLATE BAR  2.00\nTOTAL  6.00"))
    assert [item.classification for item in reading.items] == ["Medical", "Food"]


@pytest.mark.slow
def test_the_pieces_of_a_strip_are_read_as_one_receipt_and_the_whole_would_be_too_small() -> None:
    """What the model would see, too: the reader gets what the vendor's shrinking leaves."""
    sample = samples.strip(120)
    label = json.loads(sample.text)
    prices = Counter(item["item_value"] for item in label["line_items"])
    found = {}
    for policy in ("readable", "original"):
        images = [image.data for image in prepare(sample.image, POLICIES[policy])]
        reading = read_images(images)
        found[policy] = (Counter(item.price for item in reading.items) & prices).total() / prices.total()
    assert found["readable"] >= 0.95
    assert found["original"] < 0.8


def test_the_pages_of_a_pdf_are_read_as_one_receipt() -> None:
    [*_, sample] = samples.draw(samples.PDF)
    label = json.loads(sample.text)
    reading = read_images([image.data for image in prepare(sample.image)])
    assert [item.price for item in reading.items] == [item["item_value"] for item in label["line_items"]]
    assert reading.total is not None and reading.total in label["total"]


def test_bytes_that_are_no_image_give_nothing() -> None:
    assert read_receipt(b"no image at all") == NOTHING


def test_half_a_jpeg_does_not_raise() -> None:
    image = drawn(KOPITIAM, "JPEG")
    read_receipt(image[: len(image) // 2])


CELLS = st.text("0123456789.,-()/:@x% RMpS$€¥合計TOTALCHangeé", min_size=1, max_size=14)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=25))
def test_whatever_the_text_is_it_gives_a_reading(cells: list[list[str]]) -> None:
    reading = reading_of(boxes_of("\n".join("  ".join(row) for row in cells)))
    assert all(item.name and any(c.isdigit() for c in item.price) for item in reading.items)


def test_nothing_is_printed_fetched_or_loaded_early() -> None:
    program = dedent("""
        import sys, socket
        def refuse(*_): raise SystemExit("the reader went to the network")
        socket.socket.connect = refuse
        from loader.embedded_api.reader import read_receipt
        early = {"cv2", "onnxruntime", "rapidocr", "numpy"} & set(sys.modules)
        if early: raise SystemExit(f"loaded with the module: {early}")
        read_receipt(sys.stdin.buffer.read())
    """)
    run = subprocess.run([sys.executable, "-c", program], input=drawn(KOPITIAM), capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
