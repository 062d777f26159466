"""The server is killed, its parent is killed, time runs out: nothing is lost and nothing is done twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path

import pytest
from mistralai.client import Mistral
from mistralai.client.models import BatchJob

from loader.embedded_api.app import create_app
from loader.embedded_api.batches import JOBS_AT_ONCE
from loader.embedded_api.serve import Child, launch, serve, start_embedded
from loader.embedded_api.state_folder import claim
from loader.errors import LoaderError
from tests.embedded_api import batch_lines
from tests.embedded_api.batch_lines import custom_ids, download, finished, start_job, wait_for
from tests.helpers import instant_reader
from tests.helpers.servers import start_server, wait_until


def start(state_dir: Path) -> tuple[Child, Mistral]:
    child = start_server(state_dir, workers=2)
    return child, Mistral(api_key=child.token, server_url=child.url)


def worker_pids(state_dir: Path) -> list[int]:
    return [int(lock.stem) for lock in (state_dir / "workers").glob("*.lock")]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def has_completed(count: int, job: BatchJob) -> bool:
    return job.completed_requests >= count


def run_until_answered(client: Mistral, count: int, some: int) -> str:
    job = start_job(client, batch_lines.lines(count), metadata={"shard": "1"})
    wait_for(lambda: client.batch.jobs.get(job_id=job.id), partial(has_completed, some))
    return job.id


def test_a_killed_server_goes_on_and_reads_no_image_twice(
    tmp_path: Path, reader_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.02")
    child, client = start(tmp_path / "state")
    job_id = run_until_answered(client, 150, 10)
    orphans: list[int] = []
    for some in (60, 100):
        wait_until(lambda: len(worker_pids(tmp_path / "state")) == 2)  # on a busy machine the second comes late
        orphans += worker_pids(tmp_path / "state")
        child.process.kill()
        child.stop()
        child, client = start(tmp_path / "state")
        wait_for(partial(client.batch.jobs.get, job_id=job_id), partial(has_completed, some))
    try:
        job = finished(client, job_id)
        assert (job.status, job.succeeded_requests, job.metadata) == ("SUCCESS", 150, {"shard": "1"})
        results = download(client, job.output_file)
        assert custom_ids(results) == sorted(f"r{number}" for number in range(150))
        assert sorted(reader_log.read_text().split()) == sorted(map(batch_lines.digest, range(150)))
        assert len(orphans) == 4
        assert not any(map(is_alive, orphans))
    finally:
        child.stop()


def test_killed_with_its_workers_it_repeats_only_what_was_in_their_hands(
    tmp_path: Path, reader_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.02")
    state_dir = tmp_path / "state"
    child, client = start(state_dir)
    job_id = run_until_answered(client, 150, 10)
    os.kill(child.process.pid, signal.SIGSTOP)  # it must not notice that its workers die first
    for pid in worker_pids(state_dir):
        os.kill(pid, signal.SIGKILL)
    child.process.kill()
    child.stop()
    # a line that the kill tore in two
    torn = next((state_dir / "jobs" / job_id).glob("output-*.jsonl"))
    with torn.open("ab") as file:
        file.write(b'{"id":"149-torn')
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0")
    child, client = start(state_dir)
    try:
        job = finished(client, job_id)
        assert job.succeeded_requests == 150
        results = download(client, job.output_file)
        assert custom_ids(results) == sorted(f"r{number}" for number in range(150))
        read = reader_log.read_text().split()
        assert set(read) == set(map(batch_lines.digest, range(150)))
        assert len(read) <= 150 + 2
    finally:
        child.stop()


def test_a_restart_forgets_nothing(tmp_path: Path, reader_log: Path) -> None:
    child, client = start(tmp_path / "state")
    job = finished(client, start_job(client, batch_lines.lines(3)).id)
    files = client.files.list().data
    child.process.kill()
    child.stop()
    with start_embedded(tmp_path / "state", reader=instant_reader.SPEC) as (url, token):
        client = Mistral(api_key=token, server_url=url)
        assert client.batch.jobs.get(job_id=job.id) == job
        assert client.files.list().data == files
        assert len(download(client, job.output_file)) == 3
    assert len(reader_log.read_text().split()) == 3


def test_a_server_stopped_in_order_puts_its_jobs_down(
    tmp_path: Path, reader_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.1")
    child, client = start(tmp_path / "state")
    job_id = run_until_answered(client, 40, 5)
    child.stop()
    assert child.process.returncode == 0
    assert not any(map(is_alive, worker_pids(tmp_path / "state")))
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0")
    child, client = start(tmp_path / "state")
    try:
        assert finished(client, job_id).succeeded_requests == 40
        assert sorted(reader_log.read_text().split()) == sorted(map(batch_lines.digest, range(40)))
    finally:
        child.stop()


def test_time_runs_out_and_what_was_answered_is_kept(
    tmp_path: Path, reader_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.05")
    child, client = start(tmp_path / "state")
    job_id = run_until_answered(client, 300, 5)
    child.process.kill()
    child.stop()
    wait_until(lambda: not any(map(is_alive, worker_pids(tmp_path / "state"))))
    with next((tmp_path / "state" / "jobs" / job_id).glob("output-*.jsonl")).open("ab") as file:
        file.write(b'{"id":"299-torn')  # as the end of the whole machine leaves it
    with sqlite3.connect(tmp_path / "state" / "state.sqlite3") as db:  # a day and a bit goes by
        db.execute("update jobs set created = created - 25 * 3600")
    db.close()
    child, client = start(tmp_path / "state")
    try:
        job = finished(client, job_id)
        assert job.status == "TIMEOUT_EXCEEDED"
        results = download(client, job.output_file)
        assert 5 <= len(results) == job.succeeded_requests < 300
        assert len(reader_log.read_text().split()) == len(results)
    finally:
        child.stop()


def test_a_job_taken_up_and_cancelled_before_its_turn_keeps_what_was_answered(
    tmp_path: Path, reader_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.05")
    child, client = start(tmp_path / "state")
    job_id = run_until_answered(client, 200, 3)
    others = [start_job(client, batch_lines.lines(200)).id for _ in range(JOBS_AT_ONCE)]
    child.process.kill()
    child.stop()
    with sqlite3.connect(tmp_path / "state" / "state.sqlite3") as db:  # as if it had been made last and begun first
        db.execute("update jobs set seq = 100 where id = ?", (job_id,))
    db.close()
    child, client = start(tmp_path / "state")
    try:
        client.batch.jobs.cancel(job_id=job_id)
        job = finished(client, job_id)
        assert job.status == "CANCELLED"
        assert 3 <= len(download(client, job.output_file)) == job.succeeded_requests < 200
        assert all(client.batch.jobs.get(job_id=other).completed_at is None for other in others)
    finally:
        child.stop()


def test_the_server_and_its_workers_end_with_their_parent(
    tmp_path: Path, reader_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0.05")
    state_dir = tmp_path / "state"
    program = (
        "import sys, time, pathlib; from loader.embedded_api.serve import launch\n"
        f"child = launch(pathlib.Path(sys.argv[1]), reader={instant_reader.SPEC!r}, workers=2)\n"
        "print(child.process.pid, child.url, child.token, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(state_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, url, token = parent.stdout.readline().split()
        job_id = run_until_answered(Mistral(api_key=token, server_url=url), 200, 5)
        pids = [int(pid), *worker_pids(state_dir)]
        assert len(pids) == 3
        assert all(map(is_alive, pids))
        parent.kill()
    wait_until(lambda: not any(map(is_alive, pids)))
    monkeypatch.setenv("INSTANT_READER_SECONDS", "0")
    child, client = start(state_dir)
    try:
        assert finished(client, job_id).succeeded_requests == 200
        assert sorted(reader_log.read_text().split()) == sorted(map(batch_lines.digest, range(200)))
    finally:
        child.stop()


def test_a_second_server_on_the_same_state_is_refused(tmp_path: Path, reader_log: Path) -> None:
    child, client = start(tmp_path)
    try:
        with pytest.raises(LoaderError, match="Another embedded server is using"):
            launch(tmp_path, reader=instant_reader.SPEC)
        assert client.files.list().total == 0
    finally:
        child.stop()


def test_what_keeps_a_server_from_starting_is_said_in_a_line(tmp_path: Path, reader_log: Path) -> None:
    with pytest.raises(LoaderError, match=r"nowhere:read cannot be found"):
        launch(tmp_path / "a", reader="nowhere:read")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "state.sqlite3").write_text("this is no database, whatever its name says")
    with pytest.raises(LoaderError, match=r"state in .* cannot be used \(file is not a database\)"):
        launch(tmp_path / "b", reader=instant_reader.SPEC)
    (tmp_path / "file").write_text("")
    with pytest.raises(LoaderError, match="cannot write to"):
        launch(tmp_path / "file" / "state", reader=instant_reader.SPEC)
    child, _ = start(tmp_path / "c")
    try:
        with pytest.raises(LoaderError, match="cannot listen on port"):
            serve(tmp_path / "d", "token", port=int(child.url.rpartition(":")[2]), reader=instant_reader.SPEC)
    finally:
        child.stop()


def test_a_server_that_does_not_answer_is_given_up(
    tmp_path: Path, reader_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loader.embedded_api.serve.START_SECONDS", 0.01)
    with pytest.raises(LoaderError, match=r"did not start: see .*server\.log$"):
        launch(tmp_path, reader=instant_reader.SPEC)


def test_leftovers_of_a_kill_are_removed(tmp_path: Path) -> None:
    claim(tmp_path)
    left = [f"files/{uuid.uuid4()}", f"uploads/{uuid.uuid4().hex}", f"jobs/{uuid.uuid4()}/output-17.jsonl"]
    for name in left:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("half")
    create_app(tmp_path, "token", reader=instant_reader.SPEC)
    assert not [name for name in left if (tmp_path / name).exists()]
    assert not list((tmp_path / "jobs").iterdir())
