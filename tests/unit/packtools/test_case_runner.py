"""What a case may say, what a failed one says back, and what counts as covered."""

from typing import Any, get_args

import pytest

from bridge.domain.model import Outcome
from bridge.mapping.loader import load_document, make_pack
from bridge.mapping.pack import Pack
from bridge.packtools.buyer_steps import REFUSED
from bridge.packtools.case_report import differences, shown
from bridge.packtools.cases import Case, CaseOutcome
from bridge.packtools.cases_run import CaseResult, run_case
from bridge.packtools.coverage import Coverage
from bridge.packtools.sandbox import DUPLICATE
from bridge.yaml_source import InvalidDocument, parse_yaml, validate
from tests.unit.mapping.builders import ACME, NO_VISIT, acme, snapshot
from tests.unit.mapping.patches import pack_with
from tests.unit.packtools.packs import FRAME, small


def message(number: int, status: str, **changes: object) -> dict[str, Any]:
    return snapshot(MSG_ID=f"E-{number}", JOB_VER=number, STAT=status, **changes)


NEW = message(1, "NEW", **NO_VISIT)


def run(*steps: dict[str, Any], coverage: Coverage | None = None, pack: Pack | None = None) -> CaseResult:
    case = Case.model_validate({"case": "a story", "time": "2026-03-05T12:00:00Z", "steps": list(steps)}, strict=False)
    return run_case(case, pack or acme(), coverage or Coverage(load_document(ACME)))


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
    assert differences(run(given)) == []


def test_a_failed_step_says_what_was_expected_what_came_and_why() -> None:
    lost = step(message(2, "LOST"), outcome="applied", work_order="planned")
    result = run(step(NEW, work_order="open"), lost)
    assert differences(result)[:8] == [
        f"step 2 ({result.steps[1].why})",
        "  outcome:",
        '    - expected "applied"',
        '    + came     "parked"',
        "  work_order:",
        '    - expected "planned"',
        '    + came     "open"',
        "  all that came of it:",
    ]


def test_only_what_is_named_is_compared_and_null_means_none() -> None:
    assert differences(run(step(NEW, work_order="open"))) == []
    assert differences(run(step(NEW, work_order=None))) != []
    assert differences(run(step(NEW, notifications=[]))) != []


def test_notifications_and_commands_are_compared_in_order() -> None:
    result = run(
        step(
            NEW,
            notifications=["workOrderCreateEvent", "workOrderAppointmentRequiredEvent"],
            commands=[{"body": {"STATUS": "PEND"}}],
        ),
        step(
            message(2, "SCHD"), commands=[{"routing_key": "cmd.ticket", "body": {"TT_NO": "TT-99", "STATUS": "WORK"}}]
        ),
    )
    assert differences(result) == []


def test_a_command_that_was_not_expected_is_shown_whole() -> None:
    result = run(step(NEW, rule="created"), step(message(2, "SCHD"), commands=[]))
    (difference,) = result.steps[1].differences
    assert difference.expected == []
    assert [command["routing_key"] for command in difference.came] == ["cmd.ticket"]  # type: ignore[attr-defined]


def test_a_message_that_waits_for_its_job_is_applied_when_it_comes() -> None:
    result = run(
        step(message(2, "SCHD"), outcome="waiting", work_order=None),
        step(NEW, rule="created", outcome="applied", work_order="planned", appointment="confirmed"),
    )
    assert differences(result) == []


def test_versions_of_different_objects_are_not_compared_while_messages_wait() -> None:
    job, visit = "{path: $.JOB_VER, optional: true}", "{path: $.VISIT_VER, optional: true}"
    early = message(2, "SCHD") | {"JOB_VER": "", "VISIT_VER": 7}
    result = run(
        step(early, outcome="waiting"),
        step(message(3, "WIP"), outcome="waiting"),
        step(NEW, work_order="inProgress"),
        pack=pack_with(
            f"inbound: {{version: {job}, versions: {{visit: {visit}}}}}",
            parse_yaml((ACME / "pack.yaml").read_text(), "pack.yaml").data,
        ),
    )
    assert differences(result) == []


