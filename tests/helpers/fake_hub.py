"""As much of the Hugging Face hub's HTTP API as `datasets` needs to stream a dataset, on loopback."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"
PART_BYTES = 1_000_000


@contextmanager
def fake_hub(
    datasets: Mapping[str, Mapping[str, bytes]],
    tokens: Mapping[str, str] | None = None,
    before_part: Callable[[int], object] = lambda start: None,
) -> Iterator[str]:
    """Serves datasets, each by its files; gives the address for HF_ENDPOINT. Who lacks a dataset's token gets a 401.

    `before_part` is called with the place of each megabyte of an answer before it is sent, and may wait.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                with suppress(ConnectionError):  # whoever asked has gone
                    for start in range(0, len(body), PART_BYTES):
                        before_part(start)
                        self.wfile.write(body[start : start + PART_BYTES])

        def as_json(self, body: object) -> None:
            self.answer(200, json.dumps(body).encode(), Content_Type="application/json")

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            asked = unquote(self.rfile.read(length).decode())
            path = unquote(urlsplit(self.path).path)
            repository = "/".join(path.removeprefix("/api").split("/")[2:4])
            files, token = datasets.get(repository), (tokens or {}).get(repository)
            api = f"/api/datasets/{repository}"
            if token is not None and self.headers.get("Authorization") != f"Bearer {token}":
                self.answer(401, b"{}", X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
            elif files is None:
                self.answer(404, b"{}", X_Error_Code="RepoNotFound")
            elif path in (api, f"{api}/revision/main", f"{api}/revision/{REVISION}"):
                siblings = [{"rfilename": name} for name in files]
                self.as_json({"id": repository, "sha": REVISION, "private": False, "siblings": siblings})
            elif path.startswith(f"{api}/paths-info/"):
                self.as_json([entry(files, name) for name in files if name in asked])
            elif path.startswith(f"{api}/tree/"):
                self.tree(files, path.removeprefix(f"{api}/tree/").partition("/")[2])
            elif path.startswith(f"/datasets/{repository}/resolve/"):
                self.file(files, path.split("/", 6)[6])
            else:
                self.answer(404, b"{}", X_Error_Code="RepoNotFound")

        do_POST = do_HEAD = do_GET

        def tree(self, files: Mapping[str, bytes], folder: str) -> None:
            """What is right in a folder; "" is the top."""
            prefix = f"{folder}/" if folder else ""
            inside = [name.removeprefix(prefix) for name in files if name.startswith(prefix)]
            if not inside:
                self.answer(404, b"{}", X_Error_Code="EntryNotFound")
                return
            folders = sorted({name.partition("/")[0] for name in inside if "/" in name})
            here: list[object] = [entry(files, prefix + name) for name in inside if "/" not in name]
            here += [{"type": "directory", "path": prefix + name, "oid": REVISION} for name in folders]
            self.as_json(here)

        def file(self, files: Mapping[str, bytes], name: str) -> None:
            if name not in files:
                self.answer(404, b"", X_Error_Code="EntryNotFound")
                return
            data = files[name]
            known = {"ETag": f'"{oid(data)}"', "X_Repo_Commit": REVISION, "Accept_Ranges": "bytes"}
            if wanted := self.headers.get("Range"):
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                end = min(int(last) + 1 if last else len(data), len(data))
                known["Content_Range"] = f"bytes {first}-{end - 1}/{len(data)}"
                self.answer(206, data[int(first) : end], **known)
            else:
                self.answer(200, data, **known)

    def oid(data: bytes) -> str:
        return hashlib.sha1(data).hexdigest()

    def entry(files: Mapping[str, bytes], name: str) -> dict[str, object]:
        return {"type": "file", "path": name, "size": len(files[name]), "oid": oid(files[name])}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
