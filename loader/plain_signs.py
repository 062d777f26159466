"""Output in an encoding that lacks some signs: a sign much like it, else a question mark, never a traceback."""

from __future__ import annotations

import codecs
import io
from typing import TextIO

PLAIN = {
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{MIDDLE DOT}": ".",
    "\N{NO-BREAK SPACE}": " ",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
}
HANDLER = "plain_signs"
PLAIN_ASCII = "plain_ascii"


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign, "?") for sign in text), error.end


class _Encoder(codecs.IncrementalEncoder):
    def encode(self, text: str, final: bool = False) -> bytes:
        return codecs.ascii_encode(text, self.errors)[0]


def _codec(name: str) -> codecs.CodecInfo | None:
    if name != PLAIN_ASCII:
        return None
    return codecs.CodecInfo(codecs.ascii_encode, codecs.ascii_decode, incrementalencoder=_Encoder, name=PLAIN_ASCII)


def fit_to_encoding(stream: TextIO) -> None:
    """Let a stream print what its encoding lacks. ASCII gets another name, as click writes UTF-8 to ASCII."""
    if not isinstance(stream, io.TextIOWrapper):  # a test's
        return
    codecs.register_error(HANDLER, _plain)
    if codecs.lookup(stream.encoding).name == "ascii":
        codecs.register(_codec)
        stream.reconfigure(encoding=PLAIN_ASCII, errors=HANDLER)
    else:
        stream.reconfigure(errors=HANDLER)
