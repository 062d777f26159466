"""Zip archives and mails, also as no honest program writes them."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage


def zipped(files: dict[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these files; a name may come twice in a list."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files.items() if isinstance(files, dict) else files:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return made.getvalue()


def mail(*attached: tuple[str, bytes], text: str = "the receipt is attached") -> EmailMessage:
    """A mail with these files attached."""
    message = EmailMessage()
    message["Subject"], message["From"] = "receipt", "a@example.com"
    message.set_content(text)
    for name, data in attached:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message
