"""The commands as a person meets them: exit codes, one line for what went wrong, no traceback, no key."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from PIL import Image

from loader.cli import cli
from tests.helpers.answers import answer_line, jsonl
from tests.helpers.commands import Run
from tests.helpers.servers import ApiServer
from tests.helpers.warehouses import empty_warehouse, rows

ROOT = Path(__file__).parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three receipts, one of them twice, and two files that are no image."""
    made = tmp_path / "receipts"
    made.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 60), (80 * number, 0, 0)).save(made / f"{number}.jpg")
    (made / "copy.jpg").write_bytes((made / "0.jpg").read_bytes())
    (made / "broken.jpg").write_bytes(b"this is not an image")
    (made / "empty.png").write_bytes(b"")
    return made


def test_every_command_is_in_the_readme_and_has_help(run: Run) -> None:
    readme = (ROOT / "README.md").read_text()
    for name in cli.commands:
        code, out, _ = run(name, "--help") if name != "dbt" else (0, "Usage", "")
        assert code == 0 and "Usage" in out
        assert f"loader {name}" in readme, f"README.md does not mention `loader {name}`"


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [(">&-", 0, ""), ("2>&-", 0, ""), (">/dev/full", 1, "No space left on device"), ("| true", 1, "")],
)
@pytest.mark.usefixtures("run")
def test_output_that_nobody_can_take_gives_no_traceback(tmp_path: Path, redirection: str, code: int, said: str) -> None:
    empty_warehouse(tmp_path / "w.duckdb")
    command = f"{sys.executable} -m loader status {redirection}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert done.returncode == code
    assert said in done.stderr and done.stderr.count("\n") == bool(said)


def test_a_folder_is_loaded_once(run: Run, api: ApiServer, folder: Path, tmp_path: Path) -> None:
    code, out, err = run("load", "--receipts", str(folder), "--currency", "MYR")
    assert code == 0, err
    assert "6 receipts" in out and "2 rejected" in out and "3 requests" in out and "3 lines landed" in out
    assert len(api.read_images()) == 3
    rejected = "select source_key, rejected_reason from raw.receipts where rejected_reason is not null order by 1"
    assert [key for key, _ in rows(tmp_path / "w.duckdb", rejected)] == ["broken.jpg", "empty.png"]
    noted = "select distinct source, currency, default_currency from raw.receipts"
    assert rows(tmp_path / "w.duckdb", noted) == [("receipts", None, "MYR")]

    code, out, _ = run("load", "--receipts", str(folder), "--currency", "MYR", "--json")
    summary = json.loads(out)
    assert code == 0
    assert (summary["requests"], summary["jobs"], summary["already_asked"]) == (0, 0, 4)
    assert len(api.read_images()) == 3, "a second load must ask nothing"
    assert rows(tmp_path / "w.duckdb", "select count(*) from raw.receipts") == [(6,)]
    assert rows(tmp_path / "w.duckdb", "select status, count(*) from raw.loads group by 1 order by 1") == [
        ("finished", 2),
        ("started", 2),
    ]


