"""Makes packs, messages and jobs for the tests of the mapping."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    Job,
    JobRef,
    WorkOrder,
    WorkOrderDetails,
    WorkOrderId,
)
from bridge.mapping.loader import load_pack, make_pack
from bridge.mapping.pack import Pack, Read, Reading, Translated, Unmapped
from bridge.mapping.translator import Translation
from bridge.mef.enums import AppointmentStatus, TimeDurationUnits, WorkOrderState
from bridge.mef.models import GeographicSiteRef, Note, RelatedContactInformation, TimeDuration, TimePeriod
from bridge.yaml_source import parse_yaml

ACME = Path(__file__).parents[3] / "mappings" / "acme-wfm"
TOY = (Path(__file__).parent / "toy.yaml").read_text()
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)

SNAPSHOT: dict[str, Any] = {
    "MSG_ID": "E-000000123",
    "JOB_NO": "J-4711",
    "JOB_VER": 4,
    "TS": "2026-03-05 13:04:05",
    "CUST_ACC": "PL-00017",
    "STAT": "SCHD",
    "RSN": "",
    "VISIT_REQ": "Y",
    "VISIT_NO": "V-0001",
    "WIN_FROM": "2026-03-06 08:00",
    "WIN_TO": "2026-03-06 12:00",
    "TECH": "T042",
    "EST_MIN": "120",
    "SITE_ID": "SITE-7",
    "TT_NO": "TT-99",
    "TASKS": "REPLACE SFP|PERFORM OTDR",
    "REMARK": "",
}
NO_VISIT = {"VISIT_NO": "", "WIN_FROM": "", "WIN_TO": "", "TECH": ""}
CONTACT = RelatedContactInformation(role="technicalContact", name="A", number="1", email_address="a@example.com")


@cache
def acme() -> Pack:
    """The pack in the box."""
    return load_pack(ACME)


@cache
def toy() -> Pack:
    """The small pack beside the tests."""
    return toy_with()


def toy_with(*changes: tuple[str, str]) -> Pack:
    """The small pack with pieces of its text replaced."""
    text = TOY
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return make_pack(parse_yaml(text, "toy.yaml"))


def snapshot(**changes: object) -> dict[str, Any]:
    """An ACME message; a value of None leaves the member out."""
    return {name: value for name, value in (SNAPSHOT | changes).items() if value is not None}


def read(pack: Pack, message: object, headers: dict[str, str] | None = None) -> Read:
    """Read a message given as plain data."""
    return pack.read(orjson.dumps(message), "job.any", headers or {})


def translate(
    pack: Pack, message: object, job: Job | None = None, headers: dict[str, str] | None = None
) -> Translation:
    """Read and translate a message given as plain data."""
    reading = read(pack, message, headers)
    assert isinstance(reading, Reading), reading
    return pack.translate(reading, job or Job(ref=reading.job))


def translated(
    pack: Pack, message: object, job: Job | None = None, headers: dict[str, str] | None = None
) -> Translated:
    """As `translate`, for a message that must come out."""
    result = translate(pack, message, job, headers)
    assert isinstance(result, Translated), result
    return result


def unmapped(pack: Pack, message: object, job: Job | None = None, headers: dict[str, str] | None = None) -> Unmapped:
    """As `translate`, for a message that must be parked."""
    result = translate(pack, message, job, headers)
    assert isinstance(result, Unmapped), result
    return result


def window(start: str, end: str) -> TimePeriod:
    """A window of two RFC 3339 texts."""
    return TimePeriod(start_date_time=datetime.fromisoformat(start), end_date_time=datetime.fromisoformat(end))


WINDOW = window("2026-03-06T07:00:00Z", "2026-03-06T11:00:00Z")


def work_order(state: WorkOrderState = WorkOrderState.OPEN, note: tuple[Note, ...] = ()) -> WorkOrder:
    """A WorkOrder of job J-4711."""
    return WorkOrder(
        id=WorkOrderId("wo-1"),
        job=JobRef("acme-wfm", "J-4711"),
        buyer=BuyerId("acme-buyer"),
        state=state,
        appointment_required=False,
        details=WorkOrderDetails(
            place=(GeographicSiteRef(id="SITE-7", role="WORK_LOCATION"),),
            duration=TimeDuration(time_duration_value=1, time_duration_units=TimeDurationUnits.HOUR),
            contacts=(CONTACT,),
            related_entity=(),
            task=("X",),
            note=note,
        ),
        created_at=NOON,
        changed_at=NOON,
    )


def appointment(status: AppointmentStatus = AppointmentStatus.CONFIRMED) -> Appointment:
    """An Appointment of that WorkOrder."""
    return Appointment(
        id=AppointmentId("ap-1"),
        work_order=WorkOrderId("wo-1"),
        buyer=BuyerId("acme-buyer"),
        status=status,
        valid_for=WINDOW,
        place=GeographicSiteRef(id="SITE-7", role="WORK_LOCATION"),
        contacts=(CONTACT,),
        visit="V-0001",
        created_at=NOON,
        changed_at=NOON,
    )


def job(
    state: WorkOrderState | None = None, status: AppointmentStatus | None = None, note: tuple[Note, ...] = ()
) -> Job:
    """What the bridge knows of job J-4711."""
    return Job(
        ref=JobRef("acme-wfm", "J-4711"),
        work_order=work_order(state, note) if state is not None else None,
        appointment=appointment(status) if status is not None else None,
    )
