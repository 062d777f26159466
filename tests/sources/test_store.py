"""Receipts in a bucket and on a web server: real servers on loopback, with faults."""

from __future__ import annotations

import io
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from s3fs import S3FileSystem

from loader.errors import SettingsError, SourceError
from loader.sources import store as stores
from loader.sources.open_source import open_source
from tests.helpers.archives import mail, zipped
from tests.helpers.object_store import KEY, SECRET, Call, ObjectStore
from tests.sources.test_archives import JPEG, PDF, PNG, contents, passed_over

FILES = {
    "r/b.jpg": JPEG,
    "r/a.zip": zipped({"x.jpg": JPEG, "deep/y.pdf": PDF, "z.txt": b"text"}),
    "r/sub/mail.eml": mail(("receipt.pdf", PDF)).as_bytes(),
    "r/sub/ümlaut & more?#%20.png": PNG,
    "r/3f2504e0": PNG,
    "r/@eaDir/thumb.jpg": JPEG,
    "r/.hidden.jpg": JPEG,
    "r/notes.txt": b"text",
    "r/data.bin": JPEG,
    "elsewhere/c.jpg": JPEG,
}
READ = {
    "3f2504e0": PNG,
    "a.zip/x.jpg": JPEG,
    "a.zip/deep/y.pdf": PDF,
    "b.jpg": JPEG,
    "sub/mail.eml/receipt.pdf": PDF,
    "sub/ümlaut & more?#%20.png": PNG,
}
PASSED = {
    ".txt": (2, ["a.zip/z.txt", "notes.txt"]),
    ".bin": (1, ["data.bin"]),
    "hidden files": (1, [".hidden.jpg"]),
    "system files": (1, ["@eaDir/thumb.jpg"]),
}


@pytest.fixture
def bucket(s3: ObjectStore) -> ObjectStore:
    s3.put("receipts", FILES)
    s3.put("receipts", {"r/": b"", "r/sub/": b""})  # what consoles leave where a folder was made
    return s3


def test_a_folder_in_a_bucket_is_read_as_one_of_this_machine_is(bucket: ObjectStore, tmp_path: Path) -> None:
    source = open_source("s3://receipts/r/")
    assert source.name == "s3://receipts/r"
    assert contents(source) == READ
    assert list(contents(source)) == list(READ), "in order"
    assert source.count() == len(READ)
    assert passed_over(source) == PASSED
    assert [receipt.location for receipt in source] == [f"s3://receipts/r/{key}" for key in READ]
    assert all(receipt.version for receipt in source)
    assert open_source("s3a://receipts/r").name == source.name
    assert len(contents(open_source("s3://receipts", limit=2))) == 2


def test_keys_that_no_folder_could_have_are_read(s3: ObjectStore) -> None:
    keys = ["r//x.jpg", "r/b//", "r/~c.jpg", "r/d\te.jpg", f"r/{'deep/' * 100}f.jpg"]
    s3.put("receipts", dict.fromkeys(keys, JPEG))
    source = open_source("s3://receipts/r")
    assert contents(source) == {key.removeprefix("r/"): JPEG for key in keys if key != "r/b//"}
    assert passed_over(source) == {"no suffix": (1, ["b//"])}


def test_pages_come_one_after_the_other_in_the_order_of_a_folder(s3: ObjectStore, tmp_path: Path) -> None:
    names = [f"{'-/.'[number % 3]}{number:04}.jpg" for number in range(2500)]
    names = [f"a{name}" if name[0] == "/" else f"b{name}" for name in names] + [
        "é.jpg",
        "z/é.jpg",
        "Z.jpg",
        "\U0001f9fe.jpg",
    ]
    s3.fill("receipts", {f"r/{name}": b"x" for name in names})
    for name in names:
        (tmp_path / "r" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "r" / name).write_bytes(b"x")
    listed = [receipt.source_key for receipt in open_source("s3://receipts/r")]
    assert listed == [receipt.source_key for receipt in open_source(str(tmp_path / "r"))]
    assert len(listed) == 2504 and len(s3.calls) == 6


