"""Images as the API accepts them: what travels untouched, what is encoded again, what is refused and why."""

import io
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from loader.image_tokens import MAX_IMAGES
from loader.requests import images
from loader.requests.images import ORIGINAL, POLICIES, ImagePolicy, PreparedImage
from loader.requests.pictures import RejectedImage
from tests.helpers.heics import HEICS
from tests.helpers.pictures import picture, saved
from tests.helpers.sent_images import exif, prepared, quarters, reason, shown

# pytest sets its own warning filters, and Pillow warns about the odd files made here.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")


# What travels untouched


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (saved(picture(), "JPEG"), "image/jpeg"),
        (saved(picture(), "JPEG", progressive=True), "image/jpeg"),
        (saved(picture(mode="L"), "JPEG"), "image/jpeg"),
        (saved(picture(), "JPEG", exif=exif(1)), "image/jpeg"),
        (saved(picture(), "JPEG") + b"\0" * 900, "image/jpeg"),
        (saved(picture(), "MPO", save_all=True, append_images=[picture()]), "image/jpeg"),
        (saved(picture(), "PNG"), "image/png"),
        (saved(picture(mode="L"), "PNG"), "image/png"),
        (saved(picture(), "WEBP"), "image/webp"),
    ],
    ids=["jpeg", "progressive", "grey", "exif-1", "padded", "mpo", "png", "grey-png", "webp"],
)
def test_what_the_api_takes_travels_untouched(data: bytes, media_type: str) -> None:
    assert prepared(data) == PreparedImage(data, media_type, 60, 40)
    assert prepared(data).data is data
    assert images.inspect(data) == (media_type, 60, 40)


def test_a_jpeg_within_the_policy_travels_untouched_and_a_larger_one_shrinks() -> None:
    small, large = saved(picture((1540, 900)), "JPEG"), saved(picture((3080, 1800)), "JPEG")
    assert prepared(small, POLICIES["1540"]).data is small
    assert prepared(large).data is large
    shrunk = prepared(large, POLICIES["1540"])
    assert (shrunk.width, shrunk.height, shrunk.media_type) == (1540, 900, "image/jpeg")
    assert quarters(shown(shrunk)) == [True, False, False, False]


# What is encoded again


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_orientation_in_the_exif_data_is_applied(kind: str, orientation: int) -> None:
    dark_quarter = {2: 1, 3: 3, 4: 2, 5: 0, 6: 1, 7: 3, 8: 2}[orientation]
    sent = prepared(saved(picture(), kind, exif=exif(orientation)))
    image = shown(sent)
    assert image.size == ((40, 60) if orientation >= 5 else (60, 40))
    assert [index for index, dark in enumerate(quarters(image)) if dark] == [dark_quarter]
    assert 0x0112 not in image.getexif()


def test_transparency_is_flattened_on_white() -> None:
    clear = picture(mode="RGBA")
    clear.putalpha(picture(mode="L").point(lambda v: 255 - v))  # the black quarter stays, the rest is clear
    half_clear_grey = Image.new("LA", (8, 8), (0, 128))
    palette = picture().quantize(4)
    palette.info["transparency"] = palette.getpixel((50, 30))
    for data in (saved(clear, "PNG"), saved(clear, "WEBP"), saved(palette, "PNG"), saved(palette, "GIF")):
        sent = prepared(data)
        assert sent.media_type == "image/jpeg"
        assert quarters(shown(sent)) == [True, False, False, False]
    grey = shown(prepared(saved(half_clear_grey, "PNG"))).convert("L")
    assert 120 <= grey.getpixel((4, 4)) <= 135  # type: ignore[operator]
    keyed = prepared(saved(picture(), "PNG", transparency=(0, 0, 0)))
    assert quarters(shown(keyed)) == [False, False, False, False]


@pytest.mark.parametrize(
    ("mode", "kind", "becomes"),
    [
        ("P", "PNG", "RGB"),
        ("P", "GIF", "RGB"),
        ("1", "PNG", "L"),
        ("1", "TIFF", "L"),
        ("CMYK", "JPEG", "RGB"),
        ("CMYK", "TIFF", "RGB"),
        ("RGB", "BMP", "RGB"),
        ("RGB", "AVIF", "RGB"),
        ("YCbCr", "TIFF", "RGB"),
    ],
)
def test_other_modes_and_formats_become_a_jpeg(mode: str, kind: str, becomes: str) -> None:
    image = shown(prepared(saved(picture(mode=mode), kind)))
    assert (image.format, image.mode) == ("JPEG", becomes)
    assert quarters(image) == [True, False, False, False]


@pytest.mark.parametrize("top", [65535, 4095, 300])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_tones(kind: str, top: int) -> None:
    ramp = np.tile(np.linspace(0, top, 256), (16, 1)).astype(np.uint16)
    grey = np.asarray(shown(prepared(saved(Image.fromarray(ramp), kind))), dtype=int)
    assert np.abs(grey[8] - np.arange(256)).max() <= 4


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_32_bit_and_float_grey_keep_their_tones(kind: type) -> None:
    ramp = np.tile(np.linspace(-1000, 5000, 256), (16, 1)).astype(kind)
    grey = np.asarray(shown(prepared(saved(Image.fromarray(ramp), "TIFF"))), dtype=int)
    assert np.abs(grey[8] - np.arange(256)).max() <= 4
    not_numbers = Image.fromarray(np.full((8, 8), np.nan, dtype=np.float32))
    assert "not numbers" in reason(saved(not_numbers, "TIFF"))


def test_16_bit_colour_png_is_not_sent_as_it_is() -> None:
    data = bytearray(saved(picture(), "PNG"))
    assert data[24] == 8
    data[24] = 16  # no longer a valid file either; what matters is that it does not travel as it is
    assert reason(bytes(data))


