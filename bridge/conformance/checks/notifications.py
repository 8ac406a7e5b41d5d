"""R2, R4, R60 to R63: who is told of what, and where."""

from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check, of_api
from bridge.conformance.exchange import Notice
from bridge.conformance.findings import Failed, NotExercised
from bridge.conformance.hooks import Hook
from bridge.conformance.listener import Mailbox
from bridge.conformance.scene import Booking, Scene, other_account
from bridge.conformance.schemas import ENUMS
from bridge.mef.enums import Api

_KINDS: Final = {
    Api.APPOINTMENT: ("AppointmentEvent", "AppointmentEventType"),
    Api.WORK_ORDER: ("WorkOrderEvent", "WorkOrderEventType"),
}
# What a booking that is cancelled is sure to cause, and what it is sure not to cause.
_CAUSED: Final = {Api.APPOINTMENT: "appointmentStatusChangeEvent", Api.WORK_ORDER: "workOrderStateChangeEvent"}
_OTHER: Final = {Api.APPOINTMENT: "appointmentAttributeValueChangeEvent", Api.WORK_ORDER: "workOrderCreateEvent"}


def _well_posted(scene: Scene, api: Api, notice: Notice) -> None:
    """The path and the body are those of the notification's OpenAPI file."""
    path = f"/mefApi/{scene.target.irp}/{api}Notification/v2/listener/{notice.event_type}"
    expect.that(notice.path == path, f"it must be posted to <callback>{path}", notice)
    content_type = notice.headers.get("content-type", "")
    expect.that(content_type.startswith("application/json"), f"it is sent as {content_type or 'nothing'}", notice)
    expect.shaped(_KINDS[api][0], notice.body, notice)


async def _status_listener(scene: Scene) -> None:
    booking = await _booked_and_cancelled(scene)
    _well_posted(scene, Api.APPOINTMENT, await _first(scene, "appointmentStatusChangeEvent", booking.id))


async def _attribute_listener(scene: Scene) -> None:
    booking = await scene.booking()
    await scene.hook(Hook.CHANGE_TECHNICIAN, booking.work.job)
    _well_posted(scene, Api.APPOINTMENT, await _first(scene, "appointmentAttributeValueChangeEvent", booking.id))


async def _work_order_listeners(scene: Scene) -> None:
    booking = await scene.booking()
    for kind in ("workOrderCreateEvent", "workOrderAppointmentRequiredEvent", "workOrderStateChangeEvent"):
        _well_posted(scene, Api.WORK_ORDER, await _first(scene, kind, booking.work.id))


async def _first(scene: Scene, kind: str, resource: str) -> Notice:
    """The first notification on the listener of a kind, or with that kind in the body."""

    def wanted(notice: Notice) -> bool:
        return notice.resource == resource and kind in (notice.event_type, notice.listener)

    found = await scene.stage.mailbox.wait(wanted, 0, scene.knobs.patience)
    if found is None:
        raise Failed(f"no {kind} for {resource} came", *scene.stage.registration)
    return found


async def _listeners_agree(scene: Scene) -> None:
    """Runs last: every notification of the run was on the listener that its body names."""
    for notice in scene.stage.mailbox.notices:
        expect.that(notice.event_type == notice.listener, "eventType and the listener's path differ", notice)


async def _booked_and_cancelled(scene: Scene) -> Booking:
    """What any Buyer can cause by himself: a change of status and of state."""
    booking = await scene.booking()
    expect.status(await scene.cancel(booking.id), 204)
    return booking


def _resource(api: Api, booking: Booking) -> str:
    return booking.id if api is Api.APPOINTMENT else booking.work.id


async def _other_type(scene: Scene, api: Api) -> None:
    """Registered for one type, told of no other."""
    mailbox = await scene.register(api, f"eventType={_OTHER[api]}")
    await _silent_while_we_are_notified(scene, api, mailbox)


async def _other_buyer(scene: Scene, api: Api) -> None:
    """Another Buyer's registration hears nothing of ours."""
    mailbox = await scene.register(api, account=other_account(scene))
    await _silent_while_we_are_notified(scene, api, mailbox)


async def _unregistered(scene: Scene, api: Api) -> None:
    """Nothing comes after the registration is taken back."""
    mailbox = await scene.register(api)
    await scene.unregister()
    await _silent_while_we_are_notified(scene, api, mailbox)


