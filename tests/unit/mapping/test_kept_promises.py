"""What `mapping check` lets pass can be done: a pack that would fail at its first message is told before it runs."""

import pytest

from tests.unit.mapping.builders import translated
from tests.unit.mapping.patches import fields_of, pack_with, problems

FIELDS = {
    "kind": "{path: $.kind}",
    "level": "{path: $.level, type: integer}",
    "urgent": "{path: $.urgent, type: boolean}",
    "at": "{path: $.at, type: datetime, format: iso, zone: UTC}",
    "lasts": "{path: $.lasts, type: duration, format: iso}",
    "parts": "{path: $.parts, type: list}",
}


def beside(made: str, rest: str = "") -> str:
    """A pack that makes one more field of others."""
    fields = "".join(f"  {name}: {spec}\n" for name, spec in FIELDS.items())
    return f"fields:\n{fields}  made: {made}\n{rest}"


UNREADABLE = {
    "inbound: {unpack: [{json: $}]}": "wrong-value: '$' must end in a name or an index",
    "inbound: {unpack: [{pairs: \"$.udf[?@.k == 'x']\"}]}": "must end in a name or an index, such as $.payload",
    beside("{value: at}"): "wrong-type: at is datetime and cannot be read as text; name it where it is wanted",
    beside("{value: at, type: datetime, format: iso, zone: UTC}"): "at is datetime and cannot be read as datetime",
    beside("{value: parts}"): "parts is list and cannot be read as text",
    beside("{value: lasts, type: duration, format: iso}"): "lasts is duration and cannot be read as duration",
    beside("{value: urgent}"): "urgent is boolean and cannot be read as text",
    beside("{value: kind, type: list}"): "kind is text and cannot be read as list; write split",
    beside("{routing_key: true, type: list}"): "the routing key is text and cannot be read as list; write split",
    beside("{join: [kind, parts]}"): "expected text, code, integer, boolean or datetime; parts is list",
    beside("{join: [kind, lasts]}"): "expected text, code, integer, boolean or datetime; lasts is duration",
    beside("{path: $.x, type: datetime, format: iso, zone: UTC, not_before: kind}"): "expected datetime; kind is text",
    beside("{path: $.x, type: datetime, format: iso, zone: {value: level}}"): "expected text or code; level is integer",
    beside("{path: $.x}", "attribution: {reason: parts, unknown: buyer}"): "integer or boolean; parts is list",
}


@pytest.mark.parametrize("patch", UNREADABLE)
def test_what_could_never_be_read_is_told(patch: str) -> None:
    (problem,) = problems(patch)
    assert UNREADABLE[patch] in problem


@pytest.mark.parametrize(
    "made",
    [
        "{value: kind, type: list, split: ','}",
        "{value: parts, type: list, distinct: true}",
        "{value: urgent, type: boolean}",
        "{value: urgent, type: boolean, yes: [Y], no: [N]}",
        "{value: kind, type: boolean}",
        "{header: h, type: boolean}",
        "{value: level, type: datetime, format: epoch}",
        "{join: [level, at, urgent]}",
        "{path: $.x, type: datetime, format: iso, zone: {value: kind}, not_before: at}",
        "{first: [parts, parts]}",
    ],
)
def test_what_can_be_read_is_let_be(made: str) -> None:
    assert problems(beside(made)) == []


REASONS = """
fields: {kind: {path: $.kind, type: code, required: true, values: %s, table: reasons}}
tables: {reasons: {key: code, rows: [{code: a, why: %s}], %s}}
work_order: {task: {value: kind.why}}
"""


@pytest.mark.parametrize(
    ("values", "why", "on_miss", "sure"),
    [
        ("[a]", "A", "on_miss: park", True),
        ("[a, b]", "A", "on_miss: park", False),
        ("[a, b]", "A", "on_miss: default, default: {why: B}", True),
        ("[a]", '""', "on_miss: park", False),
        ("[a, b]", "A", 'on_miss: default, default: {why: ""}', False),
    ],
)
def test_a_column_is_sure_where_each_code_has_a_row_that_says_something(
    values: str, why: str, on_miss: str, sure: bool
) -> None:
    pack = REASONS % (values, why, on_miss)
    assert [problem.split(" ")[:4] for problem in problems(pack)] == (
        [] if sure else [["may-be-absent:", "kind.why", "may", "be"]]
    )


