"""What the fault tests share: receipts to load, the loader as a real process, and what must be equal afterwards."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet
from mistralai.client import Mistral
from PIL import Image

from loader.embedded_api.serve import Child
from tests.helpers import loader_process
from tests.helpers.forked import Forked
from tests.helpers.warehouses import rows

RECEIPTS = 5
TALLY: Counter[str] = Counter()  # of the running test; conftest.py adds all up and prints them


def draw_receipts(folder: Path, count: int, seed: int = 0) -> Path:
    """So many small images, no two alike, with a broken file and a copy among them."""
    folder.mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", (40, 60), (number * 37 % 256, number * 91 % 256, (number + seed) * 53 % 256)).save(
            folder / f"{number:04}.jpg"
        )
    (folder / "broken.jpg").write_bytes(b"this is not an image")
    (folder / "copy.jpg").write_bytes((folder / "0000.jpg").read_bytes())
    return folder


@dataclass
class LoaderRuns:
    """Runs of the loader over one folder into one warehouse, against one server."""

    folder: Path
    warehouse: Path
    server: Child
    server_url: str = ""  # of a proxy before the server, if there is one
    settings: dict[str, str] = field(default_factory=dict)  # further ones, for `loader_process` too

    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("MISTRAL_")},
            "MISTRAL_SERVER_URL": self.server_url or self.server.url,
            "MISTRAL_API_KEY": self.server.token,
            "MODEL": "local-ocr",
            "RECEIPTS": str(self.folder),
            "WAREHOUSE": str(self.warehouse),
            **self.settings,
        }

    def start(self, *arguments: str, kill_at: str | None = None) -> Forked:
        """Start a load, to be killed at a point of `loader_process` or by the test."""
        environment = self.environment()
        if kill_at:
            environment["KILL_AT"] = kill_at
        return Forked(loader_process.main, [*(arguments or ("load",))], environment)

    def run(self, *arguments: str, kill_at: str | None = None, timeout: float = 60) -> tuple[int, str]:
        """Run a load to its end: exit code (negative: signal) and all that it printed."""
        process = self.start(*arguments, kill_at=kill_at)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"the loader did not end in {timeout} s: {out}{err}") from None
        return process.returncode, out + err

    def query(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.warehouse, query)

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that a load lands, but for ids and times that the server or the clock draws."""
        answers = Counter(
            (answer.get("custom_id"), answer["response"]["body"]["choices"][0]["message"]["content"])
            for (line,) in self.query("select line from raw.batch_output")
            for answer in [json.loads(line)]
        )
        return {
            "receipts": self.query(
                "select receipt_id, source, source_key, media_type, width, height, image_bytes, currency, label, "
                "rejected_reason from raw.receipts order by all"
            ),
            "requests": self.query(
                "select custom_id, receipt_id, model, prompt_id, attempt, max_tokens "
                "from raw.batch_requests order by all"
            ),
            "output": sorted((*key, count) for key, count in answers.items()),
            "ended jobs": self.query(
                "select count(distinct job_id), count(*) from raw.batch_jobs where job::json->>'status' = 'SUCCESS'"
            ),
            "ledger": self.query(
                "select custom_id, attempt, receipt_id, max_tokens, state from ledger.requests order by all"
            ),
            "shards": self.query("select state, request_count from ledger.shards order by all"),
        }

    def times_sent(self) -> Counter[str]:
        """How often the server was made to answer each request of this warehouse, over all of its jobs."""
        client = Mistral(api_key=self.server.token, server_url=self.server.url)
        mine = {load_id for (load_id,) in self.query("select load_id from raw.loads")}
        jobs = client.batch.jobs.list(page_size=1000).data or []
        counts: Counter[str] = Counter()
        for job in jobs:
            if (job.metadata or {}).get("load_id") in mine:
                for file_id in job.input_files:
                    for line in client.files.download(file_id=file_id).read().splitlines():
                        counts[json.loads(line)["custom_id"]] += 1
        return counts

    def assert_healed(self, undisturbed: LoaderRuns) -> None:
        """Run once more: all is landed as if nothing had happened, and each request was sent exactly once."""
        code, said = self.run()
        assert code == 0, said
        contents, expected = self.contents(), undisturbed.contents()
        sent = self.times_sent()
        TALLY["lines lost"] += len(set(expected["output"]) - set(contents["output"]))
        TALLY["requests paid twice"] += sum(times - 1 for times in sent.values())
        assert contents == expected, said
        assert len(sent) == RECEIPTS and set(sent.values()) == {1}, f"paid for twice: {sent}: {said}"
        work = self.warehouse.with_suffix(".files")
        assert [*(work / "shards").iterdir(), *(work / "downloads").iterdir()] == []


def states(runs: LoaderRuns) -> list[tuple[int, str, int]]:
    """What became of the attempts, counted."""
    return runs.query("select attempt, state, count(*) from ledger.requests group by all order by all")


def asked(runs: LoaderRuns) -> list[tuple[int, int]]:
    """The attempts that were sent, and the tokens that each was allowed."""
    return runs.query("select attempt, max_tokens from raw.batch_requests order by all")


def one_is_quick(values: Iterable[str]) -> list[ParameterSet]:
    """The first of these in `make test`, the others in `make test-all`."""
    return [pytest.param(value, marks=[pytest.mark.slow] if number else []) for number, value in enumerate(values)]
