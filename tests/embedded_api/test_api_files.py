"""Files over the wire: what goes in comes out, can be found, and can be removed."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest
from mistralai.client import errors

from tests.helpers.servers import ApiServer


def upload(api: ApiServer, name: str = "a.jsonl", content: bytes = b"{}\n", purpose: str = "fine-tune") -> str:
    return api.client.files.upload(file={"file_name": name, "content": content}, purpose=purpose).id


def test_a_file_comes_back_byte_for_byte(shared_server: ApiServer) -> None:
    content = b'{"a": "\xff\x00"}\r\n--boundary\r\n\r\n{"b": 1}'
    file_id = upload(shared_server, 'données "x".jsonl', content)
    assert shared_server.client.files.download(file_id=file_id).read() == content
    file = shared_server.client.files.retrieve(file_id=file_id)
    assert (file.filename, file.size_bytes, file.num_lines) == ('données "x".jsonl', len(content), 4)
    assert (file.purpose, file.sample_type, file.source, file.deleted) == ("fine-tune", "instruct", "upload", False)


def test_an_empty_file_is_a_file(shared_server: ApiServer) -> None:
    file_id = upload(shared_server, content=b"")
    assert shared_server.client.files.download(file_id=file_id).read() == b""


def test_a_large_upload_is_not_held_in_memory(shared_server: ApiServer, tmp_path: Path) -> None:
    status = Path(f"/proc/{shared_server.child.process.pid}/status")
    if not status.exists():
        pytest.skip("needs /proc to see the memory of another process")

    def peak_kb() -> int:
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0])

    upload(shared_server)
    before = peak_kb()
    large = tmp_path / "large.jsonl"
    with large.open("wb") as file:
        for _ in range(100):
            file.write(b"x" * 1_000_000 + b"\n")
    with large.open("rb") as file:
        uploaded = shared_server.client.files.upload(file={"file_name": "l.jsonl", "content": file}, purpose="ocr")
    assert (uploaded.size_bytes, uploaded.num_lines) == (100_000_100, 100)
    response = shared_server.client.files.download(file_id=uploaded.id)
    assert sum(len(block) for block in response.iter_bytes()) == 100_000_100
    assert peak_kb() - before < 20_000


def test_files_are_listed_by_page_newest_first(api_server: ApiServer) -> None:
    ids = [upload(api_server, f"{number}.jsonl") for number in range(5)]
    pages = [api_server.client.files.list(page=page, page_size=2) for page in range(4)]
    assert [[file.id for file in page.data] for page in pages] == [ids[:2:-1], ids[2:0:-1], ids[:1], []]
    assert {page.total for page in pages} == {5}
    assert api_server.client.files.list(include_total=False).total is None


def test_files_are_found_by_every_filter(api_server: ApiServer) -> None:
    files = api_server.client.files
    batch, tuning = upload(api_server, "Batch_1.jsonl", b"\n", "batch"), upload(api_server, "tune.jsonl")

    def found(**filters: object) -> list[str]:
        return [file.id for file in files.list(**filters).data]  # type: ignore[arg-type]

    assert found(purpose="batch") == [batch]
    assert found(search="batch_") == [batch]
    assert found(search="%") == []
    assert found(sample_type=["instruct"]) == [tuning]
    assert found(sample_type=["instruct", "batch_request"]) == [tuning, batch]
    assert found(source=["mistral"]) == []
    assert found(source=["upload", "mistral"], purpose="fine-tune") == [tuning]


def test_a_deleted_file_is_gone(api_server: ApiServer) -> None:
    file_id = upload(api_server)
    assert api_server.client.files.delete(file_id=file_id).deleted
    assert list((api_server.state_dir / "files").iterdir()) == []
    for call in (
        api_server.client.files.retrieve,
        api_server.client.files.delete,
        api_server.client.files.download,
    ):
        with pytest.raises(errors.SDKError) as refused:
            call(file_id=file_id)
        assert refused.value.status_code == 404


def test_the_same_upload_twice_makes_two_files(shared_server: ApiServer) -> None:
    assert upload(shared_server) != upload(shared_server)


@pytest.mark.parametrize("file_id", ["nonsense", "..%2F..%2Fstate.sqlite3", "../../state.sqlite3"])
def test_an_id_that_is_none_is_refused(shared_server: ApiServer, file_id: str) -> None:
    with pytest.raises(errors.SDKError) as refused:
        shared_server.client.files.retrieve(file_id=file_id)
    assert refused.value.status_code in (404, 422)


def test_an_upload_that_breaks_off_leaves_nothing(api_server: ApiServer) -> None:
    request = urllib.request.Request(
        f"{api_server.child.url}/v1/files",
        data=b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nhalf of it',
        headers={
            "Authorization": f"Bearer {api_server.child.token}",
            "Content-Type": "multipart/form-data; boundary=b",
        },
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 422
    assert api_server.client.files.list().total == 0
    assert list((api_server.state_dir / "uploads").iterdir()) == []


def test_what_is_unknown_or_out_of_range_is_refused(shared_server: ApiServer) -> None:
    missing = str(uuid.uuid4())
    with pytest.raises(errors.SDKError) as refused:
        upload(shared_server, purpose="holiday")
    assert refused.value.status_code == 422
    with pytest.raises(errors.SDKError) as refused:
        shared_server.client.files.list(page=-1)
    assert refused.value.status_code == 422
    with pytest.raises(errors.SDKError) as refused:
        shared_server.client.files.retrieve(file_id=missing)
    assert refused.value.status_code == 404
    assert json.loads(refused.value.body) == {"detail": f"File {missing} not found"}
