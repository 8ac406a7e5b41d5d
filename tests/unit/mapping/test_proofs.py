"""What the proofs say of a decision table, in words that tell what to write."""

from random import Random
from typing import Any

import pytest

from bridge.domain.model import Job
from bridge.mapping.checks.checker import check, prove
from bridge.mapping.checks.proofs.boxes import is_left, left_over
from bridge.mapping.checks.proofs.catch_all import CatchAll, catch_all_of, only_caught
from bridge.mapping.document import PackDocument
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Awaits, Pack, Reading, Unmapped
from bridge.yaml_source import Finding, YamlSource
from tests.unit.packtools.packs import FRAME, document, small

CODE = {"path": "$.code", "type": "code", "required": True, "values": ["a", "b", "c", "d"]}
REASON = {"path": "$.reason", "type": "code", "table": "reasons"}
REASONS = {"reasons": {"key": "code", "rows": [{"code": "C1", "fault": "buyer"}, {"code": "T1", "fault": "seller"}]}}
COUNT = {"path": "$.count", "type": "integer", "required": True}
SEEN = {"then": {"ignore": "seen"}}


def proven(*rules: dict[str, Any]) -> tuple[Finding, ...]:
    named = [{"rule": f"r{index}", **SEEN, **rule} for index, rule in enumerate(rules)]
    source = small({"code": CODE, "reason": REASON, "count": COUNT}, named, tables=REASONS)
    return prove(document(source), source)


def messages(*rules: dict[str, Any]) -> list[str]:
    return [f"{one.kind}: {one.message}" for one in proven(*rules)]


def gaps(*rules: dict[str, Any]) -> list[str]:
    ending = "; add a rule, or accept it with a last rule `then: {park: <why>}`"
    told = messages(*rules)
    assert all(one.startswith("gap: no rule fits when ") and one.endswith(ending) for one in told), told
    return [one.removeprefix("gap: no rule fits when ").removesuffix(ending) for one in told]


def test_a_code_that_no_rule_covers_is_a_gap() -> None:
    assert gaps({"when": {"code": ["a", "b"]}}) == ["code is c or d"]


def test_a_last_rule_that_parks_accepts_what_is_left() -> None:
    assert messages({"when": {"code": "a"}}, {"then": {"park": "nobody knows"}}) == []


def test_a_gap_names_only_the_columns_that_matter() -> None:
    assert gaps({"when": {"code": ["a", "b"]}}, {"when": {"code": "c", "reason.fault": "buyer"}}) == [
        "code is d",
        "code is c, and reason is T1 or absent",
    ]


def test_the_current_state_is_part_of_a_gap() -> None:
    assert gaps({"when": {"work_order_state": {"not": "planned"}}}) == ["work_order_state is planned"]


def test_columns_that_go_together_are_told_one_by_one() -> None:
    seen = {"work_order_state": {"not": "planned"}}, {"appointment_status": {"not": "confirmed"}}
    assert gaps(*({"when": when} for when in seen)) == [
        "work_order_state is planned, and appointment_status is confirmed"
    ]


def test_a_closed_visit_on_an_open_work_order_cannot_be() -> None:
    """R24: an Appointment stands only while the WorkOrder is planned or under way."""
    standing = {"appointment_status": ["confirmed", "inProgress"]}
    ended = ["open", "completed", "cancelled", "unableToComplete"]
    found = proven({"when": {**standing, "work_order_state": ended}}, {})
    assert [one.kind for one in found] == ["unreachable"]


def test_a_rule_that_several_others_shadow_names_them() -> None:
    told = messages({"when": {"code": ["a", "b"]}}, {"when": {"code": ["c", "d"]}}, {})
    assert told == [
        "unreachable: rules 'r0', 'r1' together take every message that 'r2' fits; move it before, or take it out"
    ]


def test_conditions_that_never_hold_together_are_told() -> None:
    told = messages({"when": {"reason": "C1", "reason.fault": "seller"}}, {})
    assert told == ["unreachable: its conditions never hold together; take one out"]


def test_numbers_that_no_cell_names_are_covered_too() -> None:
    assert gaps({"when": {"count": [1, 2]}}) == ["count is 0 or 3"]


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ({"work_order": "open", "appointment": "confirmed"}, "Appointment confirmed on a WorkOrder that is open"),
        ({"work_order": "completed", "appointment": "inProgress"}, "on a WorkOrder that is completed"),
    ],
)
def test_a_goal_that_no_state_machine_allows_is_told(then: dict[str, Any], reason: str) -> None:
    (told,) = messages({"then": {**then, "creates": True}})
    assert told.startswith("impossible-outcome: this can never happen: ")
    assert reason in told


