"""Small words of packs: `same`, `empty`, `sort_by`, `paths`, and what is refused of them and of a few others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.model import Job
from bridge.mapping.checks.checker import prove
from tests.unit.mapping.builders import translated
from tests.unit.mapping.patches import fields_of, history, known_job, outcome, pack_with, problems
from tests.unit.packtools.packs import document, small

COMPARED = """
zone: Europe/Warsaw
tables: {people: {key: id, rows: [{id: "1", site: Leeds}, {id: "2"}]}}
fields:
  text: {path: $.text}
  word: {path: $.word}
  count: {path: $.count, type: integer}
  iso: {path: $.iso, type: datetime, format: iso, zone: UTC}
  local: {path: $.local, type: datetime, format: "%d.%m.%Y %H:%M"}
  minutes: {path: $.minutes, type: duration, format: minutes}
  hours: {path: $.hours, type: duration, format: hours}
  parts: {path: $.parts, type: list}
  tools: {path: $.tools, type: list, split: "|"}
  yes: {path: $.yes, type: boolean}
  who: {path: $.who, type: code, table: people}
"""


@pytest.mark.parametrize(
    ("of", "message", "same"),
    [
        ("text, word", {"text": "a", "word": "a"}, True),
        ("text, word", {"text": "a", "word": "A"}, False),
        ("text, word", {"text": "a"}, None),
        ("text, word", {}, None),
        ("text, count", {"text": "7", "count": 7}, True),
        ("text, count", {"text": "07", "count": 7}, False),
        ("iso, local", {"iso": "2026-03-05T12:00:00Z", "local": "05.03.2026 13:00"}, True),
        ("iso, local", {"iso": "2026-03-05T12:00:00Z", "local": "05.03.2026 12:00"}, False),
        ("minutes, hours", {"minutes": 90, "hours": "1.5"}, True),
        ("parts, tools", {"parts": ["a", "b"], "tools": "a|b"}, True),
        ("parts, tools", {"parts": ["a", "b"], "tools": "b|a"}, False),
        ("parts, tools", {"parts": [], "tools": ""}, True),
        ("who.site, text", {"who": "1", "text": "Leeds"}, True),
        ("who.site, text", {"who": "2", "text": "Leeds"}, None),
        ("yes, yes", {"yes": False}, True),
        ("text, word, who", {"text": "1", "word": "1", "who": "2"}, False),
    ],
)
def test_fields_are_compared_as_they_were_read(of: str, message: dict[str, Any], same: object) -> None:
    assert fields_of(pack_with(f"{COMPARED}  same: {{same: [{of}]}}"), message)["same"] is same


def test_items_compare_what_they_have_with_each_other_and_with_the_message() -> None:
    pack = pack_with("""
fields:
  leader: {path: $.leader}
  crew: {path: $.crew, type: items, fields: {who: {path: $.id}, leads: {same: [who, leader], default: false}}}
""")
    told: Any = translated(pack, {"job": "J", "leader": "A", "crew": [{"id": "A"}, {"id": "B"}, {}]}).explanation
    leads = [item["leads"]["value"] for item in told["fields"]["crew"]["items"].values()]
    assert leads == [True, False, False]


def test_what_is_always_there_is_always_compared() -> None:
    rules = "rules: [{rule: a, when: {s: true}, then: {park: x}}, {rule: b, when: {s: false}, then: {park: y}}]"
    sure = "a: {path: $.a, required: true}, b: {path: $.b, default: x}"
    assert problems(f"{{fields: {{{sure}, s: {{same: [a, b]}}}}, {rules}}}") == []


@pytest.mark.parametrize(("deltas", "rule"), [("true", "as-before"), ("false", "else")])
def test_a_field_is_compared_with_what_it_was(deltas: str, rule: str) -> None:
    pack = pack_with(f"""
inbound: {{deltas: {deltas}}}
fields: {{a: {{path: $.a}}, was: {{previous: a}}, s: {{same: [a, was], default: false}}}}
rules: [{{rule: as-before, when: {{s: true}}, then: {{hold: x}}}}, {{rule: else, then: {{hold: y}}}}]
""")
    assert outcome(pack, {}, known_job(a="x")) == rule


EMPTY = """
fields:
  parts: {path: $.parts, type: list, split: ",", nulls: absent}
  crew: {path: $.crew, type: items, fields: {who: {path: $.id}}}
  text: {path: $.text, nulls: absent}
