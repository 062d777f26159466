"""A proxy on loopback that stands between the loader and an API server and does harm on request.

It speaks real HTTP over real sockets. A `Fault` names a kind of call, the nth such call, what happens, and whether the
server did the work before (`after=True`) or never saw the call. The proxy belongs to the tests: the product
knows nothing of it.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

CALLS = [
    ("upload", "POST", r"/v1/files"),
    ("find_file", "GET", r"/v1/files"),
    ("download", "GET", r"/v1/files/[^/]+/content"),
    ("get_file", "GET", r"/v1/files/[^/]+"),
    ("delete_file", "DELETE", r"/v1/files/[^/]+"),
    ("create_job", "POST", r"/v1/batch/jobs"),
    ("list_jobs", "GET", r"/v1/batch/jobs"),
    ("get_job", "GET", r"/v1/batch/jobs/[^/]+"),
    ("cancel_job", "POST", r"/v1/batch/jobs/[^/]+/cancel"),
    ("chat", "POST", r"/v1/chat/completions"),
]

HARMS = (
    "reset",  # the connection is reset
    "500",
    "502",
    "503",
    "429",  # with Retry-After
    "402",  # batch billing is not enabled
    "torn",  # half of the answer's body, then the end
    "not json",  # 200 with an HTML page
    "empty",  # 200 with nothing
    "huge error",  # 500 with a body of 100 MB
    "redirect",  # to another host, which knows nothing of the API
    "late",  # the answer comes after the work was done and the client has given up
)
POSTPONED = "postponed"  # the connection is reset, and the server does the work a moment later
MOVED = "moved"  # to another host, where the answer lies and no key is wanted

GONE = b'{"detail": "Not found"}'  # a rewrite to this makes the answer a 404


@dataclass(frozen=True)
class Fault:
    """What happens at the nth call of a kind (from 1)."""

    call: str
    harm: str
    nth: int = 1
    after: bool = False

    def __str__(self) -> str:
        return f"{self.harm} {'after' if self.after else 'before'} {self.call} #{self.nth}"


def call_of(method: str, path: str) -> str:
    """The kind of a call, by its method and path."""
    plain = path.partition("?")[0]
    return next((name for name, verb, shape in CALLS if verb == method and re.fullmatch(shape, plain)), "other")


@dataclass
class FaultProxy:
    """A running proxy: its URL, the faults to come, and the calls that were made."""

    url: str
    upstream: str
    faults: list[Fault] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    served_after_redirect: list[str] = field(default_factory=list)  # the keys that came with such calls
    stored: list[tuple[bytes, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    late_seconds: float = 0.5
    postponed_seconds: float = 0.15
    # What becomes of an answer's body, by kind of call: the server is hostile, or sick, in ways of its own.
    rewrites: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    trickle: str | None = None  # the kind of call that is answered a byte at a time, for ever
    # The harm that is done at every call of a kind to the one thing (job, file) that was first asked for, by kind; of
    # kinds that name no thing, at every call but the first `well_at_first`.
    sick: dict[str, str] = field(default_factory=dict)
    sick_paths: dict[str, str] = field(default_factory=dict)
    well_at_first: int = 0
    media_types: dict[str, str] = field(default_factory=dict)  # what answers are said to be, by kind of call
    bodies: dict[str, bytes] = field(default_factory=dict)  # what comes with a status that is a harm
    sick_rewrites: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)  # as `rewrites`, of that one

    def next_fault(self, call: str) -> Fault | None:
        """Count a call; the fault that is due at it, if any."""
        with self.lock:
            self.calls[call] += 1
            due = [fault for fault in self.faults if fault.call == call and fault.nth == self.calls[call]]
        return due[0] if due else None

    def is_sick(self, call: str, path: str) -> bool:
        """Whether this call (it has been counted) is of the one thing that is sick."""
        with self.lock:
            if path.rstrip("/").endswith(("/files", "/jobs")):
                return self.calls[call] > self.well_at_first
            return self.sick_paths.setdefault(call, path) == path

    def begin(self, *faults: Fault) -> None:
        """Forget the calls so far and do this harm from now on."""
        with self.lock:
            self.faults = list(faults)
            self.calls.clear()


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """A proxy in front of the server at `upstream`, for as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    proxy = FaultProxy(f"http://127.0.0.1:{server.server_port}", upstream)
    server.proxy = proxy  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        proxy: FaultProxy = self.server.proxy  # type: ignore[attr-defined]
        body = (
            self.rfile.read(int(self.headers.get("Content-Length") or 0)) if not self._is_chunked() else self._chunks()
        )
        if self.path.startswith("/elsewhere"):
            proxy.served_after_redirect.append(self.headers.get("Authorization", ""))
            self._answer(403, b'{"message": "nothing here"}')
            return
        if self.path.startswith("/stored"):
            proxy.served_after_redirect.append(self.headers.get("Authorization", ""))
            self._answer(200, *proxy.stored[int(self.path.removeprefix("/stored"))])
            return
        call = call_of(self.command, self.path)
        fault = proxy.next_fault(call)
        path = self.path.partition("?")[0]
        if fault is None and call in proxy.sick and proxy.is_sick(call, path):
            fault = Fault(call, proxy.sick[call])
        if fault is None:
            self._pass_on(proxy, body)
            return
        if fault.harm == POSTPONED:
            self._reset()
            time.sleep(proxy.postponed_seconds)
            self._forward(proxy.upstream, body)
            return
        needed = fault.after or fault.harm in ("torn", "late", MOVED)
        answer = self._forward(proxy.upstream, body) if needed else None
        self._harm(fault.harm, answer, proxy)

    def _pass_on(self, proxy: FaultProxy, body: bytes) -> None:
        call = call_of(self.command, self.path)
        status, answer, kind = self._forward(proxy.upstream, body)
        if call in proxy.rewrites and status == 200:
            answer = proxy.rewrites[call](answer)
        if call in proxy.sick_rewrites and status == 200 and proxy.is_sick(call, self.path.partition("?")[0]):
            answer = proxy.sick_rewrites[call](answer)
        if call == proxy.trickle:
            self._head(200, 10_000_000, kind)
            with suppress(OSError):
                while True:
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(0.05)
            return
        self._answer(status if answer != GONE else 404, answer, proxy.media_types.get(call, kind))

    do_GET = do_POST = do_DELETE = _handle

    def _is_chunked(self) -> bool:
        return "chunked" in self.headers.get("Transfer-Encoding", "")

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _forward(self, upstream: str, body: bytes) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=60)
        skipped = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
        headers = {key: value for key, value in self.headers.items() if key.lower() not in skipped}
        connection.request(self.command, self.path, body or None, headers)
        response = connection.getresponse()
        answer = (response.status, response.read(), response.headers.get("Content-Type", "application/json"))
        connection.close()
        return answer

    def _harm(self, harm: str, answer: tuple[int, bytes, str] | None, proxy: FaultProxy) -> None:
        match harm:
            case "reset":
                self._reset()
            case "400" | "401" | "402" | "403" | "404" | "422" | "500" | "502" | "503":
                self._answer(int(harm), proxy.bodies.get(harm, b'{"message": "trouble"}'))
            case "429":
                self._answer(429, b'{"message": "slow down"}', extra={"Retry-After": "0.1"})
            case "torn":
                assert answer is not None
                status, body, kind = answer
                self._head(status, len(body), kind)
                self.wfile.write(body[: len(body) // 2])
                self._reset()
            case "not json":
                self._answer(200, b"<html>hello</html>", "text/html")
            case "empty":
                self._answer(200, b"")
            case "huge error":
                self._answer(500, b"x" * 100_000_000, "text/plain")
            case "redirect":
                self._answer(307, b"", extra={"Location": f"{proxy.url.replace('127.0.0.1', 'localhost')}/elsewhere"})
            case "moved":
                assert answer is not None
                proxy.stored.append(answer[1:])
                host = proxy.url.replace("127.0.0.1", "localhost")
                self._answer(302, b"", extra={"Location": f"{host}/stored{len(proxy.stored) - 1}"})
            case "round in circles":
                self._answer(302, b"", extra={"Location": self.path})
            case "late":
                time.sleep(proxy.late_seconds)
                self._reset()

    def _head(self, status: int, length: int, kind: str, extra: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def _answer(
        self, status: int, body: bytes, kind: str = "application/json", extra: dict[str, str] | None = None
    ) -> None:
        try:
            self._head(status, len(body), kind, extra)
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.wfile.close()
        self.connection.close()
        self.rfile = self.wfile = io.BytesIO()  # the base class flushes once more
