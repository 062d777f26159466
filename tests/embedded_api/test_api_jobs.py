"""Batch jobs over the wire, from creation to result files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mistralai.client import errors

from tests.embedded_api import batch_lines
from tests.embedded_api.batch_lines import ENDPOINT, MODEL, custom_ids, download, finished, start_job
from tests.helpers.servers import ApiServer


def line(custom_id: str | None, picture: bytes, **more: Any) -> bytes:
    return json.dumps({"custom_id": custom_id, "body": batch_lines.body(picture, **more)}).encode() + b"\n"


def test_a_job_over_a_file(api_server: ApiServer) -> None:
    created = start_job(api_server.client, batch_lines.lines(30), metadata={"shard": "1"}, timeout_hours=2)
    assert (created.status, created.total_requests) == ("QUEUED", 0)
    job = finished(api_server.client, created.id)
    assert job.status == "SUCCESS"
    counters = (job.total_requests, job.completed_requests, job.succeeded_requests, job.failed_requests)
    assert counters == (30, 30, 30, 0)
    assert (job.model, job.endpoint, job.metadata, job.errors) == (MODEL, ENDPOINT, {"shard": "1"}, [])
    assert job.error_file is None
    results = download(api_server.client, job.output_file)
    assert custom_ids(results) == sorted(f"r{number}" for number in range(30))
    for result in results:
        assert list(result) == ["id", "custom_id", "response", "error"]
        assert (result["response"]["status_code"], result["error"]) == (200, None)
        assert result["response"]["body"]["object"] == "chat.completion"
        assert result["response"]["body"]["model"] == MODEL
    assert sorted(api_server.read_images()) == sorted(batch_lines.digest(number) for number in range(30))
    file = api_server.client.files.retrieve(file_id=job.output_file)
    assert (file.sample_type, file.source, file.num_lines) == ("batch_result", "mistral", 30)
    assert list((api_server.state_dir / "jobs").iterdir()) == []


def test_a_job_over_inline_requests_answers_inline(shared_server: ApiServer) -> None:
    requests = [{"custom_id": f"r{number}", "body": batch_lines.body(batch_lines.image(number))} for number in range(3)]
    requests.append({"custom_id": "bad", "body": {"messages": [{"role": "user", "content": "no image"}]}})
    job = shared_server.client.batch.jobs.create(requests=requests, endpoint=ENDPOINT, model=MODEL)
    finished(shared_server.client, job.id)
    assert shared_server.client.batch.jobs.get(job_id=job.id).outputs is None
    done = shared_server.client.batch.jobs.get(job_id=job.id, inline=True)
    assert custom_ids(done.outputs or []) == ["bad", "r0", "r1", "r2"]
    assert done.input_files == []


def test_a_job_over_several_files_and_untidy_lines(shared_server: ApiServer) -> None:
    files = shared_server.client.files
    contents = [
        b"\n"
        + line("a", batch_lines.image("a")).replace(b"\n", b"\r\n")
        + b"  \n"
        + line(None, batch_lines.image("b")),
        line("c", batch_lines.image("c")) + line("c", batch_lines.image("d")).rstrip(b"\n"),
    ]
    ids = [files.upload(file={"file_name": "x", "content": part}, purpose="batch").id for part in contents]
    job = shared_server.client.batch.jobs.create(input_files=ids, endpoint=ENDPOINT, model=MODEL)
    done = finished(shared_server.client, job.id)
    results = download(shared_server.client, done.output_file)
    assert sorted(str(result["custom_id"]) for result in results) == ["None", "a", "c", "c"]
    assert done.input_files == ids


def test_failed_requests_go_to_the_error_file(api_server: ApiServer) -> None:
    content = (
        line("good", batch_lines.image("good"))
        + b'{"custom_id": "no image", "body": {"messages": [{"role": "user", "content": "hello"}]}}\n'
        + line("deadly", batch_lines.image("kill-the-worker"))
        + line("broken", batch_lines.image("raise-an-error"))
        + batch_lines.lines(20)
    )
    job = finished(api_server.client, start_job(api_server.client, content).id)
    assert (job.status, job.succeeded_requests, job.failed_requests) == ("SUCCESS", 21, 3)
    failures = {result["custom_id"]: result["response"] for result in download(api_server.client, job.error_file)}
    assert {key: response["status_code"] for key, response in failures.items()} == {
        "no image": 400,
        "deadly": 500,
        "broken": 500,
    }
    assert all(json.loads(response["body"])["object"] == "error" for response in failures.values())
    assert [(error.message, error.count) for error in job.errors] == [
        ("HTTP Error, status code: 400", 1),
        ("HTTP Error, status code: 500", 2),
    ]
    assert len(download(api_server.client, job.output_file)) == 21
    log = (api_server.state_dir / "server.log").read_text()
    assert "ValueError" in log
    assert "text of a receipt" not in log
    assert api_server.child.token not in log


def test_a_job_without_requests_fails(shared_server: ApiServer) -> None:
    job = finished(shared_server.client, start_job(shared_server.client, b"\n").id)
    assert (job.status, job.total_requests, job.output_file) == ("FAILED", 0, None)
    assert "no requests" in job.errors[0].message


def test_a_cancelled_job_keeps_what_was_answered(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.05")
    api: ApiServer = request.getfixturevalue("api_server")
    jobs = api.client.batch.jobs
    job = start_job(api.client, batch_lines.lines(500))
    batch_lines.wait_for(lambda: jobs.get(job_id=job.id), lambda now: now.completed_requests > 5)
    assert jobs.get(job_id=job.id).total_requests == 500
    assert jobs.cancel(job_id=job.id).status == "CANCELLATION_REQUESTED"
    done = finished(api.client, job.id)
    assert done.status == "CANCELLED"
    results = download(api.client, done.output_file)
    assert 5 < len(results) == done.succeeded_requests < 500
    assert len(api.read_images()) == len(results)
    assert jobs.cancel(job_id=job.id).status == "CANCELLED"


def test_a_job_that_waits_its_turn_is_cancelled_before_it(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.1")
    api: ApiServer = request.getfixturevalue("api_server")
    created = [start_job(api.client, batch_lines.lines(100)) for _ in range(5)]
    api.client.batch.jobs.cancel(job_id=created[-1].id)
    assert finished(api.client, created[-1].id).status == "CANCELLED"
    assert api.client.batch.jobs.list(status=["SUCCESS"]).total == 0, "its turn had not come"
    for job in created:
        api.client.batch.jobs.cancel(job_id=job.id)
        assert finished(api.client, job.id).status == "CANCELLED"


def test_deleting_the_input_does_not_harm_a_running_job(api_server: ApiServer) -> None:
    job = start_job(api_server.client, batch_lines.lines(200))
    api_server.client.files.delete(file_id=job.input_files[0])
    assert finished(api_server.client, job.id).succeeded_requests == 200


def test_jobs_are_deleted_once_they_are_over(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.2")
    api: ApiServer = request.getfixturevalue("api_server")
    job = start_job(api.client, batch_lines.lines(4))
    with pytest.raises(errors.SDKError) as refused:
        api.client.batch.jobs.delete(job_id=job.id)
    assert refused.value.status_code == 400
    output_file = finished(api.client, job.id).output_file
    assert api.client.batch.jobs.delete(job_id=job.id).deleted
    with pytest.raises(errors.SDKError) as refused:
        api.client.batch.jobs.get(job_id=job.id)
    assert refused.value.status_code == 404
    assert len(download(api.client, output_file)) == 4


def test_jobs_are_found_by_every_filter(api_server: ApiServer) -> None:
    jobs = api_server.client.batch.jobs
    first = start_job(api_server.client, batch_lines.lines(1), metadata={"shard": "a b&c=ü", "load": "1"})
    finished(api_server.client, first.id)
    between = datetime.now(UTC)
    second = start_job(api_server.client, b"\n", metadata={"shard": "2", "load": "1"})
    third = start_job(api_server.client, batch_lines.lines(1))
    for job in (second, third):
        finished(api_server.client, job.id)

    def found(**filters: Any) -> list[str]:
        listed = jobs.list(**filters)
        assert listed.total >= len(listed.data or [])
        return [job.id for job in listed.data or []]

    assert found() == [third.id, second.id, first.id]
    assert found(order_by="created") == [first.id, second.id, third.id]
    assert found(page=1, page_size=2) == [first.id]
    assert found(metadata={"load": "1"}) == [second.id, first.id]
    assert found(metadata={"load": "1", "shard": "a b&c=ü"}) == [first.id]
    assert found(metadata={"load": "2"}) == []
    assert found(metadata={"other": "1"}) == []
    assert found(status=["FAILED"]) == [second.id]
    assert found(status=["FAILED", "SUCCESS"], metadata={"load": "1"}) == [second.id, first.id]
    assert found(created_after=between) == [third.id, second.id]
    assert found(created_after=between.replace(tzinfo=None)) == [third.id, second.id]
    assert found(created_after=between + timedelta(hours=1)) == []
    assert found(model=MODEL, page_size=1) == [third.id]
    assert found(model="another") == []
    assert jobs.list(page_size=1).total == 3


REQUEST = {"custom_id": "1", "body": {"messages": [{"role": "user", "content": "hello"}]}}


@pytest.mark.parametrize(
    ("arguments", "location"),
    [
        ({"metadata": {"k" * 33: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"metadata": {"": "v"}}, "metadata"),
        ({"timeout_hours": 0}, "timeout_hours"),
        ({"timeout_hours": 169}, "timeout_hours"),
        ({"requests": [REQUEST] * 10_001}, "requests"),
        ({"requests": []}, None),
        ({"requests": None}, None),
        ({"input_files": ["00000000-0000-4000-8000-000000000000"]}, None),
        ({"requests": None, "input_files": ["../x"]}, "input_files"),
        ({"model": None}, "model"),
        ({"requests": [REQUEST, {"custom_id": "2", "body": {"messages": []}}]}, "requests"),
    ],
)
def test_what_the_vendor_would_not_take(shared_server: ApiServer, arguments: dict[str, Any], location: str) -> None:
    given = {"requests": [REQUEST], "endpoint": ENDPOINT, "model": MODEL, **arguments}
    with pytest.raises(errors.SDKError) as refused:
        shared_server.client.batch.jobs.create(**given)
    assert refused.value.status_code == 422
    where = json.loads(refused.value.body)["detail"][0]["loc"]
    assert where[:2] == (["body", location] if location else ["body"])


def test_unknown_models_files_and_jobs(shared_server: ApiServer) -> None:
    jobs = shared_server.client.batch.jobs
    missing = "00000000-0000-4000-8000-000000000000"
    for status, call in [
        (400, lambda: jobs.create(requests=[REQUEST], endpoint="/v1/embeddings", model=MODEL)),
        (404, lambda: jobs.create(input_files=[missing], endpoint=ENDPOINT, model=MODEL)),
        (422, lambda: jobs.get(job_id="nonsense")),
    ]:
        with pytest.raises(errors.SDKError) as refused:
            call()
        assert refused.value.status_code == status
    for call in (jobs.get, jobs.cancel, jobs.delete):
        with pytest.raises(errors.SDKError) as refused:
            call(job_id=missing)
        assert refused.value.status_code == 404
