"""What a case may say, what a failed one says back, and what counts as covered."""

from typing import Any

import pytest

from bridge.cli.mapping.cases import differences
from bridge.flows.effects import messages_for
from bridge.mapping.cases import Case
from bridge.mapping.cases_run import CaseResult, run_case
from bridge.mapping.coverage import Coverage
from bridge.mapping.loader import load_document
from bridge.yaml_source import InvalidDocument, parse_yaml, validate
from tests.unit.mapping.builders import ACME, NO_VISIT, acme, snapshot


def message(number: int, status: str, **changes: object) -> dict[str, Any]:
    return snapshot(MSG_ID=f"E-{number}", JOB_VER=number, STAT=status, **changes)


NEW = message(1, "NEW", **NO_VISIT)


def run(*steps: dict[str, Any], coverage: Coverage | None = None) -> CaseResult:
    case = Case.model_validate({"case": "a story", "time": "2026-03-05T12:00:00Z", "steps": list(steps)}, strict=False)
    return run_case(case, acme(), messages_for, coverage or Coverage(load_document(ACME)))


def step(said: dict[str, Any], **expect: Any) -> dict[str, Any]:
    return {"message": said, "expect": expect}


def test_each_step_goes_on_from_the_one_before() -> None:
    result = run(
        step(NEW, work_order="open", appointment=None),
        step(message(2, "SCHD"), work_order="planned", appointment="confirmed", visit="V-0001"),
        step(message(3, "VCAN", **NO_VISIT), work_order="open", appointment="cancelled"),
    )
    assert differences(result) == []


def test_a_step_may_start_from_a_state_that_it_names() -> None:
    given = {
        **step(message(9, "DONE"), work_order="completed"),
        "given": {"work_order": "inProgress", "appointment": "inProgress"},
    }
    assert run(given).passed


def test_a_failed_step_says_what_was_expected_what_came_and_why() -> None:
    lost = step(message(2, "LOST"), outcome="applied", work_order="planned")
    result = run(step(NEW, work_order="open"), lost)
    assert differences(result) == [
        f"step 2 ({result.steps[1].why})",
        "  outcome:",
        '    - expected "applied"',
        '    + came     "parked"',
        "  work_order:",
        '    - expected "planned"',
        '    + came     "open"',
    ]


def test_only_what_is_named_is_compared_and_null_means_none() -> None:
    assert run(step(NEW, work_order="open")).passed
    assert not run(step(NEW, work_order=None)).passed
    assert not run(step(NEW, notifications=[])).passed


def test_notifications_and_commands_are_compared_in_order() -> None:
    assert run(
        step(
            NEW,
            notifications=["workOrderCreateEvent", "workOrderAppointmentRequiredEvent"],
            commands=[{"body": {"STATUS": "PEND"}}],
        ),
        step(
            message(2, "SCHD"), commands=[{"routing_key": "cmd.ticket", "body": {"TT_NO": "TT-99", "STATUS": "WORK"}}]
        ),
    ).passed


def test_a_command_that_was_not_expected_is_shown_whole() -> None:
    result = run(step(NEW, rule="created"), step(message(2, "SCHD"), commands=[]))
    (difference,) = result.steps[1].differences
    assert difference.expected == []
    assert [command["routing_key"] for command in difference.came] == ["cmd.ticket"]  # type: ignore[attr-defined]


def test_a_message_that_waits_for_its_job_is_applied_when_it_comes() -> None:
    assert run(
        step(message(2, "SCHD"), outcome="waiting", work_order=None),
        step(NEW, rule="created", outcome="applied", work_order="planned", appointment="confirmed"),
    ).passed


def test_what_a_buyer_asks_for_is_written_and_answered() -> None:
    window = ["2026-03-06T07:00:00Z", "2026-03-06T11:00:00Z"]
    asked = {"buyer": {"book": window}, "expect": {"commands": [{"routing_key": "cmd.book"}], "appointment": None}}
    assert run(step(NEW, work_order="open"), asked).passed
    accepted = {
        "buyer": {"book": window},
        "reply": {"RC": "00"},
        "expect": {"appointment": "confirmed", "window": window},
    }
    assert run(step(NEW, work_order="open"), accepted).passed


def test_coverage_counts_rules_codes_and_rows() -> None:
    coverage = Coverage(load_document(ACME))
    run(step(NEW, work_order="open"), step(message(2, "SCHD"), work_order="planned"), coverage=coverage)
    told = {one.what: one.used for one in coverage.all()}
    assert told["rules"] == ("created", "planned-with-visit")
    assert told["codes of field status"] == ("NEW", "SCHD")
    assert told["rows of table technicians"] == ("T042",)
    assert told["rows of table reasons"] == ()
    assert coverage.rules().percent == pytest.approx(100 * 2 / 15)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: []", "at least 1"),
        ("steps: [{message: {}, expect: {}}]", "write what must come of it"),
        ("steps: [{message: {}, expect: {rul: x}}]", "did you mean 'rule'?"),
        ("steps: [{expect: {rule: x}}]", "write one of message, body or buyer"),
        ("steps: [{buyer: {}, expect: {rule: x}}]", "write one of search, book, reschedule or cancel"),
    ],
)
def test_a_case_that_says_nothing_or_too_much_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        validate(Case, parse_yaml(f'case: x\ntime: "2026-03-05T12:00:00Z"\n{text}\n', "case.yaml"))
    assert message in str(caught.value)
