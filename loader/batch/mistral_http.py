"""HTTP below the vendor's client: which proxy, whose clock, and result files that lie at another address.

The key goes to the API's own address and nowhere else. Redirects are followed for result files only, a few hops,
and to another host without the key.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import httpx2
from mistralai.client.errors import SDKError

from loader.batch.bounded_stream import DOWNLOAD, bound
from loader.errors import SettingsError
from loader.settings import proxy_variables

MAX_HOPS = 5
REDIRECTS = (301, 302, 303, 307, 308)
USUAL_PORTS = {"http": 80, "https": 443}


class Listener:
    """What the server said last: its time, by the `Date` of its answer, as this machine's clock may be days off, and
    the body as it came.
    """

    def __init__(self) -> None:
        self._said: datetime | None = None
        self._heard_at = 0.0
        self.answered_at = 0.0  # of the latest answer that was no trouble, by the monotonic clock
        self._latest = threading.local()

    def note(self, response: httpx2.Response) -> None:
        """An event hook of the client."""
        self._latest.response = response
        if response.status_code < 500 and response.status_code != 429:
            self.answered_at = time.monotonic()
        try:
            said = parsedate_to_datetime(response.headers.get("date", ""))
        except (ValueError, TypeError):
            return
        self._said = (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC).replace(tzinfo=None)
        self._heard_at = time.monotonic()

    def body(self) -> str:
        """The body of the latest answer to this thread, once it has been read."""
        response: httpx2.Response = self._latest.response
        return response.text

    def now(self) -> datetime:
        """This moment in UTC, without a zone; this machine's until the server has said its own."""
        if self._said is None:
            return datetime.now(UTC).replace(tzinfo=None)
        return self._said + timedelta(seconds=time.monotonic() - self._heard_at)


def open_client(server_url: str | None, listener: Listener) -> httpx2.Client:
    """A client for the API at this address. Raises SettingsError naming the proxy variable that cannot be used."""
    # A server on loopback is never reached through a proxy.
    is_local = server_url is not None and is_loopback(httpx2.URL(server_url).host)
    try:
        return httpx2.Client(
            follow_redirects=False, trust_env=not is_local, event_hooks={"response": [listener.note, bound]}
        )
    except (ValueError, ImportError, TypeError, httpx2.InvalidURL) as error:
        raise _bad_proxy(error) from error


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine."""
    if host.rstrip(".").lower().endswith("localhost"):
        return host.rstrip(".").lower().split(".")[-1] == "localhost"
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _bad_proxy(error: Exception) -> SettingsError:
    for name, value in proxy_variables():
        address = value if "://" in value else f"http://{value}"
        try:
            httpx2.HTTPTransport(proxy=httpx2.Proxy(address)).close()
        except (ValueError, ImportError, TypeError, httpx2.InvalidURL) as reason:
            if isinstance(reason, ImportError):
                return SettingsError(
                    f"{name} names a SOCKS proxy, which needs a package that is not installed: "
                    f"`pip install socksio`, name an HTTP proxy, or unset {name}"
                )
            return SettingsError(f"{name} names no proxy that can be used: make it like http://host:port, or unset it")
    return SettingsError(f"the proxy settings of the environment cannot be used ({type(error).__name__}): unset them")


@contextmanager
def opened_file(client: httpx2.Client, url: str, key: str, timeout_seconds: float) -> Iterator[httpx2.Response]:
    """The answer that holds a file, unread. Raises SDKError for a refusal or a page for people, as the client does."""
    home, target = httpx2.URL(url), httpx2.URL(url)
    for _ in range(MAX_HOPS + 1):
        headers = {"Accept": "application/octet-stream"}
        if _origin(target) == _origin(home):
            headers["Authorization"] = f"Bearer {key}"
        request = client.build_request(
            "GET", target, headers=headers, timeout=timeout_seconds, extensions={DOWNLOAD: True}
        )
        response = client.send(request, stream=True)
        try:
            if response.status_code == 200 and "html" not in response.headers.get("content-type", ""):
                yield response
                return
            if response.status_code not in REDIRECTS or not response.headers.get("location"):
                response.read()
                raise SDKError("API error occurred", response, response.text)
        finally:
            response.close()
        target = _next_hop(target, response)
    raise SDKError("Too many redirects", response, f'{{"message": "redirected more than {MAX_HOPS} times"}}')


def _next_hop(target: httpx2.URL, response: httpx2.Response) -> httpx2.URL:
    try:
        to = target.join(response.headers["location"])
    except (httpx2.InvalidURL, ValueError):
        to = httpx2.URL("")
    is_weaker = target.scheme == "https" and to.scheme != "https"
    if to.scheme not in USUAL_PORTS or not to.host or is_weaker:
        raise SDKError("Unsafe redirect", response, '{"message": "redirected to what is no safe address"}')
    return to.copy_with(username=None, password=None)


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or USUAL_PORTS.get(url.scheme)
