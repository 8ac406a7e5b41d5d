"""What AsyncAPI says of an answer with slots: the lists in one another, and nothing of our own making in them."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bridge.domain.model import CommandKind
from bridge.mapping.document import PackDocument
from bridge.packtools.bus_schemas import reply_schema
from tests.unit.mapping.patches import BASE, merged

SLOTS: dict[str, Any] = {
    "within": ["$.dates", {"list": "$.areas", "where": {"$.reason": {"present": False}}}],
    "each": "$.timeSlots",
    "where": {"$.free": True},
    "dictionary": {"list": "$.labels", "key": "$.name", "by": "$.label"},
    "start": {"path": ["$.parent.parent.date", "$.entry.from"], "format": "%Y-%m-%d %H:%M", "zone": "$.parent.tz"},
    "end": {"path": "$.until", "format": "epoch", "zone": {"minutes": "$.parent.offset"}},
    "prefer": {"path": "$.score", "order": "lowest"},
    "token": {"number": None, "area": "$.parent.label", "first": "$.ids[0]", "search": "$.parent.parent.parent.id"},
}
SLOT = {"label": "AM", "until": 1772715845, "score": 1}
ANSWER: dict[str, Any] = {
    "rc": "ok",
    "labels": [{"name": "AM", "from": "08:00"}],
    "dates": [{"date": "2026-03-05", "areas": [{"label": "N", "tz": "UTC", "offset": "60", "timeSlots": [SLOT]}]}],
}


def drawn() -> Draft202012Validator:
    pack = PackDocument.model_validate(merged(BASE, {"commands": {"search": {"reply": {"slots": SLOTS}}}}))
    reply = pack.commands[CommandKind.SEARCH].reply
    assert reply is not None
    schema = reply_schema(pack, reply, CommandKind.SEARCH)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_an_answer_with_slots_in_lists_fits_its_schema() -> None:
    assert list(drawn().iter_errors(ANSWER)) == []


@pytest.mark.parametrize(
    ("path", "description"),
    [
        (("id",), "Sent back as slot.search when the slot is booked."),
        (("dates", "date"), "The start of the window, written as %Y-%m-%d %H:%M."),
        (("labels", "from"), "The start of the window, written as %Y-%m-%d %H:%M."),
        (("dates", "areas", "tz"), "The zone of the window."),
        (("dates", "areas", "offset"), "The zone of the window, in minutes east of Greenwich."),
        (("dates", "areas", "label"), "Sent back as slot.area when the slot is booked."),
        (("dates", "areas", "reason"), "Decides whether there are slots in it."),
        (("dates", "areas", "timeSlots", "free"), "Decides whether the slot is offered."),
        (("dates", "areas", "timeSlots", "label"), "Found in $.labels."),
        (("dates", "areas", "timeSlots", "score"), "Of equal slots that of the lowest is taken."),
    ],
)
def test_what_is_read_of_a_slot_is_drawn_where_it_stands(path: tuple[str, ...], description: str) -> None:
    *lists, member = path
    node: Any = drawn().schema
    for name in lists:
        node = node["properties"][name]["items"]
    assert node["properties"][member]["description"] == description


def test_what_is_no_chain_of_names_is_told() -> None:
    slots: Any = drawn().schema
    for name in ("dates", "areas", "timeSlots"):
        slots = slots["properties"][name]["items"]
    assert slots["description"] == "A slot that is offered. Also read: $.ids[0]."
    assert set(slots["properties"]) == {"label", "until", "score", "free"}
