"""Lists of objects: each item is read by fields of its own, and what does not fit is told by its place."""

from typing import Any

import orjson
import pytest

from bridge.domain.model import Job
from bridge.mapping.checks.checker import prove
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Reading, Unmapped
from bridge.mapping.reading.items import MOST_ITEMS
from bridge.packtools.bus_schemas import inbound_schema
from bridge.packtools.coverage import Coverage
from bridge.packtools.explanation_text import as_text
from bridge.packtools.sandbox import RawMessage, Sandbox
from tests.unit.mapping.builders import NOON, translated, unmapped
from tests.unit.mapping.patches import fields_of, history, known_job, outcome, pack_with, problems
from tests.unit.packtools.packs import document, small

CREW = """
zone: UTC
fields:
  day: {path: $.day}
  crew:
    path: $.crew
    type: items
    fields:
      person: {path: $.id, type: code, table: people, required: true}
      nick: {value: person.name, default: Somebody}
      state: {path: $.state, type: code, values: [started, pending, done], default: pending}
      clock: {path: $.from}
      from_there: {type: datetime, join: [day, clock], format: "%Y-%m-%d %H:%M"}
  work: {of: crew.state, precedence: [started, pending, done]}
tables:
  people: {key: id, rows: [{id: "17", name: Eva}, {id: "18"}]}
"""
EVA = {"id": 17, "state": "started", "from": "09:00"}


def items(pack: Any, message: dict[str, Any], name: str = "crew") -> list[dict[str, object]]:
    """The typed values of each item, as explained."""
    told: Any = translated(pack, {"job": "J", **message}).explanation["fields"]
    return [{inner: entry["value"] for inner, entry in item.items()} for item in told[name]["items"].values()]


def test_each_item_is_read_by_its_own_fields_and_those_of_the_message() -> None:
    message = {"day": "2026-03-05", "crew": [EVA, {"id": "18"}]}
    assert items(pack_with(CREW), message) == [
        {
            "person": "17",
            "nick": "Eva",
            "state": "started",
            "clock": "09:00",
            "from_there": "2026-03-05T09:00:00+00:00",
        },
        {"person": "18", "nick": "Somebody", "state": "pending", "clock": None, "from_there": None},
    ]


@pytest.mark.parametrize(
    ("crew", "work"),
    [
        ([EVA, {"id": 18, "state": "done"}], "started"),
        ([{"id": 17, "state": "done"}, {"id": 18}], "pending"),
        ([{"id": 17, "state": "done"}, {"id": 18, "state": "done"}], "done"),
        ([], None),
    ],
)
def test_the_first_code_of_precedence_that_any_item_has_is_that_of_all(crew: object, work: str | None) -> None:
    assert fields_of(pack_with(CREW), {"day": "2026-03-05", "crew": crew})["work"] == work


def test_there_is_no_code_of_all_where_there_is_no_list() -> None:
    assert fields_of(pack_with(CREW), {"day": "2026-03-05"})["work"] is None


