"""Each requirement of MEF 137 is met by the live bridge; one test for each check of the conformance suite."""

import pytest
from _pytest.mark import ParameterSet

from bridge.conformance.catalogue import AFTERWARDS, CHECKS
from bridge.conformance.check import Check
from bridge.conformance.requirements import BY_ID, REQUIREMENTS
from tests.conformance.conftest import Results

pytestmark = [pytest.mark.integration]


def _parameter(check: Check) -> ParameterSet:
    marks = [pytest.mark.requirement(check.requirement, check.title), pytest.mark.check(check.id)]
    return pytest.param(check, id=check.id, marks=marks)


@pytest.mark.parametrize("check", [_parameter(check) for check in (*CHECKS, *AFTERWARDS)])
def test_the_bridge_meets(check: Check, checked: Results) -> None:
    """The check passes on the bridge, and nothing that it needs is missing."""
    result = checked[check.id]
    assert result["result"] == "passed", "\n".join([result["reason"], *result["evidence"]])


def test_every_requirement_has_a_check() -> None:
    """R1 to R64 and O1 to O4, and no others."""
    assert list(BY_ID) == [each.id for each in REQUIREMENTS]
    assert set(BY_ID) == {*(f"R{number}" for number in range(1, 65)), *(f"O{number}" for number in range(1, 5))}
    assert {check.requirement for check in CHECKS} == set(BY_ID)


def test_no_two_checks_share_an_id() -> None:
    ids = [check.id for check in (*CHECKS, *AFTERWARDS)]
    assert len(ids) == len(set(ids))
