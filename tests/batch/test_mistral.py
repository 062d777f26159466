"""The API's refusals are told in its words with what to do next; proxies and redirects are for whom they are meant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from loader.batch.mistral import BatchApi
from loader.batch.provider import TroubleError
from loader.errors import ApiError, SettingsError
from tests.helpers.servers import ApiServer

KEY = "secret-key-of-the-test"


@dataclass
class Scripted:
    """A server that gives each path its answer: a status, a body, and headers."""

    url: str = ""
    answers: dict[str, tuple[int, bytes, dict[str, str]]] = field(default_factory=dict)
    keys: list[tuple[str, str]] = field(default_factory=list)  # the paths that were asked for, and the key with each


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            script.keys.append((path, self.headers.get("Authorization", "")))
            status, body, headers = script.answers.get(path, (404, b'{"detail": "Not Found"}', {}))
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield script
    server.shutdown()
    server.server_close()


@pytest.fixture
def api(scripted: Scripted) -> Iterator[BatchApi]:
    made = BatchApi("the API", lambda: (scripted.url, KEY))
    made.patience_seconds = 0.1
    with closing(made):
        yield made


TIER = {"object": "error", "message": "m is not in your tier", "type": "tier_not_allowed", "code": "1910"}
LABS = {"object": "error", "message": "Enable labs first", "type": "labs_not_enabled"}
REFUSALS: list[tuple[int, Any, str]] = [
    (401, {"detail": "Invalid API Key"}, "rejected the key (401): Invalid API Key: check MISTRAL_API_KEY"),
    (
        401,
        {"message": "Unauthorized", "request_id": "a"},
        "rejected the key (401): Unauthorized: check MISTRAL_API_KEY",
    ),
    (403, {"detail": "Forbidden"}, "rejected the key (403): Forbidden: check MISTRAL_API_KEY"),
    (403, TIER, "model 'm' was refused (403): m is not in your tier: name another one in MODEL"),
    (403, LABS, "model 'm' was refused (403): Enable labs first: name another one in MODEL"),
    (403, json.dumps(LABS), "model 'm' was refused (403): Enable labs first: name another one in MODEL"),
    (
        422,
        {"detail": "You do not have access to the model"},
        "model 'm' was refused: You do not have access to the model",
    ),
    (
        400,
        {"message": "Invalid model: m", "type": "invalid_model", "code": "1500"},
        "model 'm' was refused: Invalid model: m",
    ),
    (
        422,
        {"object": "error", "message": {"detail": [{"loc": ["n"], "msg": "Extra inputs"}]}},
        "answered 422: Extra inputs",
    ),
    (402, {"message": "Add a card"}, "wants batch billing to be enabled (402): Add a card"),
    (400, "plain words", "answered 400: plain words"),
]


@pytest.mark.parametrize(("status", "body", "words"), REFUSALS)
def test_a_refusal_is_told_in_the_words_of_the_api(
    status: int, body: Any, words: str, api: BatchApi, scripted: Scripted
) -> None:
    text = body if isinstance(body, str) and not body.startswith("{") else json.dumps(body)
    for path in ("/v1/batch/jobs", "/v1/chat/completions"):
        scripted.answers[path] = (status, text.encode(), {})
    for call in (lambda: api.create_job("f", "m", {}), lambda: api.ask("m", {"messages": []})):
        with pytest.raises(ApiError) as refused:
            call()
        assert words in str(refused.value) and "{" not in str(refused.value)
        assert KEY not in str(refused.value)


def test_a_key_that_a_server_quotes_is_not_shown(api: BatchApi, scripted: Scripted) -> None:
    scripted.answers["/v1/batch/jobs"] = (401, json.dumps({"detail": f"no such key: {KEY}"}).encode(), {})
    with pytest.raises(ApiError, match="no such key: …"):
        api.create_job("f", "m", {})


# Where a result file is said to lie, what is fetched there, and whether the key goes along.
RESULT = b'{"custom_id": "a"}\n'
SAFE = {
    "at the same place": ("/stored", True),
    "at another host": ("http://localhost:{port}/stored", False),
    "behind a user": ("http://user:word@localhost:{port}/stored", False),
}


@pytest.mark.parametrize("name", SAFE)
def test_a_redirect_of_a_result_is_followed(name: str, api: BatchApi, scripted: Scripted, tmp_path: Path) -> None:
    to, has_key = SAFE[name]
    to = to.format(port=scripted.url.rsplit(":", 1)[1])
    scripted.answers["/v1/files/f/content"] = (302, b"", {"Location": to})
    scripted.answers["/stored"] = (200, RESULT, {"Content-Type": "text/plain"})
    assert api.download("f", tmp_path / "f.jsonl").read_bytes() == RESULT
    assert dict(scripted.keys)["/stored"] == (f"Bearer {KEY}" if has_key else "")


UNSAFE = ["/v1/files/f/content", "ftp://127.0.0.1/x", "file:///etc/passwd", "javascript:1"]


@pytest.mark.parametrize("to", UNSAFE)
def test_a_redirect_to_no_good_address_is_refused(to: str, api: BatchApi, scripted: Scripted, tmp_path: Path) -> None:
    scripted.answers["/v1/files/f/content"] = (302, b"", {"Location": to})
    with pytest.raises(ApiError, match="redirected"):
        api.download("f", tmp_path / "f.jsonl")
    assert not (tmp_path / "f.jsonl").exists() and len(scripted.keys) < 12


def test_only_results_are_followed(api: BatchApi, scripted: Scripted) -> None:
    scripted.answers["/v1/batch/jobs/j"] = (302, b"", {"Location": "/elsewhere"})
    with pytest.raises(ApiError, match="answered 302"):
        api.get_job("j")
    assert [path for path, _ in scripted.keys if path == "/elsewhere"] == []


def test_a_list_without_end_comes_to_an_end(api: BatchApi, scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loader.batch.mistral.MAX_PAGES", 5)
    numbers = count()
    monkeypatch.setattr("loader.batch.mistral._mark", lambda job: str(next(numbers)))  # each page seems new
    scripted.answers["/v1/batch/jobs"] = (200, b'{"data": [{"id": "x", "metadata": {"shard_id": "other"}}]}', {})
    assert api.find_job({"shard_id": "s"}) is None
    assert len(scripted.keys) == 5


def test_a_body_that_is_no_job_is_told_by_its_field(api: BatchApi, scripted: Scripted) -> None:
    scripted.answers["/v1/batch/jobs/j"] = (200, b'{"id": "j", "status": null}', {})
    with pytest.raises(TroubleError, match="job j in a way that cannot be read: status is null"):
        api.get_job("j")


ODD_PROXIES = [
    ("ALL_PROXY", "socks5://127.0.0.1:1080", "names a SOCKS proxy, which needs a package"),
    ("all_proxy", "socks5h://user:word@127.0.0.1:1080", "names a SOCKS proxy, which needs a package"),
    ("HTTPS_PROXY", "socks4://127.0.0.1:1080", "names no proxy"),
    ("HTTP_PROXY", "http://a:b:c", "names no proxy"),
    ("ALL_PROXY", "nonsense://", "names no proxy"),
]


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(("name", "value", "words"), ODD_PROXIES)
@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_that_cannot_be_used_is_named(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    api = BatchApi("the API", lambda: ("http://no-such-host.invalid", KEY))
    with pytest.raises(SettingsError, match=f"^{name} {words}") as refused:
        api.get_job("j")
    assert "word" not in str(refused.value)


@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    api = BatchApi("the API", lambda: ("http://no-such-host.invalid", KEY))
    api.patience_seconds = 0.1
    with pytest.raises(ApiError, match="check the network, MISTRAL_SERVER_URL, HTTP_PROXY"):
        api.get_job("j")


@pytest.mark.parametrize(("name", "value", "words"), ODD_PROXIES)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.usefixtures("no_proxies")
def test_a_server_on_loopback_needs_no_proxy(
    host: str, name: str, value: str, words: str, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    scripted.answers["/v1/batch/jobs/j"] = (200, b'{"id": "j", "status": "RUNNING"}', {})
    with closing(BatchApi("any", lambda: (scripted.url.replace("127.0.0.1", host), KEY))) as api:
        assert api.get_job("j").status == "RUNNING"


@pytest.mark.slow
@pytest.mark.usefixtures("no_proxies")
def test_the_embedded_server_needs_no_proxy(tmp_path: Path, api_server: ApiServer) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MISTRAL_")}
    done = subprocess.run(
        [sys.executable, "-m", "loader", "load", "--receipts", "samples", "--limit", "1"],
        env={**environment, "ALL_PROXY": "socks5://127.0.0.1:1", "WAREHOUSE": str(tmp_path / "w.duckdb")},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
