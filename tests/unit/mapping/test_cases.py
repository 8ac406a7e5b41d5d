"""The pack's own cases: messages in, and what must come of them."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.mapping.pack import Ignored, Reading, Translated, Unmapped
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.moments import rfc3339
from bridge.yaml_source import read_yaml
from tests.unit.mapping.builders import ACME, acme, job

CASES = sorted((ACME / "cases").glob("*.yaml"))


def known(given: dict[str, Any]) -> Any:
    work_order, appointment = given.get("work_order"), given.get("appointment")
    return job(
        WorkOrderState(work_order) if work_order else None, AppointmentStatus(appointment) if appointment else None
    )


def outcome(result: Translated | Ignored | Unmapped) -> dict[str, Any]:
    if isinstance(result, Ignored):
        return {"rule": result.rule, "ignored": result.reason}
    if isinstance(result, Unmapped):
        return {"rule": result.rule, "parked": result.reason}
    update = result.update
    window = update.visit.window
    return {
        "rule": update.rule,
        "buyer": update.buyer,
        "creates": update.creates,
        "work_order": update.goal.work_order,
        "appointment": update.goal.appointment,
        "appointment_required": update.goal.appointment_required,
        "visit": update.visit.ref,
        "window": [rfc3339(window.start_date_time), rfc3339(window.end_date_time)] if window else None,
        "flags": list(update.flags),
    }


def test_there_are_cases() -> None:
    assert CASES


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_comes_out_as_it_says(path: Path) -> None:
    case = read_yaml(path).data
    assert set(case) == {"case", "steps"}
    for step in case["steps"]:
        reading = acme().read(orjson.dumps(step["message"]), "job.any", {})
        assert isinstance(reading, Reading)
        found = outcome(acme().translate(reading, known(step.get("given", {}))))
        expected = step["expect"]
        assert {key: found.get(key) for key in expected} == expected


def test_every_rule_of_the_pack_has_a_case() -> None:
    rules = {rule["rule"] for rule in read_yaml(ACME / "pack.yaml").data["rules"]}
    seen = {step["expect"].get("rule") for path in CASES for step in read_yaml(path).data["steps"]}
    assert rules - seen == set()
