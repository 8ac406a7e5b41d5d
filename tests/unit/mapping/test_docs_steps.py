"""What stands below an example of docs/packs.md comes of it.

They are steps of a case; `reads` has values of fields, `sees` what the Buyer sees of the WorkOrder, by the pack's keys.
"""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

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
    told = [{key: step.pop(key) for key in ("reads", "sees") if key in step} for step in steps]
    story = {"case": name, "time": "2026-03-05T12:00:00Z", "steps": [{"expect": ANYTHING, **step} for step in steps]}
    assert differences(run_case(Case.model_validate(story, strict=False), pack_of(name), messages_for, seen)) == []
    happened = iter(seen.happened)
    for wanted in told:
        assert any(fits(wanted, {"reads": reads(one), "sees": sees(one)}) for one in happened), wanted


def reads(happened: Happened) -> dict[str, object]:
    """The typed values of the fields; None where one is absent."""
    fields: Any = happened.explanation.get("fields", {})
    return {name: told.get("value") for name, told in fields.items()}


def sees(happened: Happened) -> dict[str, object]:
    """What the Buyer sees of the WorkOrder, as JSON."""
    details = happened.update.details if happened.update is not None else None
    return {one.name: plain(getattr(details, one.name)) for one in fields(details)} if details is not None else {}


def plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return [plain(one) for one in value] if isinstance(value, tuple) else value


def fits(wanted: object, came: object) -> bool:
    """Is it what came, as far as it is named?"""
    if isinstance(wanted, dict) and isinstance(came, dict):
        return all(key in came and fits(one, came[key]) for key, one in wanted.items())
    if isinstance(wanted, list) and isinstance(came, list):
        return len(wanted) == len(came) and all(map(fits, wanted, came))
    return wanted == came


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_run(name: str) -> None:
    """By the steps below it, or by a test of its own."""
    assert name in STEPS or f'"{name}"' in TESTS
