"""One look at a pack finds all of its problems, whatever kind they are."""

import pytest

from bridge.mapping.checks.inspection import inspect
from bridge.yaml_source import Finding, parse_yaml
from tests.unit.mapping.builders import ACME, TOY
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


def test_a_document_with_too_little_left_is_reported_by_its_shape_alone() -> None:
    found = found_in(("  buyer: the-buyer\n", ""), ("kind: ended", "kind: endd"))
    assert [one.kind for one in found] == ["missing-key"]


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