def test_what_a_buyer_asks_for_is_written_and_answered() -> None:
    window = ["2026-03-06T07:00:00Z", "2026-03-06T11:00:00Z"]
    asked = {"buyer": {"book": window}, "expect": {"commands": [{"routing_key": "cmd.book"}], "appointment": None}}
    assert differences(run(step(NEW, work_order="open"), asked)) == []
    accepted = {
        "buyer": {"book": window},
        "reply": {"RC": "00"},
        "expect": {"appointment": "confirmed", "window": window},
    }
    assert differences(run(step(NEW, work_order="open"), accepted)) == []


MORNING, AFTERNOON = (
    ["2026-03-06T07:00:00.000Z", "2026-03-06T11:00:00.000Z"],
    ["2026-03-06T11:00:00.000Z", "2026-03-06T15:00:00.000Z"],
)
SLOTS = [
    {"SLOT_ID": "S-17", "FROM": "2026-03-06 08:00", "TO": "2026-03-06 12:00"},
    {"SLOT_ID": "S-18", "FROM": "2026-03-06 12:00", "TO": "2026-03-06 16:00"},
    {"SLOT_ID": "S-19", "FROM": "2026-03-06 17:00", "TO": "2026-03-06 19:00"},
]


def searched(*slots: dict[str, Any], **expect: Any) -> dict[str, Any]:
    return {
        "buyer": {"search": [MORNING[0], "2026-03-06T17:00:00Z"]},
        "reply": {"RC": "00", "SLOTS": list(slots)},
        "expect": expect,
    }


def test_a_search_offers_what_the_buyer_would_see() -> None:
    """The third slot ends after the period that is asked for."""
    result = run(step(NEW, work_order="open"), searched(*SLOTS, offered=[MORNING, AFTERNOON], flags=[]))
    assert differences(result) == []


@pytest.mark.parametrize(
    ("wish", "token"),
    [
        ({"book": AFTERNOON}, "S-18"),
        ({"book": AFTERNOON, "slot": {"id": "X"}}, "X"),
        ({"book": [MORNING[0], AFTERNOON[1]]}, ""),
    ],
)
def test_a_window_that_was_offered_is_booked_by_its_token(wish: dict[str, Any], token: str) -> None:
    booked = {"buyer": wish, "expect": {"commands": [{"body": {"SLOT_ID": token}}]}}
    result = run(step(NEW, work_order="open"), searched(*SLOTS, outcome="unchanged"), booked)
    assert differences(result) == []


def test_a_case_says_what_was_left_out_of_an_answer() -> None:
    flag = (
        "left out: slot 0 ($.TO): expected a date and time like %Y-%m-%d %H:%M (it does not fit %Y-%m-%d %H:%M); came 5"
    )
    answer = searched({**SLOTS[1], "TO": 5}, SLOTS[0], offered=[MORNING], flags=[flag])
    assert differences(run(step(NEW, work_order="open"), answer)) == []


EARLY = step(message(2, "SCHD"), outcome="waiting")
KNOWN = {**step(NEW, work_order="open", appointment=None), "given": {"work_order": "open"}}


def test_what_waited_is_taken_up_after_the_wfms_reply() -> None:
    coverage = Coverage(load_document(ACME))
    booked = {"buyer": {"book": MORNING}, "reply": {"RC": "00"}, "expect": {"visit": "V-0001", "window": MORNING}}
    assert differences(run(EARLY, KNOWN, booked, coverage=coverage)) == []
    assert "planned" in coverage.rules().used


def test_what_waited_is_taken_up_where_the_wfm_has_not_replied_and_the_buyer_is_told_of_it() -> None:
    expect = {"outcome": "unchanged", "appointment": "confirmed", "window": MORNING}
    told = ["appointmentStatusChangeEvent", "workOrderStateChangeEvent"]
    unanswered = {"buyer": {"book": AFTERNOON}, "expect": {**expect, "notifications": told}}
    assert differences(run(EARLY, KNOWN, unanswered)) == []


