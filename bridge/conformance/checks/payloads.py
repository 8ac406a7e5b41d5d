"""R10: bodies have the shapes of the OpenAPI files. What has another shape is refused, and nothing else is answered."""

import re
from collections.abc import Iterator
from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.exchange import Exchange, Notice
from bridge.conformance.findings import Failed
from bridge.conformance.scene import UNKNOWN_ID, Scene, contacts
from bridge.conformance.schemas import TYPES
from bridge.conformance.shapes import complaints

# Path below the API's base -> what a success shows, by method.
_ANSWERS: Final = (
    (r"/appointment", {"GET": "[Appointment_Find]", "POST": "Appointment"}),
    (r"/appointment/[^/]+", {"GET": "Appointment", "PATCH": "Appointment"}),
    (r"/searchTimeSlot", {"POST": "SearchTimeSlot"}),
    (r"/hub", {"POST": "EventSubscription"}),
    (r"/hub/[^/]+", {"GET": "EventSubscription"}),
    (r"/work[oO]rder", {"GET": "[WorkOrder_Find]"}),
    (r"/work[oO]rder/[^/]+", {"GET": "WorkOrder"}),
)
_BASE: Final = re.compile(r".*/mefApi/\w+/(?:appointment|workOrderManagement)/v2(/[^?]*)")
_NOTIFIED: Final = {"appointmentNotification": "AppointmentEvent", "workOrderNotification": "WorkOrderEvent"}


async def _broken_json(scene: Scene) -> None:
    answer = await scene.appointments("POST", "/appointment", raw=b'{"workOrder": ')
    code = expect.error(answer, 400)["code"]
    expect.that(code == "invalidBody", "the code must be invalidBody", answer)


async def _no_object(scene: Scene) -> None:
    expect.error(await scene.appointments("POST", "/searchTimeSlot", raw=b"[]"), 400, 422)


async def _wrong_types(scene: Scene) -> None:
    work = await scene.new_work()
    wrong = (
        {"workOrder": {"id": 7}},
        {"validFor": "tomorrow"},
        {"relatedContactInformation": {"role": "buyerAppointmentContact"}},
        {"relatedContactInformation": [{**each, "name": 5} for each in contacts()]},
        {"note": [{"id": "n-1", "author": "Jo", "date": "yesterday", "source": "buyer", "text": "?"}]},
        {"note": [{"id": "n-1", "author": "Jo", "date": "2026-03-05T12:00:00Z", "source": "me", "text": "?"}]},
    )
    for changes in wrong:
        window = {"validFor": scene.ahead(), **changes}
        expect.error(await scene.post_booking(work, **window), 400, 422)


async def _no_credentials(scene: Scene) -> None:
    answer = await scene.appointments("GET", "/appointment", authorized=False)
    expect.error(answer, 401)


async def _unknown_ids(scene: Scene) -> None:
    expect.error(await scene.get_appointment(UNKNOWN_ID), 404)
    expect.error(await scene.get_work_order(UNKNOWN_ID), 404)


async def _everything_answered(scene: Scene) -> None:
    """Runs last: every body that came in the whole run."""
    for exchange in scene.target.log:
        problems = list(_problems(exchange))
        expect.that(not problems, "; ".join(problems[: expect.SHOWN]), exchange)


async def _everything_notified(scene: Scene) -> None:
    """Runs last: every notification of the main registrations."""
    for notice in scene.stage.mailbox.notices:
        problems = _notice_problems(notice)
        expect.that(not problems, "; ".join(problems[: expect.SHOWN]), notice)


def _problems(exchange: Exchange) -> Iterator[str]:
    expected = _expected(exchange)
    try:
        if expected:
            yield from complaints(expected, exchange.json)
        elif exchange.status == 204 and exchange.received:
            yield "204 has no body"
    except Failed as failed:
        yield str(failed)


def _expected(exchange: Exchange) -> str | None:
    if exchange.status == 422:
        return "[Error422]+"
    if exchange.status >= 400:
        return f"Error{exchange.status}" if f"Error{exchange.status}" in TYPES else None
    below = _BASE.fullmatch(exchange.url.partition("?")[0])
    path = below[1] if below else ""
    if exchange.status in (200, 201):
        return next((kinds.get(exchange.method) for shape, kinds in _ANSWERS if re.fullmatch(shape, path)), None)
    return None


def _notice_problems(notice: Notice) -> list[str]:
    kind = next((kind for part, kind in _NOTIFIED.items() if f"/{part}/" in notice.path), None)
    return complaints(kind, notice.body) if kind else []


CHECKS: Final = (
    Check("R10", "broken JSON is 400 invalidBody", _broken_json),
    Check("R10", "a body that is no object is refused", _no_object),
    Check("R10", "attributes of wrong types are refused", _wrong_types),
    Check("R10", "no credentials are a 401 in its shape", _no_credentials),
    Check("R10", "unknown ids are a 404 in its shape", _unknown_ids),
)
AFTERWARDS: Final = (
    Check("R10", "every answer of the run has its shape", _everything_answered),
    Check("R10", "every notification of the run has its shape", _everything_notified),
)