def test_a_goal_out_of_reach_from_where_the_rule_stands_is_told() -> None:
    (told,) = messages({"when": {"work_order_state": "completed"}, "then": {"work_order": "open"}}, {})
    assert "it has ended" in told


def test_a_pack_may_say_what_to_do_instead() -> None:
    kept = {"work_order": "open", "on_illegal": "keep"}
    assert messages({"when": {"work_order_state": "completed"}, "then": kept}, {}) == []


TEXT = {"path": "$.note"}


def over_texts(*rules: dict[str, Any], fields: dict[str, Any] | None = None, **sections: Any) -> list[str]:
    """What is told of rules on free texts, of which a last one takes what is left."""
    named = [{"rule": f"r{index}", **SEEN, **rule} for index, rule in enumerate([*rules, {}])]
    source = small({"note": TEXT, "reason": TEXT} | (fields or {}), named, **sections)
    doc = document(source)
    assert check(doc, source) == ()
    return [f"{one.kind}: {one.message}" for one in prove(doc, source)]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"starts_with": "no"}, {"contains_word": "no"}),  # said no
        ({"ends_with": "no"}, {"contains_word": "no"}),  # said no more
        ({"contains_word": "no"}, {"starts_with": "no"}),  # nobody
        ({"contains_word": "no"}, {"ends_with": "no"}),  # volcano
        ({"starts_with": "no access"}, {"starts_with": "no"}),
        ("no", {"starts_with": "NO"}),
        ("no", {"not": ["x", "y"]}),
    ],
)
def test_a_text_may_fit_one_test_and_not_the_other(first: Any, then: Any) -> None:
    assert over_texts({"when": {"note": first}}, {"when": {"note": then}}) == []


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"starts_with": "no"}, {"starts_with": "no access"}),
        ({"starts_with": "no"}, {"starts_with": ["NOBODY", "not"]}),
        ({"ends_with": "s"}, {"ends_with": ["ss", "es"]}),
        ({"contains_word": "no"}, {"contains_word": "no access"}),
        ({"contains_word": "access"}, {"contains_word": "no access"}),
        ({"contains_word": "no"}, {"starts_with": "no access"}),
        ({"starts_with": "no"}, "no access"),
        ({"present": True}, {"contains_word": "no"}),
    ],
)
def test_a_text_that_always_fits_an_earlier_test_too_is_told(first: Any, then: Any) -> None:
    (told,) = over_texts({"when": {"note": first}}, {"when": {"note": then}})
    assert told.startswith("unreachable: rule 'r0' takes every message that 'r1' fits")


def test_a_gap_tells_of_texts_what_they_have() -> None:
    rules = [{"when": {"note": {"contains_word": "no"}, "code": "a"}}, {"when": {"note": {"present": False}}}]
    named = [{"rule": f"r{index}", **SEEN, **rule} for index, rule in enumerate(rules)]
    source = small({"note": TEXT, "code": CODE}, named)
    told = [one.message.partition(";")[0] for one in prove(document(source), source)]
    assert told == [
        "no rule fits when note is any other text",
        'no rule fits when note is a text that contains word "no", and code is b or c or d',
    ]


FAULT = {"reason": ["reason"], "unknown": "unknown", "absent": "neutral"}


@pytest.mark.parametrize(
    ("attribution", "rules"),
    [
        # Attribution takes no notice of blanks and of upper and lower case.
        ({"buyer": ["C1"]}, [{"reason": "C1"}, {"fault": "buyer"}]),
        ({"buyer": [{"starts_with": "no"}]}, [{"reason": {"starts_with": "no"}}, {"fault": "buyer"}]),
        # One text may fit a test of a rule and one of attribution.
        ({"buyer": [{"starts_with": "no"}]}, [{"reason": {"contains_word": "dog"}, "fault": "buyer"}]),
        ({"buyer": [{"contains_word": "no"}]}, [{"reason": {"contains_word": "dog"}, "fault": "buyer"}]),
        # An empty text is no reason, and yet it is there.
        ({}, [{"reason": {"present": True}, "fault": "neutral"}]),
    ],
)
def test_a_reason_and_whose_fault_it_is_are_looked_at_together(
    attribution: dict[str, Any], rules: list[dict[str, Any]]
) -> None:
    assert over_texts(*({"when": when} for when in rules), attribution=FAULT | attribution) == []


