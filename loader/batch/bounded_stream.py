"""Answers that trickle or never end are cut off, so that a hostile or sick server cannot hold the loader for ever.

The client's own time-outs are for each read: a server that sends a byte a second never meets them. A cut-off answer
counts as a network fault (`httpx2.ReadTimeout`), and reads are repeated.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2

GRACE_SECONDS = 60.0
MIN_BYTES_PER_SECOND = 1_000  # a slow line of 56 kbit/s makes 7,000
MAX_JSON_BYTES = 256 * 1024 * 1024  # far above any list of jobs; result files are not bounded
DOWNLOAD = "is_download"  # an extension of the requests whose answers may be of any length


class BoundedStream(httpx2.SyncByteStream):
    """A response's bytes, as long as they come fast enough and are not too many."""

    def __init__(self, stream: httpx2.SyncByteStream, request: httpx2.Request, is_result: bool) -> None:
        self._stream = stream
        self._request = request
        self._max_bytes = None if is_result else MAX_JSON_BYTES

    def __iter__(self) -> Iterator[bytes]:
        started = time.monotonic()
        received = 0
        for chunk in self._stream:
            received += len(chunk)
            elapsed = time.monotonic() - started
            if elapsed > GRACE_SECONDS and received < MIN_BYTES_PER_SECOND * elapsed:
                raise httpx2.ReadTimeout(f"{received} bytes in {elapsed:.0f} s is too slow", request=self._request)
            if self._max_bytes is not None and received > self._max_bytes:
                raise httpx2.ReadError(f"an answer of more than {self._max_bytes} bytes", request=self._request)
            yield chunk

    def close(self) -> None:
        """Close the connection's stream."""
        self._stream.close()


def bound(response: httpx2.Response) -> None:
    """An event hook of the client: bound the response that is about to be read."""
    assert isinstance(response.stream, httpx2.SyncByteStream)
    is_page = "html" in response.headers.get("content-type", "")
    is_result = response.status_code == 200 and not is_page and DOWNLOAD in response.request.extensions
    response.stream = BoundedStream(response.stream, response.request, is_result)
    if response.status_code != 200:
        response.read()  # the client fails to describe a refused download that has no body, unless it has been read