def test_sides_beyond_the_api_limit_shrink_to_it() -> None:
    sent = prepared(saved(picture((12_000, 800), "L"), "JPEG"), ORIGINAL)
    assert (sent.width, sent.height) == (10_000, 667)
    assert quarters(shown(sent)) == [True, False, False, False]


def test_files_above_ten_megabytes_are_encoded_until_they_fit() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (3000, 3600, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), "PNG", compress_level=1)
    sent = prepared(data, ImagePolicy(quality=95))
    assert len(data) > images.MAX_BYTES >= len(sent.data)
    assert shown(sent).width < 3600


def test_same_bytes_in_same_bytes_out() -> None:
    data = saved(picture((3000, 2000)), "PNG")
    assert prepared(data, POLICIES["1540"]) == prepared(data, POLICIES["1540"])


def test_fingerprints_tell_policies_apart() -> None:
    policies = [ORIGINAL, POLICIES["1540"], ImagePolicy(max_side=1000), ImagePolicy(quality=80)]
    assert len({policy.fingerprint for policy in policies}) == 4
    assert ImagePolicy().fingerprint == ORIGINAL.fingerprint
    for wrong in ({"max_side": 0}, {"max_side": 10_001}, {"quality": 0}):
        with pytest.raises(ValueError, match="must be"):
            ImagePolicy(**wrong)


# What is refused


def test_refusals_say_why() -> None:
    assert reason(b"") == "empty file"
    assert reason(b"no picture at all").startswith("not an image")
    for brand in (b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1"):
        assert reason(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1").startswith("HEIC photo: damaged")
    for head in (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"):
        assert reason(head + b"\0" * 40).startswith("JPEG XL: not read here, save it as JPEG")
    assert reason(saved(Image.new("1", (30_000, 10)), "PNG")).startswith("30000 x 10 pixels: too narrow")
    assert "megapixels" in reason(saved(Image.new("1", (11_000, 10_000)), "PNG"))
    assert "bomb" in reason(saved(Image.new("1", (30_000, 30_000)), "PNG"))


def test_inspect_refuses_what_prepare_refuses_by_its_header() -> None:
    for data in (b"", b"text", saved(Image.new("1", (11_000, 10_000)), "PNG")):
        with pytest.raises(RejectedImage) as caught:
            images.inspect(data)
        assert caught.value.reason == reason(data)


@pytest.mark.parametrize("policy", [ORIGINAL, ImagePolicy(max_side=200)], ids=["original", "shrunk"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_file_that_is_cut_off_is_refused(kind: str, policy: ImagePolicy) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    assert prepared(data, policy)
    assert reason(data[: len(data) * 2 // 3], policy)


# Any bytes


SEEDS = [
    saved(picture(), "JPEG", exif=exif(6)),
    saved(picture(), "JPEG", progressive=True),
    saved(picture(mode="CMYK"), "JPEG"),
    saved(picture(mode="P"), "PNG"),
    saved(picture(mode="RGBA"), "PNG"),
    saved(picture(mode="P"), "GIF"),
    saved(picture(), "WEBP", exif=exif(3)),
    saved(picture(), "BMP"),
    saved(picture(), "TIFF", compression="tiff_lzw"),
    saved(picture(mode="1"), "TIFF", compression="group4"),
    saved(picture(mode="I;16"), "TIFF"),
    saved(picture(), "AVIF"),
    HEICS["turned"],
]


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SEEDS)))
    # Most damage where the headers are: there it takes decoders off their path.
    places = st.one_of(st.integers(0, min(200, len(data) - 1)), st.integers(0, len(data) - 1))
    for place, value in draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=12)):
        data[place] = value
    return bytes(data[: draw(st.one_of(st.none(), st.integers(0, len(data))))])


@settings(max_examples=600, deadline=None)
@given(
    data=st.one_of(damaged_files(), st.binary(max_size=300)),
    policy=st.sampled_from([ORIGINAL, ImagePolicy(20)]),
)
def test_any_bytes_are_prepared_or_refused(data: bytes, policy: ImagePolicy) -> None:
    try:
        sent = images.prepare(data, policy)
    except RejectedImage as error:
        assert error.reason and "\n" not in error.reason
    else:
        assert 1 <= len(sent) <= MAX_IMAGES
        for image in sent:
            assert max(image.width, image.height) <= policy.side
            assert 0 < len(image.data) <= images.MAX_BYTES


def test_pillow_stays_quiet_about_odd_files() -> None:
    tags = Image.Exif()
    tags[0x010E] = "x" * 40
    broken_exif = saved(picture(), "JPEG", exif=tags.tobytes()[:-30])
    palette = saved(picture().quantize(4), "PNG", transparency=bytes([0, 255, 128]))
    too_large = saved(Image.new("1", (11_000, 10_000)), "PNG")
    three_samples = b"\x15\x01\x03\x00\x01\x00\x00\x00\x03"  # the TIFF tag SamplesPerPixel
    seven_samples = saved(picture(), "TIFF").replace(three_samples, three_samples[:-1] + b"\x07")
    script = (
        "import sys, pickle\nfrom loader.requests import images\n"
        "for data in pickle.loads(sys.stdin.buffer.read()):\n"
        "    try: images.prepare(data)\n"
        "    except images.RejectedImage as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", script],
        input=pickle.dumps([broken_exif, palette, too_large, seven_samples]),
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    refused = done.stdout.decode().splitlines()
    assert [line.partition(",")[0][:14] for line in refused] == ["11000 x 10000 ", "not an image"]
    with warnings.catch_warnings(record=True) as seen:  # and these files do make Pillow warn
        warnings.simplefilter("always")
        Image.open(io.BytesIO(broken_exif)).getexif()
    assert seen
