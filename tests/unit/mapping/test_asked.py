"""Who asked? In the book of the cases it is known for as long as in the running bridge."""

from datetime import timedelta
from typing import Any

import orjson

from bridge.mapping.pack import Pack
from bridge.packtools.buyer_steps import ask
from bridge.packtools.cases import Buyer, Step
from bridge.packtools.sandbox import RawMessage, Sandbox
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.builders import ACME, NO_VISIT, NOON, WINDOW, snapshot
from tests.unit.mapping.patches import pack_with

MORNING = (WINDOW.start_date_time, WINDOW.end_date_time)
LATER = {"WIN_FROM": "2026-03-07 08:00", "WIN_TO": "2026-03-07 12:00"}


def asking() -> Pack:
    base: dict[str, Any] = parse_yaml((ACME / "pack.yaml").read_text(), "pack.yaml").data
    rule = {"rule": "wished", "when": {"status": "SCHD", "asked_by": "buyer"}, "then": {"appointment": "confirmed"}}
    return pack_with("fields: {asked_by: {asked: book}}", {**base, "rules": [rule, *base["rules"]]})


def booked(**reply: object) -> Sandbox:
    book = Sandbox(asking())
    hear(book, "NEW", 1, **NO_VISIT)
    wish = Buyer(book=MORNING, slot={"id": "S-1"})
    ask(book, Step.model_validate({"buyer": wish, "expect": {"rule": None}, **reply}), wish, NOON)
    return book


def agreed() -> Sandbox:
    return booked(reply={"RC": "00"})


def hear(book: Sandbox, status: str, version: int, minutes: int = 0, **changes: object) -> str | None:
    message = snapshot(MSG_ID=f"E-{version}", JOB_VER=version, STAT=status, **changes)
    return book.apply(RawMessage(body=orjson.dumps(message)), NOON + timedelta(minutes=minutes))[0].rule


def test_the_first_message_with_a_state_after_the_yes_is_the_buyers() -> None:
    book = agreed()
    assert hear(book, "HOLD", 2) != "wished"
    assert hear(book, "SCHD", 3) == "wished"
    assert hear(book, "SCHD", 4, **LATER) == "planned"


def test_a_quarter_of_an_hour_later_it_is_the_sellers() -> None:
    assert hear(agreed(), "SCHD", 2, minutes=15) == "planned"


def test_a_quarter_of_an_hour_after_its_deadline_a_command_without_an_answer_is_spoken_of_no_more() -> None:
    assert hear(booked(), "SCHD", 2, minutes=15) == "wished"
    assert hear(booked(), "SCHD", 2, minutes=16) == "planned"