@pytest.mark.parametrize(
    ("crew", "reason"),
    [
        ("Eva", 'field crew ($.crew): expected a list of at most 1000 items; came "Eva"'),
        ({"id": 99}, "field crew, item [0]: field person ($.id): expected a code of table people; came 99"),
        ([{"id": 17}] * (MOST_ITEMS + 1), "field crew ($.crew): expected a list of at most 1000 items; came a list of"),
        ([EVA, "Tom"], 'field crew, item [1]: expected an object; came "Tom"'),
        ([EVA, None], "field crew, item [1]: expected an object; came null"),
        ([{}], "field crew, item [0]: field person ($.id): a value is required; it is missing"),
        ([EVA, {"id": "99"}], 'field crew, item [1]: field person ($.id): expected a code of table people; came "99"'),
        (
            [{"id": 17, "state": "\x00"}],
            'field crew, item [0]: field state ($.state): expected one of started, pending, done; came "\\u0000"',
        ),
        (
            [{"id": 17, "from": "9"}],
            "field crew, item [0]: field from_there (day and clock joined): expected a date and time like",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_item_and_field(crew: object, reason: str) -> None:
    assert unmapped(pack_with(CREW), {"job": "J", "day": "2026-03-05", "crew": crew}).reason.startswith(reason)


def test_an_item_that_does_not_fit_is_explained_as_far_as_it_was_read() -> None:
    told: Any = unmapped(pack_with(CREW), {"job": "J", "crew": [EVA | {"state": "x"}]}).explanation["fields"]
    assert told["crew"]["items"] == {
        "item [0]": {
            "person": {"path": "$.id", "raw": 17, "value": "17"},
            "nick": {"path": "field person.name", "raw": "Eva", "value": "Eva"},
            "state": {"path": "$.state", "raw": "x"},
        }
    }


CHOSEN = """
fields:
  kind: {path: $.kind}
  parts:
    path: $.parts
    type: items
    where: {$.gone: {not: true}}
    distinct: true
    limit: 2
    fields: {part: {path: $.no}, count: {path: $.n, type: integer, default: 1}}
"""


def test_items_that_are_not_meant_the_same_ones_and_those_above_the_limit_are_left_out() -> None:
    pack = pack_with(CHOSEN)
    parts = [{"no": "A", "gone": True}, {"no": "A"}, {"no": "A", "n": 1}, {"no": "A", "n": 2}, {"no": "B"}]
    assert fields_of(pack, {"parts": parts})["parts"] == "a list of 2 items"
    told: Any = translated(pack, {"job": "J", "parts": parts}).explanation["fields"]["parts"]
    assert list(told["items"]) == ["item [1]", "item [2]", "item [3]", "item [4]"]


def test_an_item_may_be_a_text_where_a_field_reads_it_whole() -> None:
    pack = pack_with("fields: {ids: {path: $.ids, type: items, fields: {one: {path: $, type: code, values: [a, b]}}}}")
    assert items(pack, {"ids": ["a", "b"]}, "ids") == [{"one": "a"}, {"one": "b"}]
    assert "item [1]: field one ($): expected one of a, b" in unmapped(pack, {"job": "J", "ids": ["a", {}]}).reason


def test_only_the_first_items_are_explained_and_all_are_read() -> None:
    pack = pack_with(CHOSEN.replace("limit: 2", "limit: 500").replace("distinct: true", "distinct: false"))
    parts = [{"no": str(number)} for number in range(400)]
    told: Any = translated(pack, {"job": "J", "parts": parts}).explanation["fields"]
    assert (len(told["parts"]["items"]), told["parts"]["value"]) == (20, "a list of 400 items")


XML = """
inbound: {format: xml, job: "$.Job['@id']", xml: {lists: [Tech]}}
fields:
  techs: {path: $.Job.Tech, type: items, fields: {tech: {path: "$['@id']", required: true}, mail: {path: $.Mail}}}
"""


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'<Job id="J"><Tech id="1"><Mail>a@b</Mail></Tech></Job>', [("1", "a@b")]),
        (b'<Job id="J"><Tech id="1"/><Tech id="2"/></Job>', [("1", None), ("2", None)]),
        (b'<Job id="J"><Tech/></Job>', 'field techs, item [0]: expected an object; came ""'),
    ],
)
def test_items_are_elements_of_xml_even_when_there_is_one(body: bytes, read: object) -> None:
    pack = pack_with(XML)
    reading = pack.read(body, "", {})
    assert isinstance(reading, Reading)
    result: Any = pack.translate(reading, Job(ref=reading.job))
    if isinstance(result, Unmapped):
        assert result.reason == read
    else:
        told = result.explanation["fields"]["techs"]["items"].values()
        assert [(item["tech"]["value"], item["mail"]["value"]) for item in told] == read


KEYED = """
inbound: {deltas: true}
fields:
  crew:
    path: $.crew
    type: items
    key: person
    fields:
      person: {path: $.id, type: code, values: ["17", "18", "19"], loose: true, required: true}
      name: {path: $.name, nulls: absent}
      state: {path: $.state}
"""


def test_a_delta_puts_items_of_the_same_key_onto_the_known_ones_and_leaves_the_others() -> None:
    def crew(result: Any) -> object:
        told = result.explanation["fields"]["crew"]
        return [tuple(entry["value"] for entry in item.values()) for item in told["items"].values()]

    assert history(
        pack_with(KEYED),
        [
            {"crew": [{"id": 17, "name": "Eva", "state": "new"}, {"id": "18", "name": "Tom"}]},
            {"crew": [{"id": "017", "state": "there"}]},
            {"crew": [{"id": "19"}, {"id": "18", "name": None}]},
            {},
            {"crew": []},
        ],
        crew,
    ) == [
        [("17", "Eva", "new"), ("18", "Tom", None)],
        [("17", "Eva", "there"), ("18", "Tom", None)],
        *[[("17", "Eva", "there"), ("18", None, None), ("19", None, None)]] * 3,
    ]


