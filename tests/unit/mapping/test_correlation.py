"""Answers find their commands by what the pack says: a fixed queue, and the correlation id in the body."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.model import CommandId, CommandKind, JobRef
from bridge.mapping.commands.context import CommandContext
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Pack, Replies
from bridge.mapping.reading.messages import Unreadable
from bridge.packtools.explanation import explain_reply
from bridge.packtools.explanation_text import reply_as_text
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.builders import TOY, toy, work_order
from tests.unit.mapping.test_checker import findings_of, parse

REPLIES = "replies: {queue: toy.answers, correlation: [$.ref, $.error.ref]}\n"
ANSWERED = (
    TOY.replace("body: {visit", "body: {ref: {value: correlation}, visit").replace(
        "    body:\n      when:", "    body:\n      ref: {value: correlation}\n      when:"
    )
    + REPLIES
)
XML = (
    ANSWERED.replace("    body: {ref", "    format: xml\n    body: {Cancel: {ref")
    .replace("column: name}}", "column: name}}}")
    .replace("    body:\n      ref: {value: correlation}\n", "    format: xml\n    body:\n     Search:\n")
    .replace("      when:", "      ref: {value: correlation}\n      when:")
    .replace("      kinds: [visit, 1, true, null]\n", "")
    .replace("[$.ref, $.error.ref]", "[$.Done.ref, $.Failed.ref]")
    .replace("inbound:\n", "inbound:\n  xml: {lists: [slots]}\n")
)
CANCEL = ANSWERED[ANSWERED.index("body: {ref: {value: correlation}, visit") :].splitlines()[0]
CONTEXT = CommandContext(
    command=CommandId("c-1"), job=JobRef("toy", "J"), work_order=work_order(), now=datetime(2026, 3, 5, 12, tzinfo=UTC)
)


def pack(text: str = ANSWERED) -> Pack:
    return make_pack(parse_yaml(text, "pack.yaml"))


JSON, AS_XML = pack(), pack(XML)


def test_where_answers_come_to() -> None:
    assert toy().replies is None
    assert pack().replies == Replies("toy.answers", in_body=True)
    assert pack(ANSWERED.replace("queue: toy.answers, ", "")).replies == Replies(None, in_body=True)
    assert pack(TOY + "replies: {queue: q}\n").replies == Replies("q", in_body=False)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"ref": "c-1"}', "c-1"),
        (b'{"ref": " c-1  "}', "c-1"),
        (b'{"ref": 17}', "17"),
        (b'{"ref": "", "error": {"ref": "c-2"}}', "c-2"),
    ],
)
def test_an_answer_is_known_by_its_body(body: bytes, found: str) -> None:
    assert pack().correlation_of(body, "property") == found


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no JSON", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"[]", "replies.correlation ($.ref or $.error.ref): expected what the command wrote; it is missing"),
        (b'{"ref": null}', "it is missing"),
        (b'{"error": {"ref": null}}', "came null"),
        (b'{"error": {"ref": " "}}', 'came " "'),
        (b'{"error": {"ref": true}}', "came true"),
        (b'{"error": {"ref": ["c-1"]}}', "expected what the command wrote"),
        (b'{"error": {"ref": "c\\u0000"}}', "expected what the command wrote"),
    ],
)
def test_an_answer_that_does_not_bear_it_is_told(body: bytes, reason: str) -> None:
    found = pack().correlation_of(body, "property")
    assert isinstance(found, Unreadable)
    assert reason in found.reason
    assert found.explanation == {"pack": pack().version, "reason": found.reason}


@pytest.mark.parametrize(
    ("body", "found"),
    [(b"<Done><ref>c-1</ref></Done>", "c-1"), (b"<Failed><ref> c-2 </ref></Failed>", "c-2"), (b"<Done/>", None)],
)
def test_an_answer_in_xml(body: bytes, found: str | None) -> None:
    read = pack(XML).correlation_of(body, "")
    assert (None if isinstance(read, Unreadable) else read) == found


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["ref", "error", "x"]), inner),
)


@given(body=st.binary() | ANYTHING.map(json.dumps).map(str.encode))
def test_whatever_an_answer_is_it_bears_a_text_or_is_told(body: bytes) -> None:
    for pack in (JSON, AS_XML):
        found = pack.correlation_of(body, "")
        assert isinstance(found, Unreadable) or found.strip()


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><Done><ref>&b;</ref></Done>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Done><ref>c</ref></Done>',
        b"<Done>" * 10_000,
        b"[" * 100_000,
        b'{"ref":' * 100_000,
        b'{"ref": "\\ud800"}',
        b"\x00",
        b"",
    ],
)
def test_a_hostile_answer_is_told(body: bytes) -> None:
    assert isinstance(JSON.correlation_of(body, "c-1"), Unreadable)
    assert isinstance(AS_XML.correlation_of(body, "c-1"), Unreadable)


def test_elsewhere_it_is_the_property() -> None:
    assert toy().correlation_of(b"no JSON", "c-1") == "c-1"
    assert toy().correlation_of(b"{}", "") == ""


def test_a_command_writes_what_its_answer_is_to_bear() -> None:
    """In a compensation that is another id than its own."""
    assert orjson.loads(pack().render(CommandKind.CANCEL, CONTEXT).body)["ref"] == "c-1"
    compensation = replace(CONTEXT, correlation="booking:compensation")
    assert orjson.loads(pack().render(CommandKind.CANCEL, compensation).body)["ref"] == "booking:compensation"
    assert compensation.correlation_id == "booking:compensation"


def test_an_explanation_tells_it() -> None:
    told = explain_reply(JSON, CommandKind.CANCEL, b'{"rc": "ok", "ref": "c-1"}', ())
    assert (told["correlation"], told["meaning"]) == ("c-1", "accepted")
    assert 'correlation "c-1"' in reply_as_text(told)
    assert "correlation" not in explain_reply(toy(), CommandKind.CANCEL, b'{"rc": "ok", "ref": "c-1"}', ())


def test_an_explanation_tells_that_an_answer_would_find_no_command() -> None:
    told = explain_reply(JSON, CommandKind.CANCEL, b'{"rc": "ok"}', ())
    assert told["meaning"] == "unreadable"
    assert "meaning   unreadable: replies.correlation ($.ref or $.error.ref): expected" in reply_as_text(told)


BROKEN = {
    "nothing said": (REPLIES, "replies: ^{}\n", "wrong-value", "write queue: <name>, correlation: <path>, or both"),
    "an empty name": ("toy.answers", '^""', "wrong-value", "at least 1"),
    "a queue of our own": (
        "toy.answers",
        "^mef-bridge.main.replies",
        "wrong-value",
        "queues of the bridge begin with mef-bridge.; write the name that the WFM answers to",
    ),
    "a queue of RabbitMQ": ("toy.answers", "^amq.gen-1", "wrong-value", "queues of RabbitMQ begin with amq."),
    "no path": ("[$.ref,", "[^ref,", "wrong-value", "it starts with $; write $.ref"),
    "an unknown key": (", correlation:", ", ^corelation:", "unknown-key", "did you mean 'correlation'?"),
    "a command that does not write it": (
        "body: {ref: {value: correlation}, visit",
        "body: ^{visit",
        "missing-correlation",
        "write {value: correlation} somewhere in the body of cancel",
    ),
    "a command that writes its own id": (
        "body: {ref: {value: correlation}, visit",
        "body: ^{ref: {value: command}, visit",
        "missing-correlation",
        "write {value: correlation} somewhere in the body of cancel",
    ),
    "a command that may write something else": (
        "body: {ref: {value: correlation}, visit",
        "body: ^{ref: {value: [visit, correlation]}, visit",
        "missing-correlation",
        "write {value: correlation} somewhere in the body of cancel",
    ),
    "answers of two formats": (
        CANCEL,
        "format: ^xml\n    body: {Cancel: {ref: {value: correlation}}}",
        "mixed-formats",
        "write format: json as in the others",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_reported_where_it_is(name: str) -> None:
    old, new, kind, message = BROKEN[name]
    assert ANSWERED.count(old) == 1
    text, line, column = parse(ANSWERED.replace(old, new))
    found = findings_of(text)
    assert [(one.line, one.column, one.kind) for one in found] == [(line, column, kind)], found
    assert message in found[0].message


def test_without_a_reply_there_is_nothing_to_find() -> None:
    commands = TOY.index("commands:")
    note = "commands: {note: {exchange: x, routing_key: y, body: {}}}\n"
    (found,) = findings_of(TOY[:commands] + note + REPLIES)
    assert (found.column, found.kind) == (1, "missing-command")
