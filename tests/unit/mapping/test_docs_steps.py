"""What stands below an example of docs/packs.md comes of it: steps of a case, and what the fields read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.mapping.cases import differences
from bridge.flows.effects import messages_for
from bridge.mapping.cases import Case
from bridge.mapping.cases_run import run_case
from bridge.mapping.coverage import Coverage
from bridge.mapping.job_book import Happened
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.test_docs_examples import DOCS, EXAMPLES, pack_of

STEPS: dict[str, str] = dict(re.findall(r"^```yaml steps of ([a-z_-]+)\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE))
ANYTHING = {"refused": None}
"""What is true of every message."""
TESTS = (Path(__file__).parent / "test_docs_examples.py").read_text()


class Seen(Coverage):
    """Keeps what happened."""

    def __init__(self) -> None:
        self.happened: list[Happened] = []

    def add(self, happened: Happened) -> None:
        self.happened.append(happened)


def steps_of(name: str) -> list[dict[str, Any]]:
    """The steps below an example. A message names its job where the example does not say how."""
    steps: list[dict[str, Any]] = parse_yaml("steps:\n" + STEPS[name], name).data["steps"]
    for step in steps:
        if "message" in step and "job:" not in EXAMPLES[name]:
            step["message"] = {"job": "J", **step["message"]}
    return steps


@pytest.mark.parametrize("name", STEPS)
def test_the_steps_below_an_example_come_true(name: str) -> None:
    steps, seen = steps_of(name), Seen()
    reads = [step.pop("reads", {}) for step in steps]
    story = {"case": name, "time": "2026-03-05T12:00:00Z", "steps": [{"expect": ANYTHING, **step} for step in steps]}
    assert differences(run_case(Case.model_validate(story, strict=False), pack_of(name), messages_for, seen)) == []
    happened = iter(seen.happened)
    for wanted in reads:
        assert any(wanted.items() <= values(one.explanation).items() for one in happened), wanted


def values(explanation: Mapping[str, Any]) -> dict[str, object]:
    """The typed values of the fields; None where one is absent."""
    return {name: told.get("value") for name, told in explanation.get("fields", {}).items()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_run(name: str) -> None:
    """By the steps below it, or by a test of its own."""
    assert name in STEPS or f'"{name}"' in TESTS
