"""Nobody but the page of this run gets anything: other sites, other names of this machine, other tokens."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest

from tests.marts.review.conftest import Served, rows

JSON = {"content-type": "application/json"}
SECRET = (
    "/api/options",
    "/api/queue",
    "/api/proven",
    "/api/receipts/hostile",
    "/api/receipts/hostile/images",
    "/api/build",
)


def ask(
    served: Served, path: str, headers: dict[str, str], body: object = None, method: str | None = None
) -> http.client.HTTPResponse:
    port = int(served.url.rstrip("/").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    data = None if body is None else json.dumps(body).encode()
    connection.request(method or ("GET" if body is None else "POST"), path, data, headers)
    return connection.getresponse()


def cookie(served: Served) -> dict[str, str]:
    port = served.url.rstrip("/").rpartition(":")[2]
    return {"cookie": f"review-{port}={served.token}"}


def own(served: Served) -> dict[str, str]:
    return {**cookie(served), **JSON, "origin": served.url.rstrip("/")}


def test_who_may_ask_what(served: Served, warehouse: Path) -> None:
    """One server for all cases, as each start takes seconds."""
    for path in SECRET:
        assert ask(served, path, {}).status == 401, path
        assert ask(served, path, {"cookie": "review=x"}).status == 401, path
        assert ask(served, path, {**cookie(served), "host": "evil.example"}).status == 403, path
        assert ask(served, path, {**cookie(served), "host": "127.0.0.1:1"}).status == 403, path
        for site in ("cross-site", "same-site"):  # another port of this machine is the same site
            assert ask(served, path, {**cookie(served), "sec-fetch-site": site}).status == 403, path
        assert ask(served, path, cookie(served)).status == 200, path

    correction = {"corrections": [{"correction_id": "c1", "field": "merchant", "value": "x"}]}
    path = "/api/receipts/hostile"
    refused = [
        {**cookie(served), **JSON},
        {**own(served), "origin": "http://evil.example"},
        {**own(served), "origin": "null"},
        {**own(served), "origin": "http://127.0.0.1:1"},
        {**own(served), "content-type": "text/plain"},
        {**own(served), "content-type": "application/x-www-form-urlencoded"},
        {**own(served), "sec-fetch-site": "cross-site"},
    ]
    for headers in refused:
        assert ask(served, path, headers, correction).status == 403, headers
    assert ask(served, path, {**JSON, "origin": served.url.rstrip("/")}, correction).status == 401
    assert rows(warehouse, "select * from raw.corrections") == []
    assert ask(served, path, own(served), correction).status == 200
    assert ask(served, path, own(served), correction).status == 200, "sent again after a broken connection"
    assert rows(warehouse, "select correction_id from raw.corrections") == [("c1",)]

    page = ask(served, "/", {})
    assert page.status == 200 and b"hostile" not in page.read()
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    let_in = ask(served, f"/?token={served.token}", {})
    assert let_in.status == 303 and let_in.headers["location"] == "/"
    assert all(part in let_in.headers["set-cookie"].lower() for part in ("httponly", "samesite=strict"))
    assert ask(served, "/?token=wrong", {}).headers["set-cookie"] is None
    assert ask(served, f"/?token={served.token}&receipt=//evil.example", {}).headers["location"] == "/"
    for path in ("/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py"):
        assert ask(served, path, cookie(served)).status == 404

    for path, body in (
        ("/api/receipts/none", {"corrections": [{"correction_id": "c2", "field": "merchant", "value": "x"}]}),
        ("/api/receipts/hostile", {"corrections": [{"correction_id": "c2", "field": "total", "value": "abc"}]}),
        ("/api/receipts/hostile", {"corrections": [{"field": "total"}]}),
        ("/api/receipts/hostile", {"corrections": 7}),
        ("/api/receipts/hostile", [1]),
        ("/api/many", {"field": "total", "value": "1", "receipt_ids": ["hostile"]}),
        ("/api/verdict", {"items": [{"price": "x", "is_plain": True}]}),
    ):
        answer = ask(served, path, own(served), body)
        said = json.loads(answer.read())
        assert answer.status == 422 and "\n" not in said["error"], (path, body, said)
    assert ask(served, "/api/receipts/none", cookie(served)).status == 404
    assert ask(served, "/api/queue?offset=-1", cookie(served)).status == 422
    assert rows(warehouse, "select correction_id from raw.corrections") == [("c1",)]


@pytest.mark.usefixtures("warehouse")
def test_a_page_of_another_origin_gets_nothing(served: Served, browser: object, tmp_path: Path) -> None:
    """A real page elsewhere, opened in the browser that has the cookie."""
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from typing import Any

    from loader.threads import begin

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>evil</title>")

        def log_message(self, *_: object) -> None:
            pass

    evil = HTTPServer(("127.0.0.1", 0), Evil)
    begin(evil.serve_forever)
    context: Any = browser.new_context()  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(served.link)
    page.wait_for_selector("body[data-ready]")
    page.goto(f"http://localhost:{evil.server_port}/")
    got = page.evaluate(
        """async (url) => {
            const tried = [];
            for (const path of ["api/options", "api/receipts/hostile"]) {
                for (const mode of ["cors", "no-cors"]) {
                    try {
                        const answer = await fetch(url + path, { mode, credentials: "include" });
                        tried.push(answer.type + (await answer.text()));
                    } catch { tried.push("refused"); }
                }
            }
            try {
                await fetch(url + "api/receipts/hostile", { method: "POST", mode: "no-cors", credentials: "include",
                    body: '{"corrections": [{"correction_id": "e", "field": "merchant", "value": "evil"}]}' });
            } catch {}
            const frame = document.createElement("iframe");
            frame.src = url;
            document.body.append(frame);
            await new Promise((done) => setTimeout(done, 500));
            let inside = "refused";
            try { inside = frame.contentDocument?.title ?? "refused"; } catch {}
            return [...tried, inside];
        }""",
        served.url,
    )
    assert all(one in ("refused", "opaque") for one in got), got
    assert rows(tmp_path / "warehouse.duckdb", "select * from raw.corrections") == []
    context.close()
    evil.shutdown()
