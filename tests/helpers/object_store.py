"""An S3 server (moto's) on loopback, which counts what is asked of it and does harm where a test wants it."""

from __future__ import annotations

import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

KEY = "AKIATESTKEY"
SECRET = "a-secret-that-nobody-may-see"
Harm = Callable[["Call"], str | None]


@dataclass(frozen=True)
class Call:
    """What a client asks for, and for which time it asks for that."""

    method: str
    path: str
    nth: int

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and self.path.count("/") == 1


@dataclass
class ObjectStore:
    """A running server. `harm` says what is done to a call: `500`, `torn`, `gone`, `denied`; None: it is answered."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    harm: Harm = lambda call: None
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self) -> Any:
        return boto3.client(
            "s3", endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1"
        )

    def put(self, bucket: str, objects: dict[str, bytes]) -> None:
        """A bucket (made if need be) with these objects, unharmed and uncounted."""
        client = self.client()
        client.create_bucket(Bucket=bucket)
        for key, data in objects.items():
            client.put_object(Bucket=bucket, Key=key, Body=data)
        self.forget()

    def environment(self) -> dict[str, str]:
        """The variables by which AWS's tools find the server, and may use it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def reset(self) -> None:
        """Empty the store, and forget."""
        self.forget()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")).close()
        self.forget()

    def forget(self) -> None:
        """Forget the calls so far, and do no more harm."""
        with self._lock:
            self.calls.clear()
            self._counts.clear()
            self.harm = lambda call: None

    def fill(self, bucket: str, objects: dict[str, bytes]) -> None:
        """The same, many at once: past the network."""
        self.client().create_bucket(Bucket=bucket)
        backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        for key, data in objects.items():
            backend.put_object(bucket, key, data)
        self.forget()

    def read(self) -> list[str]:
        """The objects that were read, in no order."""
        return [call.path for call in self.calls if call.method == "GET" and not call.is_list]

    def note(self, method: str, path: str) -> Call:
        with self._lock:
            self._counts[method, path] += 1
            call = Call(method, path.rstrip("/"), self._counts[method, path])
            self.calls.append(call)
            return call


_ERRORS = {"gone": ("404 Not Found", "NoSuchKey"), "denied": ("403 Forbidden", "AccessDenied")}


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """A server for as long as the block runs."""
    store = ObjectStore()
    moto = DomainDispatcherApplication(create_backend_app)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        call = store.note(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        harm = store.harm(call)
        if harm == "500":
            start("500 Internal Server Error", [("Content-Length", "0")])
            return []
        if harm in _ERRORS:
            status, code = _ERRORS[harm]
            body = f"<Error><Code>{code}</Code><Message>{harm}</Message></Error>".encode()
            start(status, [("Content-Length", str(len(body))), ("Content-Type", "application/xml")])
            return [] if call.method == "HEAD" else [body]
        if harm == "torn":
            whole = b"".join(moto(environ, start))
            return [whole[: len(whole) // 2]]
        found: Iterable[bytes] = moto(environ, start)
        return found

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=_Quiet)
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
