"""Files of several pages, PDFs and TIFFs: every page is sent, left out because it is blank, or the file is rejected."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw

from loader.image_tokens import MAX_IMAGES, SIDE_SEEN
from loader.requests import images, pages, pdfs
from loader.requests.images import POLICIES, READABLE, ImagePolicy, PreparedImage
from loader.requests.pictures import RejectedImage
from tests.helpers.pdfs import PRINT, file, packed, pdf, scans, stream
from tests.helpers.pictures import picture, saved
from tests.helpers.sent_images import quarters


def reason(data: bytes, policy: ImagePolicy = READABLE) -> str:
    with pytest.raises(RejectedImage) as caught:
        images.prepare(data, policy)
    assert "\n" not in caught.value.reason
    return caught.value.reason


def shown(image: PreparedImage) -> Image.Image:
    opened = Image.open(io.BytesIO(image.data)).convert("RGB")
    assert (opened.size, image.media_type) == ((image.width, image.height), "image/jpeg")
    return opened


def dark_corner(image: PreparedImage) -> tuple[int, int]:
    """(across, down) of the darkest quarter."""
    grey = np.asarray(shown(image).convert("L").resize((2, 2), Image.Resampling.BOX))
    down, across = divmod(int(grey.argmin()), 2)
    return across, down


def page(number: int, size: tuple[int, int] = (400, 560)) -> Image.Image:
    """A page with its number in black bars."""
    paper = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(paper)
    for bar in range(number):
        pen.rectangle((40, 40 + 40 * bar, size[0] - 40, 60 + 40 * bar), fill="black")
    return paper


def bars(image: PreparedImage) -> int:
    """How many bars a page has."""
    column = np.asarray(shown(image).convert("L"))[:, image.width // 2] < 128
    return int((np.diff(column.astype(int)) == 1).sum())


# What is sent


@pytest.mark.parametrize("policy", POLICIES)
def test_the_pages_of_a_pdf_follow_in_their_order(policy: str) -> None:
    data = scans(*(page(number) for number in (3, 1, 2)))
    sent = images.prepare(data, POLICIES[policy])
    assert [bars(image) for image in sent] == [3, 1, 2]
    assert [(image.width, image.height) for image in sent] == [(1100, 1540)] * 3
    assert images.sizes_sent(data, POLICIES[policy]) == [(1100, 1540)] * 3
    assert images.inspect(data) == ("application/pdf", 1100, 1540)


def test_a_page_is_rendered_as_large_as_a_model_sees_it_whatever_size_it_claims() -> None:
    for box in (b"0 0 20 30", b"0 0 200 300", b"0 0 20000 30000", b"-500 -500 500 1000"):
        width = int(box.split()[2])
        [sent] = images.prepare(pdf([b"0 0 %d %d re f" % (width // 2, width // 2)], box=box))
        assert (sent.width, sent.height) == (1027, SIDE_SEEN), box


@pytest.mark.parametrize(("turn", "corner"), [(0, (0, 1)), (90, (0, 0)), (180, (1, 0)), (270, (1, 1)), (-90, (1, 1))])
def test_the_turn_of_a_page_is_honoured(turn: int, corner: tuple[int, int]) -> None:
    data = pdf([b"0 0 100 150 re f"], entries=b"/Rotate %d" % turn)  # black at the bottom left
    [sent] = images.prepare(data)
    assert dark_corner(sent) == corner
    assert (sent.width > sent.height) == (turn % 180 != 0)


def test_blank_pages_are_left_out_and_noted() -> None:
    grain = np.random.default_rng(1).normal(240, 4, (560, 400)).clip(0, 255).astype(np.uint8)
    blank = Image.fromarray(grain)  # the back of a scanned slip
    sent = images.prepare(scans(blank, page(2), blank, page(1)))
    assert [bars(image) for image in sent] == [2, 1]
    assert [image.notes for image in sent] == [(images.BLANK_PAGES,), ()]
    assert reason(scans(blank)) == "a PDF of 1 page without print"
    assert reason(pdf([b"", b""])) == "a PDF of 2 pages without print"


def test_a_page_with_little_or_faint_print_is_not_blank() -> None:
    small, faint = page(0, (1540, 1540)), page(0)
    ImageDraw.Draw(small).text((700, 700), "Page 2", fill="black")
    ImageDraw.Draw(faint).text((100, 100), "TOTAL 12.50 EUR", fill=(205, 205, 205), font_size=24)
    assert len(images.prepare(scans(page(1), small, faint))) == 3


def test_eight_pages_with_print_are_sent_and_nine_are_not() -> None:
    both_sides = [side for number in range(1, 9) for side in (page(number), page(0))]
    assert [bars(image) for image in images.prepare(scans(*both_sides))] == list(range(1, 9))
    assert reason(scans(*(page(1) for _ in range(9)))).startswith("a PDF of more than 8 pages with print: split it")
    tiff = saved(page(1), "TIFF", save_all=True, append_images=[page(1)] * 8)
    assert reason(tiff).startswith("a TIFF of more than 8 pages with print")


def test_long_pages_are_cut_and_share_the_eight_images() -> None:
    long_page = page(5, (400, 2000))
    sent = images.prepare(scans(long_page, page(1)))
    assert len(sent) == 3
    assert images.sizes_sent(scans(long_page, page(1))) == [(616, 1540), (616, 1540), (1100, 1540)]
    crowd = images.prepare(scans(*(page(5, (400, 2000)) for _ in range(5))))
    assert len(crowd) == MAX_IMAGES and images.TOO_LONG in crowd[0].notes
    assert images.prepare(scans(long_page), POLICIES["original"])[0].height == 2 * SIDE_SEEN


def test_a_tiff_of_pages_is_one_receipt() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    data = saved(page(2), "TIFF", save_all=True, append_images=[page(1), page(0), page(3)], compression="tiff_lzw")
    sent = images.prepare(data)
    assert [bars(image) for image in sent] == [2, 1, 3]
    assert sent[0].notes == (images.BLANK_PAGES,)
    assert images.inspect(data) == ("image/tiff", 400, 560)
    assert images.sizes_sent(data) == [(400, 560)] * 4
    [large] = images.prepare(saved(page(2, (3000, 4200)), "TIFF"))
    assert large.height == SIDE_SEEN


def test_a_tiff_may_have_many_pages_and_says_which_is_damaged() -> None:
    assert reason(saved(page(1), "TIFF", save_all=True, append_images=[page(1)] * 99)).startswith("a TIFF of 100 pages")
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (300, 400, 3), dtype=np.uint8))
    whole = saved(noise, "TIFF", save_all=True, append_images=[noise, noise], compression="tiff_deflate")
    second = whole.index(b"\x78", len(whole) // 2 - 40_000)
    damaged = whole[:second] + b"\0" * 60_000 + whole[second + 60_000 :]
    assert "TIFF: page 2 of 3" in reason(damaged)


# What is rejected


def encrypted(handler: bytes) -> bytes:
    locked = b"<< /Filter /%b /V 1 /R 2 /P -4 /O (%b) /U (%b) >>" % (handler, b"o" * 32, b"u" * 32)
    return pdf([PRINT], more=[locked], trailer=b"/Encrypt 6 0 R /ID [(a) (b)]")


def with_image(entries: bytes, data: bytes) -> bytes:
    scan = stream(data, b"/Type /XObject /Subtype /Image /BitsPerComponent 8 " + entries)
    return pdf([PRINT, b"200 0 0 300 0 0 cm /I Do"], resources=b"/XObject << /I 8 0 R >>", more=[scan])


JPEG = saved(picture((400, 600)), "JPEG")
RGB = b"/Width 400 /Height 600 /ColorSpace /DeviceRGB /Filter /DCTDecode"

HOSTILE: dict[str, tuple[Callable[[], bytes], str | tuple[str, ...]]] = {
    "nothing behind the head": (lambda: b"%PDF-1.7\n", "PDF: damaged, it cannot be opened"),
    "half a file": (lambda: scans(page(1), page(2))[:900], "PDF: damaged, it cannot be opened"),
    "no catalogue": (lambda: file([b"<< /A 1 >>"]), "PDF: damaged, it cannot be opened"),
    "no pages": (lambda: pdf([]), "PDF: "),
    "a password": (lambda: encrypted(b"Standard"), "PDF: encrypted, save it without its password"),
    "an unknown lock": (lambda: encrypted(b"Other"), "PDF: encrypted in a way that is not read here"),
    "500 pages": (lambda: pdf([PRINT] * 500), "a PDF of 500 pages: at most 8 a receipt are sent"),
    "a narrow page": (lambda: pdf([PRINT], box=b"0 0 1 90000"), "PDF: a page of 1 x 90000 points, too narrow"),
    "a page that is a number": (
        lambda: pdf([PRINT, PRINT]).replace(b"/Type /Page /Parent 2 0 R", b"/Type /Other /Parens 2", 1),
        "",
    ),
    "a lost page": (lambda: pdf([PRINT, PRINT]).replace(b"/Kids [4 0 R 6 0 R]", b"/Kids [4 0 R 9 0 R]"), "PDF: page 2"),
    "a loop of pages": (lambda: pdf([PRINT, PRINT]).replace(b"/Kids [4 0 R 6 0 R]", b"/Kids [4 0 R 2 0 R]"), "PDF: "),
    "no picture in the picture": (lambda: with_image(RGB, b"no JPEG"), "PDF: page 2 of 2: its picture is cut off"),
    "a damaged picture": (
        lambda: with_image(RGB, b"\xff\xd8 no JPEG \xff\xd9"),
        "PDF: page 2 of 2: its picture cannot",
    ),
    "half a picture": (lambda: with_image(RGB, JPEG[:-400]), "PDF: page 2 of 2: its picture is cut off"),
    "ten gigapixels": (
        lambda: with_image(b"/Width 100000 /Height 100000 /ColorSpace /DeviceGray /Filter /FlateDecode", b"x" * 99),
        "PDF: page 2 of 2: its picture cannot",
    ),
    # a fast machine gets through it in time, and it draws nothing
    "much of nothing": (lambda: pdf([packed(b"0 0 m " * 60_000_000)]), ("PDF: ", "a PDF of 1 page without print")),
    "a million strokes in a million places": (
        lambda: pdf([packed(b"1 w 0 0 m 199 299 l 0 299 l 199 0 l S\n" * 2_000_000)]),
        "PDF: it takes longer than 4 seconds",
    ),
    "a form that draws itself": (
        lambda: pdf(
            [b"/X Do"],
            resources=b"/XObject << /X 6 0 R >>",
            more=[stream(b"/X Do /X Do", b"/Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>")],
        ),
        "PDF: it takes longer than 4 seconds",  # twice as much to draw at each of hundreds of depths
    ),
    "a hundred thousand brackets": (lambda: pdf([b"q " * 100_000 + b"[" * 100_000]), ""),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_pdf_is_rejected_in_bounded_time_with_one_line(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, words = HOSTILE[kind]
    data = make()
    started = time.monotonic()
    with monkeypatch.context() as patched:
        patched.setattr(pdfs, "MOST_SECONDS", 4.0)
        assert reason(data).startswith(words)
    assert time.monotonic() - started < 120  # one that hangs would take for ever; a machine may be busy
    assert bars(images.prepare(scans(page(2)))[0]) == 2, "the next file is read"


def test_a_renderer_that_was_ended_while_it_waited_costs_no_file() -> None:
    images.prepare(scans(page(1)))
    for renderer in pdfs._idle:
        renderer._process.kill()
        renderer._process.wait()
    assert bars(images.prepare(scans(page(2)))[0]) == 2


def test_a_file_that_is_too_large_is_not_even_given_to_the_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdfs, "MOST_BYTES", 1000)
    monkeypatch.setattr(pdfs, "_idle", [])
    assert "MB, more than the" in reason(scans(page(1)))
    assert pdfs._idle == []


def test_renderers_end_with_the_process_that_started_them() -> None:
    program = (
        "import sys, os\nfrom loader.requests import images, pdfs\nimages.prepare(sys.stdin.buffer.read())\n"
        "print(pdfs._idle[0]._process.pid, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program], input=scans(page(1)), capture_output=True, check=False)
    pid, end = int(killed.stdout), time.monotonic() + 10
    while _is_running(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_pdf_is_known_by_its_head() -> None:
    for head in (b"", b"\n\n", b"\xef\xbb\xbf", b"\0" * 20):
        assert images.inspect(head + pdf([PRINT]))[0] == "application/pdf"
    assert not pages.is_pdf(b"a letter about %PDF-1.7")


def test_pdfs_are_prepared_in_threads_and_come_out_the_same() -> None:
    files = [scans(page(number), page(number + 1)) for number in range(1, 5)] * 6
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(images.prepare, files)) == [images.prepare(data) for data in files]
    assert len(pdfs._idle) <= 5


def tiff_pages(*subfile_types: int, sub_images: bool = False) -> bytes:
    """A TIFF whose pages are marked so: 0 a page, 1 a preview, 4 a mask."""
    from PIL import TiffImagePlugin

    buffer = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(buffer, new=True) as file:
        for subfile_type in subfile_types:
            tags = TiffImagePlugin.ImageFileDirectory_v2()
            tags[254] = subfile_type
            if sub_images:
                tags[330] = 8
            picture().save(file, "TIFF", tiffinfo=tags)
            file.newFrame()
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (tiff_pages(0), 1),
        (tiff_pages(1), 1),  # the only picture, whatever it is called
        (tiff_pages(0, 1), 1),
        (tiff_pages(0, 1, 4), 1),
        (tiff_pages(0, 0, 1), 2),
        (tiff_pages(0, 1, 4, 0), 2),
        (tiff_pages(1, 0), "a TIFF that begins with a preview"),
        (tiff_pages(1, sub_images=True), "a TIFF that begins with a preview"),
    ],
)
def test_previews_and_masks_in_a_tiff_are_no_pages(data: bytes, outcome: int | str) -> None:
    if isinstance(outcome, str):
        assert reason(data).startswith(outcome)
    else:
        sent = images.prepare(data)
        assert [quarters(shown(image)) for image in sent] == [[True, False, False, False]] * outcome
