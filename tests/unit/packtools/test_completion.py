"""What is suggested while somebody writes a pack: keys and values of the schema, and names of the pack's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.mapping.loader import load_pack
from bridge.packtools.completion import Completion, suggest
from bridge.packtools.completion.outline import outline
from bridge.yaml_source import Node, read_yaml

ROOT = Path(__file__).parents[3]
PACKS = sorted((ROOT / "mappings").glob("*/pack.yaml")) + sorted((ROOT / "benchmarks/packs").glob("*/pack.yaml"))
ACME = (ROOT / "mappings/acme-wfm/pack.yaml").read_text(encoding="utf-8")

each_pack = pytest.mark.parametrize("path", PACKS, ids=lambda path: path.parent.name)


def at(text: str, running: Any = None) -> Completion:
    """Complete where the text has a |."""
    before = text.partition("|")[0]
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    return suggest(text.replace("|", "", 1), line, column, running)


def labels(text: str, running: Any = None) -> list[str]:
    return [one.label for one in at(text, running).suggestions]


def inserts(text: str) -> list[str]:
    return [one.insert for one in at(text).suggestions]


def acme(was: str, becomes: str) -> str:
    assert was in ACME
    return ACME.replace("|", "/").replace(was.replace("|", "/"), becomes, 1)


Loc = tuple[str | int, ...]


def keys_of(node: Node, loc: Loc = ()) -> Iterator[tuple[Loc, str, int, int]]:
    """List all keys of a document: the place of the mapping, the key, its line and column."""
    for key, (line, column) in node.keys.items():
        yield loc, key, line, column
    for part, item in node.items.items():
        yield from keys_of(item, (*loc, part))


OWN = {("fields",), ("tables",), ("paths",), ("inbound", "versions"), ("inbound", "xml", "namespaces")}
"""The mappings whose keys are names that the pack invents."""


def is_invented(loc: Loc, value: Any) -> bool:
    names = [part for part in loc if isinstance(part, str)]
    if (
        loc in OWN
        or names[-1:] in (["token"], ["synonyms"], ["where"])
        or (names[:1] == ["fields"] and names[-1:] == ["fields"])
    ):
        return True
    if "reply" in names:
        return names[-1] == "when"
    return "body" in names and not (isinstance(value, dict) and value.keys() & {"value", "each"})


@each_pack
def test_each_key_of_a_pack_is_suggested_at_its_place(path: Path) -> None:
    """Also where the text ends there, as far as the schema has the key."""
    text, source = path.read_text(encoding="utf-8"), read_yaml(path)
    running = load_pack(path.parent).data
    lines = text.splitlines()
    missing, tried = [], 0
    for loc, key, line, column in keys_of(source.root):
        holder = source.data
        for part in loc:
            holder = holder[part]
        if is_invented(loc, holder):
            continue
        tried += 1
        found = [one.label for one in suggest(text, line, column, running).suggestions]
        half = "\n".join([*lines[: line - 1], lines[line - 1][: column - 1]])
        cut = [one.label for one in suggest(half, line, column).suggestions]
        of_tables = "rows" in loc or "default" in loc or "when" in loc or "next" in loc or "attributes" in loc
        if key not in found or (key not in cut and not of_tables):
            missing.append((*loc, key, line))
    assert missing == []
    assert tried > 100


@each_pack
def test_an_outline_is_what_the_parser_reads(path: Path) -> None:
    def same(outlined: Any, parsed: Any) -> bool:
        if isinstance(outlined, str) and outlined.startswith("*"):
            return True  # an alias
        if isinstance(parsed, dict):
            return list(outlined) == list(parsed) and all(same(outlined[key], parsed[key]) for key in parsed)
        if isinstance(parsed, list):
            return len(outlined) == len(parsed) and all(map(same, outlined, parsed))
        return bool(outlined == (str(parsed).lower() if isinstance(parsed, bool) else str(parsed)))

    assert same(outline(path.read_text(encoding="utf-8")), read_yaml(path).data)


@each_pack
def test_each_reference_and_each_code_of_a_pack_is_suggested(path: Path) -> None:
    text, source = path.read_text(encoding="utf-8"), read_yaml(path)
    running = load_pack(path.parent).data
    lines = text.splitlines()
    missing, tried = [], 0

    def plain(node: Node, loc: Loc) -> Iterator[tuple[Loc, Node]]:
        if isinstance(node.data, str):
            yield loc, node
        for part, item in node.items.items():
            yield from plain(item, (*loc, part))

    def is_name(loc: Loc) -> bool:
        if loc[0] == "rules":
            return loc[2] == "when"
        return loc[0] in ("work_order", "appointment", "commands") and "value" in loc and "reply" not in loc

    for loc, node in plain(source.root, ()):
        line, column = node.line, node.column
        if is_name(loc) and lines[line - 1][column - 1 :].startswith(node.data):
            tried += 1
            found = [one.label for one in suggest(text, line, column, running).suggestions]
            if node.data not in found and not {"starts_with", "contains_word", "ends_with"} & {*loc}:
                missing.append((*loc, node.data, line))
    assert missing == []
    assert tried > 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|", ["pack", "version", "inbound"]),
        ("pack: x\n\n|", ["version", "inbound"]),
        ("extends: ../x\npol|", ["policies"]),
        ("policies:\n  |\nrules:\n", ["unoffered_window", "on_illegal", "dst"]),
        ("policies:\n  on_illegal: |", ["park", "keep", "follow_up"]),
        ("policies: {on_illegal: f|", ["follow_up"]),
        ("fields:\n  a: {type: |\n  b: {path: $.b}\n", ["text", "code", "integer", "boolean"]),
        ("fields:\n  a: {path: $.x, req|", ["required"]),
        ("fields:\n  a:\n    path: $.x\n    remem|\n", ["remember"]),
        ("rules:\n  - |", ["rule", "then", "when"]),
        ("rules:\n  - rule: x\n    |\n    then: {park: y}", ["when"]),
        ("rules:\n  - {rule: x, then: {|", ["work_order", "appointment"]),
        ("rules:\n- rule: x\n  then:\n    work_order: in|", ["inProgress"]),
        ("rules:\n  - {rule: x, when: {appointment_status: |", ["confirmed", "completed"]),
        ("inbound:\n  deltas: |", ["true", "false"]),
        ("inbound: {format: |}", ["json", "xml"]),
        ("commands:\n  sc|", ["reschedule"]),
        ("commands:\n  book:\n    body:\n      A: {|", ["value", "each"]),
        ("commands:\n  book:\n    body:\n      A: {value: job, |", ["default", "omit", "format"]),
        ("commands:\n  book:\n    body:\n      A: {value: win|", ["window.start", "window.end"]),
        ("commands:\n  book:\n    body:\n      A: {each: notes, item: {value: each.|", ["each.text", "each.author"]),
        ("commands:\n  book:\n    reply:\n      slots:\n        partly: |", ["drop", "clip"]),
        ("work_order:\n  place:\n    - type: GeographicS|", ["GeographicSiteRef"]),
        ("work_order:\n  contacts:\n    - role: |", ["technicalContact", "technician"]),
        ("work_order:\n  duration: {amount: 1, unit: M|", ["MIN", "MONTH"]),
        ("appointment:\n  contacts:\n    - role: [|", ["buyerAppointmentContact", "appointmentPlaceContact"]),
        ("paths: {payload: $.data}\ninbound:\n  job: $pa|", ["$payload"]),
    ],
)
def test_the_schema_says_what_may_stand_there(text: str, expected: list[str]) -> None:
    assert [one for one in labels(text) if one in expected] == expected


@pytest.mark.parametrize(
    "text",
    [
        "# a comment, and in it |",
        "zone: UTC # pol|",
        "description: 'in quotes |'",
        'description: "in quotes |',
        "description: any text|",
        "description: |-\n".replace("|", ">") + "  a text of lines |\n",
        "nothing: |",
        "nothing:\n  |",
        "policies:\n  dst:|",
        "zone: UTC\n  |",
    ],
)
def test_where_nothing_is_known_nothing_is_suggested(text: str) -> None:
    assert labels(text) == []


def test_a_key_comes_with_what_it_means_and_with_its_colon() -> None:
    found = {one.label: one for one in at("rules:\n  - |").suggestions}
    assert found["rule"].insert == "rule: "
    assert found["when"].insert == "when:"  # a mapping begins on the next line
    assert found["rule"].about == "The rule's name: lower-case letters, digits and dashes. It must be there."
    assert inserts("rules: [{rule: x, wh|") == ["when: "]
    assert inserts("policies: {ds|: park}") == ["dst"]


def test_a_value_comes_with_what_its_key_means() -> None:
    found = at("policies: {on_illegal: p|")
    assert found.about.startswith("What happens where no legal way leads")
    assert (found.start, [one.insert for one in found.suggestions]) == (24, ["park"])


def test_what_begins_so_comes_first() -> None:
    assert labels("fields: {a: {ty|") == ["type", "empty"]
    assert at("fields: {a: {ty|").start == 14


def test_what_is_there_is_not_suggested_again() -> None:
    assert "on_illegal" not in labels("policies: {on_illegal: park, |}")
    assert labels(acme("values: [NEW, SCHD,", "values: [NEW, SCHD, |")) == []
    assert "SCHD" not in labels(acme("NEW:  [SCHD, WIP,", "NEW:  [SCHD, |WIP,"))


def test_the_pack_knows_its_own_names() -> None:
    assert labels(acme("when: {status: NEW}", "when: {status: |}"))[:3] == ["NEW", "SCHD", "ENRT"]
    assert labels(acme("reason.fault: buyer", "reason.fault: |")) == ["buyer", "seller"]
    assert labels(acme("when: {status: NEW}", "when: {reason.|}"))[:2] == ["reason.code", "reason.fault"]
    assert labels(acme("occurred_at: changed_at", "occurred_at: |")) == ["changed_at", "window_from", "window_to"]
    assert "technicians" in labels(acme("table: technicians}", "table: |}"))
    assert labels(acme("column: code}", "column: |}")) == ["status", "code"]
    assert "slot.id" in labels(acme("{value: slot.id,", "{value: sl|,"))
    assert labels(acme("initial: NEW", "initial: |"))[:2] == ["NEW", "SCHD"]
    assert labels(acme("{code: C02, fault", "{code: C02, f|ault")) == ["fault"]
    assert labels(acme("attributes: {id: {value: site}}", "attributes: {|}")) == ["id", "href"]
    assert labels(acme("{code: C01, fault: buyer", "{code: C01, fault: |")) == []
    (code,) = at(acme("status: NOSH, reason.fault: seller", "reason: T0|1")).suggestions[:1]
    assert (code.label, code.about) == ("T01", "fault: seller, meaning: Technician ill")


def test_what_is_named_in_another_file_is_known_from_the_pack_that_runs() -> None:
    running = {
        "fields": {"site": {"path": "$.S", "type": "code", "table": "sites"}},
        "tables": {"sites": {"key": "id", "file": "sites.csv", "rows": [{"id": "S1", "name": "Warsaw"}]}},
    }
    above = "pack: x\nextends: ../y\nwork_order:\n  task: {value: |}"
    assert labels(above, running) == ["site", "site.id", "site.name"]
    assert labels(above.replace("extends: ../y\n", ""), running) == []
    own = "fields: {site: {path: $.S, type: code, table: sites}}\ntables: {sites: {key: id, file: sites.csv}}\n"
    assert labels(f"{own}rules: [{{when: {{site: |", running) == ["S1"]


def test_a_code_that_looks_like_something_else_is_put_in_quotes() -> None:
    fields = 'fields: {status: {path: $.S, type: code, values: ["00", "true", A-1, "a: b"]}}\n'
    assert inserts(fields + "rules: [{when: {status: |") == ['"00"', '"true"', "A-1", '"a: b"']


def test_a_place_outside_the_text_is_its_nearest_end() -> None:
    assert suggest("policies:\n  ", 99, 99).start == 3
    assert suggest("", 0, 0).suggestions[0].label == "pack"


def test_text_of_deep_or_endless_nesting_is_read() -> None:
    for text in ("[" * 5000, "{a: " * 5000, "- " * 5000, "\n".join(" " * n + "a:" for n in range(1500)), "&a " * 5000):
        assert suggest(text, 1, 1).start == 1


@settings(max_examples=60, deadline=None)
@given(
    cut=st.integers(0, len(ACME)),
    gone=st.integers(0, 60),
    put=st.text(alphabet="{}[],:'\"#|>-&*! \nab\t\ue000", max_size=8),
)
def test_whatever_is_written_something_comes_of_it(cut: int, gone: int, put: str) -> None:
    text = ACME[:cut] + put + ACME[cut + gone :]
    before = text[: cut + len(put)]
    found = suggest(text, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
    assert found.start >= 1