def test_an_empty_default_is_no_source_of_what_the_standard_requires() -> None:
    (problem,) = problems('fields: {kind: {path: $.kind, default: ""}}\nwork_order: {task: {value: kind}}')
    assert problem.startswith("may-be-absent: kind may be absent")


MISNAMED = {
    "fields: {kind: {path: $.k}, work_order_state: {path: $.s}}": "work_order_state is what the Buyer sees now",
    "fields: {kind: {path: $.k, type: items, fields: {appointment_status: {path: $.s}}}}": "is what the Buyer sees now",
    "fields: {kind: {path: $.k}, fault: {path: $.f}}\nattribution: {reason: kind, unknown: buyer}": (
        "attribution makes the field fault; give this one another name"
    ),
}


@pytest.mark.parametrize("patch", MISNAMED)
def test_a_name_that_stands_for_something_else_is_refused(patch: str) -> None:
    (problem,) = problems(patch)
    assert problem.startswith("duplicate-name: ")
    assert MISNAMED[patch] in problem


UNWRITABLE = {
    "{a: 99999999999999999999}": "expected a whole number of at most 64 bits; put it in quotes",
    "{a: {b: [.inf]}}": "expected a number that is finite",
    "{a: {value: visit, default: -99999999999999999999}}": "expected a whole number of at most 64 bits",
    "{Job: [a, b]}, format: xml": "an XML body has one root element; Job is none",
    "{'@Job': a}, format: xml": "an XML body has one root element; @Job is none",
    "{'#text': a}, format: xml": "an XML body has one root element; #text is none",
    "{Job: {value: visit, omit: true}}, format: xml": "the root element of an XML body cannot be omitted",
    "{Job: {'@id': {a: 1}}}, format: xml": "@id is one text in XML; expected a single value",
    "{Job: {Part: {'#text': [1]}}}, format: xml": "#text is one text in XML; expected a single value",
}


@pytest.mark.parametrize("body", UNWRITABLE)
def test_a_command_that_could_never_be_written_is_told(body: str) -> None:
    (problem,) = problems(f"commands: {{note: {{exchange: e, routing_key: r, body: {body}}}}}")
    assert UNWRITABLE[body] in problem


def test_a_number_that_no_database_holds_is_told() -> None:
    (problem,) = problems("work_order: {duration: {amount: 99999999999999999999}}")
    assert problem.startswith("wrong-value: expected a whole number of at most 64 bits")


def test_a_text_that_no_database_holds_is_told() -> None:
    (problem,) = problems('work_order: {task: "a\\0b"}')
    assert problem == "encoding: no text may hold a NUL character; no database could keep it"


LOOKED_UP = """
fields: {area: {path: $.area, type: code, values: [N, S], default: N}, town: {path: $.town, default: Leeds}}
tables: {depots: {key: area, rows: [{area: N, depot: D1}, {area: S, depot: D2}], %s}}
commands: {note: {exchange: e, routing_key: r, body: {a: {value: %s, table: depots, column: depot}}}}
"""


@pytest.mark.parametrize(
    ("on_miss", "value", "told"),
    [
        ("on_miss: park", "field.area", None),
        ("on_miss: park", "job", "job may be anything, so there may be no row for it; write on_miss: default"),
        ("on_miss: park", "field.town", "field.town may be anything"),
        ("on_miss: default, default: {depot: D0}", "job", None),
    ],
)
def test_what_a_command_looks_up_has_a_row(on_miss: str, value: str, told: str | None) -> None:
    found = problems(LOOKED_UP % (on_miss, value))
    assert len(found) == (told is not None)
    assert all(str(told) in problem for problem in found)


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        ("rules: [{rule: a, when: {kind: {present: }}, then: {ignore: x}}]", "write one condition"),
        ("inbound: {ignore: [{path: $.a, fits: {at_least: }, why: x}]}", "write one condition"),
        ("inbound: {ignore: [{path: , fits: a, why: x}]}", "write exactly one of path, header or routing_key"),
        ("rules: [{rule: a, then: {work_order: }}]", "write a goal, or ignore: <why>"),
        (beside("{path: $.x, type: datetime, format: iso, zone: {value: }}"), "write a zone such as Europe/Warsaw"),
        (beside("{path: $.x}", "attribution: {reason: made, buyer: [{code: }], unknown: buyer}"), "write a code, or"),
    ],
)
def test_a_key_that_is_left_empty_says_nothing(patch: str, told: str) -> None:
    (problem,) = problems(patch)
    assert told in problem