rules:
  - {rule: all, when: {parts: {empty: false}, crew: {empty: false}, text: {empty: false}}, then: {hold: x}}
  - {rule: none, when: {parts: {empty: true}, crew: {empty: true}, text: {empty: true}}, then: {hold: y}}
  - {rule: some, then: {hold: z}}
"""


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ({"parts": ["a"], "crew": [{}], "text": " "}, "all"),
        ({"parts": "a", "crew": {"id": "E"}, "text": "x"}, "all"),
        ({}, "none"),
        ({"parts": [], "crew": [], "text": ""}, "none"),
        ({"parts": " , ", "text": None}, "none"),
        ({"parts": [""], "crew": [{}], "text": "x"}, "some"),
    ],
)
def test_a_list_without_items_is_as_empty_as_none(message: dict[str, Any], rule: str) -> None:
    assert outcome(pack_with(EMPTY), message, known_job()) == rule


@pytest.mark.parametrize(
    ("raw", "is_taken"),
    [([], True), ({}, True), ("", True), (None, True), (..., True), (0, False), (False, False), ([[]], False)],
)
def test_what_stands_in_a_message_is_empty_too(raw: object, is_taken: bool) -> None:
    pack = pack_with("fields: {x: {path: $.x, type: list, item: $.n, where: {$.of: {empty: true}}, distinct: true}}")
    item = {"n": "N"} if raw is ... else {"n": "N", "of": raw}
    assert fields_of(pack, {"x": [item]})["x"] == (["N"] if is_taken else [])


def test_the_proofs_know_lists_and_texts_that_are_empty() -> None:
    """The random packs ask for it too; here is what an author reads."""
    fields = {"parts": {"path": "$.parts", "type": "list"}, "text": {"path": "$.text"}}
    full = {"parts": {"empty": False}, "text": {"empty": False}}
    rules = [{"rule": "full", "when": full}, {"rule": "no-parts", "when": {"parts": {"empty": True}}}]
    rules += [{"rule": "dead", "when": {"parts": {"present": False}}}]
    source = small(fields, [{**rule, "then": {"park": "x"}} for rule in rules])
    found = {one.kind: one.message for one in prove(document(source), source)}
    assert found.keys() == {"unreachable", "gap"}
    assert "parts is a list with something in it" in found["gap"]
    assert "text is an empty text or absent" in found["gap"]


SORTED = """
fields:
  plain: {path: $.plain, type: list, sort_by: $}
  down: {path: $.plain, type: list, sort_by: $, descending: true, limit: 2}
  named:
    {path: $.named, type: list, item: $.n, sort_by: "$.at['of']", where: {$.gone: {present: false}}, distinct: true}
"""


def test_a_list_is_sorted_before_it_is_cut() -> None:
    named: list[object] = [
        {"n": "c"},
        {"n": "b", "at": {"of": "x"}},
        {"n": "a", "at": {"of": 2}},
        {"n": "b", "at": {"of": "1"}},
    ]
    named += [{"n": "d", "at": {"of": None}}, {"n": "z", "at": {"of": 0}, "gone": 1}, "odd"]
    read = fields_of(pack_with(SORTED), {"plain": ["10", "b", 9, "a", "9.5"], "named": named})
    assert read["plain"] == ["9", "9.5", "10", "a", "b"]
    assert read["down"] == ["b", "a"]
    assert read["named"] == ["b", "a", "c", "d"]


@given(st.lists(st.integers(-5, 5) | st.none()))
def test_items_are_sorted_by_their_values_and_those_without_are_last(ranks: list[int | None]) -> None:
    items = [{"nr": nr, "rank": rank} for nr, rank in enumerate(ranks)]
    for descending in (False, True):
        told: Any = translated(_ITEMS[descending], {"job": "J", "of": items}).update.details.related_entity
        nrs = [int(one.id) for one in told[1:]]
        there = sorted(
            (nr for nr in nrs if ranks[nr] is not None), key=lambda nr: (ranks[nr] or 0) * (1 - 2 * descending)
        )
        assert nrs == [*there, *(nr for nr in range(len(ranks)) if ranks[nr] is None)]


_ITEMS = {
    descending: pack_with(f"""
