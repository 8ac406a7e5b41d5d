"""The standard's own OpenAPI files judge our answers; here it is shown that they find fault."""

from typing import Any

import orjson
import pytest

from bridge.api import presenter, views
from bridge.api.responses import encode
from bridge.mef import error_bodies
from bridge.mef.enums import Error422Code, EventType, Irp
from bridge.mef.models import (
    AttachmentValue,
    Event,
    EventPayload,
    FieldedAddress,
    FormattedAddress,
    GeographicAddressLabel,
    GeographicAddressRef,
    GeographicSiteRef,
    MefByteSize,
    MefGeographicPoint,
    MefModel,
    PlaceBase,
)
from tests.api import standard
from tests.api.fakes import NOON, NOTE, a_work_order, an_appointment, work_order_view
from tests.api.usual import BASE_URL

pytestmark = pytest.mark.skipif(
    not standard.available(), reason=f"the standard's OpenAPI files are not at {standard.DIRECTORY}"
)

APPOINTMENT, WORK_ORDER = "appointment/v2", "workOrderManagement/v2"
LINKS = presenter.Links(BASE_URL, Irp.SONATA)
PLACES: list[PlaceBase] = [
    FieldedAddress(role="x", city="Warszawa", country="PL", street_name="Prosta"),
    FormattedAddress(role="x", city="Warszawa", country="PL", addr_line1="Prosta 1"),
    GeographicAddressLabel(role="x", external_reference_id="1", external_reference_type="CLLI"),
    GeographicAddressRef(role="x", id="1", href="https://example.com/1"),
    GeographicSiteRef(role="x", id="1"),
    MefGeographicPoint(role="x", spatial_ref="WGS84", x="52.2", y="21.0"),
]
ERRORS: list[tuple[str, MefModel]] = [
    *(
        (f"Error{code}", kind(reason="x"))
        for code, kind in (("404", error_bodies.Error404), ("500", error_bodies.Error500))
    ),
    ("Error409", error_bodies.Error409(reason="x")),
    *(("Error400", error_bodies.Error400(reason="x", code=code)) for code in error_bodies.Error400Code),
    *(("Error401", error_bodies.Error401(reason="x", code=code)) for code in error_bodies.Error401Code),
    *(("Error403", error_bodies.Error403(reason="x", code=code)) for code in error_bodies.Error403Code),
    *(("Error422", error_bodies.Error422(reason="x", code=code, property_path="/a")) for code in Error422Code),
    ("Error", error_bodies.Error(reason="x", message="y", reference_error="https://example.com")),
]


def parsed(value: MefModel) -> Any:
    return orjson.loads(encode(value))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: type(place).__name__)
def test_every_kind_of_place_is_the_standards(place: Any) -> None:
    shown = presenter.appointment(an_appointment(place=place), LINKS)
    assert standard.named(APPOINTMENT, "Appointment", parsed(shown)) == []
    assert parsed(shown)["relatedPlace"]["@type"] == place.type_


def test_an_appointment_with_all_it_can_have_is_the_standards() -> None:
    full = AttachmentValue(
        author="Jo",
        name="plan",
        source=NOTE.source,
        content="eA==",
        mime_type="text/plain",
        creation_date=NOON,
        size=MefByteSize(amount=5.3),
    )
    shown = presenter.appointment(an_appointment(note=(NOTE,), attachment=(full,)), LINKS)
    assert standard.named(APPOINTMENT, "Appointment", parsed(shown)) == []


def test_a_work_order_is_the_standards() -> None:
    shown = views.work_order(work_order_view(a_work_order(appointments=("A-1", "A-2"))), LINKS)
    assert standard.named(WORK_ORDER, "WorkOrder", shown) == []


@pytest.mark.parametrize(("name", "error"), ERRORS)
def test_every_error_is_the_standards(name: str, error: MefModel) -> None:
    assert standard.named(APPOINTMENT, name, parsed(error)) == []


@pytest.mark.parametrize("kind", EventType)
def test_every_event_is_the_standards(kind: EventType) -> None:
    of_appointment = kind.startswith("appointment")
    base = "appointmentNotification/v2" if of_appointment else "workOrderNotification/v2"
    payload = EventPayload(id="A-1", href="https://example.com/1", buyer_id="b", seller_id="s")
    event = Event(event_id="1", event_time=NOON, event_type=kind, event=payload)
    assert standard.named(base, "AppointmentEvent" if of_appointment else "WorkOrderEvent", parsed(event)) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"status": "done"}, "'done' is not one of"),
        ({"relatedPlace": {"role": "x", "@type": "Castle"}}, "'Castle' is not one of"),
        ({"relatedPlace": {"role": "x", "@type": "FieldedAddress"}}, "'streetName' is a required property"),
        ({"relatedPlace": {"@type": "GeographicSiteRef", "id": "1"}}, "'role' is a required property"),
        ({"validFor": {"startDateTime": "2026-03-06", "endDateTime": "x"}}, "is not a 'date-time'"),
        ({"relatedContactInformation": []}, "should be non-empty"),
        ({"workOrder": {"id": 5}}, "5 is not of type 'string'"),
    ],
)
def test_the_judge_finds_fault(change: dict[str, Any], complaint: str) -> None:
    shown = parsed(presenter.appointment(an_appointment(), LINKS)) | change
    assert any(complaint in found for found in standard.named(APPOINTMENT, "Appointment", shown))


@pytest.mark.parametrize(
    ("method", "path", "status", "value"),
    [
        ("GET", "/mefApi/sonata/appointment/v2/appointment", 200, {}),
        ("GET", "/mefApi/sonata/workOrderManagement/v2/workOrder", 200, {}),
        ("POST", "/mefApi/sonata/appointment/v2/appointment", 422, {"code": "otherIssue", "reason": "x"}),
        ("POST", "/mefApi/sonata/appointment/v2/hub", 422, []),
        ("POST", "/mefApi/sonata/appointment/v2/appointment/A-1/cancel", 204, {}),
        ("GET", "/mefApi/sonata/appointment/v2/appointment", 504, {"code": "timeout", "reason": "x"}),
    ],
)
def test_the_judge_knows_what_each_operation_may_answer(method: str, path: str, status: int, value: Any) -> None:
    assert standard.response_complaints(method, path, status, value) != []
