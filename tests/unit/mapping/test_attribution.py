"""Whose fault it is: reasons by code or by text, with a stated policy for the unknown."""

import pytest

from bridge.domain.model import (
    AppointmentId,
    BuyerId,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    Goal,
    Job,
    JobRef,
    WorkOrderId,
)
from bridge.mapping.pack import Skipped
from tests.unit.mapping.builders import NOON, read, translated
from tests.unit.mapping.patches import fields_of, outcome, pack_with, problems

PACK = """
fields:
  reason: {path: $.reason, nulls: absent}
  label: {path: $.label}
attribution:
  reason: [reason, label]
  buyer: ["C01", {contains_word: no access}]
  seller: ["7", {starts_with: technician}]
  neutral: [{ends_with: weather}]
  unknown: seller
  absent: neutral
rules:
  - {rule: buyers, when: {fault: buyer}, then: {hold: x}}
  - {rule: sellers, when: {fault: seller}, then: {hold: x}}
  - {rule: nobodys, when: {fault: neutral}, then: {hold: x}}
  - {rule: whose, when: {fault: unknown}, then: {park: Who?}}
"""


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ({"reason": "C01"}, "buyers"),
        ({"reason": " c01 "}, "buyers"),
        ({"reason": 7}, "sellers"),
        ({"reason": "Z", "label": "No Access: gate locked"}, "buyers"),
        ({"label": "no accessories"}, "sellers"),
        ({"label": "TECHNICIAN ill"}, "sellers"),
        ({"label": "bad weather"}, "nobodys"),
        ({}, "nobodys"),
        ({"reason": "whatever"}, "sellers"),
    ],
)
def test_a_reason_is_attributed(message: dict[str, object], rule: str) -> None:
    assert outcome(pack_with(PACK), message) == rule


def test_a_reason_stands_on_one_side_only() -> None:
    assert problems(PACK.replace('["7", ', '["c01", ')) == ["duplicate-code: 'c01' is attributed to the buyer already"]


def test_the_policy_for_unknown_reasons_must_be_stated() -> None:
    assert problems(PACK.replace("  unknown: seller\n", "")) == ["missing-key: the key 'unknown' is missing"]


def command(kind: CommandKind, state: CommandState, moves: bool = False) -> Command:
    return Command(
        id=CommandId("c"),
        kind=kind,
        job=JobRef("toy", "J"),
        work_order=WorkOrderId("w"),
        buyer=BuyerId("b"),
        state=state,
        appointment=AppointmentId("a") if moves else None,
        created_at=NOON,
        expires_at=NOON,
        echo_until=NOON,  # as it was loaded, its time is not up
    )


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        ((), "seller"),
        ((command(CommandKind.CANCEL, CommandState.PENDING),), "buyer"),
        ((command(CommandKind.CANCEL, CommandState.REFUSED),), "seller"),
        ((command(CommandKind.BOOK, CommandState.PENDING),), "seller"),
        ((command(CommandKind.BOOK, CommandState.EXPIRED, moves=True),), "buyer"),
    ],
)
def test_a_field_tells_whether_the_buyer_asked_for_it(asked: tuple[Command, ...], who: str) -> None:
    pack = pack_with("fields: {kind: {path: $.k}, asked_by: {asked: [cancel, reschedule]}}")
    assert fields_of(pack, {}, Job(ref=JobRef("toy", "J"), commands=asked))["asked_by"] == who


IGNORING = """
inbound:
  ignore:
    - {routing_key: true, fits: {starts_with: heartbeat.}, why: A heartbeat is of no job}
    - {path: $.record.type, fits: [prework, break], why: Not a job}
    - {header: x-test, fits: {present: true}, why: A test}
"""


def test_an_ignored_message_needs_neither_job_nor_fields() -> None:
    pack = pack_with(IGNORING)
    assert pack.read(b"{}", "heartbeat.1", {}) == Skipped(
        "A heartbeat is of no job", {"reason": "A heartbeat is of no job"}
    )
    assert isinstance(read(pack, {"record": {"type": "break"}}), Skipped)
    assert isinstance(read(pack, {}, {"x-test": ""}), Skipped)
    assert not isinstance(read(pack, {"job": "J", "record": {"type": ["break"]}}), Skipped)


def test_hold_keeps_the_states_and_brings_the_rest_up_to_date() -> None:
    pack = pack_with("rules: [{rule: paused, then: {hold: Suspended work keeps its state}}]")
    update = translated(pack, {"job": "J"}).update
    assert (update.goal.work_order, update.goal.appointment, update.rule) == (None, None, "paused")
    assert isinstance(update.goal, Goal)