fields:
  of:
    path: $.of
    type: items
    sort_by: rank
    descending: {str(descending).lower()}
    fields: {{nr: {{path: $.nr, required: true}}, rank: {{path: $.rank, type: integer, nulls: absent}}}}
work_order:
  related_entity:
    - {{id: first, role: x, referred_type: y}}
    - {{each: of, id: {{value: nr}}, role: x, referred_type: y}}
""")
    for descending in (False, True)
}


def test_one_beginning_of_paths_may_begin_with_another_and_keys_do_too() -> None:
    pack = pack_with("""
paths: {data: $.data, visit: "$data['the visit']"}
fields: {a: {path: [$visit.a, "$data[0].a"]}, l: {path: $data.l, type: list, item: $.n, where: {$.x: {present: true}}}}
work_order: {task: {value: a, default: "$visit"}}
""")
    found = translated(pack, {"job": "J", "data": {"the visit": {"a": "A"}, "l": [{"n": 1, "x": 1}, {"n": 2}]}})
    assert found.update.details.task == ("A",)
    assert fields_of(pack, {"data": {"l": {"n": 1, "x": 0}}})["l"] == ["1"]
    assert fields_of(pack, {"data": [{"a": "B"}]})["a"] == "B"


LISTS = "l: {path: $.l, type: list}, c: {path: $.c, type: items, fields: {n: {path: $.n}, m: {path: $.m, type: list}}}"
ALL = f"fields: {{{LISTS}, t: {{path: $.t}}, i: {{path: $.i, type: integer}}, b: {{path: $.b, type: boolean}}"
RULE = "rules: [{rule: r, when: %s, then: {park: x}}, {rule: else, then: {park: y}}]"


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        (f"{{{ALL}, s: {{same: [t]}}}}}}", "wrong-value: "),
        (f"{{{ALL}, s: {{same: [t, x]}}}}}}", "unknown-field: there is no field 'x'"),
        (
            "{fields: {s: {same: [t, u]}, t: {path: $.t}, u: {path: $.u}}}",
            "wrong-order: field t is read after s",
        ),
        (f"{{{ALL}, s: {{same: [t, t.x]}}}}}}", "unknown-column: field t has no table, so there is no t.x"),
        (f"{{{ALL}, s: {{same: [t, b]}}}}}}", "wrong-type: b is boolean and t text; they are never the same"),
        (f"{{{ALL}, s: {{same: [i, l]}}}}}}", "wrong-type: l is list and i integer; they are never the same"),
        (f"{{{ALL}, s: {{same: [c, c]}}}}}}", "wrong-type: c holds items; make a code of all of them"),
        (f"{{{ALL}, s: {{same: [t, i], type: text}}}}}}", "wrong-type: whether fields are the same is true or false"),
        (f"{{{ALL}, s: {{same: [t, i], path: $.s}}}}}}", "wrong-source: write exactly one of"),
        (
            f"{{{ALL}}}, {RULE % '{i: {empty: true}}'}}}",
            "wrong-type: i is of type integer, which is never empty; write",
        ),
        (f"{{{ALL}}}, {RULE % '{b: {empty: false}}'}}}", "wrong-type: b is of type boolean, which is never empty"),
        (
            f"{{{ALL}}}, {RULE % '{l: x}'}}}",
            "wrong-type: l is of type list; only {present: …} or {empty: …} can be asked of it",
        ),
        (f"{{{ALL}}}, {RULE % '{l: {empty: 7}}'}}}", "wrong-type: expected true or false, got the number 7"),
        (f"{{{ALL}}}, {RULE % '{l: {empty: true, present: true}}'}}}", "wrong-value: write one condition: "),
        (
            f"{{{ALL}, s: {{path: $.s, sort_by: $.x}}}}}}",
            "misplaced: sort_by belongs to type list or items; this field is of",
        ),
        (f"{{{ALL}, s: {{path: $.s, type: list, descending: true}}}}}}", "misplaced: descending goes with sort_by"),
        (f"{{{ALL}, s: {{path: $.s, type: list, sort_by: x}}}}}}", "wrong-value: 'x' is not a JSONPath"),
        (
            f"{{{ALL}, s: {{path: $.s, type: list, sort_by: $..x}}}}}}",
            "wrong-value: '$..x' may find several values",
        ),
        (f"{{{ALL}, s: {{path: $.s, type: items, sort_by: $.x, fields: {{x: {{path: $.x}}}}}}}}}}", "unknown-field: "),
        (
            f"{{{ALL}, s: {{path: $.s, type: items, sort_by: x, fields: {{x: {{path: $.x, type: list}}}}}}}}}}",
            "wrong-type: items cannot be sorted by lists; x is of type list",
        ),
        (
            "{paths: {x: $.x}, fields: {a: {path: $y.a}}}",
            "wrong-value: '$y.a' begins with $y, which is none of paths; write $.y.a",
        ),
        ("{paths: {x: a.b}, fields: {a: {path: $x.a}}}", "wrong-value: 'a.b' is not a JSONPath; it starts with $"),
        ("{paths: {X y: $.x}}", "wrong-value: "),
        (
            "{rules: [{rule: r, then: {appointment: confirmed, appointment_if_any: cancelled}}]}",
            "wrong-value: ",
        ),
        ("{fields: {t: {path: $.t}}, work_order: {bookable: {value: t}}}", "wrong-type: "),
        ("{work_order: {bookable: sometimes}}", "wrong-type: "),
        ("{work_order: {bookable: {value: ready}}}", "unknown-field: there is no field 'ready'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_write(patch: str, problem: str) -> None:
    found = problems(patch)
    assert any(problem in one for one in found), found


def test_a_job_that_is_not_known_has_nothing_before() -> None:
    pack = pack_with("fields: {a: {path: $.a}, was: {previous: a}, s: {same: [a, was]}}")
    assert fields_of(pack, {"a": "x"}, Job(ref=known_job().ref))["s"] is None


OTHERS = """
inbound: {deltas: %s}
fields:
  level: {path: $.level, type: integer, required: true}
  owner: {path: $.owner, type: code, values: [ours], synonyms: {us: ours}, ignore_others: Of another owner}
  was: {previous: level}
