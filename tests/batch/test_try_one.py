"""The live look shows what a build would read, by the same rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.helpers.fault_proxy import FaultProxy
from tests.helpers.fault_runs import LoaderRuns
from tests.helpers.rewrites import fields

TEA = {"name": "Tea", "price": "25.000", "classification": "Beverage"}
ANSWER = json.dumps({"merchant": "Shop", "total": "25.000", "taxes": ["0.10"], "items": [TEA]})


def look(content: Any, runs: LoaderRuns, proxy: FaultProxy, *flags: str) -> tuple[int, str]:
    def say(answer: dict[str, Any]) -> dict[str, Any]:
        answer["choices"][0]["message"]["content"] = content
        return answer

    proxy.rewrites["chat"] = fields(say)
    return runs.run("extract", str(runs.folder / "0000.jpg"), *flags)


@pytest.mark.parametrize(
    "content",
    [
        ANSWER,
        f"Here it is:\n```json\n{ANSWER}\n```\nAnything else?",
        ANSWER.replace('"25.000"', "25.000"),
        [{"type": "text", "text": ANSWER}],
        f"<think>{{}} no</think>{ANSWER}",
    ],
    ids=["plain", "a fence", "numbers", "chunks", "thinking"],
)
def test_an_answer_is_read_as_a_build_reads_it(content: Any, runs: LoaderRuns, proxy: FaultProxy) -> None:
    code, said = look(content, runs, proxy, "--json")
    assert code == 0, said
    read = json.loads(said[said.index("{") :])
    assert (read["status"], read["merchant"], read["total"], read["items"]) == ("extracted", "Shop", "25.000", [TEA])
    assert read["prompt_tokens"] > 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("I cannot read this.", "this answer could not be used (not JSON): I cannot read this."),
        ("", "this answer could not be used"),
        (None, "nothing in it"),
        (f"```{ANSWER}```\nOn second thought:\n```{ANSWER.replace('Tea', 'Rum')}```", "several answers"),
    ],
)
def test_an_answer_that_a_build_could_not_use_is_shown_with_the_reason(
    content: Any, told: str, runs: LoaderRuns, proxy: FaultProxy
) -> None:
    code, said = look(content, runs, proxy)
    assert code == 0 and told in said, said
