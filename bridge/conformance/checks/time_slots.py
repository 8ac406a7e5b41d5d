"""R11 to R14: searching time slots (UC 7)."""

from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.exchange import Exchange
from bridge.conformance.findings import NotExercised
from bridge.conformance.scene import UNKNOWN_ID, Json, Scene, read_moment, same_window


async def _post(scene: Scene, body: Json) -> Exchange:
    return await scene.appointments("POST", "/searchTimeSlot", body=body)


async def _no_work_order(scene: Scene) -> None:
    expect.error(await _post(scene, {"requestedTimeSlot": [{"validFor": scene.ahead()}]}), 400, 422)


async def _no_period(scene: Scene) -> None:
    work = await scene.new_work()
    expect.error(await _post(scene, {"workOrder": {"id": work.id}}), 400, 422)


async def _unknown_work_order(scene: Scene) -> None:
    expect.error(await scene.search(UNKNOWN_ID, scene.ahead()), 422)


async def _backwards(scene: Scene) -> None:
    work, ahead = await scene.new_work(), scene.ahead()
    turned = {"startDateTime": ahead["endDateTime"], "endDateTime": ahead["startDateTime"]}
    expect.error(await scene.search(work.id, turned), 422)


async def _no_date(scene: Scene) -> None:
    work = await scene.new_work()
    expect.error(await scene.search(work.id, {**scene.ahead(), "endDateTime": "next week"}), 422)


async def _nobody(scene: Scene) -> None:
    work, asked = await scene.new_work(), scene.impossible()
    answer = expect.status(await scene.search(work.id, asked), 201)
    offered = expect.shape(answer, "SearchTimeSlot")["availableTimeSlot"]
    _within(offered, [asked], answer)
    if offered:
        raise NotExercised("the Seller has somebody even for a minute in the night to Sunday")


async def _somebody(scene: Scene) -> None:
    work, asked = await scene.new_work(), scene.ahead()
    answer = expect.status(await scene.search(work.id, asked), 201)
    found = expect.shape(answer, "SearchTimeSlot")
    expect.that(found["availableTimeSlot"], "at least one time slot is wanted", answer)
    _within(found["availableTimeSlot"], [asked], answer)
    expect.that(found["workOrder"]["id"] == work.id, "the WorkOrder must come back", answer)
    back = [slot["validFor"] for slot in found["requestedTimeSlot"]]
    expect.that(len(back) == 1 and same_window(back[0], asked), "the requested period must come back", answer)


async def _narrow(scene: Scene) -> None:
    """Two offered windows, asked for by themselves, are offered again, and nothing beside them."""
    work = await scene.new_work()
    wanted = (await scene.offered(work, at_least=2))[:2]
    answer = expect.status(await scene.search(work.id, *wanted), 201)
    offered = expect.shape(answer, "SearchTimeSlot")["availableTimeSlot"]
    expect.that(offered, "a window that was offered a moment ago is not offered now", answer)
    _within(offered, wanted, answer)


def _within(offered: list[Json], asked: list[Json], answer: Exchange) -> None:
    for slot in offered:
        expect.that(
            any(_contains(period, slot["validFor"]) for period in asked),
            f"{slot['validFor']} is outside of what was requested",
            answer,
        )


def _contains(period: Json, window: Json) -> bool:
    return (
        read_moment(period["startDateTime"])
        <= read_moment(window["startDateTime"])
        <= read_moment(window["endDateTime"])
        <= read_moment(period["endDateTime"])
    )


CHECKS: Final = (
    Check("R11", "a search without a WorkOrder is refused", _no_work_order),
    Check("R11", "a search without a period is refused", _no_period),
    Check("R12", "a search for an unknown WorkOrder is a 422", _unknown_work_order),
    Check("R12", "a period that ends before it starts is a 422", _backwards),
    Check("R12", "a period that is no date-time is a 422", _no_date),
    Check("R13", "no technician gives an empty list", _nobody),
    Check("R14", "technicians give time slots within the requested period", _somebody),
    Check("R14", "slots lie within each of several requested periods", _narrow),
)