"""


@pytest.mark.parametrize("deltas", ["false", "true"])
@pytest.mark.parametrize(
    ("message", "known", "found"),
    [
        ({"owner": "theirs", "level": "?"}, False, "ignored by fields.owner"),
        ({"owner": 17}, False, "ignored by fields.owner"),
        ({"owner": "us", "level": 1}, False, "any"),
        ({"owner": "theirs", "level": 1}, True, "parked: field owner ($.owner): expected one of ours; came "),
        ({"owner": "", "level": 1}, False, "parked: field owner ($.owner): expected one of ours; came "),
        ({"owner": ["theirs"], "level": 1}, False, "parked: field owner ($.owner): expected one of ours; came "),
        ({"owner": True, "level": 1}, False, "parked: field owner ($.owner): expected one of ours; came "),
        ({"owner": "us", "level": "?"}, False, "parked: field level ($.level): expected a whole number"),
        ({"level": "?"}, False, "parked: field level ($.level): expected a whole number"),
    ],
)
def test_whose_the_job_is_comes_before_what_else_is_wrong(
    deltas: str, message: dict[str, Any], known: bool, found: str
) -> None:
    assert outcome(pack_with(OTHERS % deltas), message, known_job() if known else None).startswith(found)


def test_a_later_delta_of_anothers_job_is_left_alone_too() -> None:
    pack = pack_with(OTHERS % "true")
    messages = [{"owner": "theirs", "level": "?"}, {"level": "!"}, {}, {"owner": "us", "level": 1}]
    assert history(pack, messages, lambda result: type(result).__name__) == ["Ignored"] * 3 + ["Translated"]
