"""Golden translations: what ACME says, in the standard's words."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bridge.domain.model import Goal, JobUpdate, Visit, WorkOrderDetails
from bridge.mapping.pack import Ignored
from bridge.mef.enums import AppointmentStatus as A
from bridge.mef.enums import BuyerSeller, TimeDurationUnits
from bridge.mef.enums import WorkOrderState as W
from bridge.mef.models import (
    FormattedAddress,
    GeographicSiteRef,
    Note,
    RelatedContactInformation,
    RelatedEntity,
    TimeDuration,
)
from tests.unit.mapping.builders import (
    NO_VISIT,
    WINDOW,
    acme,
    job,
    snapshot,
    toy,
    toy_with,
    translate,
    translated,
    unmapped,
)

DISPATCH = {"name": "ACME Field Dispatch", "number": "+48 22 100 10 10", "email_address": "dispatch@acme-field.example"}
JAN = {"name": "Jan Kowalski", "number": "+48 600 100 042", "email_address": "jan.kowalski@acme-field.example"}


def contact(role: str, person: dict[str, str]) -> RelatedContactInformation:
    return RelatedContactInformation.model_validate({"role": role, **person})


DESK = {"name": "Acme Buyer Service Desk", "number": "+48 22 200 20 17", "email_address": "desk@acme-buyer.example"}
OF_THE_BUYER = tuple(contact(role, DESK) for role in ("buyerAppointmentContact", "appointmentPlaceContact"))


def test_a_planned_visit_is_translated_whole() -> None:
    assert translated(acme(), snapshot(REMARK="Ring twice")).update == JobUpdate(
        job=job().ref,
        message="E-000000123",  # type: ignore[arg-type]
        rule="planned",
        pack_version=acme().version,
        goal=Goal(work_order=W.PLANNED, appointment=A.CONFIRMED, if_any=True),
        details=WorkOrderDetails(
            place=(GeographicSiteRef(id="SITE-7", role="WORK_LOCATION"),),
            duration=TimeDuration(time_duration_value=120, time_duration_units=TimeDurationUnits.MIN),
            contacts=(contact("technicalContact", DISPATCH), contact("technician", JAN)),
            related_entity=(RelatedEntity(id="TT-99", role="parentTroubleTicket", referred_type="TroubleTicket"),),
            task=("REPLACE SFP", "PERFORM OTDR"),
            note=(
                Note(
                    id="note-abc0ed60f5e54b2b095f",
                    author="ACME Field Dispatch",
                    date=datetime(2026, 3, 5, 12, 4, 5, tzinfo=UTC),
                    source=BuyerSeller.SELLER,
                    text="Ring twice",
                ),
            ),
            planned_execution_date=datetime(2026, 3, 6, 7, tzinfo=UTC),
        ),
        buyer="acme-buyer",  # type: ignore[arg-type]
        creates=False,
        visit=Visit(ref="V-0001", window=WINDOW, contacts=(*OF_THE_BUYER, contact("sellerAppointmentContact", JAN))),
        occurred_at=datetime(2026, 3, 5, 12, 4, 5, tzinfo=UTC),
        versions={"job": 4},
        record={"technician": "T042"},
    )


PLANNED = Goal(work_order=W.PLANNED, appointment=A.CONFIRMED, if_any=True)
STARTED = Goal(work_order=W.IN_PROGRESS, appointment=A.IN_PROGRESS, if_any=True)
FINISHED = Goal(work_order=W.COMPLETED, appointment=A.COMPLETED, if_any=True)


@pytest.mark.parametrize(
    ("changes", "rule", "goal", "creates"),
    [
        ({"STAT": "NEW", **NO_VISIT}, "created", Goal(work_order=W.OPEN, appointment_required=True), True),
        (
            {"STAT": "NEW", "VISIT_REQ": "N", **NO_VISIT},
            "created",
            Goal(work_order=W.OPEN, appointment_required=False),
            True,
        ),
        ({"STAT": "SCHD"}, "planned", PLANNED, False),
        ({"STAT": "SCHD", **NO_VISIT}, "planned", PLANNED, False),
        ({"STAT": "WIP"}, "started", STARTED, False),
        ({"STAT": "WIP", **NO_VISIT}, "started", STARTED, False),
        ({"STAT": "DONE"}, "finished", FINISHED, False),
        ({"STAT": "CLSD"}, "finished", FINISHED, False),
        ({"STAT": "DONE", **NO_VISIT}, "finished", FINISHED, False),
        ({"STAT": "CLSD", **NO_VISIT}, "finished", FINISHED, False),
        ({"STAT": "NOSH", "RSN": "C01"}, "customer-failed-visit", Goal(appointment=A.FAILED), False),
        ({"STAT": "NOSH", "RSN": "C02"}, "customer-failed-visit", Goal(appointment=A.FAILED), False),
        ({"STAT": "NOSH", "RSN": "C03"}, "customer-failed-visit", Goal(appointment=A.FAILED), False),
        ({"STAT": "NOSH", "RSN": "T01"}, "seller-missed-visit", Goal(appointment=A.MISSED), False),
        ({"STAT": "NOSH", "RSN": "T02"}, "seller-missed-visit", Goal(appointment=A.MISSED), False),
        ({"STAT": "NOSH", "RSN": "T03"}, "seller-missed-visit", Goal(appointment=A.MISSED), False),
        (
            {"STAT": "VCAN", "RSN": "T02", **NO_VISIT},
            "visit-taken-back",
            Goal(work_order=W.OPEN, appointment=A.CANCELLED, appointment_required=True),
            False,
        ),
        ({"STAT": "CANC"}, "cancelled", Goal(work_order=W.CANCELLED), False),
    ],
)
def test_each_status_names_its_goal(changes: dict[str, Any], rule: str, goal: Goal, creates: bool) -> None:
    update = translated(acme(), snapshot(**changes), job(W.PLANNED)).update
    assert (update.rule, update.goal, update.creates) == (rule, goal, creates)


def test_a_cancelled_job_that_is_under_way_could_not_be_completed() -> None:
    update = translated(acme(), snapshot(STAT="CANC"), job(W.IN_PROGRESS, A.IN_PROGRESS)).update
    assert (update.rule, update.goal) == ("cancelled-under-way", Goal(work_order=W.UNABLE_TO_COMPLETE))


@pytest.mark.parametrize(
    ("status", "rule", "reason"),
    [
        ("ENRT", "on-the-way", "A technician on the way can still be cancelled"),
        ("HOLD", "paused", "A pause says nothing to the Buyer"),
    ],
)
def test_what_says_nothing_to_the_buyer_is_ignored_with_its_reason(status: str, rule: str, reason: str) -> None:
    result = translate(acme(), snapshot(STAT=status))
    assert isinstance(result, Ignored)
    assert (result.rule, result.reason) == (rule, reason)
    assert result.explanation["reason"] == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"STAT": "LOST"},
            (
                "field status ($.STAT): expected one of "
                'NEW, SCHD, ENRT, WIP, DONE, CLSD, NOSH, VCAN, CANC, HOLD; came "LOST"'
            ),
        ),
        ({"STAT": ""}, 'HOLD; came ""'),
        ({"STAT": None}, "field status ($.STAT): a value is required; it is missing"),
        ({"RSN": "X99"}, 'field reason ($.RSN): expected a code of table reasons; came "X99"'),
        ({"CUST_ACC": "PL-99999"}, 'field customer ($.CUST_ACC): expected a code of table buyers; came "PL-99999"'),
        ({"TECH": "T999"}, 'field technician ($.TECH): expected a code of table technicians; came "T999"'),
        ({"VISIT_REQ": "M"}, 'field needs_visit ($.VISIT_REQ): expected one of Y, N; came "M"'),
        ({"EST_MIN": "2h"}, 'field minutes ($.EST_MIN): expected a whole number of at most 64 bits; came "2h"'),
        ({"TS": "yesterday"}, "field changed_at ($.TS): expected a date and time like %Y-%m-%d %H:%M:%S"),
        ({"WIN_TO": None}, "window: the end is absent while the other end is there"),
        ({"WIN_TO": "2026-03-06 08:00"}, "is not after the start"),
        ({"TASKS": "|"}, "work_order.task: at least one task is required"),
        ({"STAT": "NOSH"}, "A visit did not take place and RSN does not say on whose side"),
    ],
)
def test_what_the_pack_does_not_know_is_unmapped_and_says_where_what_was_expected_and_what_came(
    changes: dict[str, Any], reason: str
) -> None:
    result = unmapped(acme(), snapshot(**changes))
    assert reason in result.reason
    assert reason in str(result.explanation["reason"])


def test_an_unmapped_message_names_the_rule_when_one_held() -> None:
    assert unmapped(acme(), snapshot(WIN_TO="")).rule == "planned"
    assert unmapped(acme(), snapshot(STAT="LOST")).rule is None


def test_nobody_assigned_leaves_the_packs_default_seller_contact() -> None:
    update = translated(acme(), snapshot(TECH="")).update
    seller = contact("sellerAppointmentContact", DISPATCH)
    assert update.visit.contacts == (*OF_THE_BUYER, seller)
    assert acme().seller_contact(job(W.OPEN)) == seller
    assert [one.role for one in update.details.contacts] == ["technicalContact"]


def test_a_time_that_does_not_exist_or_happens_twice_flags_the_update() -> None:
    update = translated(acme(), snapshot(WIN_FROM="2026-10-25 02:30", WIN_TO="2026-10-25 04:00")).update
    assert update.visit.window is not None
    assert update.visit.window.start_date_time == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert update.flags == (
        "window_from: 2026-10-25 02:30:00 happens twice and is taken as the first in Europe/Warsaw",
    )


def test_the_explanation_is_plain_json_with_every_field_and_every_failed_rule() -> None:
    explanation = translated(acme(), snapshot(STAT="NOSH", RSN="T01")).explanation
    told = orjson.loads(orjson.dumps(explanation))
    assert told["pack"] == acme().version
    assert told["fields"]["reason"] == {"path": "$.RSN", "raw": "T01", "value": "T01"}
    assert len(told["fields"]) == 14
    assert told["rule"] == "seller-missed-visit"
    assert [failed["rule"] for failed in told["rules"]][-1] == "customer-failed-visit"
    assert told["rules"][-1] == {
        "rule": "customer-failed-visit",
        "column": "reason.fault",
        "expected": '"buyer"',
        "came": "seller",
    }


def test_a_remark_sent_again_stays_the_same_note_and_a_changed_one_is_added() -> None:
    first = translated(acme(), snapshot(REMARK="Ring twice")).update.details.note
    again = translated(acme(), snapshot(REMARK="Ring twice", TS="2026-03-05 15:00:00"), job(W.OPEN, note=first)).update
    assert again.details.note == first
    changed = translated(acme(), snapshot(REMARK="Use the side door"), job(W.OPEN, note=first)).update.details.note
    assert [note.text for note in changed] == ["Ring twice", "Use the side door"]
    gone = translated(acme(), snapshot(REMARK=""), job(W.OPEN, note=first)).update.details.note
    assert gone == first


def test_translation_does_not_depend_on_anything_but_its_arguments() -> None:
    message = snapshot(REMARK="Ring twice", WIN_TO="2026-03-29 02:30")
    assert translated(acme(), message) == translated(acme(), message)


# ---- the small pack: what ACME does not use

MADE = {"job": {"key no": "J1"}, "at": "2026-07-05T13:04:05+0200"}


def test_headers_routing_keys_defaults_and_fixed_values_reach_the_update() -> None:
    update = translated(
        toy_with(("end: {value: at}}", 'end: {value: at}}\n  visit: "V"')), {**MADE, "at": None}, None, H
    ).update
    assert update.visit.window is None
    assert update.visit.ref == "V"
    assert update.buyer == "the-buyer"
    assert update.details.related_entity[0].id == "job.any"
    assert update.details.task == ("Look",)
    assert update.details.duration.time_duration_value == 2
    assert update.details.place == (
        FormattedAddress(role="SITE", addr_line1="Main Street 1", city="Gdynia", country="Poland"),
    )
    assert update.goal.appointment_required is False
    assert update.occurred_at is None


H = {"x-kind": "made"}


def test_an_entry_with_if_present_is_there_only_with_its_field() -> None:
    places = translated(toy(), {**MADE, "at": None, "who": "S-1"}, None, H).update.details.place
    assert places[1] == GeographicSiteRef(role="SITE", id="S-1")


def test_the_default_row_stands_in_for_a_code_that_the_table_does_not_know() -> None:
    known = translate(toy(), {**MADE, "at": None, "crew": 1}, None, {"x-kind": "moved"})
    assert not isinstance(known, Ignored)
    assert "rule" in known.explanation
    assert known.explanation["rule"] == "moved-by-buyer"
    result = unmapped(toy(), {**MADE, "crew": "77"}, None, {"x-kind": "moved"})
    assert result.reason == "no rule fits this message"
    assert result.explanation["rules"][1]["came"] == "seller"  # type: ignore[index]


def test_a_rules_park_names_the_rule() -> None:
    result = unmapped(toy(), {**MADE, "who": "x"}, None, {"x-kind": "ended"})
    assert (result.rule, result.reason) == ("not-moved", "Who?")


def test_a_value_that_the_standard_refuses_is_unmapped() -> None:
    result = unmapped(toy(), {**MADE, "at": None, "street": ""}, None, H)
    assert result.reason == ('rule made: FormattedAddress.addr_line1: String should have at least 1 character; came ""')


def test_the_version_follows_the_content_and_not_the_comments() -> None:
    commented = toy_with(("pack: toy", "# more\npack: toy"))
    changed = toy_with(("default: Main Street 1", "default: Main Street 2"))
    assert commented.version == toy().version
    assert changed.version != toy().version
    assert toy().version.startswith("7+")
    assert len(toy().version) == len("7+") + 8