def test_nothing_but_archives_is_read_to_list_a_bucket(bucket: ObjectStore) -> None:
    for _ in open_source("s3://receipts/r"):
        pass
    assert set(bucket.read()) == {"/receipts/r/a.zip", "/receipts/r/sub/mail.eml"}
    bucket.forget()
    read = [receipt.with_image() for receipt in open_source("s3://receipts/r") if receipt.source_key == "b.jpg"]
    assert read[0].image == JPEG
    assert bucket.read().count("/receipts/r/b.jpg") == 1 and not [
        c for c in bucket.calls if c.method == "HEAD" and "b.jpg" in c.path
    ]


@pytest.mark.parametrize(("name", "keys"), [("b.jpg", ["b.jpg"]), ("a.zip", ["x.jpg", "deep/y.pdf"])])
def test_a_file_in_a_bucket_is_a_source(bucket: ObjectStore, name: str, keys: list[str]) -> None:
    source = open_source(f"s3://receipts/r/{name}")
    assert list(contents(source)) == keys and source.count() == len(keys)
    among = {receipt.location for receipt in open_source("s3://receipts/r")}
    assert {receipt.location for receipt in source} < among


def only(harm: str, times: int, path: str = "/receipts/r/b.jpg") -> stores.Callable[[Call], str | None]:
    return lambda call: harm if call.path == path and call.method == "GET" and call.nth <= times else None


@pytest.mark.parametrize("harm", ["500", "torn"])
@pytest.mark.parametrize("name", ["b.jpg", "a.zip", "sub/mail.eml"])
def test_a_fault_is_tried_again(bucket: ObjectStore, harm: str, name: str) -> None:
    bucket.harm = only(harm, 2, f"/receipts/r/{name}")
    found = list(open_source("s3://receipts/r"))
    assert {receipt.source_key: receipt.with_image().image for receipt in found} == READ


@pytest.mark.parametrize("harm", ["500", "torn"])
def test_listing_survives_a_fault(bucket: ObjectStore, harm: str) -> None:
    bucket.harm = only(harm, 2, "/receipts")
    assert open_source("s3://receipts/r").count() == len(READ)


REASONS = {"500": "cannot be read: ", "torn": "cannot be read: ", "gone": "cannot be read: it is not there any more"}


@pytest.mark.parametrize("harm", REASONS)
def test_an_object_that_cannot_be_read_is_one_rejected_receipt(bucket: ObjectStore, harm: str) -> None:
    found = list(open_source("s3://receipts/r"))
    bucket.harm = only(harm, 1000)
    read = {receipt.source_key: receipt.with_image() for receipt in found}
    assert (read["b.jpg"].error or "").startswith(REASONS[harm]) and "\n" not in (read["b.jpg"].error or "")
    assert {key: receipt.image for key, receipt in read.items() if key != "b.jpg"} == {
        key: data for key, data in READ.items() if key != "b.jpg"
    }
    assert SECRET not in str(read) and KEY not in str(read)


def test_an_object_that_vanished_is_one_rejected_receipt(bucket: ObjectStore) -> None:
    found = list(open_source("s3://receipts/r"))
    bucket.client().delete_object(Bucket="receipts", Key="r/b.jpg")
    read = {receipt.source_key: receipt.with_image() for receipt in found}
    assert read["b.jpg"].error == "cannot be read: it is not there any more"
    assert sum(receipt.error is not None for receipt in read.values()) == 1


def test_an_object_that_was_written_again_meanwhile_is_read_as_it_is(bucket: ObjectStore) -> None:
    found = list(open_source("s3://receipts/r"))
    bucket.put("receipts", {"r/b.jpg": JPEG + b"longer"})
    read = {receipt.source_key: receipt.with_image() for receipt in found}["b.jpg"]
    assert read.image == JPEG + b"longer"
    [again] = [receipt for receipt in open_source("s3://receipts/r") if receipt.source_key == "b.jpg"]
    assert again.version != read.version