def test_a_booking_moves_the_visit_that_the_wfm_still_holds_after_its_seller_moved_it() -> None:
    moved = message(3, "SCHD", WIN_FROM="2026-03-06 12:00", WIN_TO="2026-03-06 16:00")
    commands = [{"routing_key": "cmd.move", "body": {"VISIT_NO": "V-0001"}}, {"routing_key": "cmd.ticket"}]
    booked = {"buyer": {"book": AFTERNOON}, "reply": {"RC": "00"}, "expect": {"commands": commands, "visit": "V-0001"}}
    held = (step(NEW, work_order="open"), step(message(2, "SCHD"), appointment="confirmed"))
    assert differences(run(*held, step(moved, appointment="cancelled"), booked)) == []


def test_a_command_that_asks_for_no_window_tells_that_of_the_appointment() -> None:
    cancelled = {"buyer": {"cancel": True}, "expect": {"commands": [{"body": {"FROM": "2026-03-06T07:00:00.000Z"}}]}}
    pack = pack_with(
        "commands: {cancel: {body: {FROM: {value: window.start, default: none}}}}",
        parse_yaml((ACME / "pack.yaml").read_text(), "pack.yaml").data,
    )
    known = (step(NEW, work_order="open"), step(message(2, "SCHD"), appointment="confirmed"))
    assert differences(run(*known, cancelled, pack=pack)) == []


XML = """
rules: [{rule: any, then: {hold: Nothing has happened}}]
commands:
  cancel:
    format: xml
    body: {exchange: null, visit: null, crew: null, Cancel: {"@job": {value: job}, Id: {value: command}}}
    reply: {status: $.Answer.OK, accepted: ["Y"]}
"""


PERIODS = """
rules: [{rule: any, then: {hold: Nothing}}]
commands:
  cancel:
    body: {stops: [{at: {value: job}, kind: first}, {at: {value: job}, kind: last}]}
"""


@pytest.mark.parametrize(
    ("stops", "fits"),
    [
        ([{"kind": "first"}, {"at": "J"}], True),
        ([{"kind": "first"}], False),
        ([{"kind": "first"}, {"kind": "last"}, {}], False),
        ([{"kind": "last"}, {}], False),
    ],
)
def test_of_objects_in_a_list_only_what_is_named_is_compared(stops: list[dict[str, str]], fits: bool) -> None:
    known = {**step({"job": "J"}, rule="any"), "given": {"work_order": "planned", "appointment": "confirmed"}}
    cancelled = {"buyer": CANCELLED, "expect": {"commands": [{"body": {"stops": stops}}]}}
    assert (differences(run(known, cancelled, pack=pack_with(PERIODS))) == []) is fits


def test_commands_and_replies_of_a_case_may_be_xml() -> None:
    known = {**step({"job": "J"}, rule="any"), "given": {"work_order": "planned", "appointment": "confirmed"}}
    cancelled = {
        "buyer": {"cancel": True},
        "reply": "<Answer><OK>Y</OK></Answer>",
        "expect": {"commands": [{"body": {"Cancel": {"@job": "J"}}}], "appointment": "cancelled"},
    }
    assert (
        differences(run(known, cancelled, pack=pack_with(XML))) == []
    )  # below the root, too, only what is named counts

    cancelled["expect"] = {"commands": [{"body": {"Cancel": {"@job": "K", "Why": "x"}}}]}
    told = differences(run(known, cancelled, pack=pack_with(XML)))
    came = next(line for line in told if line.startswith("    + came "))
    assert '"routing_key": "undo", "body": {"Cancel": {"@job": "J", "Id": "' in came  # all of it, named or not


def test_coverage_counts_rules_codes_and_rows() -> None:
    coverage = Coverage(load_document(ACME))
    run(step(NEW, work_order="open"), step(message(2, "SCHD"), work_order="planned"), coverage=coverage)
    told = {one.what: one.used for one in coverage.all()}
    assert told["rules"] == ("created", "planned")
    assert told["codes of field status"] == ("NEW", "SCHD")
    assert told["rows of table technicians"] == ("T042",)
    assert told["rows of table reasons"] == ()
    assert coverage.rules().percent == pytest.approx(100 * 2 / 12)


def acme_with(changes: str) -> Pack:
    """ACME with some keys replaced."""
    return pack_with(changes, parse_yaml((ACME / "pack.yaml").read_text(), "pack.yaml").data)


