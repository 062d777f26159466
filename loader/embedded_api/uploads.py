"""A multipart upload, written to disk as it comes: of the file only the current block is in memory."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from loader.embedded_api.errors import ApiRefusal, invalid, no_space, too_large
from loader.files import sync
from loader.owned_folder import open_new

MAX_FILE_BYTES = 512 * 1024 * 1024
MAX_FIELD_BYTES = 4096
MAX_FIELDS = 16
MAX_HEADER_BYTES = 4096  # of one part of the form
MAX_NAME = 255  # characters of a file's name or type


class Upload:
    """The form of an upload: text fields in `fields`, the file at `path` until somebody moves it away.

    Use it as a context manager: a file that nobody took is removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.content_type = ""
        self.num_lines = 0
        self.size = 0
        self._file: BinaryIO = open_new(path, "xb")
        self._complete = False
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._field: str | None = None
        self._field_value = b""
        self._last_byte = b"\n"

    def __enter__(self) -> Upload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # a full disk: what is left in the buffer has nowhere to go
            self._file.close()
        self.path.unlink(missing_ok=True)

    async def receive(self, content_type: str, blocks: AsyncIterator[bytes]) -> None:
        """Take in the whole body; ApiRefusal (413, 422) when it is too large, torn, or holds no file."""
        refusal: ApiRefusal | None = None
        parser = self._parser(content_type)
        async for block in blocks:
            if refusal is None:  # else read on, so that the client gets to see the refusal
                try:
                    parser.write(block)
                except FormParserError:
                    refusal = invalid(["body"], "The multipart body is malformed")
                except ApiRefusal as raised:
                    refusal = raised
                except OSError as error:
                    refusal = no_space(str(error.strerror))
        if refusal is not None:
            raise refusal
        if not self._complete:
            raise invalid(["body"], "The multipart body ends too early")
        if self.filename is None:
            raise invalid(["body", "file"], "Field required", "missing")
        self.num_lines += self._last_byte != b"\n"

    def have_on_disk(self) -> None:
        """Have the file on disk; ApiRefusal (507) when it doesn't fit."""
        try:
            self._file.flush()
            sync(self.path)
        except OSError as error:
            raise no_space(str(error.strerror)) from None

    def _parser(self, content_type: str) -> MultipartParser:
        try:
            kind, options = parse_options_header(content_type)
        except (ValueError, LookupError):
            kind, options = b"", {}
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise invalid(["body", "file"], "Send the file as multipart/form-data", "missing")
        try:
            return MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError:
            raise invalid(["body"], "The multipart boundary is malformed") from None

    def _on_part_begin(self) -> None:
        self._headers = {}
        self._field_value = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]
        self._bound_headers()

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        self._bound_headers()

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _bound_headers(self) -> None:
        held = sum(len(name) + len(value) for name, value in self._headers.items())
        if held + len(self._header_name) + len(self._header_value) > MAX_HEADER_BYTES:
            raise invalid(["body"], f"A part's headers are longer than {MAX_HEADER_BYTES} bytes")

    def _on_headers_finished(self) -> None:
        try:
            _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        except (ValueError, LookupError):  # a character set that there isn't
            raise invalid(["body"], "A part's Content-Disposition is malformed") from None
        self._field = options.get(b"name", b"").decode(errors="replace")
        if self._field == "file":
            if self.filename is not None:
                raise invalid(["body", "file"], "Send one file a request")
            name = options.get(b"filename", b"upload.jsonl").decode(errors="replace")
            self.filename = name.replace("%22", '"')  # how browsers and httpx write a quote here
            self.content_type = self._headers.get(b"content-type", b"").decode(errors="replace")
            if max(len(self.filename), len(self.content_type)) > MAX_NAME:
                raise invalid(["body", "file"], f"The file's name or type is longer than {MAX_NAME} characters")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field != "file":
            self._field_value += data[start:end]
            if len(self._field_value) > MAX_FIELD_BYTES:
                raise invalid(["body", str(self._field)], "The field is too long")
            return
        self.size += end - start
        if self.size > MAX_FILE_BYTES:
            raise too_large("The file", MAX_FILE_BYTES)
        self.num_lines += data.count(b"\n", start, end)
        self._last_byte = data[end - 1 : end]
        self._file.write(data[start:end])

    def _on_part_end(self) -> None:
        if self._field and self._field != "file":
            if len(self.fields) == MAX_FIELDS:
                raise invalid(["body"], f"At most {MAX_FIELDS} fields are taken")
            self.fields[self._field] = self._field_value.decode(errors="replace")

    def _on_end(self) -> None:
        self._complete = True
