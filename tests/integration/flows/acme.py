"""What ACME says, and a Buyer too: messages that are plausible as they are; a test names only what it is about."""

from datetime import UTC, datetime
from typing import Any

import orjson

from bridge.flows.ports.journal_entry import WfmMessage
from bridge.mef.enums import BuyerSeller, ContactRole
from bridge.mef.models import (
    AppointmentCreate,
    Note,
    RelatedContactInformation,
    SearchTimeSlotCreate,
    TimePeriod,
    TimeSlot,
    WorkOrderRef,
)

PACK = "acme-wfm"
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
"""Thursday, 13:00 in Warsaw."""

MORNING = TimePeriod(
    start_date_time=datetime(2026, 3, 6, 7, tzinfo=UTC), end_date_time=datetime(2026, 3, 6, 11, tzinfo=UTC)
)
AFTERNOON = TimePeriod(
    start_date_time=datetime(2026, 3, 6, 11, tzinfo=UTC), end_date_time=datetime(2026, 3, 6, 15, tzinfo=UTC)
)
MONDAY = TimePeriod(
    start_date_time=datetime(2026, 3, 9, 7, tzinfo=UTC), end_date_time=datetime(2026, 3, 9, 11, tzinfo=UTC)
)
NO_VISIT = {"VISIT_NO": "", "WIN_FROM": "", "WIN_TO": "", "TECH": ""}
IN_MORNING = {"VISIT_NO": "V-0001", "WIN_FROM": "2026-03-06 08:00", "WIN_TO": "2026-03-06 12:00", "TECH": "T042"}
IN_AFTERNOON = IN_MORNING | {"WIN_FROM": "2026-03-06 12:00", "WIN_TO": "2026-03-06 16:00"}


def event(stat: str, version: int, job: str = "J-1", **changes: Any) -> WfmMessage:
    """Make an event of a job; without a visit unless the changes name one."""
    body = {
        "MSG_ID": f"E-{job}-{version}",
        "JOB_NO": job,
        "JOB_VER": version,
        "TS": "2026-03-05 13:04:05",
        "CUST_ACC": "PL-00017",
        "STAT": stat,
        "RSN": "",
        "VISIT_REQ": "Y",
        "EST_MIN": "120",
        "SITE_ID": "SITE-7",
        "TT_NO": "TT-99",
        "TASKS": "REPLACE SFP|PERFORM OTDR",
        "REMARK": "",
        **NO_VISIT,
        **changes,
    }
    return raw(orjson.dumps(body), f"job.{stat.lower()}")


def raw(body: bytes, routing_key: str = "job.raw") -> WfmMessage:
    """Make a message of any bytes."""
    return WfmMessage(pack=PACK, body=body, routing_key=routing_key, correlation_id="corr-wfm", received_at=NOW)


def done(**fields: Any) -> bytes:
    """Make the reply to a command that was carried out."""
    return orjson.dumps({"RC": "00", "REF": "", **fields})


def refused(rc: str = "17") -> bytes:
    """Make the reply to a command that was not."""
    return orjson.dumps({"RC": rc, "REF": "", "TXT": "no"})


def slots(*offers: tuple[str, str, str]) -> bytes:
    """Make the reply to a search: (id, from, to)."""
    return done(SLOTS=[{"SLOT_ID": id_, "FROM": start, "TO": end, "TECH": "T042"} for id_, start, end in offers])


MORNING_SLOT = ("S-17", "2026-03-06 08:00", "2026-03-06 12:00")
AFTERNOON_SLOT = ("S-18", "2026-03-06 12:00", "2026-03-06 16:00")
MONDAY_SLOT = ("S-19", "2026-03-09 08:00", "2026-03-09 12:00")


def contacts(name: str = "Jo Doe") -> tuple[RelatedContactInformation, ...]:
    """Make the two contacts that a booking must have."""
    return tuple(
        RelatedContactInformation(role=role, name=name, number="+48 22 1", email_address="jo@acme.test")
        for role in (ContactRole.BUYER_APPOINTMENT, ContactRole.APPOINTMENT_PLACE)
    )


def search(work_order: str, *periods: TimePeriod) -> SearchTimeSlotCreate:
    """Make a search."""
    return SearchTimeSlotCreate(
        requested_time_slot=tuple(TimeSlot(valid_for=period) for period in periods),
        work_order=WorkOrderRef(id=work_order),
    )


def note(text: str, number: int = 1) -> Note:
    """Make a Buyer's note."""
    return Note(id=f"n-{number}", author="Jo Doe", date=NOW, source=BuyerSeller.BUYER, text=text)


def booking(work_order: str, window: TimePeriod = MORNING, **changes: Any) -> AppointmentCreate:
    """Make a Buyer's booking."""
    wanted: dict[str, Any] = {
        "related_contact_information": contacts(),
        "valid_for": window,
        "work_order": WorkOrderRef(id=work_order),
    }
    return AppointmentCreate(**(wanted | changes))