PAST = ["2026-03-05T07:00:00Z", "2026-03-05T11:00:00Z"]
SCHEDULED = step(message(2, "SCHD"), appointment="confirmed")
UNDER_WAY = step(message(3, "WIP"), appointment="inProgress")
OTHER_ISSUE, INVALID_VALUE = {"code": "otherIssue"}, {"code": "invalidValue", "path": "/validFor"}
BOOKED, MOVED, CANCELLED = {"book": MORNING}, {"reschedule": AFTERNOON}, {"cancel": True}


@pytest.mark.parametrize(
    ("before", "wish", "refused", "changes"),
    [
        ([], {"search": MORNING}, OTHER_ISSUE, "work_order: {bookable: false}"),
        ([], BOOKED, {"code": "otherIssue", "path": "/workOrder/id"}, "work_order: {bookable: false}"),
        ([], {"search": PAST}, {"code": "invalidValue", "path": "/requestedTimeSlot/0/validFor"}, ""),
        ([], {"book": PAST}, INVALID_VALUE, ""),
        ([], {"book": AFTERNOON[::-1]}, INVALID_VALUE, ""),
        ([SCHEDULED], BOOKED, OTHER_ISSUE, ""),  # R20
        ([SCHEDULED], {"reschedule": PAST}, INVALID_VALUE, ""),  # R41
        ([SCHEDULED, UNDER_WAY], MOVED, OTHER_ISSUE, ""),  # R40
        ([SCHEDULED, UNDER_WAY], CANCELLED, OTHER_ISSUE, ""),  # R46
        ([SCHEDULED, UNDER_WAY], {"note": "Ring twice"}, OTHER_ISSUE, ""),  # R40
        ([], MOVED, {"code": "notFound"}, ""),
        ([], CANCELLED, {"code": "notFound"}, ""),
        ([], BOOKED, INVALID_VALUE, "policies: {unoffered_window: refuse}"),
        ([SCHEDULED], MOVED, INVALID_VALUE, "policies: {unoffered_window: refuse}"),
    ],
)
def test_a_case_refuses_what_the_bridge_refuses(
    before: list[dict[str, Any]], wish: dict[str, Any], refused: dict[str, str], changes: str
) -> None:
    wanted = {"outcome": "refused", "refused": refused, "commands": [], "notifications": [], "offered": []}
    asked = {"buyer": wish, "reply": {"RC": "00"}, "expect": wanted}
    pack = acme_with(changes) if changes else None
    assert differences(run(step(NEW, work_order="open"), *before, asked, pack=pack)) == []


def test_a_wish_that_the_pack_has_no_command_for_is_refused() -> None:
    pack = pack_with("rules: [{rule: any, then: {hold: Nothing}}]\ncommands: {reschedule: null}")
    known = {**step({"job": "J"}, rule="any"), "given": {"work_order": "planned", "appointment": "confirmed"}}
    told = {"code": "internalError", "reason": f"pack {pack.name} has no command reschedule"}
    moved = {"buyer": {**MOVED, "slot": {}}, "expect": {"outcome": "refused", "refused": told}}
    assert differences(run(known, moved, pack=pack)) == []


def test_the_window_of_a_search_is_no_longer_one_that_was_never_offered() -> None:
    pack = acme_with("policies: {unoffered_window: refuse}")
    booked = {"buyer": BOOKED, "reply": {"RC": "00"}, "expect": {"appointment": "confirmed"}}
    assert differences(run(step(NEW, work_order="open"), searched(*SLOTS, flags=[]), booked, pack=pack)) == []


def test_a_search_offers_the_window_to_which_the_seller_moved_the_visit() -> None:
    moved = message(3, "SCHD", WIN_FROM="2026-03-06 12:00", WIN_TO="2026-03-06 16:00")
    steps = (step(NEW, work_order="open"), SCHEDULED, step(moved, appointment="cancelled"))
    assert differences(run(*steps, searched(SLOTS[0], offered=[MORNING, AFTERNOON]))) == []


