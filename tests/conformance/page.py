"""docs/conformance.md, as the tests see it: each requirement in our own words, how it is met, its tests, the result."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bridge.conformance.requirements import REQUIREMENTS, Requirement, order_of
from tests.conformance.readings import READINGS

HEAD = """# Conformance to MEF 137

Written by the tests (`make docs`); a run fails if this page does not say what they found. What the requirements demand
is said here in our own words; the standard's text counts. A requirement that binds the Buyer is held against our side:
the bridge refuses what the Buyer must not do, and makes possible what he must do.

The same checks run against any implementation: see [the conformance suite](conformance-suite.md). Tests named below
without a file are checks of that suite, in `tests/conformance/test_requirements.py`.
"""


@dataclass(frozen=True)
class Shown:
    """One test that ran: what it is called on the page, what it shows, and whether it passed."""

    name: str
    title: str
    passed: bool


def page(requirements: Mapping[str, Sequence[Shown]], readings: Mapping[str, Sequence[Shown]]) -> str:
    """Write the page. Everything in it is sorted, so that equal results give equal pages."""
    ordered = sorted(REQUIREMENTS, key=lambda each: order_of(each.id))
    met = sum(bool(tests) and all(test.passed for test in tests) for tests in requirements.values())
    lines = [HEAD, f"**{met} of {len(ordered)} requirements are met.**", "", "## Requirements", ""]
    lines += ["| | requirement | binds | how we meet it | result |", "|---|---|---|---|---|"]
    lines += [_row(each, requirements[each.id]) for each in ordered]
    lines += ["", "## Tests", ""]
    for each in ordered:
        lines += [f"- **{each.id}** {each.title}", *_tests(requirements[each.id])]
    lines += ["", "## Where the guide and the OpenAPI files disagree", ""]
    lines += ["| point | guide | OpenAPI | we do | test | result |", "|---|---|---|---|---|---|"]
    for reading in READINGS:
        tests = sorted(readings[reading.key], key=lambda test: test.name)
        names = "<br>".join(f"`{test.name}`" for test in tests)
        cells = (reading.key, reading.guide, reading.openapi, reading.ours, names, _result(tests))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _row(each: Requirement, tests: Sequence[Shown]) -> str:
    return f"| {each.id} | {each.title} ({each.use_case}) | {each.binds} | {each.how} | {_result(tests)} |"


def _tests(tests: Iterable[Shown]) -> list[str]:
    return [f"  - `{test.name}`: {test.title}" for test in sorted(tests, key=lambda test: test.name)]


def _result(tests: Sequence[Shown]) -> str:
    failed = sum(not test.passed for test in tests)
    return f"{failed} of {len(tests)} failed" if failed else f"passed ({len(tests)})"
