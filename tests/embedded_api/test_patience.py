"""Clients that stop in the middle, of headers or of an upload: nothing of them stays."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loader.embedded_api import patience
from loader.embedded_api.app import create_app
from loader.embedded_api.serve import serve_app
from tests.helpers import instant_reader
from tests.helpers.servers import ApiServer, wait_until

HALF = (
    b"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\nContent-Length: 9999\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nhalf of it'
)


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], socket.socket]]:
    """Connects to a server in this process that waits for a quarter of a second."""
    monkeypatch.setattr(patience, "HEADER_SECONDS", 0.25)
    monkeypatch.setattr(patience, "BODY_SECONDS", 0.25)
    listener = socket.create_server(("127.0.0.1", 0))
    ready, over = threading.Event(), threading.Event()
    app = create_app(tmp_path / "state", "token", reader=instant_reader.SPEC)
    thread = threading.Thread(target=serve_app, args=(app, listener, lambda url: ready.set(), over.wait))
    thread.start()
    assert ready.wait(20)
    yield lambda: socket.create_connection(listener.getsockname(), timeout=20)
    over.set()
    thread.join(20)
    listener.close()


@pytest.mark.parametrize("begun", [b"", b"GET /v1/mod", b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_a_request_whose_headers_do_not_come_is_given_up(impatient: Callable[[], socket.socket], begun: bytes) -> None:
    with impatient() as connection:
        connection.sendall(begun)
        assert connection.recv(100) == b""


def test_so_is_one_that_stops_in_the_middle_of_the_next_request(impatient: Callable[[], socket.socket]) -> None:
    whole = b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer token\r\n\r\n"
    with impatient() as connection:
        connection.sendall(whole)
        answer = b""
        while not answer.endswith(b"]}"):
            answer += connection.recv(10_000)
        connection.sendall(whole[:30])
        assert connection.recv(100) == b""


def test_an_upload_that_stops_is_given_up_and_removed(impatient: Callable[[], socket.socket], tmp_path: Path) -> None:
    with impatient() as connection:
        connection.sendall(HALF % b"token")
        assert connection.recv(100).startswith(b"HTTP/1.1 408")
    assert list((tmp_path / "state" / "uploads").iterdir()) == []


def test_an_upload_whose_client_is_gone_is_removed(api_server: ApiServer) -> None:
    host, _, port = api_server.child.url.removeprefix("http://").partition(":")
    uploads = api_server.state_dir / "uploads"
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(HALF % api_server.child.token.encode())
        wait_until(lambda: any(uploads.iterdir()))
    wait_until(lambda: not any(uploads.iterdir()))
    assert "Traceback" not in (api_server.state_dir / "server.log").read_text()
