"""What stands below an example of the pages on packs comes of it: the steps of a case."""

import re
from pathlib import Path
from typing import Any

import pytest

from bridge.packtools.case_report import differences
from bridge.packtools.cases import Case
from bridge.packtools.cases_run import run_case
from bridge.packtools.coverage import Coverage
from bridge.packtools.sandbox import Happened
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.test_docs_examples import DOCS, EXAMPLES, pack_of

STEPS: dict[str, str] = dict(re.findall(r"^```yaml steps of ([a-z_-]+)\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE))
TESTS = (Path(__file__).parent / "test_docs_examples.py").read_text()


class Unread(Coverage):
    """Counts nothing."""

    def __init__(self) -> None:
        pass

    def add(self, happened: Happened) -> None:
        pass


def steps_of(name: str) -> list[dict[str, Any]]:
    """The steps below an example. A message names its job where the example does not say how."""
    steps: list[dict[str, Any]] = parse_yaml("steps:\n" + STEPS[name], name).data["steps"]
    for step in steps:
        if "message" in step and "job:" not in EXAMPLES[name]:
            step["message"] = {"job": "J", **step["message"]}
    return steps


@pytest.mark.parametrize("name", STEPS)
def test_the_steps_below_an_example_come_true(name: str) -> None:
    pack = pack_of(name)
    case = Case.model_validate({"case": name, "time": "2026-03-05T12:00:00Z", "steps": steps_of(name)}, strict=False)
    assert differences(run_case(case, pack, Unread())) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_run(name: str) -> None:
    """By the steps below it, or by a test of its own."""
    assert name in STEPS or f'"{name}"' in TESTS
