"""R1 and R3: every operation of Tables 4 and 6 is there and answers as the OpenAPI files say."""

from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check, of_api
from bridge.conformance.scene import Scene, note
from bridge.mef.enums import Api


async def _appointment_reading(scene: Scene) -> None:
    booking = await scene.booking()
    expect.status(await scene.appointments("GET", "/appointment", parameters={"limit": "1"}), 200)
    expect.status(await scene.get_appointment(booking.id), 200)


async def _appointment_changing(scene: Scene) -> None:
    work = await scene.new_work()
    expect.status(await scene.search(work.id, scene.ahead()), 201)
    booking = await scene.booking(work)
    expect.status(await scene.patch(booking.id, {"note": [note("n-1")]}), 200)
    expect.empty(await scene.cancel(booking.id))


async def _work_order_reading(scene: Scene) -> None:
    work = await scene.new_work()
    expect.status(await scene.work_orders(parameters={"limit": "1"}), 200)
    expect.status(await scene.get_work_order(work.id), 200)


async def _hub(scene: Scene, api: Api) -> None:
    mailbox = scene.target.listener.open()
    made = expect.status(await scene.target.send("POST", api, "/hub", body={"callback": mailbox.callback}), 201)
    subscription = expect.shape(made, "EventSubscription")
    callback = subscription["callback"]
    expect.that(callback == mailbox.callback, "the callback must come back as it was given", made)
    path = f"/hub/{subscription['id']}"
    shown = expect.status(await scene.target.send("GET", api, path), 200)
    expect.that(expect.shape(shown, "EventSubscription") == subscription, "the registration reads differently", shown)
    expect.empty(await scene.target.send("DELETE", api, path))
    expect.error(await scene.target.send("GET", api, path), 404)


CHECKS: Final = (
    Check("R1", "Appointments can be listed and read", _appointment_reading),
    Check("R1", "slots can be searched; Appointments can be booked, patched and cancelled", _appointment_changing),
    Check("R1", "a listener can be registered, read and removed", of_api(_hub, Api.APPOINTMENT)),
    Check("R3", "WorkOrders can be listed and read", _work_order_reading),
    Check("R3", "a listener can be registered, read and removed", of_api(_hub, Api.WORK_ORDER)),
)