@pytest.mark.parametrize(
    ("attribution", "when"),
    [
        ({}, {"fault": "buyer"}),
        ({"buyer": ["C1"]}, {"reason": {"present": False}, "fault": "buyer"}),
        ({"buyer": ["C1"]}, {"reason": "C1", "fault": "unknown"}),
        ({"buyer": [{"contains_word": "no"}], "seller": [{"contains_word": "no"}]}, {"fault": "seller"}),
    ],
)
def test_a_fault_that_is_never_found_is_told(attribution: dict[str, Any], when: dict[str, Any]) -> None:
    (told,) = over_texts({"when": when}, attribution=FAULT | attribution)
    assert told == "unreachable: its conditions never hold together; take one out"


def test_what_is_picked_from_a_text_is_looked_at_with_it() -> None:
    picked = {"state": {"value": "note", "type": "code", "values": ["new", "done"], "synonyms": {"fertig": "done"}}}
    assert over_texts({"when": {"state": "new", "note": {"starts_with": "n"}}}, fields=picked) == []
    assert over_texts({"when": {"note": {"not": "done"}, "state": "done"}}, fields=picked) == []
    (told,) = over_texts({"when": {"note": "new", "state": "done"}}, fields=picked)
    assert told == "unreachable: its conditions never hold together; take one out"


def test_bounds_at_the_ends_of_what_there_is_are_no_gaps() -> None:
    most = 2**63 - 1
    assert gaps({"when": {"count": {"at_most": most}}}) == []
    (told,) = messages({"when": {"count": {"below": 10**30}}}, {"when": {"count": {"above": 10**30}}})
    assert told.startswith("unreachable: its conditions never hold together")
    at = {"path": "$.at", "type": "datetime", "format": "iso", "zone": "UTC", "required": True}
    source = small({"at": at}, [{"rule": "r", "when": {"at": {"at_most": "9999-12-31T23:59:59.999999Z"}}, **SEEN}])
    assert prove(document(source), source) == ()


@pytest.mark.parametrize(("pattern", "told"), [("iso", 1), ("%Y-%m-%d %H:%M:%S", 0), ("epoch", 1)])
def test_moments_are_as_far_apart_as_their_format_tells(pattern: str, told: int) -> None:
    at = {"path": "$.at", "type": "datetime", "format": pattern, "zone": "UTC", "required": True}
    before = {"rule": "before", "when": {"at": {"at_most": "2026-03-01T00:00:00Z"}}, **SEEN}
    after = {"rule": "after", "when": {"at": {"at_least": "2026-03-01T00:00:01Z"}}, **SEEN}
    source = small({"at": at}, [before, after])
    assert len(prove(document(source), source)) == told


def test_every_message_has_a_routing_key() -> None:
    key = {"routing_key": True, "type": "code", "values": ["job.new", "job.old"]}
    rules = [{"rule": "new", "when": {"key": "job.new"}, **SEEN}, {"rule": "old", "when": {"key": "job.old"}, **SEEN}]
    source = small({"key": key}, rules)
    assert prove(document(source), source) == ()


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_a_text_that_never_comes_is_told(text: str) -> None:
    (told,) = over_texts({"when": {"note": text}}, fields={"note": {"path": "$.note", "empty": "absent"}})
    assert told == "unreachable: its conditions never hold together; take one out"


def test_where_no_message_can_be_read_there_is_no_gap() -> None:
    reason = {"path": "$.reason", "type": "code", "required": True, "values": ["C1"]}
    never = {"value": "reason", "type": "code", "values": ["T1"]}
    source = small({"reason": reason, "never": never}, [{"rule": "r", "when": {"never": "T1"}, **SEEN}])
    assert [one.kind for one in prove(document(source), source)] == ["unreachable"]


