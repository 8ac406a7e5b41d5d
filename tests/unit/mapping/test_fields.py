"""Fields: each type takes what it should, and says what it expected when it cannot."""

from typing import Any

import pytest

from bridge.domain.model import Job, JobRef
from bridge.mapping.document import AppointmentSection, FieldSpec, Inbound, PackDocument, Table
from bridge.mapping.formats.values import Misread
from bridge.mapping.reading.fields import compile_field
from bridge.mapping.reading.messages import Message
from bridge.mapping.reading.scope import FieldVersions, Scope

TABLES = {
    "closed": Table.model_validate({"key": "id", "rows": [{"id": "1", "name": "one"}]}),
    "open": Table.model_validate({"key": "id", "on_miss": "default", "default": {"name": "other"}, "rows": []}),
}
MOMENT = {"type": "datetime", "format": "%Y-%m-%d %H:%M"}
ABSENT = object()
VISIT = AppointmentSection.model_validate(
    {
        "window": {"start": "-", "end": "-"},
        "seller_contact": {"default": {"name": "A", "number": "1", "email_address": "a@a.example"}},
    }
)


def scope_of(raw: object = ABSENT) -> Scope:
    message = Message({} if raw is ABSENT else {"F": raw}, "key", {"h": "head"})
    job = Job(ref=JobRef("p", "j"))
    return Scope(message, job, FieldVersions(job))


def pack_of(zone: str) -> PackDocument:
    inbound = Inbound(exchange="x", bindings=("#",), job="$.job")
    parts: dict[str, Any] = {"inbound": inbound, "fields": {}, "tables": TABLES, "zone": zone, "appointment": VISIT}
    return PackDocument.model_construct(**parts)


def take(spec: dict[str, object], raw: object = ABSENT) -> object:
    field = compile_field("f", FieldSpec.model_validate({"path": "$.F", **spec}), pack_of("UTC"))
    return field.read(scope_of(raw))