def test_a_store_that_has_gone_stops_the_run(bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST_FAILURES", 3)
    monkeypatch.setattr(stores, "ATTEMPTS", 1)
    bucket.put("receipts", {f"many/{number}.jpg": JPEG for number in range(9)})
    found = list(open_source("s3://receipts/many"))
    bucket.harm = lambda call: "500"
    with pytest.raises(SourceError, match="s3://receipts/many does not answer any more: "):
        [receipt.with_image() for receipt in found]


def test_refusals_say_what_and_what_next_and_no_secret(bucket: ObjectStore) -> None:
    for url, words in {
        "s3://receipts/none": "there is nothing at s3://receipts/none: name",
        "s3://no-such-bucket/r": "there is nothing at s3://no-such-bucket/r: name",
        "s3://receipts/r/none.jpg": "there is nothing at s3://receipts/r/none.jpg: name",
        "s3://receipts/r/@eaDir/x": "there is nothing at",
        "http://me:secret@127.0.0.1:9/r?sig=secret": "http://127.0.0.1:9/r cannot be listed: ",
        "nosuch://me:secret@x": "nosuch://x cannot be opened (Protocol not known",
    }.items():
        with pytest.raises((SourceError, SettingsError)) as refused:
            open_source(url)
        said = str(refused.value)
        assert words in said and "secret" not in said and "\n" not in said


def test_credentials_that_are_missing_or_refused_are_told_in_one_line(
    bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.harm = lambda call: "denied"
    with pytest.raises(SourceError, match=r"s3://receipts/r cannot be listed: .*denied"):
        open_source("s3://receipts/r")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(SourceError, match="s3://receipts/r cannot be listed: Unable to locate credentials; mend"):
            open_source("s3://receipts/r")
    finally:
        S3FileSystem.clear_instance_cache()


def test_other_stores_are_listed_a_folder_at_a_time() -> None:
    files = fsspec.filesystem("memory")
    for name, data in FILES.items():
        files.pipe_file(f"/{name}", data)
    try:
        source = open_source("memory://r")
        assert list(contents(source).items()) == list(READ.items())
        assert passed_over(source) == PASSED
        assert [receipt.location for receipt in source] == [f"memory://r/{key}" for key in READ]
        with pytest.raises(SourceError, match="there is nothing at memory://none: name"):
            open_source("memory://none")
    finally:
        files.rm("/r", recursive=True)


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "c.jpg").write_bytes(JPEG)
    [receipt] = open_source((tmp_path / "a b").as_uri())
    assert receipt.location == f"{tmp_path.resolve()}/a b/c.jpg"


# A web server, whose folders are pages of links


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """Python's own server over the same files."""
    for name, data in FILES.items():
        path = tmp_path / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    class Handler(SimpleHTTPRequestHandler):
        torn = 2  # so many answers with this file end in its middle

        def do_GET(self) -> None:
            if self.path.endswith("/torn.jpg"):
                data = (tmp_path / "web" / "torn" / "torn.jpg").read_bytes()
                is_torn, Handler.torn = Handler.torn > 0, Handler.torn - 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if is_torn else data)
                return
            if "/endless." in self.path:
                self.do_HEAD()
                with suppress(ConnectionError):
                    while True:
                        self.wfile.write(bytes(1 << 20))
                return
            super().do_GET()

        def do_HEAD(self) -> None:
            if "/endless." not in self.path:
                return super().do_HEAD()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "web")))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_folder_of_a_web_server_is_read(web: str) -> None:
    source = open_source(f"{web}/r")
    assert contents(source) == READ
    assert passed_over(source) == PASSED
    assert [receipt.location for receipt in source] == [f"{web}/r/{key}" for key in READ]


def test_an_archive_on_a_web_server_is_read(web: str) -> None:
    source = open_source(f"{web.replace('://', '://me:secret@')}/r/a.zip?signature=secret")
    assert contents(source) == {"x.jpg": JPEG, "deep/y.pdf": PDF}
    assert [receipt.location for receipt in source] == [f"{web}/r/a.zip/x.jpg", f"{web}/r/a.zip/deep/y.pdf"]
    assert source.name == f"{web}/r/a.zip"


def test_a_body_that_ends_too_early_is_fetched_again(web: str, tmp_path: Path) -> None:
    (tmp_path / "web" / "torn").mkdir()
    (tmp_path / "web" / "torn" / "torn.jpg").write_bytes(JPEG)
    (tmp_path / "web" / "torn" / "gone.jpg").write_bytes(JPEG)
    found = list(open_source(f"{web}/torn"))
    (tmp_path / "web" / "torn" / "gone.jpg").unlink()
    assert {receipt.source_key: receipt.with_image().image for receipt in found} == {"torn.jpg": JPEG, "gone.jpg": None}
    assert found[0].with_image().error == "cannot be read: it is not there any more"


