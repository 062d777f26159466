"""Nobody comes in without the token, from elsewhere or under another name; errors look like the vendor's."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import pytest
from mistralai.client import Mistral, errors

from loader.embedded_api.serve import serve
from loader.errors import LoaderError
from tests.helpers.servers import ApiServer

SOME_ID = "00000000-0000-4000-8000-000000000000"
ROUTES = [
    ("GET", "/v1/models"),
    ("GET", "/v1/models/local-ocr"),
    ("GET", "/v1/files"),
    ("POST", "/v1/files"),
    ("GET", f"/v1/files/{SOME_ID}"),
    ("DELETE", f"/v1/files/{SOME_ID}"),
    ("GET", f"/v1/files/{SOME_ID}/content"),
    ("GET", "/v1/batch/jobs"),
    ("POST", "/v1/batch/jobs"),
    ("GET", f"/v1/batch/jobs/{SOME_ID}"),
    ("DELETE", f"/v1/batch/jobs/{SOME_ID}"),
    ("POST", f"/v1/batch/jobs/{SOME_ID}/cancel"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/nowhere"),
]


def ask(api: ApiServer, method: str, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(api.child.url.removeprefix("http://"), timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_every_route_wants_the_token(shared_server: ApiServer) -> None:
    token = shared_server.child.token
    for given in ("", "Bearer ", "Bearer wrong", f"Basic {token}", f"Bearer {token}x", token, "Bearer é"):
        for method, path in ROUTES:
            headers = {"Authorization": given} if given else {}
            assert ask(shared_server, method, path, headers) == (401, {"detail": "Invalid API Key"}), (
                method,
                path,
                given,
            )


def test_the_client_sees_a_refused_token_even_amid_a_large_upload(shared_server: ApiServer) -> None:
    stranger = Mistral(api_key="wrong", server_url=shared_server.child.url)
    with pytest.raises(errors.SDKError) as refused:
        stranger.files.upload(file={"file_name": "a.jsonl", "content": b"x" * 30_000_000}, purpose="batch")
    assert refused.value.status_code == 401


def test_only_loopback_names_are_answered(shared_server: ApiServer) -> None:
    def status(host: str) -> int:
        headers = {"Authorization": f"Bearer {shared_server.child.token}", "Host": host}
        return ask(shared_server, "GET", "/v1/models", headers)[0]

    for host in ("localhost", "LOCALHOST:99", "[::1]:8000", "127.0.0.1"):
        assert status(host) == 200, host
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1", ""):
        assert status(host) == 403, host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org"])
def test_it_listens_on_loopback_only(tmp_path: Path, host: str) -> None:
    with pytest.raises(LoaderError, match=r"127\.0\.0\.1 only"):
        serve(tmp_path, "token", host=host)


def test_unknown_routes_and_methods(shared_server: ApiServer) -> None:
    headers = {"Authorization": f"Bearer {shared_server.child.token}"}
    assert ask(shared_server, "GET", "/v1/nowhere", headers) == (404, {"detail": "Not Found"})
    assert ask(shared_server, "PUT", "/v1/files", headers) == (405, {"detail": "Method Not Allowed"})


def test_models(shared_server: ApiServer) -> None:
    (model,) = shared_server.client.models.list().data or []
    assert model == shared_server.client.models.retrieve(model_id="local-ocr")
    assert (model.id, model.type, model.capabilities.vision) == ("local-ocr", "base", True)
    with pytest.raises(errors.SDKError) as refused:
        shared_server.client.models.retrieve(model_id="ft:another/one")
    assert refused.value.status_code == 404


def test_a_malformed_chat_is_a_validation_error(shared_server: ApiServer) -> None:
    with pytest.raises(errors.HTTPValidationError) as refused:
        shared_server.client.chat.complete(model="local-ocr", messages=[])
    assert [list(detail.loc) for detail in refused.value.data.detail or []] == [["body", "messages"]]


def test_an_unknown_model_is_refused_as_the_vendor_does(shared_server: ApiServer) -> None:
    with pytest.raises(errors.SDKError) as refused:
        shared_server.client.chat.complete(model="pixtral-12b", messages=[{"role": "user", "content": "hello"}])
    answer = json.loads(refused.value.body)
    assert refused.value.status_code == 400
    assert (answer["type"], answer["message"]) == ("invalid_model", "Invalid model: pixtral-12b")
