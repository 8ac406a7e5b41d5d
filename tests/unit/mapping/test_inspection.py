"""One look at a pack finds all of its problems, whatever kind they are."""

import json

import pytest

from bridge.mapping.checks.inspection import STAND_IN, inspect
from bridge.yaml_source import Finding, parse_yaml
from tests.unit.mapping.builders import ACME, TOY
from tests.unit.mapping.patches import problems
from tests.unit.mapping.test_checker import BROKEN, parse

CLOSED = TOY.replace("work_order:\n  buyer", "  - {rule: else, then: {park: Who knows}}\nwork_order:\n  buyer")


def found_in(*changes: tuple[str, str]) -> tuple[Finding, ...]:
    text = CLOSED
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return inspect(parse_yaml(text, "pack.yaml")).findings


def test_a_good_pack_has_no_problem_and_gives_its_document() -> None:
    inspection = inspect(parse_yaml((ACME / "pack.yaml").read_text(), "pack.yaml"))
    assert inspection.findings == ()
    assert inspection.document is not None
    assert inspection.document.pack == "acme-wfm"


def test_problems_of_shape_and_of_meaning_are_found_together() -> None:
    found = found_in(
        ("type: boolean", "type: bool"), ("{value: street}", "{value: streat}"), ("kind: ended", "kind: endd")
    )
    assert [(one.kind, one.message.partition(" ")[0]) for one in found] == [
        ("wrong-value", "expected"),
        ("unknown-code", "kind"),
        ("unknown-field", "there"),
    ]


def test_what_is_missing_only_because_it_is_broken_itself_is_no_second_problem() -> None:
    """The field `urgent` is broken, and a rule and the goal of another ask for it."""
    assert [one.kind for one in found_in(('path: "$.urgent"', 'paht: "$.urgent"'))] == ["unknown-key"]
    assert [one.kind for one in found_in(("  cancel:", "  cancle:"))] == ["wrong-value"]
    assert [one.kind for one in found_in(("  search:", "  serch:"))] == ["wrong-value"]


def test_rules_after_a_broken_one_are_reported_at_their_own_lines() -> None:
    found = found_in(("{work_order: open,", "{work_order: opened,"), ("kind: ended", "kind: endd"))
    lines = CLOSED.split("\n")
    assert [one.kind for one in found] == ["wrong-value", "unknown-code"]
    assert "kind: ended" in lines[found[1].line - 1]


def said(found: tuple[Finding, ...]) -> list[str]:
    return sorted(f"{one.kind}: {one.message}" for one in found)


WORK_ORDER = CLOSED[CLOSED.index("work_order:\n") : CLOSED.index("appointment:\n")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  buyer: the-buyer\n", ""),
        (WORK_ORDER, ""),
        (WORK_ORDER, "work_order: later\n"),
        (WORK_ORDER, "work_order: {}\n"),
        ("pack: toy\n", ""),
        ('version: "7"\n', 'version: "7"\nzone: Nowhere\n'),
        ("  exchange: toy.events\n", ""),
        ("duration: {amount: {value: hours}, unit: HOUR}", "duration: {amount: {value: hours}}"),
        ("- {role: technicalContact, name: Toy,", "- {role: technicalContact, nam: Toy,"),
        ("- {id: {value: key, default: none}, role: parent,", "- {id: {value: key, default: none}, rle: parent,"),
        ("task: {value: tasks, default: Look}", "task: [Look]"),
        ("policies: {unoffered_window: refuse, on_illegal: follow_up}", "policies: {unoffered_window: never}"),
        ("job: $.job['key no']", "job: {path: $.job, parts: []}"),
    ],
)
def test_whatever_section_is_broken_the_others_are_looked_at(old: str, new: str) -> None:
    """Beside it there is a wrong table, an unknown field in a rule and an unknown column in a command."""
    broken = said(found_in((old, new)))
    changes = (
        ('{crew: "2", name', '{crew: "1", name'),
        ("urgent: false}", "urgnt: false}"),
        ("column: name}", "column: nam}"),
    )
    assert said(found_in((old, new), *changes)) == sorted([*broken, *said(found_in(*changes))])
    assert {one.partition(":")[0] for one in broken} <= {"missing-key", "unknown-key", "wrong-value", "wrong-type"}
    assert len(broken) <= 6, broken  # the keys of a section that has none


@pytest.mark.parametrize("section", ["inbound", "fields", "tables", "rules", "appointment", "commands"])
@pytest.mark.parametrize("wrong", ["5", "[]", "[{}]", "null"])
def test_a_section_of_any_shape_hides_nothing_and_raises_nothing(section: str, wrong: str) -> None:
    data = parse_yaml(CLOSED, "pack.yaml").data | {section: parse_yaml(f"x: {wrong}", "x").data["x"]}
    text = json.dumps(data).replace('"addr_line1": {"value": "street"}', '"addr_line1": {"valeu": "street"}')
    found = inspect(parse_yaml(text, "pack.yaml")).findings
    assert [one.message for one in found if "valeu" in one.message], found
    assert {one.kind for one in found if "valeu" not in one.message} <= {"missing-key", "wrong-type", "wrong-value"}


