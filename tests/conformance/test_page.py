"""The page of requirements: complete, honest about failures, and never out of date unnoticed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.conformance.catalogue import AFTERWARDS, CHECKS
from tests.conformance.page import Shown
from tests.conformance.plugin import ConformancePage, Found, complete, judge
from tests.conformance.readings import READINGS


def everything(outcome: Callable[[str], bool] = lambda _: True) -> Found:
    requirements: dict[str, list[Shown]] = {}
    for check in (*CHECKS, *AFTERWARDS):
        requirements.setdefault(check.requirement, []).append(Shown(check.id, check.title, outcome(check.id)))
    return {
        "requirement": requirements,
        "reading": {reading.key: [Shown("a_test", "", outcome(reading.key))] for reading in READINGS},
    }


def test_a_page_that_was_just_written_is_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "conformance.md"
    assert judge(everything(), path, write=True) == ""
    assert judge(everything(), path, write=False) == ""
    assert "**68 of 68 requirements are met.**" in path.read_text()


def test_a_page_that_is_missing_or_says_something_else_fails(tmp_path: Path) -> None:
    path = tmp_path / "conformance.md"
    stale = "docs/conformance.md does not say what the tests found; run `make docs`"
    assert judge(everything(), path, write=False) == stale
    judge(everything(), path, write=True)
    assert judge(everything(lambda test: not test.startswith("R12-")), path, write=False) == stale


def test_a_failed_check_is_told(tmp_path: Path) -> None:
    path = tmp_path / "conformance.md"
    judge(everything(lambda test: test != "R12-backwards"), path, write=True)
    assert "**67 of 68 requirements are met.**" in path.read_text()
    [row] = [line for line in path.read_text().splitlines() if line.startswith("| R12 |")]
    assert row.endswith("| 1 of 3 failed |")


def test_a_requirement_without_a_test_fails(tmp_path: Path) -> None:
    found = everything()
    del found["requirement"]["R59"]
    assert judge(found, tmp_path / "conformance.md", write=True) == "no test for R59"


def test_part_of_the_tests_decides_nothing() -> None:
    found = everything()
    assert complete(found)
    found["requirement"]["R12"].pop()
    assert not complete(found)


def test_a_test_whose_set_up_fails_has_not_passed_and_a_skipped_one_says_nothing() -> None:
    collected = ConformancePage()
    for when, outcome in (("setup", "failed"), ("setup", "skipped"), ("call", "passed"), ("call", "failed")):
        report = pytest.TestReport("x", ("x", 0, "x"), {}, outcome, None, when)  # type: ignore[arg-type]
        report.user_properties = [("requirement", [f"{when} {outcome}", "title", "x"])]
        collected.pytest_runtest_logreport(report)
    tests = {key: [test.passed for test in tests] for key, tests in collected.found["requirement"].items()}
    assert tests == {"setup failed": [False], "call passed": [True], "call failed": [False]}