@pytest.mark.parametrize(
    ("picked", "when"),
    [
        ({"value": "note", "empty": "absent"}, {"note": {"present": True}, "state": {"present": False}}),
        (
            {"value": "note", "type": "code", "values": ["new", "done"], "loose": True},
            {"note": {"not": "done"}, "state": "done"},
        ),
    ],
)
def test_what_a_picked_field_reads_in_its_own_way_may_come(picked: dict[str, Any], when: dict[str, Any]) -> None:
    assert over_texts({"when": when}, fields={"state": picked}) == []


def of_deltas(*rules: dict[str, Any], deltas: object = True) -> tuple[Finding, ...]:
    return prove(*_of_deltas(deltas, *rules))


def _of_deltas(deltas: object, *rules: dict[str, Any]) -> tuple[PackDocument, YamlSource]:
    named = [{"rule": f"r{index}", **SEEN, **rule} for index, rule in enumerate(rules)]
    source = small({"code": CODE}, named, inbound={**FRAME["inbound"], "deltas": deltas})
    return document(source), source


EVERY_CODE = {"code": ["a", "b", "c", "d"]}


def test_a_delta_before_its_job_may_lack_what_is_required() -> None:
    """The rule decides what would else wait; it is not dead."""
    absent = {"when": {"code": {"present": False}}, "then": {"ignore": "Too early"}}
    assert of_deltas({"when": EVERY_CODE}, absent) == ()
    assert of_deltas({"when": EVERY_CODE}, {"then": {"park": "What is this?"}}) == ()
    assert [one.kind for one in of_deltas({"when": EVERY_CODE}, absent, deltas=False)] == ["unreachable"]


def test_what_only_waits_or_stands_behind_a_rule_that_decides_it_is_dead_all_the_same() -> None:
    waits = {"when": {"code": {"present": False}}, "then": {"work_order": "open"}}
    assert [one.kind for one in of_deltas({"when": EVERY_CODE}, waits)] == ["unreachable"]
    of_known_jobs = {"when": {"code": {"present": False}, "work_order_state": "open"}, "then": {"ignore": "x"}}
    assert [one.kind for one in of_deltas({"when": EVERY_CODE}, of_known_jobs)] == ["unreachable"]
    assert [one.kind for one in of_deltas({}, {"then": {"park": "x"}})] == ["unreachable"]


def test_that_a_required_field_may_be_absent_is_no_gap_since_the_delta_waits() -> None:
    assert of_deltas({"when": EVERY_CODE}) == ()


def test_a_last_rule_that_takes_whatever_is_left_hides_the_gaps() -> None:
    doc, _ = _of_deltas(False, {"when": {"code": ["a", "b"]}}, {"then": {"hold": "nothing"}})
    assert catch_all_of(doc) == CatchAll("r1")
    assert only_caught(doc) == ["code is c or d"]
    doc, _ = _of_deltas(False, {"when": {"code": ["a", "b"]}})
    assert catch_all_of(doc) is None


def test_a_last_rule_that_parks_parks_what_would_wait_and_it_is_told_how_it_does_not() -> None:
    first, park = {"when": {"code": ["a", "b"]}}, {"then": {"park": "What is this?"}}
    doc, _ = _of_deltas(True, first, park)
    assert catch_all_of(doc) == CatchAll("r1", "when: {code: {present: true}}")
    mended, source = _of_deltas(True, first, {**park, "when": {"code": {"present": True}}})
    assert catch_all_of(mended) == CatchAll("r1")
    assert prove(mended, source) == ()
    early = b'{"job": "J"}'
    conditions: tuple[dict[str, Any], ...] = ({}, {"code": {"present": True}})
    parked, waits = (make_pack(_of_deltas(True, first, {**park, "when": when})[1]) for when in conditions)
    assert isinstance(_translated(parked, early), Unmapped)
    assert isinstance(_translated(waits, early), Awaits)


def _translated(pack: Pack, body: bytes) -> object:
    reading = pack.read(body, "", {})
    assert isinstance(reading, Reading)
    return pack.translate(reading, Job(ref=reading.job))


def test_that_something_is_left_is_found_without_splitting_all_of_it() -> None:
    random = Random("boxes")
    answers = set()
    for _ in range(300):
        full = (7, 15, 3, 7)
        taken = [tuple(random.randrange(1, mask + 1) for mask in full) for _ in range(random.randrange(12))]
        box = tuple(random.randrange(1, mask + 1) for mask in full)
        answers.add(is_left(box, taken))
        assert is_left(box, taken) == bool(left_over([box], taken)), (box, taken)
    assert answers == {True, False}