async def _silent_while_we_are_notified(scene: Scene, api: Api, mailbox: Mailbox) -> None:
    """Cause a change; once the main registration was told of it, the mailbox was either told, too, or will not be."""
    booking = await _booked_and_cancelled(scene)
    await scene.notified(_CAUSED[api], _resource(api, booking))
    await scene.quiet()
    wrong = [
        notice
        for notice in mailbox.notices
        if notice.resource == _resource(api, booking) and _CAUSED[api] in (notice.event_type, notice.listener)
    ]
    expect.that(not wrong, "told to a listener that has not registered for it", *wrong)


async def _every_type(scene: Scene, api: Api) -> None:
    """Without a query a registration is for all types."""
    mailbox = await scene.register(api)
    await _notified_in(scene, api, mailbox)


async def _one_type(scene: Scene, api: Api) -> None:
    mailbox = await scene.register(api, f"eventType={_CAUSED[api]}")
    await _notified_in(scene, api, mailbox)


async def _several_types(scene: Scene, api: Api) -> None:
    """Both ways of naming several types."""
    kinds = sorted(ENUMS[_KINDS[api][1]])
    commas = await scene.register(api, "eventType=" + ",".join(kinds))
    repeated = await scene.register(api, "&".join(f"eventType={kind}" for kind in kinds))
    booking = await _booked_and_cancelled(scene)
    for mailbox in (commas, repeated):
        await scene.notified(_CAUSED[api], _resource(api, booking), mailbox=mailbox)


async def _notified_in(scene: Scene, api: Api, mailbox: Mailbox) -> None:
    booking = await _booked_and_cancelled(scene)
    await scene.notified(_CAUSED[api], _resource(api, booking), mailbox=mailbox)


async def _repeated(scene: Scene, api: Api) -> None:
    """A notification that the listener refuses comes again, and is the same event."""
    booking = await scene.booking()
    resource = _resource(api, booking)
    await scene.notified("workOrderStateChangeEvent", booking.work.id)
    mailbox = await scene.register(api, f"eventType={_CAUSED[api]}")
    mailbox.refuse_next(resource)
    expect.status(await scene.cancel(booking.id), 204)
    refused = await mailbox.wait(lambda notice: notice.resource == resource, 0, scene.knobs.patience)
    if refused is None:
        raise Failed(f"no {_CAUSED[api]} for {resource} came", *scene.stage.registration)

    def again(notice: Notice) -> bool:
        return notice.resource == resource and _time(notice) == _time(refused) and notice is not refused

    second = await mailbox.wait(again, 0, scene.knobs.retry)
    if second is None:
        raise NotExercised(f"a refused notification was not repeated within {scene.knobs.retry:g} s (--retry)")
    same = second.body.get("eventId") == refused.body.get("eventId")
    expect.that(same, "the repetition has another eventId, so that a Buyer takes it for news", refused, second)


def _time(notice: Notice) -> object:
    return notice.body.get("eventTime") if isinstance(notice.body, dict) else None


CHECKS: Final = (
    Check("R2", "a change of status is posted to its listener", _status_listener),
    Check("R2", "a change of attributes is posted to its listener", _attribute_listener),
    Check("R4", "creation, need and change of state are posted to their listeners", _work_order_listeners),
    Check("R60", "who registered for another type is not told", of_api(_other_type, Api.APPOINTMENT)),
    Check("R60", "another Buyer is not told", of_api(_other_buyer, Api.APPOINTMENT)),
    Check("R60", "who unregistered is not told", of_api(_unregistered, Api.APPOINTMENT)),
    Check("R61", "who registered for all types is told", of_api(_every_type, Api.APPOINTMENT)),
    Check("R61", "who registered for one type is told of it", of_api(_one_type, Api.APPOINTMENT)),
    Check("R61", "several types can be named in both ways", of_api(_several_types, Api.APPOINTMENT)),
    Check("R61", "a refused notification comes again with the same eventId", of_api(_repeated, Api.APPOINTMENT)),
    Check("R62", "who registered for another type is not told", of_api(_other_type, Api.WORK_ORDER)),
    Check("R62", "another Buyer is not told", of_api(_other_buyer, Api.WORK_ORDER)),
    Check("R62", "who unregistered is not told", of_api(_unregistered, Api.WORK_ORDER)),
    Check("R63", "who registered for all types is told", of_api(_every_type, Api.WORK_ORDER)),
    Check("R63", "who registered for one type is told of it", of_api(_one_type, Api.WORK_ORDER)),
    Check("R63", "several types can be named in both ways", of_api(_several_types, Api.WORK_ORDER)),
    Check("R63", "a refused notification comes again with the same eventId", of_api(_repeated, Api.WORK_ORDER)),
)
AFTERWARDS: Final = (Check("R4", "every notification is on the listener that its body names", _listeners_agree),)
