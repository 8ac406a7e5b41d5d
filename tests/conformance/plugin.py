"""Collects what the tests say of each requirement and reading, and holds docs/conformance.md to it.

A test says what it stands for with `@pytest.mark.requirement("R12", "what it shows")` or `@pytest.mark.reading("key")`.
Once all of them have run, a requirement or reading without a test fails the run, and so does a page that says something
else. With MEF_BRIDGE_WRITE_DOCS=1 (`make docs`) the page is written instead. A part of the tests decides nothing.
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bridge.conformance.catalogue import AFTERWARDS, CHECKS
from bridge.conformance.requirements import REQUIREMENTS
from tests.conformance.page import Shown, page
from tests.conformance.readings import READINGS

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
WRITE_VARIABLE = "MEF_BRIDGE_WRITE_DOCS"
KINDS = ("requirement", "reading")
ALL_KEYS = {
    "requirement": {each.id for each in REQUIREMENTS},
    "reading": {each.key for each in READINGS},
}

Found = dict[str, dict[str, list[Shown]]]


class ConformancePage:
    """Runs in the process that gets all reports: pytest's own, or xdist's controller."""

    def __init__(self) -> None:
        self.found: Found = {kind: defaultdict(list) for kind in KINDS}
        self.verdict = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test says; one whose set-up fails has not passed, and one that is skipped says nothing."""
        if report.when == "call" or (report.when == "setup" and report.failed):
            for name, value in report.user_properties:
                if name in KINDS and isinstance(value, list):
                    key, title, test = value
                    self.found[name][key].append(Shown(test, title, report.passed))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge, if everything has run."""
        if not complete(self.found):
            return
        self.verdict = judge(self.found, PAGE, write=bool(os.environ.get(WRITE_VARIABLE)))
        if self.verdict and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say why the run fails."""
        if self.verdict:
            terminalreporter.section("conformance", red=True, bold=True)
            terminalreporter.line(self.verdict)


def complete(found: Found) -> bool:
    """Tell whether every check and every reading has run; otherwise somebody ran a part of the tests."""
    ran = {test.name for tests in found["requirement"].values() for test in tests}
    return {check.id for check in (*CHECKS, *AFTERWARDS)} <= ran and ALL_KEYS["reading"] <= found["reading"].keys()


def judge(found: Found, path: Path, *, write: bool) -> str:
    """Return what is wrong, or nothing. Writes the page if asked to."""
    missing = [key for kind in KINDS for key in sorted(ALL_KEYS[kind] - found[kind].keys())]
    if missing:
        return f"no test for {', '.join(missing)}"
    text = page(found["requirement"], found["reading"])
    if write:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return ""
    if not path.exists() or path.read_text() != text:
        return f"docs/{path.name} does not say what the tests found; run `make docs`"
    return ""


def pytest_configure(config: pytest.Config) -> None:
    """Listen where all reports come together."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ConformancePage(), "conformance-page")


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Let each test's report carry what it stands for."""
    for item in items:
        for kind in KINDS:
            for marker in item.iter_markers(kind):
                key, title = marker.args[0], marker.args[1] if len(marker.args) > 1 else ""
                item.user_properties.append((kind, [key, title, _name(item)]))


def _name(item: pytest.Item) -> str:
    """A check by its id, any other test by its file and name."""
    check = item.get_closest_marker("check")
    return str(check.args[0]) if check else item.nodeid
