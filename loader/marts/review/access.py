"""Who may come in: a page of this server, by a loopback name, with the cookie that the link of this run gave it.

The page and its script are nobody's secret and come without; all that is somebody's wants the cookie. `Host` is checked
because a name of another site can point at 127.0.0.1, `Origin` and `Sec-Fetch-Site` because another site's page can
send requests here.
"""

from __future__ import annotations

import hmac

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Gate:
    """ASGI middleware that refuses by itself and lets the rest pass. `port`: where this server listens."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._cookie = f"review-{port}"  # a cookie is of a host, whatever the port
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._answer(Request(scope))
        await (answer or self._app)(scope, receive, send_with_headers)

    def _answer(self, request: Request) -> Response | None:
        """What the gate itself says; None lets the request pass."""
        if foreign := self._foreign(request):
            return JSONResponse({"error": foreign}, 403)
        given = request.query_params.get("token")
        if request.url.path == "/" and given is not None:
            return self._let_in(request, given)
        if request.url.path == "/" or request.url.path.startswith("/static/"):
            return None
        if not hmac.compare_digest(request.cookies.get(self._cookie, "").encode(), self._token.encode()):
            return JSONResponse({"error": "open the link that `loader review` printed when it was started"}, 401)
        return None

    def _foreign(self, request: Request) -> str | None:
        """Why a request can be none of this server's own page, or None."""
        if request.headers.get("host", "").lower() not in self._hosts:
            return "this page answers to loopback names only"
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            # a link on another page may lead here, and shows nothing by itself
            is_link = request.headers.get("sec-fetch-mode") == "navigate" and request.method == "GET"
            if not is_link or request.url.path != "/":
                return "another site's page cannot ask here"
        if request.method not in ("GET", "HEAD") and not self._is_from_the_page(request):
            return "only this server's own page can change anything"
        return None

    def _is_from_the_page(self, request: Request) -> bool:
        origin = request.headers.get("origin", "")
        is_json = request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"
        return is_json and origin in [f"http://{host}" for host in self._hosts]

    def _let_in(self, request: Request, token: str) -> Response:
        receipt = request.query_params.get("receipt")
        answer = RedirectResponse(f"/?receipt={receipt}" if receipt and receipt.isalnum() else "/", 303)
        if hmac.compare_digest(token.encode(), self._token.encode()):
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return answer
