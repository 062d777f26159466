"""What people keep receipts as, from the folder to the landed answer: PDFs, HEIC photos, pages, strips."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loader.requests.images import prepare
from tests.helpers.commands import Run
from tests.helpers.heics import HEICS
from tests.helpers.pdfs import PRINT, pdf, scans
from tests.helpers.pictures import saved
from tests.helpers.servers import ApiServer
from tests.helpers.warehouses import rows


def grain(size: tuple[int, int], seed: int) -> Image.Image:
    """A page full of something."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8), np.uint8)).resize(
        size, Image.Resampling.NEAREST
    )


SENT = {
    "pages.pdf": (scans(grain((400, 560), 1), grain((400, 560), 2)), 2),
    "drawn": (pdf([PRINT]), 1),  # known by its head
    "backs.pdf": (scans(grain((400, 560), 3), Image.new("L", (400, 560), 250)), 1),
    "photo.heic": (HEICS["plain"], 1),
    "pages.tiff": (saved(grain((80, 120), 4), "TIFF", save_all=True, append_images=[grain((80, 120), 5)] * 2), 3),
    "strip.png": (saved(grain((640, 4000), 6), "PNG"), 3),
    "lying.png": (saved(grain((4000, 640), 7), "PNG"), 1),
}
LOCK = b"<< /Filter /Standard /V 1 /R 2 /P -4 /O (%b) /U (%b) >>" % (b"o" * 32, b"u" * 32)
REJECTED = {
    "locked.pdf": (pdf([PRINT], more=[LOCK], trailer=b"/Encrypt 6 0 R /ID [(a) (b)]"), "PDF: encrypted"),
    "year.pdf": (pdf([PRINT] * 52), "a PDF of 52 pages"),
    "photo.jxl": (b"\xff\x0a" + b"\0" * 40, "JPEG XL: not read here"),
    "burst.heic": (HEICS["two"], "a HEIF of several frames"),
}


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    folder = tmp_path / "kinds"
    folder.mkdir()
    for name, (data, _) in {**SENT, **REJECTED}.items():
        (folder / name).write_bytes(data)
    return folder


def test_every_kind_is_sent_as_one_request_or_rejected_with_the_reason(
    run: Run,
    api: ApiServer,
    kinds: Path,
    tmp_path: Path,
) -> None:
    code, out, err = run("load", "--receipts", str(kinds))
    assert code == 0, err
    assert f"{len(SENT)} requests in 1 jobs; {len(SENT)} lines landed" in out
    assert "1 receipts: blank pages are left out (backs.pdf)" in err
    assert "1 receipts: much wider than high" in err
    expected = [hashlib.sha256(image.data).hexdigest() for data, _ in SENT.values() for image in prepare(data)]
    assert len(expected) == sum(count for _, count in SENT.values())
    assert sorted(api.read_images()) == sorted(expected)

    found = "select source_key, media_type, rejected_reason, receipt_id from raw.receipts"
    for key, media_type, reason, receipt_id in rows(tmp_path / "w.duckdb", found):
        data, outcome = {**SENT, **REJECTED}[key]
        assert receipt_id == hashlib.sha256(data).hexdigest(), "the identity is that of the file"
        assert (reason is None) if isinstance(outcome, int) else reason.startswith(outcome)
        if isinstance(outcome, int):
            assert media_type == {"pdf": "application/pdf", "heic": "image/heic", "tiff": "image/tiff"}.get(
                key.rpartition(".")[2], "application/pdf" if key == "drawn" else "image/png"
            )

    code, out, _ = run("load", "--receipts", str(kinds), "--json")
    assert (code, json.loads(out)["requests"], json.loads(out)["image_notes"]) == (0, 0, [])


def test_the_dry_run_counts_the_tokens_of_all_images(
    run: Run,
    api: ApiServer,
    kinds: Path,
    tmp_path: Path,
) -> None:
    """Of what is not blank, as blank pages show only once they are rendered; text is estimated by its length."""
    (kinds / "backs.pdf").unlink()
    code, out, _ = run("load", "--receipts", str(kinds), "--dry-run", "--json")
    expected = json.loads(out)
    assert (code, expected["requests"], expected["rejected"]) == (0, len(SENT) - 1, len(REJECTED))
    assert run("load", "--receipts", str(kinds))[0] == 0
    used = "select sum(cast(line::json->'response'->'body'->'usage'->>'prompt_tokens' as int)) from raw.batch_output"
    [(counted,)] = rows(tmp_path / "w.duckdb", used)
    text = 700 * expected["requests"]  # the schema, which the embedded API does not count
    assert abs(expected["prompt_tokens"] - counted) < text


@pytest.mark.parametrize("name", ["pages.pdf", "photo.heic", "strip.png"])
def test_extract_looks_at_any_kind(run: Run, api: ApiServer, kinds: Path, name: str) -> None:
    code, out, err = run("extract", str(kinds / name), "--json")
    assert code == 0, err
    assert len(json.loads(out)["items"]) == 3 * SENT[name][1]
    assert run("extract", str(kinds / name), "--style", "notebook")[0] == 0


def test_extract_says_why_a_file_cannot_be_sent(run: Run, api: ApiServer, kinds: Path) -> None:
    code, _, err = run("extract", str(kinds / "locked.pdf"))
    assert code == 1 and "locked.pdf: PDF: encrypted, save it without its password; name another image" in err
    assert err.count("\n") == 1
