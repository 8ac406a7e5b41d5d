"""Slots and commands in other shapes: nested lists, filters, dictionaries, omitted keys, XML."""

import orjson
import pytest

from bridge.domain.model import Accepted, CommandId, CommandKind, JobRef, Offered
from bridge.mapping.context import CommandContext
from bridge.mapping.pack import ReplyRead, Unreadable
from bridge.mapping.replies import ReplyReader
from bridge.mapping.templates import Unrenderable
from tests.unit.mapping.builders import NOON, work_order
from tests.unit.mapping.patches import pack_with, problems

SEARCH = """
commands:
  search:
    reply:
      slots:
        within: [$.days]
        each: $.slots
        where: {$.free: true}
        dictionary: {list: $.labels, key: $.name, by: $.label}
        start: {path: $.entry.from, format: iso, zone: UTC}
        end: {path: $.entry.to, format: iso, zone: UTC}
        token: {number: $.label, area: $.parent.area}
"""
LABELS = [{"name": "AM", "from": "2026-03-05T08:00", "to": "2026-03-05T12:00"}]


def offered(body: object) -> ReplyRead | Unreadable:
    return pack_with(SEARCH).read_reply(CommandKind.SEARCH, orjson.dumps(body))


def day(*slots: object) -> dict[str, object]:
    return {"rc": "ok", "labels": LABELS, "days": [{"area": 7, "slots": list(slots)}]}


def test_only_slots_that_fit_are_offered_with_what_lies_around_them() -> None:
    read = offered(day({"label": "AM", "free": True}, {"label": "PM", "free": False}, "odd"))
    assert isinstance(read, ReplyRead)
    assert isinstance(read.reply, Offered)
    assert [slot.token for slot in read.reply.slots] == [{"number": "AM", "area": 7}]


@pytest.mark.parametrize(
    "body",
    [
        day({"label": "XX", "free": True}),
        {**day(), "days": [{"slots": 5}]},
        {**day({"label": "AM", "free": True}), "labels": None},
        {**day(), "days": [{"area": 1, "slots": [{"free": False}] * 10_001}]},
    ],
)
def test_slots_that_cannot_be_read_are_told(body: object) -> None:
    read = offered(body)
    assert isinstance(read, Unreadable)
    assert read.reason.startswith("slots (")


CANCEL = """
commands:
  cancel:
    format: xml
    body:
      visit: null
      crew: null
      Cancel: {"@visit": {value: visit, omit: true}, Job: {value: job}, Why: {value: note, omit: true}, Tag: [a, b]}
    reply: {status: $.Answer.OK, accepted: ["true"], no_status: accepted}
"""
CONTEXT = CommandContext(command=CommandId("c"), job=JobRef("toy", "J<1>"), work_order=work_order(), now=NOON)


def test_a_command_is_written_as_xml_without_what_is_absent() -> None:
    rendered = pack_with(CANCEL).render(CommandKind.CANCEL, CONTEXT)
    assert rendered.content_type == "application/xml"
    assert rendered.body == (
        b'<?xml version="1.0" encoding="UTF-8"?><Cancel><Job>J&lt;1&gt;</Job><Tag>a</Tag><Tag>b</Tag></Cancel>'
    )


def test_a_character_that_xml_cannot_hold_makes_the_command_unrenderable() -> None:
    context = CommandContext(command=CommandId("c"), job=JobRef("toy", "\x01"), work_order=work_order(), now=NOON)
    with pytest.raises(Unrenderable, match="U\\+0001"):
        pack_with(CANCEL).render(CommandKind.CANCEL, context)


@pytest.mark.parametrize("body", [b"<Answer><OK>true</OK></Answer>", b"<Answer/>"])
def test_a_reply_is_read_as_xml_and_may_lack_its_status(body: bytes) -> None:
    read = pack_with(CANCEL).read_reply(CommandKind.CANCEL, body)
    assert isinstance(read, ReplyRead)
    assert read.reply == Accepted()


def test_a_status_may_be_true_or_false() -> None:
    pack = pack_with('commands: {cancel: {reply: {accepted: ["true"]}}}')
    read = pack.read_reply(CommandKind.CANCEL, b'{"rc": true}')
    assert isinstance(read, ReplyRead)
    assert read.reply == Accepted()
    assert isinstance(pack.commands[CommandKind.CANCEL].reply, ReplyReader)


@pytest.mark.parametrize(
    ("body", "problem"),
    [("{a: 1, b: 2}", "an XML body has one root element"), ("{'a b': 1}", "'a b' cannot be the name of an XML")],
)
def test_a_body_that_cannot_be_xml_is_told(body: str, problem: str) -> None:
    (found,) = problems(f"commands: {{note: {{exchange: x, routing_key: y, format: xml, body: {body}}}}}")
    assert problem in found
