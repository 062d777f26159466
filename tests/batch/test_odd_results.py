"""A server whose jobs and result files are odd, cut off or in contradiction with each other."""

from __future__ import annotations

import base64
import signal

import pytest

from tests.helpers.fault_proxy import GONE, Fault, FaultProxy
from tests.helpers.fault_runs import RECEIPTS, LoaderRuns, states
from tests.helpers.rewrites import Line, fields


@pytest.mark.slow
def test_a_job_whose_making_is_answered_with_an_id_that_is_none_is_looked_for(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["create_job"] = fields(lambda job: {**job, "id": "../../made"})
    code, said = runs.run()
    assert code == 0 and "looking whether the job was made" in said, said
    runs.assert_healed(undisturbed)


@pytest.mark.slow
def test_a_server_that_tells_no_sizes_gives_its_files(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["get_file"] = lambda body: GONE
    code, said = runs.run()
    assert code == 0 and proxy.calls["get_file"] > 0, said
    runs.assert_healed(undisturbed)


@pytest.mark.slow
def test_a_result_file_that_comes_short_is_fetched_again(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    times = [0]

    def cut_once(body: bytes) -> bytes:
        times[0] += 1
        return body[: len(body) // 2] if times[0] == 1 else body

    proxy.rewrites["download"] = cut_once
    code, said = runs.run()
    assert code == 0 and "bytes of file" in said, said
    runs.assert_healed(undisturbed)


@pytest.mark.slow
def test_a_short_file_that_a_killed_run_left_is_not_taken_for_whole(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["download"] = lambda body: b"".join(body.splitlines(keepends=True)[:2])
    assert runs.run(kill_at="loader.batch.mistral.BatchApi._fetch:after:1")[0] == -signal.SIGKILL
    assert (
        runs.run("cancel", "--forget", kill_at="loader.batch.mistral.BatchApi.download:after:1")[0] == -signal.SIGKILL
    )
    assert [*runs.warehouse.with_suffix(".files").glob("downloads/*.short")]
    proxy.rewrites.clear()
    code, said = runs.run()
    assert code == 0, said
    runs.assert_healed(undisturbed)


@pytest.mark.slow
def test_a_result_file_that_stays_short_is_not_landed_unless_it_is_given_up(
    runs: LoaderRuns, proxy: FaultProxy
) -> None:
    proxy.rewrites["download"] = lambda body: b"".join(body.splitlines(keepends=True)[:2])
    code, said = runs.run()
    assert code == 1 and "`loader cancel --forget`" in said, said
    assert states(runs) == [(1, "sent", RECEIPTS)]
    code, said = runs.run("cancel", "--forget")
    assert code == 0, said
    assert states(runs) == [(1, "answered", 2), (1, "missing", RECEIPTS - 2)]


def test_a_job_is_found_behind_pages_that_are_short(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    """A server may give fewer jobs a page than it is asked for; the job of `undisturbed` comes first."""
    left: list[Line] = []

    def one_by_one(answer: Line) -> Line:
        left[:] = answer["data"] or left  # the real server gives all on its first page
        return {**answer, "data": [left.pop(0)] if left else []}

    proxy.begin(Fault("create_job", "502", after=True))
    proxy.rewrites["list_jobs"] = fields(one_by_one)
    code, said = runs.run()
    assert code == 0, said
    proxy.rewrites.clear()
    runs.assert_healed(undisturbed)


@pytest.mark.slow
def test_an_upload_that_cannot_be_deleted_holds_nothing_up(
    runs: LoaderRuns, undisturbed: LoaderRuns, proxy: FaultProxy
) -> None:
    assert runs.run(kill_at="loader.batch.mistral.BatchApi.create_job:before:1")[0] != 0
    proxy.begin(Fault("delete_file", "402"))
    code, said = runs.run()
    assert code == 0 and "stays on the server" in said, said
    runs.assert_healed(undisturbed)


@pytest.mark.slow
def test_a_refusal_that_quotes_the_request_shows_no_image(runs: LoaderRuns, proxy: FaultProxy) -> None:
    image = base64.b64encode((runs.folder / "0001.jpg").read_bytes()).decode()
    proxy.rewrites["get_job"] = fields(
        lambda job: (
            {**job, "status": "FAILED", "errors": [{"message": f"bad\x1b[2J line: data:image/jpeg;base64,{image}"}]}
            if job["status"] == "SUCCESS"
            else job
        )
    )
    code, said = runs.run()
    assert code == 0 and "ended as FAILED: bad [2J line" in said, said
    assert image[:50] not in said
