"""What was recorded from the live API, a test for each: so does the embedded one."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
import pytest
from mistralai.client import errors

from tests.embedded_api import batch_lines
from tests.embedded_api.batch_lines import ENDPOINT, MODEL, download, finished, start_job
from tests.helpers.servers import ApiServer

TEXT = {"role": "user", "content": "hello"}


def line(custom_id: str | None = "1", **body: Any) -> bytes:
    return json.dumps({"custom_id": custom_id, "body": {"messages": [TEXT], **body}}).encode() + b"\n"


def ask(api: ApiServer, method: str, path: str, key: str | None = None, **more: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {key or api.child.token}"}
    return httpx2.request(method, api.child.url + path, headers=headers, trust_env=False, timeout=60, **more)


def upload(api: ApiServer, content: bytes) -> httpx2.Response:
    return ask(api, "POST", "/v1/files", files={"file": ("r.jsonl", content)}, data={"purpose": "batch"})


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        (b"not json\n", "Invalid JSON"),
        (b'{"custom_id": "1", "body": \n', "Invalid JSON"),
        (b"[1]\n", "Input should be"),
        (b'{"custom_id": "1"}\n', "body"),
        (b'{"custom_id": 1, "body": {"messages": [{"content": "x"}]}}\n', "custom_id"),
        (b'{"custom_id": "1", "body": {"messages": []}}\n', "body.messages"),
        (line(messages=[{"role": "narrator", "content": "x"}]), "body.messages.0.role"),
        (line(max_tokens=-5), "body.max_tokens"),
        (line(temperature=1.6), "body.temperature"),
        (line(top_p=0), "body.top_p"),
        (line(response_format={"type": "xml"}), "body.response_format.type"),
    ],
)
def test_upload_validates_every_line_and_refuses_the_whole_file(
    shared_server: ApiServer, bad: bytes, where: str
) -> None:
    files = shared_server.client.files.list().total
    answer = upload(shared_server, line() + bad + line("3", max_tokens=-1))
    said = answer.json()
    assert (answer.status_code, said["detail"]) == (422, "Invalid file format.")
    assert [error["line_number"] for error in said["errors"]] == [2, 3]
    assert where in said["errors"][0]["message"]
    assert shared_server.client.files.list().total == files


def test_a_file_of_bad_lines_alone_names_the_first_of_them_and_counts_all(shared_server: ApiServer) -> None:
    said = upload(shared_server, b"{\n" * 5000).json()
    assert (len(said["errors"]), "5000" in said["description"]) == (20, True)


def test_a_huge_max_tokens_is_clamped(shared_server: ApiServer) -> None:
    request = batch_lines.body(batch_lines.image("a"))
    answer = ask(shared_server, "POST", ENDPOINT, json={"model": MODEL, **request, "max_tokens": 10**12})
    assert answer.json()["choices"][0]["finish_reason"] == "stop"


def test_duplicate_and_null_custom_ids_come_back_so(shared_server: ApiServer) -> None:
    body = batch_lines.body(batch_lines.image("a"))
    content = b"".join(line(custom_id, **body) for custom_id in ("a", "a", None))
    job = finished(shared_server.client, start_job(shared_server.client, content).id)
    results = download(shared_server.client, job.output_file)
    assert sorted(str(result["custom_id"]) for result in results) == ["None", "a", "a"]


def test_row_ids(shared_server: ApiServer) -> None:
    job = finished(shared_server.client, start_job(shared_server.client, batch_lines.lines(12)).id)
    ids = [result["id"] for result in download(shared_server.client, job.output_file)]
    assert all(re.fullmatch(r"batch-[0-9a-f]{8}-[0-9a-f]{8}-\d+", one) for one in ids)
    assert {int(one.rpartition("-")[2]) for one in ids} == set(range(12))


def test_failed_rows_have_a_body_that_is_a_text_and_the_job_says_success_with_errors(shared_server: ApiServer) -> None:
    bad = batch_lines.body(b"not an image")
    content = batch_lines.lines(3) + line("x", **bad) + line("y", **bad)
    job = finished(shared_server.client, start_job(shared_server.client, content).id)
    assert (job.status, job.completed_requests, job.succeeded_requests, job.failed_requests) == ("SUCCESS", 5, 3, 2)
    assert [(error.message, error.count) for error in job.errors] == [("HTTP Error, status code: 400", 2)]
    for row in download(shared_server.client, job.error_file):
        assert (row["error"], row["response"]["status_code"]) == (None, 400)
        body = json.loads(row["response"]["body"])
        assert body.pop("message")
        assert body == {
            "object": "error",
            "type": "invalid_request_file",
            "param": None,
            "code": "3310",
            "raw_status_code": 400,
        }


def test_a_job_is_created_queued_with_counters_of_0_and_started_at(shared_server: ApiServer) -> None:
    job = start_job(shared_server.client, batch_lines.lines(1))
    counters = (job.total_requests, job.completed_requests, job.succeeded_requests, job.failed_requests)
    assert (job.status, counters, job.started_at) == ("QUEUED", (0, 0, 0, 0), job.created_at)


def test_a_job_cancelled_before_its_start_is_cancelled_at_once_without_files(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.1")
    api: ApiServer = request.getfixturevalue("api_server")
    jobs = [start_job(api.client, batch_lines.lines(50)) for _ in range(5)]
    cancelled = api.client.batch.jobs.cancel(job_id=jobs[-1].id)
    assert (cancelled.status, cancelled.output_file, cancelled.error_file) == ("CANCELLED", None, None)


def test_a_running_job_that_is_cancelled_may_have_an_output_file(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.05")
    api: ApiServer = request.getfixturevalue("api_server")
    job = start_job(api.client, batch_lines.lines(200))
    batch_lines.wait_for(lambda: api.client.batch.jobs.get(job_id=job.id), lambda now: now.completed_requests > 3)
    assert api.client.batch.jobs.cancel(job_id=job.id).status == "CANCELLATION_REQUESTED"
    done = finished(api.client, job.id)
    assert (done.status, len(download(api.client, done.output_file))) == ("CANCELLED", done.succeeded_requests)


def test_files_report_expires_at_num_lines_and_sample_type(shared_server: ApiServer) -> None:
    file = upload(shared_server, line() + line()).json()
    assert (file["expires_at"], file["num_lines"], file["sample_type"]) == (None, 2, "batch_request")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"input_files": ["00000000-0000-4000-8000-000000000000"]}, 404),
        ({"input_files": ["no-uuid"]}, 422),
        ({"timeout_hours": 0}, 422),
        ({"timeout_hours": 168}, 200),
    ],
)
def test_create(shared_server: ApiServer, arguments: dict[str, Any], status: int) -> None:
    given = {"input_files": [upload(shared_server, line()).json()["id"]], "model": MODEL, "endpoint": ENDPOINT}
    assert ask(shared_server, "POST", "/v1/batch/jobs", json={**given, **arguments}).status_code == status


def test_an_unknown_model_is_422_at_create_400_in_a_chat_and_404_by_its_name(shared_server: ApiServer) -> None:
    given = {"input_files": [upload(shared_server, line()).json()["id"]], "model": "x", "endpoint": ENDPOINT}
    answer = ask(shared_server, "POST", "/v1/batch/jobs", json=given)
    assert (answer.status_code, answer.json()) == (422, {"detail": "You do not have access to the model"})
    answer = ask(shared_server, "POST", ENDPOINT, json={"model": "x", "messages": [TEXT]})
    assert (answer.status_code, answer.json()["code"], answer.json()["type"]) == (400, "1500", "invalid_model")
    answer = ask(shared_server, "GET", "/v1/models/x")
    assert (answer.status_code, answer.json()) == (404, {"message": "Model x was not found."})
    with pytest.raises(errors.MistralError) as refused:
        start_job(shared_server.client, line(), **{"metadata": {"k" * 40: "v"}})
    assert refused.value.status_code == 422


def test_a_wrong_key(shared_server: ApiServer) -> None:
    answer = ask(shared_server, "GET", "/v1/models", key="wrong")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid API Key"})


def test_a_file_id_that_is_no_uuid_is_422_but_here_the_key_comes_first(shared_server: ApiServer) -> None:
    """The live API looks at the id first. On a machine that others use, nobody without the key is told anything."""
    for key, status in (("wrong", 401), (None, 422)):
        assert ask(shared_server, "GET", "/v1/files/no-uuid", key=key).status_code == status


def test_usage_has_details_request_count_and_nulls(shared_server: ApiServer) -> None:
    request = batch_lines.body(batch_lines.image("a"))
    usage = ask(shared_server, "POST", ENDPOINT, json={"model": MODEL, **request}).json()["usage"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}
    assert (usage["request_count"], usage["prompt_audio_seconds"]) == (1, None)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
