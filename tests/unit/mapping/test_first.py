"""The first of several fields that is there: it has their type, and what is sure of one of them is sure of it."""

from typing import Any

import pytest

from tests.unit.mapping.patches import fields_of, outcome, pack_with, problems


def first(sources: str, message: dict[str, Any], more: str = "") -> object:
    """The value of a field that is the first of `sources`, among fields of every type."""
    return fields_of(pack_with(f"fields: {{{FIELDS}, f: {{first: [{sources}]{more}}}}}\n{TABLES}"), message)["f"]


FIELDS = """
  kind: {path: $.kind}, word: {path: $.word, empty: absent}, level: {path: $.level, type: integer},
  urgent: {path: $.urgent, type: boolean}, rush: {path: $.rush, type: boolean},
  length: {path: $.length, type: duration, format: minutes}, usual: {path: $.usual, type: duration, format: hours},
  early: {path: $.early, type: datetime, format: iso}, late: {path: $.late, type: datetime, format: iso},
  parts: {path: $.parts, type: list}, tools: {path: $.tools, type: list, split: "|"},
  status: {path: $.status, type: code, values: [new, done], synonyms: {ended: done}},
  state: {path: $.state, type: code, values: [done, gone]},
  crew: {path: $.crew, type: code, table: people}, helper: {path: $.helper, type: code, table: people}
"""
TABLES = 'zone: UTC\ntables: {people: {key: id, rows: [{id: "1", name: Eva}, {id: "2"}]}}'


@pytest.mark.parametrize(
    ("sources", "message", "value"),
    [
        ("kind, word", {"kind": "a", "word": "b"}, "a"),
        ("kind, word", {"word": "b"}, "b"),
        ("word, kind", {"word": "", "kind": "a"}, "a"),
        ("kind, word", {}, None),
        ("level, kind", {"level": 7, "kind": "a"}, "7"),
        ("urgent, rush", {"urgent": False, "rush": True}, False),
        ("length, usual", {"usual": 2}, "2:00:00"),
        ("parts, tools", {"tools": "saw|drill"}, ["saw", "drill"]),
        ("parts, tools", {"parts": [], "tools": "saw"}, []),
        ("early, late", {"late": "2026-03-05T13:00:00+01:00"}, "2026-03-05T12:00:00+00:00"),
        ("crew.name, helper.name, kind", {"crew": "2", "helper": "1"}, "Eva"),
        ("crew.name, helper.name, kind", {"crew": "2", "kind": "nobody"}, "nobody"),
        ("state, status", {"status": "ended"}, "done"),
    ],
)
def test_the_first_that_is_there_is_taken_as_it_was_read(sources: str, message: dict[str, Any], value: object) -> None:
    assert first(sources, message) == value


def test_a_text_may_be_read_as_something_else() -> None:
    assert first("kind, word", {"word": "PT90M"}, ", type: duration, format: iso") == "1:30:00"
    assert first("word, level", {"level": 3}, ", type: integer") == 3
    told = pack_with("fields: {a: {path: $.a}, b: {path: $.b}, f: {first: [a, b], type: integer, required: true}}")
    assert outcome(told, {"b": "x"}).startswith("parked: field f (the first of a, b): expected a whole number")
    assert outcome(told, {}) == "parked: field f (the first of a, b): a value is required; it is missing"


def test_a_default_stands_in_where_none_is_there() -> None:
    assert first("kind, word", {}, ", default: x") == "x"


def test_a_row_is_looked_up_for_whichever_code_was_taken() -> None:
    pack = pack_with(f"fields: {{{FIELDS}, f: {{first: [crew, helper]}}, name: {{value: f.name}}}}\n{TABLES}")
    assert fields_of(pack, {"helper": "1"})["name"] == "Eva"


RULES = """
rules:
  - {rule: done, when: {f: done}, then: {work_order: completed, creates: true}}
  - {rule: other, when: {f: [new, gone]}, then: {ignore: x}}
"""


def test_codes_are_those_of_all() -> None:
    pack = pack_with(f"fields: {{{FIELDS}, f: {{first: [status, state], required: true}}}}\n{TABLES}{RULES}")
    assert outcome(pack, {"state": "gone"}) == "ignored by other"
    (told,) = problems(f"fields: {{{FIELDS}, f: {{first: [status, state]}}}}\n{TABLES}{RULES.replace('done', 'dont')}")
    assert told == "unknown-code: f is never 'dont'; did you mean 'done'?"


TASK = "work_order: {task: {value: f}}"


@pytest.mark.parametrize("sure", ["required: true", "default: Look"])
def test_what_one_of_them_always_is_it_is_too(sure: str) -> None:
    fields = f"a: {{path: $.a}}, b: {{path: $.b, {sure}}}, f: {{first: [a, b]}}"
    assert problems(f"fields: {{{fields}}}\n{TASK}") == []
    (told,) = problems(f"fields: {{{fields.replace(sure, 'empty: absent')}}}\n{TASK}")
    assert told.startswith("may-be-absent: f may be absent")
