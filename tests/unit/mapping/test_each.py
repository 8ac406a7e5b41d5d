"""What a command writes once for each of several things: notes, periods, contacts."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.model import CommandId, CommandKind, JobRef
from bridge.mapping.commands.command import compile_template, to_json, to_xml
from bridge.mapping.commands.context import CommandContext
from bridge.mapping.document.commands import parse_body
from bridge.mapping.formats.xml import read_xml
from bridge.mef.enums import BuyerSeller
from bridge.mef.models import Note, RelatedContactInformation
from tests.unit.mapping.builders import NOON, toy, toy_with, window, work_order

FIRST, SECOND = (
    window("2026-03-06T08:00:00Z", "2026-03-06T12:00:00Z"),
    window("2026-03-09T08:00:00Z", "2026-03-09T09:00:00Z"),
)


def note(text: str) -> Note:
    return Note(id="1", author="Jo", date=datetime(2026, 3, 5, tzinfo=UTC), source=BuyerSeller.BUYER, text=text)


def contact(role: str, organization: str | None = None) -> RelatedContactInformation:
    return RelatedContactInformation(
        role=role, name="Bo", number="1", email_address="b@x.example", organization=organization
    )


CONTEXT = CommandContext(
    command=CommandId("c-1"), job=JobRef("toy", "J"), work_order=work_order(), window=FIRST, now=NOON
)


def written(body: dict[str, Any], context: CommandContext) -> Any:
    return compile_template(parse_body(body), {}, "Europe/Warsaw", {})(context)


def test_every_thing_is_written_in_its_order_with_what_else_there_is_to_say() -> None:
    item = {
        "on": {"value": "each.date", "format": "%d.%m.%Y %H:%M"},
        "job": {"value": "job"},
        "text": {"value": "each.text"},
    }
    body = {"notes": {"each": "notes", "item": item}, "then": 1}
    found = written(body, replace(CONTEXT, notes=(note("a"), note("b"))))
    assert orjson.loads(to_json(found)) == {
        "notes": [{"on": "05.03.2026 01:00", "job": "J", "text": text} for text in ("a", "b")],
        "then": 1,
    }


@pytest.mark.parametrize(("omit", "found"), [(False, {"notes": []}), (True, {})])
def test_of_nothing_an_empty_list_is_written_or_nothing(omit: bool, found: object) -> None:
    body = {"notes": {"each": "notes", "item": {"value": "each.text"}, "omit": omit}}
    assert written(body, CONTEXT) == found


def test_an_item_with_nothing_to_write_is_left_out() -> None:
    body = {"of": {"each": "contacts", "item": {"value": "each.organization", "omit": True}}}
    assert written(body, replace(CONTEXT, contacts=(contact("a"), contact("b", "Larch")))) == {"of": ["Larch"]}


def test_in_xml_an_element_is_repeated() -> None:
    item = {"@from": {"value": "each.start"}, "#text": {"value": "each.end", "format": "%H:%M", "zone": "UTC"}}
    body = {"Find": {"@v": "1", "Day": {"each": "periods", "item": item}}}
    xml = to_xml(written(body, replace(CONTEXT, periods=(FIRST, SECOND))))
    assert b'</Day><Day from="2026-03-09T08:00:00.000Z">09:00</Day></Find>' in xml
    assert to_xml(written(body, CONTEXT)).endswith(b'<Find v="1"></Find>')


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1), min_size=2))
def test_whatever_notes_say_comes_out_as_it_went_in(texts: list[str]) -> None:
    body = {"Book": {"Note": {"each": "notes", "item": {"#text": {"value": "each.text"}}}}}
    context = replace(CONTEXT, notes=tuple(map(note, texts)))
    data = written(body, context)
    assert orjson.loads(to_json(data)) == {"Book": {"Note": [{"#text": text} for text in texts]}}
    again: Any = read_xml(to_xml(data), {}, ["Note"])
    assert [text.strip() for text in again["Book"]["Note"]] == [text.strip() for text in texts]


ASKS_ALL = ("      kinds: [visit, 1, true, null]\n", "      kinds: {each: periods, item: {value: each.start}}\n")


def test_a_search_that_writes_the_periods_asks_for_all_at_once() -> None:
    pack = toy_with(ASKS_ALL)
    assert pack.asks_all_periods
    assert not toy().asks_all_periods
    body = orjson.loads(pack.render(CommandKind.SEARCH, replace(CONTEXT, periods=(FIRST, SECOND))).body)
    assert body["kinds"] == ["2026-03-06T08:00:00.000Z", "2026-03-09T08:00:00.000Z"]
