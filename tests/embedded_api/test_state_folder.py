"""The folder of a server's state: only what a server made there goes."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from pathlib import Path

import pytest

from loader.embedded_api.store import Store
from loader.errors import NotOursError
from tests.helpers.folders import everything

DEAR = "dear to me"


def test_in_a_state_of_ours_only_our_names_go_and_never_through_a_link(tmp_path: Path) -> None:
    place, photos = tmp_path / "state", tmp_path / "photos"
    Store(place).close()
    photos.mkdir()
    ours = [f"files/{uuid.uuid4()}", f"uploads/{uuid.uuid4().hex}", f"jobs/{uuid.uuid4()}/input-00000.jsonl"]
    mine = ["files/notes.txt", "uploads/a b.part", f"jobs/{uuid.uuid4()}/cv.pdf", "jobs/notes/cv.pdf", "workers/x.lock"]
    for name in [*ours, *mine, f"files/{uuid.uuid1()}", f"files/{uuid.uuid4()}/deep.txt"]:
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(DEAR)
    for number, folder in enumerate(("files", "jobs", "uploads")):
        (photos / str(number)).write_text(DEAR)
        name = uuid.uuid4().hex if folder == "uploads" else str(uuid.uuid4())
        (place / folder / name).symlink_to(photos if folder == "jobs" else photos / str(number))
    before = everything(place)
    Store(place).close()
    after = everything(place)
    gone = {name for name in before if name not in after and not name.startswith("state.sqlite3")}
    assert gone == {*ours, ours[2].rpartition("/")[0]}
    assert len(everything(photos)) == 3
    for name in ("files", "server.log"):
        shutil.rmtree(place / name, ignore_errors=True)
        (place / name).symlink_to(photos)
        with pytest.raises(NotOursError, match=f"{name} is a link"):
            Store(place)
        (place / name).unlink()
    assert len(everything(photos)) == 3


def state_of_0_1(place: Path) -> list[str]:
    """A state folder as version 0.1 left it; names that are left over."""
    Store(place).close()
    (place / ".receipts-to-spend-state").unlink()
    (place / "server.log").write_text("started\n")
    (place / "workers" / "17.lock").touch()
    left = [f"files/{uuid.uuid4()}", f"jobs/{uuid.uuid4()}"]
    (place / left[0]).write_text("half")
    (place / left[1]).mkdir()
    for path in (place, *place.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return left


def test_a_state_of_version_0_1_is_known_and_marked(tmp_path: Path) -> None:
    left = state_of_0_1(tmp_path / "state")
    Store(tmp_path / "state").close()
    assert not any((tmp_path / "state" / name).exists() for name in left)
    for path in (tmp_path / "state", *(tmp_path / "state").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    Store(tmp_path / "state").close()


@pytest.mark.parametrize("spoil", ["thesis.txt", "files/notes.txt", "another database", "a link"])
def test_what_only_looks_like_a_state_of_version_0_1_is_refused(spoil: str, tmp_path: Path) -> None:
    place = tmp_path / "state"
    state_of_0_1(place)
    if spoil == "another database":
        (place / "state.sqlite3").unlink()
        with sqlite3.connect(place / "state.sqlite3") as database:
            database.execute("create table files (id text, name text)")
    elif spoil == "a link":
        (place / "uploads").rmdir()
        (place / "uploads").symlink_to(tmp_path)
    else:
        (place / spoil).write_text(DEAR)
    before = everything(place)
    with pytest.raises(NotOursError, match="holds what this program did not make"):
        Store(place)
    assert everything(place) == before