HOSTILE_LINKS = (
    *("../", "./", ".", "/", "?C=N;O=D", "#top", "mailto:a@b.jpg", "javascript:x.jpg", "//other.example/a.jpg"),
    *("http://other.example/r/a.jpg", "../elsewhere/c.jpg", "./a/", "%2e%2e/", "a%2Fb.jpg", "a.jpg", "a.jpg"),
    *("sub/../../a.jpg", "sub//a.jpg", "sub/%2e%2e/a.jpg", "sub/./a.jpg"),
)


def test_links_that_lead_elsewhere_are_not_followed(web: str, tmp_path: Path) -> None:
    links = "".join(f'<a href="{link}">x</a>' for link in HOSTILE_LINKS)
    (tmp_path / "web" / "links").mkdir()
    (tmp_path / "web" / "links" / "index.html").write_text(links)
    (tmp_path / "web" / "links" / "a.jpg").write_bytes(JPEG)
    assert list(contents(open_source(f"{web}/links"))) == ["a.jpg"]


def test_links_into_folders_are_followed_once(web: str, tmp_path: Path) -> None:
    """A page of links may be flat, or name a folder and what lies in it."""
    folder = tmp_path / "web" / "flat"
    for name in ("2025/a.jpg", "2026/b c.jpg", "2026/01/d.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(JPEG)
    links = ("2025/a.jpg", "2026/", "2026/b%20c.jpg", "2026/01/", "2026/01/d.jpg")
    (folder / "index.html").write_text("".join(f'<a href="{link}">x</a>' for link in links))
    assert sorted(contents(open_source(f"{web}/flat"))) == ["2025/a.jpg", "2026/01/d.jpg", "2026/b c.jpg"]


def test_a_file_without_end_is_rejected_in_bounded_memory(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A web server says no size before; what has no end, or unpacks to gigabytes, is given up."""
    monkeypatch.setattr(stores, "MAX_FILE_BYTES", most := 20_000_000)
    monkeypatch.setattr(stores, "_LARGEST_COPY", most)
    [receipt] = open_source(f"{web}/endless.jpg")
    tracemalloc.start()
    assert receipt.with_image().error == f"a file of more than {most:,} bytes: too large"
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held < 3 * most
    [reason] = contents(open_source(f"{web}/endless.zip")).values()
    assert f"a file of more than {most:,} bytes" in str(reason)


# Tables in a store


def tables() -> dict[str, bytes]:
    """A parquet and an arrow file of images, one of labels, and one that names its images."""
    made = {}
    rows = {
        "a.parquet": pa.table({"image": [JPEG, PNG], "receiptId": ["one", "two"]}),
        "b.arrow": pa.table({"image": [PDF], "receiptId": ["three"]}),
        "sub/named.parquet": pa.table({"image": ["c.png", "gone.png", "../b.jpg"], "receiptId": ["4", "5", "6"]}),
        "labels.parquet": pa.table({"n": [1]}),
    }
    for name, table in rows.items():
        file = io.BytesIO()
        if name.endswith(".parquet"):
            pq.write_table(table, file)
        else:
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
        made[f"t/{name}"] = file.getvalue()
    return {**made, "t/sub/c.png": PNG}


HELD = {
    "one": JPEG,
    "two": PNG,
    "three": PDF,
    "4": PNG,
    "5": "cannot be read: it is not there any more",
    "6": "its image is outside the dataset's folder: b.jpg",
}


def test_tables_in_a_bucket_are_a_data_set(s3: ObjectStore) -> None:
    s3.put("receipts", tables())
    source = open_source("s3://receipts/t")
    assert contents(source) == HELD
    assert source.count() == len(HELD)
    assert passed_over(source) == {
        "images beside the tables": (1, ["sub/c.png"]),
        "tables without images": (1, ["labels.parquet"]),
    }
    assert next(iter(source)).location == "s3://receipts/t#one"
    assert list(contents(open_source("s3://receipts/t/a.parquet"))) == ["one", "two"]
    s3.put("receipts", {"l/labels.parquet": tables()["t/labels.parquet"], "l/a.jpg": JPEG})
    assert passed_over(open_source("s3://receipts/l")) == {"tables without images": (1, ["labels.parquet"])}


def test_tables_on_a_web_server_are_a_data_set(web: str, tmp_path: Path) -> None:
    for name, data in tables().items():
        path = tmp_path / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert contents(open_source(f"{web}/t")) == HELD
