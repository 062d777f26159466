"""Mails as programs write them, and as nobody should: what is attached is a receipt, what the text shows is not."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from loader.sources import mails
from loader.sources.open_source import open_source
from tests.helpers.archives import mail
from tests.sources.test_archives import JPEG, PDF, PNG, contents, passed_over


def folder_of(tmp_path: Path, message: EmailMessage | bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is read of a mail, by the names in it, and what is not."""
    (tmp_path / "z.jpg").write_bytes(JPEG)  # without any image the folder is refused
    (tmp_path / "m.eml").write_bytes(message if isinstance(message, bytes) else message.as_bytes())
    source = open_source(str(tmp_path))
    read = {key: data for key, data in contents(source).items() if key != "z.jpg"}
    assert source.count() == len(read) + 1
    return read, passed_over(source)


def test_a_forwarded_mail_s_attachments_are_read(tmp_path: Path) -> None:
    outer = mail(("a.jpg", JPEG))
    outer.add_attachment(mail(("b.pdf", PDF)))
    assert folder_of(tmp_path, outer) == ({"m.eml/a.jpg": JPEG, "m.eml/b.pdf": PDF}, {})


def test_pictures_that_the_text_shows_are_counted(tmp_path: Path) -> None:
    message = mail()
    message.add_alternative('<p>Hi <img src="cid:logo%40shop"></p><img src=cid:foot>', subtype="html")
    html = message.get_payload()[1]  # type: ignore[index]
    for name, cid in (("logo.png", "logo@shop"), ("foot.png", "foot"), ("photo.png", "other")):
        html.add_related(PNG, "image", "png", cid=f"<{cid}>", filename=name)  # type: ignore[union-attr]
    message.add_attachment(PDF, "application", "pdf", filename="receipt.pdf")
    read, passed = folder_of(tmp_path, message)
    assert read == {"m.eml/photo.png": PNG, "m.eml/receipt.pdf": PDF}
    assert passed == {"pictures in the text of mails": (2, ["m.eml/foot.png", "m.eml/logo.png"])}


def test_a_photograph_that_a_telephone_puts_in_the_mail_is_read(tmp_path: Path) -> None:
    message = mail()
    message.add_attachment(JPEG, "image", "jpeg", filename="IMG_1.jpg", disposition="inline", cid="<1@phone>")
    assert folder_of(tmp_path, message)[0] == {"m.eml/IMG_1.jpg": JPEG}


def test_a_mail_that_is_nothing_but_a_receipt(tmp_path: Path) -> None:
    message = EmailMessage()
    message.set_content(PDF, "application", "pdf")
    assert folder_of(tmp_path, message) == ({"m.eml/part-1": PDF}, {})


NAMES = {
    b'filename="=?utf-8?B?w7xtbGF1dC5qcGc=?="': "ümlaut.jpg",
    b"filename*=utf-8''%C3%BCmlaut.jpg": "ümlaut.jpg",
    b"filename*0=long; filename*1=er.jpg": "longer.jpg",
    b'filename="../../x.jpg"': r"\x2e\x2e/\x2e\x2e/x.jpg",
    b'filename="=?nonsense?Q?x?=.jpg"': "part-1",
    b"filename*=no-such-set''%C3.jpg": "Ã.jpg",
    b'filename="caf\xe9.jpg"': "caf�.jpg",
    b"": "part-1",
}


@pytest.mark.parametrize("header", NAMES)
def test_names_in_every_spelling(tmp_path: Path, header: bytes) -> None:
    lines = [
        b"Content-Type: image/jpeg",
        b"Content-Disposition: attachment; " + header,
        b"",
        JPEG.replace(b"\r", b"\n"),
    ]
    [(name, data)] = folder_of(tmp_path, b"\n".join(lines))[0].items()
    assert name.removeprefix("m.eml/") == NAMES[header] and isinstance(data, bytes)


BASE64 = b"Content-Type: image/jpeg; name=x.jpg\nContent-Transfer-Encoding: base64\n\n"
HOSTILE: dict[str, tuple[bytes, dict[str, Any]]] = {
    "base64 that is cut off": (BASE64 + b"abcde\n", {"m.eml/x.jpg": "its base64 text cannot be decoded"}),
    "no end of its parts": (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment; filename=x.jpg\n\nabc",
        {"m.eml/x.jpg": b"abc"},
    ),
    "no parts": (b"Content-Type: multipart/mixed\n\nabc", {}),
    "no mail": (bytes(range(256)) * 9, {}),
    "nothing": (b"", {}),
    "a type that is none": (b"Content-Type: ;;;=\xff\nContent-Disposition: \xff\xfe\n\nabc", {}),
    "parts in parts without end": (
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)),
        {"m.eml": "mail: cannot be read: maximum recursion depth exceeded"},
    ),
}


@pytest.mark.parametrize("harm", HOSTILE)
def test_hostile_mails_are_read_as_far_as_they_go(tmp_path: Path, harm: str) -> None:
    data, expected = HOSTILE[harm]
    read, passed = folder_of(tmp_path, data)
    assert {key: said[:54] if isinstance(said, str) else said for key, said in read.items()} == expected
    assert expected or passed == {"mails without a receipt attached": (1, ["m.eml"])}


def test_a_mail_that_no_server_would_send_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mails, "MAX_MAIL_BYTES", 500)
    read, _ = folder_of(tmp_path, mail(("x.jpg", JPEG)))
    assert read == {"m.eml": "mail: more than 500 bytes: save what is attached to it"}