def test_notes_alone_are_a_patch_of_which_the_wfm_is_told() -> None:
    noted = {
        "buyer": {"note": ["Ring twice", "Mind the dog"]},
        "expect": {
            "outcome": "applied",
            "commands": [{"body": {"TEXT": "Ring twice"}}, {"body": {"TEXT": "Mind the dog"}}],
            "notifications": [],
        },
    }
    assert differences(run(step(NEW, work_order="open"), SCHEDULED, noted)) == []


def test_the_outcomes_of_a_case_are_those_of_messages_and_two_more() -> None:
    assert {*get_args(CaseOutcome)} == {*map(str, Outcome), DUPLICATE, REFUSED}


def test_a_message_that_comes_twice_is_a_duplicate() -> None:
    assert differences(run(step(NEW, outcome="applied"), step(NEW, outcome="duplicate", notifications=[]))) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: []", "at least 1"),
        ("steps: [{message: {}, expect: {}}]", "write what must come of it"),
        ("steps: [{message: {}, expect: {rul: x}}]", "did you mean 'rule'?"),
        ("steps: [{expect: {rule: x}}]", "write one of message, body, from or buyer"),
        ("steps: [{buyer: {}, expect: {rule: x}}]", "write one of search, book, reschedule or cancel"),
        ("steps: [{buyer: {cancel: true, note: x}, show: true}]", "a search or a cancellation has no note"),
        ("steps: [{buyer: {book: [2026-03-06T07:00:00Z]}, show: true}]", "expected two times, the start and the end"),
        ("steps: [{message: {}, expect: {outcome: lost}}]", "'duplicate' or 'refused', got 'lost'"),
    ],
)
def test_a_case_that_says_nothing_or_too_much_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        validate(Case, parse_yaml(f'case: x\ntime: "2026-03-05T12:00:00Z"\n{text}\n', "case.yaml"))
    assert message in str(caught.value)


def test_a_step_may_say_what_is_read_and_what_the_buyer_sees() -> None:
    technician = {"role": "technician", "name": "Jan Kowalski"}
    result = run(
        step(
            NEW,
            reads={"minutes": 120, "visit": None},
            sees={"work_order": {"task": ["REPLACE SFP", "PERFORM OTDR"]}, "appointment": None},
        ),
        step(message(2, "SCHD"), sees={"work_order": {"contacts": [{}, technician]}}),
        step(
            message(3, "SCHD"), sees={"appointment": {"seller_contact": {"name": "Jan Kowalski", "organization": None}}}
        ),
    )
    assert differences(result) == []


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ({"reads": {"minutes": 91}}, ["  reads.minutes:", "    - expected 91", "    + came     120"]),
        (
            {"reads": {"minuts": None}},
            ["  reads.minuts:", "    - expected nothing", '    + came     "there is no such name"'],
        ),
        (
            {"sees": {"work_order": {"task": []}}},
            ["  sees.work_order.task:", "    - expected []", '    + came     ["REPLACE SFP", "PERFORM OTDR"]'],
        ),
        (
            {"sees": {"appointment": {"note": []}}},
            ["  sees.appointment:", '    - expected {"note": []}', "    + came     nothing"],
        ),
    ],
)
def test_what_is_read_or_seen_otherwise_is_shown_by_its_name(expect: dict[str, Any], told: list[str]) -> None:
    assert differences(run(step(NEW, **expect)))[1 : 1 + len(told)] == told


def test_the_first_failed_step_is_told_with_all_that_came_and_the_others_are_counted() -> None:
    wrong = [step(message(number, "NEW", **NO_VISIT), work_order="planned") for number in (1, 2, 3)]
    told = differences(run(*wrong))
    assert told[1:4] == ["  work_order:", '    - expected "planned"', '    + came     "open"']
    assert told[4] == "  all that came of it:"
    assert '    work_order: "open"' in told
    assert any(line.startswith('          - {"') and '"role": "technicalContact"' in line for line in told)
    assert not any("reads" in line for line in told)
    assert told[-1] == "steps 2, 3 failed too, perhaps only because of it; --all tells of each"
    every = differences(run(*wrong), every=True)
    assert [line for line in every if line.startswith("step ")] == ["step 1", "step 2", "step 3"]


