"""What came of a run: a result for each check, a verdict for each requirement, and both as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bridge.conformance.check import Check
from bridge.conformance.requirements import REQUIREMENTS


class Outcome(StrEnum):
    """How a check or a requirement ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_EXERCISED = "not exercised"


@dataclass(frozen=True, slots=True)
class Result:
    """One check's outcome. `reason` says why it did not pass, `evidence` shows requests and answers."""

    check: Check
    outcome: Outcome
    seconds: float
    reason: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All results of a run, in the order of the catalogue."""

    results: Sequence[Result]
    seconds: float

    def of(self, requirement: str) -> list[Result]:
        """The results of a requirement's checks."""
        return [result for result in self.results if result.check.requirement == requirement]

    def verdict(self, requirement: str) -> Outcome:
        """One failure fails it; it passes when at least one check passed."""
        outcomes = {result.outcome for result in self.of(requirement)}
        if Outcome.FAILED in outcomes:
            return Outcome.FAILED
        return Outcome.PASSED if Outcome.PASSED in outcomes else Outcome.NOT_EXERCISED

    @property
    def verdicts(self) -> Mapping[str, Outcome]:
        """The verdict of every requirement."""
        return {each.id: self.verdict(each.id) for each in REQUIREMENTS}

    def count(self, outcome: Outcome, letter: str = "") -> int:
        """How many requirements (R or O) have a verdict."""
        return sum(verdict is outcome for each, verdict in self.verdicts.items() if each.startswith(letter))

    @property
    def failed(self) -> list[Result]:
        """The checks that failed."""
        return [result for result in self.results if result.outcome is Outcome.FAILED]

    @property
    def not_exercised(self) -> list[Result]:
        """The checks that lacked something."""
        return [result for result in self.results if result.outcome is Outcome.NOT_EXERCISED]

    def to_json(self) -> dict[str, Any]:
        """The whole report as JSON values."""
        return {
            "seconds": round(self.seconds, 3),
            "counts": {outcome.value: self.count(outcome) for outcome in Outcome},
            "requirements": [
                {
                    "id": each.id,
                    "title": each.title,
                    "binds": each.binds,
                    "useCase": each.use_case,
                    "result": self.verdict(each.id).value,
                    "checks": [_check(result) for result in self.of(each.id)],
                }
                for each in REQUIREMENTS
            ],
        }


def _check(result: Result) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": result.check.id,
        "title": result.check.title,
        "result": result.outcome.value,
        "seconds": round(result.seconds, 3),
    }
    if result.reason:
        shown |= {"reason": result.reason, "evidence": list(result.evidence)}
    return shown