def test_items_of_the_same_key_in_one_message_are_one() -> None:
    pack = pack_with(KEYED)
    told = [{"id": "17", "name": "Eva"}, {"id": 17, "state": "new"}]
    assert items(pack, {"crew": told}) == [{"person": "17", "name": "Eva", "state": "new"}]


@pytest.mark.parametrize("crew", ["x", [{"id": "17"}] * (MOST_ITEMS + 1)])
def test_what_is_no_list_that_can_be_read_is_put_onto_nothing(crew: object) -> None:
    known = known_job(crew=[{"id": "17"}])
    assert (
        "expected a list of at most 1000 items" in unmapped(pack_with(KEYED), {"job": "J", "crew": crew}, known).reason
    )


def test_a_list_without_key_replaces_the_known_one() -> None:
    pack = pack_with(KEYED.replace("    key: person\n", ""))
    messages: list[dict[str, Any]] = [{"crew": [{"id": "17"}, {"id": "18"}]}, {"crew": [{"id": "19"}]}, {}]
    seen = history(pack, messages, lambda result: result.explanation["fields"]["crew"]["value"])  # type: ignore[index]
    assert seen == ["a list of 2 items", "a list of 1 items", "a list of 1 items"]


def test_the_items_before_a_message_are_items_too() -> None:
    pack = pack_with(KEYED + "  before: {previous: crew}\n  moved: {changed: crew}\n")
    told: list[dict[str, Any]] = [{"crew": [{"id": "17"}]}, {"crew": [{"id": "18"}]}, {"crew": [{"id": "17"}]}]

    def seen(result: Any) -> object:
        fields = result.explanation["fields"]
        return [item["person"]["value"] for item in fields["before"].get("items", {}).values()], fields["moved"][
            "value"
        ]

    assert history(pack, told, seen) == [([], True), (["17"], True), (["17", "18"], False)]


def test_what_was_merged_is_explained() -> None:
    pack = pack_with(KEYED)
    seen: Any = history(
        pack, [{"crew": [{"id": "17"}]}, {"crew": [{"id": "18"}]}], lambda result: result.explanation["fields"]
    )
    assert seen[1]["crew"]["raw"] == "a list of 1 items"
    assert seen[1]["crew"]["merged"] == "a list of 2 items"


def test_an_item_without_its_key_is_told_and_no_other_takes_its_place() -> None:
    message = {"job": "J", "crew": [{"id": "17"}, {"name": "Who?"}]}
    assert "item [1]: field person ($.id): a value is required" in unmapped(pack_with(KEYED), message).reason


def test_rules_ask_whether_the_list_is_there_and_what_all_items_are() -> None:
    pack = pack_with(
        CREW
        + "rules:\n"
        + "  - {rule: begun, when: {work: started}, then: {work_order: open, creates: true}}\n"
        + "  - {rule: others, when: {work: [pending, done]}, then: {work_order: open, creates: true}}\n"
        + "  - {rule: nobody, when: {crew: {present: true}}, then: {work_order: open, creates: true}}\n"
        + "  - {rule: no-list, then: {work_order: open, creates: true}}"
    )
    assert outcome(pack, {"crew": [{"id": 17, "state": "started"}]}) == "begun"
    assert outcome(pack, {"crew": []}) == "nobody"
    assert outcome(pack, {}) == "no-list"