def test_a_step_that_is_to_be_shown_tells_all_that_came_though_it_expects_nothing() -> None:
    result = run({"message": NEW, "show": True}, step(message(2, "SCHD"), work_order="planned"))
    assert differences(result) == []
    told = shown(result)
    assert told[:4] == ["shown: step 1", "  all that came of it:", '    rule: "created"', '    outcome: "applied"']
    assert '      status: "NEW"' in told  # what was read, too
    assert not any(line.startswith(("step 2", "shown: step 2")) for line in told)


def test_what_is_read_of_a_list_is_told_item_by_item() -> None:
    notes = {"path": "$.notes", "type": "items", "fields": {"text": {"path": "$.t"}, "by": {"path": "$.by"}}}
    pack = make_pack(small({"notes": notes}, [{"rule": "any", "then": {"work_order": "open", "creates": True}}]))
    read = [{"text": "Ring", "by": None}, {"text": "Mind the dog", "by": "desk"}]
    said = {"job": "J", "notes": [{"t": "Ring"}, {"t": "Mind the dog", "by": "desk"}]}
    assert differences(run(step(said, reads={"notes": read}), pack=pack)) == []
    assert differences(run(step({"job": "J", "notes": []}, reads={"notes": []}), pack=pack)) == []
    result = run({"message": said, "show": True}, pack=pack)
    assert '        - {"text": "Mind the dog", "by": "desk"}' in shown(result)


def test_given_keeps_what_deltas_have_told() -> None:
    """Else a delta in another state would have to tell all that the job has told already."""
    pack = make_pack(
        small(
            {"status": {"path": "$.status", "type": "code", "values": ["new", "done"]}, "site": {"path": "$.site"}},
            [
                {"rule": "new", "when": {"status": "new"}, "then": {"work_order": "open", "creates": True}},
                {"rule": "done", "when": {"status": "done"}, "then": {"work_order": "completed"}},
            ],
            inbound={**FRAME["inbound"], "deltas": True, "version": "$.rev"},
        )
    )
    done = {
        **step({"job": "J", "rev": 3, "status": "done"}, rule="done", reads={"site": "A"}, work_order="completed"),
        "given": {"work_order": "inProgress"},
    }
    stale = step({"job": "J", "rev": 2, "status": "new"}, outcome="stale")
    first = step({"job": "J", "rev": 1, "status": "new", "site": "A"}, work_order="open")
    assert differences(run(first, done, stale, pack=pack), every=True) == []


def test_a_case_says_that_a_goal_is_withheld_and_why() -> None:
    pack = make_pack(
        small(
            {"event": {"path": "$.event", "remember": False}, "site": {"path": "$.site"}},
            [
                {"rule": "new", "when": {"event": "new"}, "then": {"work_order": "open", "creates": True}},
                {"rule": "begun", "when": {"event": "begun"}, "then": {"work_order": "inProgress"}},
                {"rule": "done", "when": {"event": "done"}, "then": {"work_order": "completed"}},
            ],
            inbound={**FRAME["inbound"], "deltas": True, "version": "$.rev"},
        )
    )
    since = "a later message has named a state (job 2 < 3)"
    why = f"goal withheld (work_order completed): rule done rests on event, and {since}"
    steps = (
        step({"job": "J", "rev": 1, "event": "new", "site": "A"}, work_order="open", withheld=None),
        step({"job": "J", "rev": 3, "event": "begun"}, work_order="inProgress", withheld=None),
        step({"job": "J", "rev": 2, "event": "done", "site": "B"}, withheld=why, work_order="inProgress"),
    )
    assert differences(run(*steps, pack=pack)) == []
    assert differences(run(*steps[:2], step({"job": "J", "rev": 2, "event": "done"}, withheld=None), pack=pack)) != []


def test_a_buyer_may_say_several_things() -> None:
    wish = {"book": ["2026-03-06T07:00:00Z", "2026-03-06T11:00:00Z"], "note": ["Ring twice", "Mind the dog"]}
    booked = {"buyer": {**wish, "slot": {"id": "S"}}, "expect": {"commands": [{"body": {"REMARK": None}}]}}
    told = differences(run(step(NEW, work_order="open"), booked))
    assert any("Ring twice" in line and "Mind the dog" in line for line in told), told