def test_what_follows_from_a_broken_field_is_no_problem_of_its_own() -> None:
    later = "inbound:\n  deltas: true\n  exchange"
    made = "  was_urgent: {previous: urgent}\ntables:"
    found = found_in(
        ("inbound:\n  exchange", later),
        ('path: "$.urgent", type: boolean', 'path: "$.urgent", type: bool'),
        ("\ntables:", f"\n{made}"),
        ("{kind: moved, crew.side: buyer, urgent: false}", "{was_urgent: true, crew.side: buyer, urgent: false}"),
    )
    assert [one.kind for one in found] == ["wrong-value"], found


def test_two_mistakes_in_one_field_hide_nothing_else() -> None:
    found = found_in(
        ('path: "$.urgent", type: boolean', 'paht: "$.urgent", type: bool'),
        ("occurred_at: at", "occurred_at: att"),
    )
    assert [one.kind for one in found] == ["unknown-field", "unknown-key", "wrong-value"], found


def test_what_follows_from_broken_items_is_no_problem_of_its_own() -> None:
    items = (
        "  techs: {path: $.techs, type: item, fields: {code: {path: $.c, type: code, values: [a]}, nick: {path: $.n}}}"
        "\n"
        "  best: {of: techs.code, precedence: [a]}\n"
        "  any: {first: [urgent, urgent]}\n"
        "tables:"
    )
    found = found_in(
        ("\ntables:", f"\n{items}"),
        ('path: "$.urgent", type: boolean', 'path: "$.urgent", type: bool'),
        ("if_present: who, attributes: {id: {value: who}}", "each: techs, attributes: {id: {value: nick}}"),
        ("urgent: false}", "any: true, best: a}"),
    )
    assert [one.message.partition(", got ")[2][:6] for one in found] == ["'bool'", "'item'"], found


def test_the_decision_table_is_proven_beside_a_broken_section_that_it_does_not_rest_on() -> None:
    closed = CLOSED.replace("else, then", "else, when: {kind: [made, moved]}, then")
    found = inspect(parse_yaml(closed.replace("  buyer: the-buyer\n", ""), "pack.yaml")).findings
    assert {one.kind for one in found} == {"gap", "missing-key"}


def test_the_stand_in_for_what_is_missing_is_a_pack_without_problems() -> None:
    lenient = {**STAND_IN, "appointment": {**STAND_IN["appointment"], "window": _WINDOW}, "fields": _FIELDS}
    assert inspect(parse_yaml(json.dumps(lenient), "stand-in")).findings == ()


_WINDOW = {"start": {"value": "at"}, "end": {"value": "at"}}  # a literal is no moment; nothing else is wrong with it
_FIELDS = {"at": {"path": "$.at", "type": "datetime", "format": "iso", "zone": "UTC"}}


def test_gaps_are_looked_for_once_all_else_is_good() -> None:
    (gap,) = inspect(parse_yaml(CLOSED.replace("else, then", "else, when: {kind: [made, moved]}, then"), "p")).findings[
        :1
    ]
    assert gap.kind == "gap"


@pytest.mark.parametrize("name", BROKEN)
def test_a_single_mistake_is_a_single_problem_at_its_place(name: str) -> None:
    """The broken packs of the checker's tests as the command line looks at them: with the proofs, in a closed table."""
    old, new, kind, message = BROKEN[name]
    text, line, column = parse(CLOSED.replace(old, new))
    found = inspect(parse_yaml(text, "pack.yaml")).findings
    assert (line, column, kind) in [(one.line, one.column, one.kind) for one in found], found
    assert any(message in one.message for one in found)
    assert not any(one.kind == "gap" for one in found)


BODY = """
commands:
  note: {exchange: e, routing_key: k, body: {order: {value: job}, text: Hello, world, said: yes}}
"""


@pytest.mark.parametrize(
    ("patch", "key"),
    [
        ("tables: {t: {key: k, rows: [{k: a, why: no access, none}]}}", "none"),
        ("tables: {t: {key: k, rows: [{k: a, desk: Acme, Desk}]}}", "Desk"),
        ("rules: [{rule: a, then: {park: Nobody, sorry}}]", "sorry"),
        (BODY, "world"),
    ],
)
def test_a_comma_in_a_text_without_quotes_is_told_wherever_it_stands(patch: str, key: str) -> None:
    """A row may have any column, and a body any member, so what follows the comma would be taken for one."""
    words = "if it is what follows a comma in a text, put the whole text in quotes"
    assert problems(patch) == [f"no-value: '{key}' has no value; {words}"]


def test_what_follows_a_comma_in_a_text_may_look_like_a_key_with_its_value() -> None:
    text = CLOSED.replace("fields:\n", "fields:\n  a: {path: $.a, ignore_others: No customer, sorry: gone}\n", 1)
    told = next(one.message for one in inspect(parse_yaml(text, "pack.yaml")).findings if "sorry" in one.message)
    assert told.startswith("unknown key 'sorry'")
    assert told.endswith("; if it follows a comma in a text, put the whole text in quotes")


def test_a_colon_without_a_blank_behind_it_is_told() -> None:
    (told,) = problems("fields: {a: {path: $.a, required:, type: code, values: [x]}}")
    assert told == "no-value: 'required' has no value; put a blank behind the colon"