@pytest.mark.parametrize(
    ("spec", "raw", "value"),
    [
        ({}, "x", "x"),
        ({}, "", ""),
        ({}, " zażółć ", " zażółć "),
        ({}, 17, "17"),
        ({}, ABSENT, None),
        ({"default": "d"}, ABSENT, "d"),
        ({"default": "d", "empty": "absent"}, "", "d"),
        ({"default": "d"}, "", ""),
        ({"nulls": "absent"}, None, None),
        ({"type": "code", "values": ["A", "7"]}, "A", "A"),
        ({"type": "code", "values": ["A", "7"]}, 7, "7"),
        ({"type": "code", "table": "closed"}, "1", "1"),
        ({"type": "code", "table": "open"}, "unheard of", "unheard of"),
        ({}, 1.5, "1.5"),
        ({}, 17.0, "17"),
        ({}, 1e-7, "0.0000001"),
        ({"type": "code", "values": ["A", "7"]}, 7.0, "7"),
        ({"type": "code", "values": ["A", "7"]}, " A\u00a0", "A"),
        ({"type": "code", "values": ["A", " A"]}, " A", " A"),
        ({"type": "code", "values": ["true", "false"]}, True, "true"),
        ({"type": "code", "table": "closed"}, "\t1 ", "1"),
        ({"type": "code", "table": "open"}, " unheard of", " unheard of"),
        ({"type": "integer"}, 5, 5),
        ({"type": "integer"}, 1.0, 1),
        ({"type": "integer"}, "1.0", 1),
        ({"type": "integer"}, " 1 ", 1),
        ({"type": "integer"}, "1e3", 1000),
        ({"type": "integer"}, "1 234 567", 1_234_567),
        ({"type": "integer"}, "1,234,567", 1_234_567),
        ({"type": "integer"}, "٣", 3),
        ({"type": "integer"}, "１２", 12),
        ({"type": "boolean"}, "TRUE ", True),
        ({"type": "boolean"}, "0", False),
        ({"type": "boolean"}, 1, True),
        ({"type": "boolean"}, "yes", True),
        ({"type": "boolean", "yes": ["J"], "no": ["N"]}, "j ", True),
        ({"type": "boolean", "yes": ["J"], "no": ["N"]}, True, True),
        ({"type": "boolean", "yes": ["J"], "no": ["N"]}, "false", False),
        ({"type": "boolean", "yes": ["0"], "no": ["1"]}, 0, True),
        ({"type": "integer"}, "-05", -5),
        ({"type": "integer"}, "+9", 9),
        ({"type": "integer"}, 2**63 - 1, 2**63 - 1),
        ({"type": "boolean"}, True, True),
        ({"type": "boolean", "yes": ["Y", "1"], "no": ["N"]}, "N", False),
        ({"type": "boolean", "yes": ["Y", "1"], "no": ["N"]}, 1, True),
        ({"type": "boolean", "yes": ["X"]}, "X", True),
        ({"type": "boolean", "yes": ["X"]}, False, False),
        ({"type": "boolean", "no": ["-"]}, True, True),
        ({"type": "boolean", "yes": ["X"], "empty": "absent", "default": False}, "", False),
        ({"type": "list", "split": "|"}, "A| B ||C", ("A", "B", "C")),
        ({"type": "list", "split": "|"}, ["A|B", 1], ("A|B", "1")),
        ({"type": "list"}, [], ()),
        ({"type": "list", "empty": "absent", "split": ";"}, "", None),
    ],
)
def test_a_value_is_typed(spec: dict[str, object], raw: object, value: object) -> None:
    found = take(spec, raw)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("spec", "raw", "expected", "came"),
    [
        ({}, None, "text without NUL characters", "null"),
        ({}, "a\x00b", "text without NUL characters", '"a\\u0000b"'),
        ({}, "a\ud800", "text without NUL characters", '"a\\ud800"'),
        ({}, [1.5], "text without NUL characters", "a list of 1 items"),
        ({}, True, "text without NUL characters", "true"),
        ({}, {"a": 1}, "text without NUL characters", "an object of 1 members"),
        ({"type": "code", "values": ["A", "B"]}, "C", "one of A, B", '"C"'),
        ({"type": "code", "values": ["A", "B"]}, "", "one of A, B", '""'),
        ({"type": "code", "values": ["A", "B"]}, "a", "one of A, B", '"a"'),
        ({"type": "code", "table": "closed"}, "2", "a code of table closed", '"2"'),
        ({"type": "code", "table": "open"}, [], "a code of table open", "a list of 0 items"),
        ({"type": "integer"}, "1_0", "a whole number of at most 64 bits", '"1_0"'),
        ({"type": "integer"}, "²", "a whole number of at most 64 bits", '"²"'),
        (
            {"type": "integer"},
            "1,234",
            "a whole number of at most 64 bits (the separator may stand before thousands or a fraction)",
            '"1,234"',
        ),
        ({"type": "integer"}, "", "a whole number of at most 64 bits", '""'),
        ({"type": "integer"}, "9" * 40, "a whole number of at most 64 bits", '"' + "9" * 40 + '"'),
        ({"type": "integer"}, 2**63, "a whole number of at most 64 bits", str(2**63)),
        ({"type": "integer"}, 1.5, "a whole number of at most 64 bits", "1.5"),
        ({"type": "integer"}, True, "a whole number of at most 64 bits", "true"),
        ({"type": "boolean"}, "perhaps", "true or false", '"perhaps"'),
        ({"type": "boolean"}, 2, "true or false", "2"),
        ({"type": "boolean", "yes": ["Y"], "no": ["N"]}, "yes", "one of Y, N", '"yes"'),
        ({"type": "boolean", "yes": ["X"]}, 1, "one of X, false", "1"),
        ({"type": "code", "values": ["A", "B"]}, True, "one of A, B", "true"),
        ({"type": "boolean", "yes": ["X"]}, "-", "one of X, false", '"-"'),
        (MOMENT, "2026-02-30 10:00", "a date and time like %Y-%m-%d %H:%M", '"2026-02-30 10:00"'),
        (MOMENT, 20260230, "a date and time like %Y-%m-%d %H:%M", "20260230"),
        ({"type": "list"}, "A", "a list", '"A"'),
        ({"type": "list", "split": "|"}, 5, 'texts joined by "|"', "5"),
        ({"type": "list"}, ["A", None], "a list of texts without NUL characters", "a list of 2 items"),
        ({}, "x" * 1000 + "\x00", "text without NUL characters", '"' + "x" * 59 + '…"'),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_its_place_what_was_expected_and_what_came(
    spec: dict[str, object], raw: object, expected: str, came: str
) -> None:
    with pytest.raises(Misread) as caught:
        take(spec, raw)
    sentence = str(caught.value)
    assert sentence.startswith(f"field f ($.F): expected {expected}")
    assert sentence.endswith(f"; came {came}")


def test_a_required_field_that_is_missing_or_counts_as_absent_is_told() -> None:
    with pytest.raises(Misread, match=r"^field f \(\$\.F\): a value is required; it is missing$"):
        take({"required": True})
    with pytest.raises(Misread, match=r'a value is required; came ""$'):
        take({"required": True, "empty": "absent"}, "")


def test_absent_null_and_empty_are_three_things() -> None:
    assert take({}) is None
    assert take({}, "") == ""
    with pytest.raises(Misread, match="came null"):
        take({}, None)


def test_a_field_may_come_from_a_header_or_the_routing_key() -> None:
    assert take({"path": None, "header": "h"}) == "head"
    assert take({"path": None, "header": "none"}) is None
    assert take({"path": None, "routing_key": True}) == "key"


def test_the_explanation_has_path_raw_and_typed_value() -> None:
    field = compile_field("f", FieldSpec.model_validate({"path": "$.F", **MOMENT}), pack_of("Europe/Warsaw"))
    scope = scope_of("2026-03-05 13:04")
    field.read(scope)
    assert scope.explained == {"f": {"path": "$.F", "raw": "2026-03-05 13:04", "value": "2026-03-05T12:04:00+00:00"}}


def test_the_explanation_of_a_long_value_is_short() -> None:
    field = compile_field("f", FieldSpec.model_validate({"path": "$.F"}), pack_of("UTC"))
    scope = scope_of("x" * 10_000)
    assert field.read(scope) == "x" * 10_000
    assert scope.explained == {"f": {"path": "$.F", "raw": '"' + "x" * 59 + '…"', "value": '"' + "x" * 59 + '…"'}}
