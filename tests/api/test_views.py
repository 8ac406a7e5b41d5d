"""What is read from the database is written as the standard's own types would write it, byte for byte."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from bridge.api import presenter, views
from bridge.api.presenter import Links
from bridge.api.responses import encode
from bridge.domain.model import Appointment, WorkOrder
from bridge.mef.enums import Irp
from bridge.mef.models import (
    AppointmentFind,
    AppointmentRef,
    AttachmentValue,
    FieldedAddress,
    MefByteSize,
    MefModel,
    WorkOrderFind,
)
from bridge.mef.models import WorkOrder as MefWorkOrder
from bridge.mef.moments import rfc3339
from tests.api.fakes import ATTACHMENT, NOON, NOTE, a_work_order, an_appointment, appointment_view, work_order_view

LINKS = Links("https://bridge.example.com/acme", Irp.CANTATA)
LATE = datetime(2026, 3, 5, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=2)))
FULL = AttachmentValue(
    author="Jo ✓ 𝄞",
    name='"plan"\\\n\x01\u2028',
    source=NOTE.source,
    content="eA==",
    mime_type="text/plain",
    creation_date=LATE,
    size=MefByteSize(amount=5.0),
)
DETAILS = a_work_order().details

VISITS = [
    an_appointment(),
    an_appointment("A/1 ü", note=(NOTE, NOTE.model_copy(update={"date": LATE})), attachment=(ATTACHMENT, FULL)),
    an_appointment(place=FieldedAddress(role="x", city="Łódź", country="PL", street_name="Prosta", street_nr="7")),
]
ORDERS = [
    a_work_order(),
    a_work_order("W/1 ü", appointments=("A-1", "A/2"), appointment_required=False),
    a_work_order(details=replace(DETAILS, planned_execution_date=NOON, note=(NOTE,), bookable=False)),
    a_work_order(details=replace(DETAILS, planned_execution_date=LATE, place=(), task=("a", "✓"))),
]


def of_standard(order: WorkOrder) -> MefWorkOrder:
    """The standard's type, made of the domain's value."""
    details = order.details
    visits = tuple(AppointmentRef(id=visit, href=LINKS.appointment(visit)) for visit in order.appointments)
    return MefWorkOrder(
        id=order.id,
        href=LINKS.work_order(order.id),
        appointment_required=order.appointment_required,
        appointment=visits or None,
        duration=details.duration,
        note=details.note or None,
        place=details.place,
        planned_execution_date=details.planned_execution_date,
        related_contact_information=details.contacts,
        related_entity=details.related_entity,
        state=order.state,
        task=details.task,
    )


def found(order: WorkOrder) -> WorkOrderFind:
    """The same, for a list."""
    whole = of_standard(order)
    return WorkOrderFind(**{name: getattr(whole, name) for name in WorkOrderFind.model_fields})


@pytest.mark.parametrize("order", ORDERS, ids=lambda value: value.id)
def test_a_work_order_is_written_as_its_type_would_be(order: WorkOrder) -> None:
    assert encode(views.work_order(work_order_view(order), LINKS)) == encode(of_standard(order))
    assert encode([views.work_order_find(work_order_view(order))]) == encode((found(order),))


@pytest.mark.parametrize("visit", VISITS, ids=lambda value: value.id)
def test_an_appointment_is_written_as_its_type_would_be(visit: Appointment) -> None:
    whole: MefModel = presenter.appointment(visit, LINKS)
    listed = AppointmentFind(**{name: getattr(whole, name) for name in AppointmentFind.model_fields})
    assert encode(views.appointment(appointment_view(visit), LINKS)) == encode(whole)
    assert encode([views.appointment_find(appointment_view(visit), LINKS)]) == encode((listed,))


@pytest.mark.parametrize(
    "when", [NOON, LATE, NOON.replace(microsecond=1), NOON.replace(microsecond=999_000), datetime(1, 1, 1, tzinfo=UTC)]
)
def test_a_moment_is_written_in_utc_to_the_millisecond(when: Any) -> None:
    assert views.moment(when.isoformat()) == rfc3339(when)