def test_another_currency_in_the_setting_takes_effect_without_asking_again(
    run: Run, api: ApiServer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latest = "select arg_max_null(default_currency, loaded_at) from raw.receipts group by source_key"
    for setting in ("MYR", "SGD", None):
        monkeypatch.setenv("RECEIPTS_CURRENCY", setting or "")
        assert run("load", "--receipts", str(folder))[0] == 0
        assert rows(tmp_path / "w.duckdb", latest) == [(setting,)] * 6
    assert len(api.read_images()) == 3
    assert rows(tmp_path / "w.duckdb", "select count(*) from raw.batch_requests") == [(3,)]


def test_no_wait_is_taken_up_by_the_next_load(run: Run, api: ApiServer, folder: Path, tmp_path: Path) -> None:
    code, out, _ = run("load", "--receipts", str(folder), "--no-wait")
    assert code == 0 and "3 pending" in out
    code, out, _ = run("status")
    assert code == 0 and "submitted" in out
    code, _, err = run("load", "--receipts", str(folder))
    assert code == 0 and "taking up 3 requests" in err
    assert rows(tmp_path / "w.duckdb", "select count(*) from raw.batch_output") == [(3,)]
    assert rows(tmp_path / "w.duckdb", "select count(*) from raw.batch_requests") == [(3,)]
    code, out, _ = run("status", "--json")
    assert json.loads(out)["requests"] == [{"count": 3, "model": "local-ocr", "state": "answered"}]


def test_cancel_lands_what_was_finished_and_the_rest_can_be_asked_again(
    run: Run, api: ApiServer, folder: Path, tmp_path: Path
) -> None:
    run("load", "--receipts", str(folder), "--no-wait")
    code, out, _ = run("cancel")
    assert code == 0 and "1 jobs cancelled" in out
    landed = rows(tmp_path / "w.duckdb", "select count(*) from raw.batch_output")[0][0]
    assert run("load", "--receipts", str(folder))[0] == 0
    states = rows(
        tmp_path / "w.duckdb", "select state, count(distinct custom_id) from ledger.requests group by 1 order by 1"
    )
    assert dict(states)["answered"] == 3
    assert len(api.read_images()) == 3 and landed <= 3


def test_dry_run_sends_nothing(run: Run, api: ApiServer, folder: Path) -> None:
    before = api.client.files.list().total
    code, out, _ = run("load", "--receipts", str(folder), "--dry-run")
    assert code == 0 and "3 requests" in out and "nothing was sent" in out
    assert api.client.files.list().total == before


def test_what_is_passed_over_is_told_by_the_run_the_dry_run_and_json(run: Run, api: ApiServer, folder: Path) -> None:
    for name in ("notes.txt", "@eaDir/0.jpg", ".hidden.jpg", "labels.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"not a receipt")
    short = "passed over: 1 .csv, 1 .txt, 1 hidden files, 1 system files"
    named = "passed over: 1 .csv (labels.csv), 1 .txt (notes.txt), 1 hidden files (.hidden.jpg), 1 system files (@"
    listed = [
        {"kind": ".csv", "count": 1, "first": ["labels.csv"]},
        {"kind": ".txt", "count": 1, "first": ["notes.txt"]},
        {"kind": "hidden files", "count": 1, "first": [".hidden.jpg"]},
        {"kind": "system files", "count": 1, "first": ["@eaDir/0.jpg"]},
    ]
    for dry in (("--dry-run",), ()):
        code, out, err = run("load", "--receipts", str(folder), *dry)
        assert code == 0 and short in out and named in err
        code, out, _ = run("load", "--receipts", str(folder), *dry, "--json")
        assert code == 0 and json.loads(out)["passed_over"] == listed


def test_two_folders_of_one_name_do_not_hide_each_other(run: Run, api: ApiServer, tmp_path: Path) -> None:
    for place in ("here", "there"):
        (tmp_path / place / "inbox").mkdir(parents=True)
        (tmp_path / place / "inbox" / "gone.jpg").write_bytes(b"")
        Image.new("RGB", (40, 60), (7, 0, 0)).save(tmp_path / place / "inbox" / "IMG_0001.jpg")
        for _ in range(2):
            assert run("load", "--receipts", str(tmp_path / place / "inbox"))[0] == 0
    found = rows(tmp_path / "w.duckdb", "select source, source_key, location from raw.receipts order by location")
    assert found == [
        ("inbox", name, str(tmp_path / place / "inbox" / name))
        for place in ("here", "there")
        for name in ("IMG_0001.jpg", "gone.jpg")
    ]
    assert len(api.read_images()) == 1, "the same image is asked once"


def test_a_load_above_the_budget_is_refused_with_the_figure(
    run: Run, api: ApiServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL", "mistral-large-2512")
    before = api.client.files.list().total
    code, _, err = run("load", "--receipts", str(folder), "--max-cost", "0.0001")
    assert code == 1
    assert re.search(r"would cost about \$0\.\d\d and may cost \$0\.00: allow it with --max-cost", err)
    assert api.client.files.list().total == before


def test_extract_prints_the_items_and_lands_nothing(run: Run, api: ApiServer, folder: Path, tmp_path: Path) -> None:
    code, out, _ = run("extract", str(folder / "1.jpg"))
    assert code == 0 and "classification" in out and "merchant: Shop" in out
    code, out, _ = run("extract", str(folder / "1.jpg"), "--json", "--style", "notebook")
    assert code == 0 and len(json.loads(out)["items"]) == 3
    assert not (tmp_path / "w.duckdb").exists()


def test_land_takes_files_that_came_another_way(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text(jsonl(answer_line("0")))
    code, out, _ = run("land", "out.jsonl", "--currency", "idr")
    assert code == 0 and "1 lines" in out
    code, out, _ = run("land", "out.jsonl")
    assert code == 0 and "nothing added" in out


@pytest.mark.parametrize(("flag", "noted"), [((), (None, "MYR")), (("--currency", "idr"), ("IDR", "MYR"))])
def test_the_setting_corrects_no_file_landed_by_hand(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: tuple[str, ...], noted: tuple[str | None, str]
) -> None:
    (tmp_path / "out.jsonl").write_text(jsonl(answer_line("0")))
    monkeypatch.setenv("RECEIPTS_CURRENCY", "MYR")
    assert run("land", "out.jsonl", *flag)[0] == 0
    assert rows(tmp_path / "w.duckdb", "select currency, default_currency from raw.receipts") == [noted]


BAD = [
    (("load", "--receipts", "no-such-folder"), 1, "no-such-folder"),
    (("load", "--receipts", "nothing"), 1, "nothing"),
    (("load", "--currency", "XYZ1"), 1, "unknown currency 'XYZ1'"),
    (("load", "--model", "gpt-9"), 1, "no price is known for model 'gpt-9'"),
    (("load", "--limit", "0"), 2, "--limit"),
    (("extract", "no.jpg"), 1, "no.jpg: No such file"),
    (("extract", "notes.txt"), 1, "notes.txt"),
    (("land", "none.jsonl"), 1, "no such file"),
    (("land", "notes.txt"), 1, "is not batch output"),
    (("status",), 1, "run `make load` first"),
    (("show",), 1, "run `make` first"),
    (("cancel",), 1, "does not exist yet"),
    (("nonsense",), 2, "No such command"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), BAD)
def test_bad_input_gets_one_clear_line(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "notes.txt").write_text("hello\n")
    ended, out, err = run(*arguments)
    assert ended == code and words in err
    assert "Traceback" not in out + err
    if code == 1:
        assert len([line for line in err.splitlines() if line.startswith("error: ")]) == 1


def test_a_wrong_key_is_named_and_not_shown(
    run: Run, api: ApiServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "wrong-secret-key")
    code, out, err = run("load", "--receipts", str(folder))
    assert code == 1 and "rejected the key (401)" in err
    assert "wrong-secret-key" not in out + err


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_a_server_that_is_not_there_is_named(
    url: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("loader.batch.mistral.FIRST_PATIENCE_SECONDS", 0.5)
    monkeypatch.setenv("MISTRAL_SERVER_URL", url)
    monkeypatch.setenv("MISTRAL_API_KEY", "key")
    code, _, err = run("load", "--receipts", str(folder))
    assert code == 1 and f"cannot reach {url.removeprefix('http://')}" in err and "check the network" in err


def test_a_model_that_the_api_refuses_is_named(
    run: Run, api: ApiServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL", "ministral-3b-2512")  # has a price, but this server does not have it
    code, _, err = run("load", "--receipts", str(folder))
    assert code == 1 and "model 'ministral-3b-2512' was refused" in err
    monkeypatch.setenv("MODEL", "local-ocr")
    code, out, err = run("load", "--receipts", str(folder))
    assert code == 0, "what was prepared for the refused model must not stand in the way"
    assert "3 lines landed" in out


def test_a_limit_looks_only_at_its_own_receipts(run: Run, api: ApiServer, folder: Path, tmp_path: Path) -> None:
    run("load", "--receipts", str(folder))
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        (receipt,) = connection.execute("select receipt_id from raw.receipts where source_key = '2.jpg'").fetchone()
        connection.execute("update ledger.requests set state = 'failed' where receipt_id = ?", [receipt])
        for attempt in (2, 3):
            connection.execute(
                "insert into ledger.requests select * replace (? as attempt) from ledger.requests "
                "where receipt_id = ? and attempt = 1",
                [attempt, receipt],
            )
    assert run("load", "--receipts", str(folder), "--limit", "1")[0] == 0
    assert run("load", "--receipts", str(folder))[0] == 3


def test_one_bad_file_does_not_keep_the_others_from_landing(run: Run, tmp_path: Path) -> None:
    for name in ("a", "c"):
        (tmp_path / f"{name}.jsonl").write_text(jsonl(answer_line(name)))
    (tmp_path / "b.jsonl").write_text("hello\n")
    code, _, err = run("land", "a.jsonl", "b.jsonl", "c.jsonl")
    assert code == 1 and "b.jsonl is not batch output" in err
    assert rows(tmp_path / "w.duckdb", "select count(*) from raw.batch_output") == [(2,)]