def test_the_default_of_a_task_stands_in_for_a_list_that_is_left_empty() -> None:
    where = "where: {$.state: {not: cancelled}}"
    pack = pack_with(
        f"fields: {{tasks: {{path: $.tasks, type: list, item: $.what, {where}}}}}\n"
        "work_order: {task: {value: tasks, default: See the ticket}}"
    )
    message = {"job": "J", "tasks": [{"what": "Dig", "state": "cancelled"}]}
    assert translated(pack, message).update.details.task == ("See the ticket",)


@pytest.mark.parametrize(
    ("cell", "fit"),
    [
        ("7", ["7", 7, 7.0]),
        ('"7"', ["7", 7, 7.0]),
        ("true", ["true", True]),
        ("1", ["1", 1]),
        ("{not: [7, 8]}", ["true", True, "1", 1, "x", None]),
        ("{at_least: 6}", ["7", 7, 7.0]),
        ("{below: 7}", ["1", 1]),
        ("{present: true}", ["7", 7, 7.0, "true", True, "1", 1, "x"]),
    ],
)
def test_cells_on_the_message_itself_take_a_number_as_its_text(cell: str, fit: list[object]) -> None:
    where = f"where: {{$.m: {cell}}}"
    pack = pack_with(f"fields: {{found: {{path: $.all, type: list, item: $.n, {where}}}}}")
    told: list[object] = ["7", 7, 7.0, "true", True, "1", 1, "x", None]
    message = {"all": [{"n": number, "m": one} for number, one in enumerate(told)]}
    found = fields_of(pack, message)["found"]
    assert [repr(told[int(number)]) for number in found] == list(map(repr, fit))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "patch",
    [
        "inbound: {bindings: [%s]}",
        "commands: {note: {exchange: e, routing_key: %s, body: {a: 1}}}",
    ],
)
def test_a_name_that_amqp_cannot_hold_is_told(patch: str) -> None:
    assert problems(patch % ("ü" * 127)) == []
    assert problems(patch % ("ü" * 128)) == [
        "wrong-value: expected a name of at most 255 bytes, as AMQP has it; came 256"
    ]


@pytest.mark.parametrize(
    "patch", ["inbound: {exchange: %s}", "commands: {note: {exchange: %s, routing_key: r, body: {a: 1}}}"]
)
def test_an_exchange_that_the_client_cannot_ask_for_is_told(patch: str) -> None:
    """It would be asked for again and again, and never be there."""
    told = ["wrong-value: expected the name of an exchange: letters, digits, blanks and -_.:@#,/+"]
    for name in ("é", "a*b", "a'b", "a(b)", "a%b", "\\t"):
        assert problems(patch % f'"{name}"') == told
    assert problems(patch % '"A.b:c/d e_f-g@h#i,j+k"') == []
    assert problems(patch % ("x" * 255)) == []
    (long,) = problems(patch % ("x" * 256))
    assert long.endswith("at most 255 bytes, as AMQP has it; came 256")


def test_a_refusal_has_something_to_say() -> None:
    (problem,) = problems('tables: {refusals: {default: {code: otherIssue, reason: ""}}}')
    assert problem.startswith("missing-key: a refusal needs reason, or the reply says where the WFM's own text stands")


def test_a_refusal_is_final_or_not() -> None:
    (problem,) = problems('tables: {refusals: {default: {code: otherIssue, reason: No, final: "true"}}}')
    assert problem == "wrong-value: final is yes or no"


def test_an_empty_reference_names_no_visit() -> None:
    pack = pack_with("fields: {visit: {path: $.visit}}\nappointment: {visit: {value: visit}}")
    assert translated(pack, {"job": "J", "visit": ""}).update.visit.ref is None
    assert translated(pack, {"job": "J", "visit": "V-1"}).update.visit.ref == "V-1"