ITEMS = "{path: $.c, type: items, fields: {a: {path: $.a, type: code, values: [x, y]}}}"


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        ("fields: {c: {path: $.c, type: items}}", "missing-key: items need fields: what is read of each item"),
        (
            "fields: {c: {path: $.c, fields: {a: {path: $.a}}}}",
            "misplaced: fields belongs to type items; this field is of type text",
        ),
        ("fields: {c: {path: $.c, key: a}}", "misplaced: key belongs to type items; this field is of type text"),
        (
            "fields: {kind: {path: $.kind}, c: {path: $.c, type: items, fields: {kind: {path: $.a}}}}",
            "duplicate-name: there is a field kind of the whole message; give this one another name",
        ),
        (
            "fields: {c: {path: $.c, type: items, fields: {a: {header: x}}}}",
            "wrong-source: write exactly one of path, value, join, same or first",
        ),
        (
            "fields: {c: {path: $.c, type: items, fields: {a: {attribution: true}}}}",
            "wrong-source: write exactly one of path, value, join, same or first",
        ),
        (
            "fields: {c: {path: $.c, type: items, fields: {a: {path: $.a, type: items, fields: {b: {path: $}}}}}}",
            "misplaced: items have no items of their own; read these by another field",
        ),
        (
            "fields: {c: {path: $.c, type: items, fields: {a: {path: $.a, remember: false}}}}",
            "misplaced: an item is remembered as a whole; take remember out",
        ),
        (
            "{inbound: {deltas: true}, fields: {c: {path: $.c, type: items, fields: {a: {path: $.a, nulls: keep}}}}}",
            "misplaced: nulls: keep is not for an item's fields; an item with a key keeps what a message leaves out",
        ),
        (
            "fields: {c: {path: $.c, type: items, fields: {a: {value: b}, b: {path: $.b}}}}",
            "wrong-order: field b is read after a; write it above",
        ),
        (
            "fields: {c: {path: $.c, type: items, fields: {a: {path: $.a, type: code, table: t}}}}",
            "unknown-table: there is no table 't'; there is crews, refusals, strict",
        ),
        (
            "{inbound: {deltas: true}, fields: {c: {path: $.c, type: items, key: b, fields: {a: {path: $.a}}}}}",
            "unknown-field: there is no field 'b'; there is a",
        ),
        (
            "{inbound: {deltas: true}, fields: {c: {path: $.c, type: items, key: a, fields: {a: {path: $.a}}}}}",
            "wrong-type: items are known by a required text, code or integer with a path; a is none",
        ),
        (
            "fields: {c: {path: $.c, type: items, key: a, fields: {a: {path: $.a, required: true}}}}",
            "misplaced: a key is for items that are remembered: with a path, and inbound: {deltas: true}",
        ),
        (
            "fields: {c: {path: $.job.crew, type: items, fields: {a: {path: $.job.crew.id}}}}",
            "wrong-value: a path inside starts at the item, which is $; leave out the way to the list",
        ),
        (
            "{inbound: {format: xml}, fields: {c: {path: $.J.Tech, type: items, fields: {a: {path: $.a}}}}}",
            "missing-key: a single Tech would be no list; write inbound: {xml: {lists: [Tech]}}",
        ),
        ("fields: {c: " + ITEMS[:-1] + ", default: x}}", "misplaced: a field of type items cannot have a default"),
        (
            "fields: {c: " + ITEMS + ", d: {of: c.a}}",
            "missing-key: of needs precedence: the codes, the one that counts most first",
        ),
        (
            "fields: {c: " + ITEMS + ", d: {path: $.d, precedence: [x]}}",
            "misplaced: precedence belongs to of: <items>.<code>",
        ),
        (
            "fields: {c: " + ITEMS + ", d: {of: c.b, precedence: [x, y]}}",
            "unknown-field-of-items: there is no field of items 'c.b'; did you mean 'c.a'?",
        ),
        (
            "fields: {d: {of: c.a, precedence: [x, y]}, c: " + ITEMS + "}",
            "wrong-order: field c is read after d; write it above",
        ),
        (
            "fields: {c: {path: $.c, type: items, fields: {a: {path: $.a}}}, d: {of: c.a, precedence: [x, y]}}",
            "wrong-type: expected a code of which all values are known; c.a is none",
        ),
        (
            "fields: {c: " + ITEMS + ", d: {of: c.a, precedence: [x, z]}}",
            "unknown-code: there is no code 'z'; there is x, y",
        ),
        (
            "fields: {c: " + ITEMS + ", d: {of: c.a, precedence: [x]}}",
            "missing-code: precedence lacks y; to leave items out, write where",
        ),
        (
            "fields: {c: " + ITEMS + ", d: {of: c.a, precedence: [x, y, x]}}",
            "duplicate-code: 'x' stands here already",
        ),
        (
            "fields: {c: " + ITEMS + ", d: {value: c}}",
            "wrong-type: c holds items; make a code of all of them: {of: c.<code>, precedence: […]}",
        ),
        (
            "{fields: {c: " + ITEMS + "}, rules: [{rule: r, when: {c: {starts_with: x}}, then: {park: x}}]}",
            "wrong-type: c is of type items; only {present: …} or {empty: …} can be asked of it",
        ),
        (
            "{fields: {c: " + ITEMS + "}, rules: [{rule: r, when: {c.a: x}, then: {park: x}}]}",
            "wrong-type: c holds items; make a code of all of them: {of: c.a, precedence: […]}",
        ),
        (
            "{fields: {c: " + ITEMS + "}, rules: [{rule: r, when: {a: x}, then: {park: x}}]}",
            "unknown-field: a is a field of each item of c; it is known only in an entry with `each: c`",
        ),
        (
            "{fields: {c: " + ITEMS + "}, work_order: {task: {value: c}}}",
            "wrong-type: expected a text or a list; c is items",
        ),
    ],
)
def test_what_cannot_be_read_of_items_is_told(patch: str, problem: str) -> None:
    assert problem in problems(patch)


def test_the_proofs_know_the_code_of_all_items_and_that_it_may_be_absent() -> None:
    inside = {"state": {"path": "$.state", "type": "code", "values": ["x", "y"]}}
    fields = {
        "crew": {"path": "$.crew", "type": "items", "fields": inside},
        "work": {"of": "crew.state", "precedence": ["x", "y"]},
    }
    source = small(fields, [{"rule": "x", "when": {"work": "x"}, "then": {"ignore": "seen"}}])
    (gap,) = prove(document(source), source)
    assert gap.message.startswith("no rule fits when work is y or absent; ")


def test_messages_with_items_are_drawn_for_the_bus() -> None:
    patched = {"crew": {"path": "$.job.crew", "type": "items", "fields": {"who": {"path": "$.id", "required": True}}}}
    drawn: Any = inbound_schema(document(small(patched, [{"rule": "x", "then": {"ignore": "seen"}}])))
    crew = drawn["properties"]["job"]["properties"]["crew"]
    assert crew["type"] == "array"
    assert crew["items"]["properties"] == {"id": {"type": "string", "description": "Read as who."}}
    assert crew["items"]["required"] == ["id"]


def test_texts_that_are_items_are_drawn_as_what_they_are() -> None:
    patched = {"ids": {"path": "$.ids", "type": "items", "fields": {"one": {"path": "$"}}}}
    drawn: Any = inbound_schema(document(small(patched, [{"rule": "x", "then": {"ignore": "seen"}}])))
    assert drawn["properties"]["ids"]["items"] == {"description": "One of ids, read as it is."}


def test_a_delta_of_an_unknown_job_may_lack_what_an_item_requires() -> None:
    rules = (
        "rules: [{rule: new, when: {kind: new}, then: {work_order: open, creates: true}}, {rule: on, then: {hold: x}}]"
    )
    pack = pack_with(
        KEYED
        + "  kind: {path: $.kind}\n  more: {path: $.more, type: items, fields: {a: {path: $.a, required: true}}}\n"
        + rules
    )
    assert outcome(pack, {"more": [{}]}) == "waits: job J is not known yet; this message alone does not tell more"
    assert outcome(pack, {"kind": "new", "more": [{"a": "x"}, {}]}) == (
        "parked: rule new: field more, item [1]: field a ($.a): a value is required; it is missing"
    )


def test_the_codes_and_rows_of_items_count_in_the_coverage() -> None:
    inside = {
        "state": {"path": "$.state", "type": "code", "values": ["x", "y"]},
        "who": {"path": "$.who", "type": "code", "table": "people"},
    }
    people = {"key": "id", "rows": [{"id": "1"}, {"id": "2"}]}
    rules = [{"rule": "x", "then": {"work_order": "open", "creates": True}}]
    source = small({"crew": {"path": "$.crew", "type": "items", "fields": inside}}, rules, tables={"people": people})
    coverage = Coverage(document(source))
    message = {"job": "J", "crew": [{"state": "x", "who": 2}, {"state": "x"}]}
    (happened,) = Sandbox(make_pack(source)).apply(RawMessage(body=orjson.dumps(message)), NOON)
    coverage.add(happened)
    assert [(one.what, one.used, one.unused) for one in coverage.all()[1:]] == [
        ("codes of field crew.state", ("x",), ("y",)),
        ("rows of table people", ("2",), ("1",)),
    ]


def test_each_item_is_explained_in_words() -> None:
    explanation = translated(pack_with(CREW), {"job": "J", "crew": [{"id": 17}, {"id": "18"}]}).explanation
    lines = as_text(explanation).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("  crew"))
    assert lines[start] == '  crew  $.crew  "a list of 2 items"'
    assert lines[start + 1 : start + 3] == ["    item [0]", '      person      $.id  17 -> "17"']
    assert lines[start + 7 : start + 9] == ["    item [1]", '      person      $.id  "18"']
