"""O4, R51 to R54: listing and reading WorkOrders (UC 13, 14)."""

from collections.abc import Callable
from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.checks.lists import by_place, every_page, only_ours, unknown_place
from bridge.conformance.exchange import Exchange
from bridge.conformance.findings import NotExercised
from bridge.conformance.scene import UNKNOWN_ID, Booking, Json, Scene, other_account
from bridge.mef.enums import Api


async def _by_state(scene: Scene) -> None:
    work = await scene.new_work()
    await _all_match(scene, work.id, "state", "open", "open")
    booking = await scene.booking()
    await _all_match(scene, booking.work.id, "state", "planned", "planned")


async def _by_need(scene: Scene) -> None:
    work = await scene.new_work()
    await _all_match(scene, work.id, "appointmentRequired", "true", True)
    booking = await scene.booking()
    await _all_match(scene, booking.work.id, "appointmentRequired", "false", False)


async def _all_match(scene: Scene, ours: str, attribute: str, wanted: str, value: object) -> None:
    pages = await every_page(scene, Api.WORK_ORDER, **{attribute: wanted})
    expect.that(ours in pages.ids, f"{attribute}={wanted} does not find {ours}", *pages.exchanges)
    wrong = [item["id"] for item in pages.items if item.get(attribute) != value]
    expect.that(not wrong, f"{attribute}={wanted} finds others: {wrong[:3]}", *pages.exchanges)


async def _by_entity(scene: Scene) -> None:
    work = await scene.new_work()
    entity = (await scene.read_work_order(work))["relatedEntity"][0]
    pages = await every_page(scene, Api.WORK_ORDER)
    sharing = {item["id"] for item in pages.items if entity["id"] in _entities(item)}
    await only_ours(scene, Api.WORK_ORDER, ("relatedEntity", "relatedEntityId"), entity["id"], sharing)


async def _by_unknown_entity(scene: Scene) -> None:
    await scene.new_work()
    await only_ours(scene, Api.WORK_ORDER, ("relatedEntity", "relatedEntityId"), UNKNOWN_ID, set())


def _entities(item: Json) -> list[object]:
    return [each.get("id") for each in item.get("relatedEntity", ())]


async def _by_site_or_address(scene: Scene) -> None:
    work = await scene.new_work()
    place = (await scene.read_work_order(work))["place"][0]
    await by_place(scene, Api.WORK_ORDER, work.id, place)


async def _by_unknown_place(scene: Scene) -> None:
    await scene.new_work()
    await unknown_place(scene, Api.WORK_ORDER)


async def _attributes(scene: Scene) -> None:
    work = await scene.new_work()
    expect.shape(expect.status(await scene.work_orders(parameters={"limit": "20"}), 200), "[WorkOrder_Find]")
    pages = await every_page(scene, Api.WORK_ORDER, state="open")
    expect.that(work.id in pages.ids, "a new WorkOrder is not in the list", *pages.exchanges)


async def _unknown(scene: Scene) -> None:
    expect.error(await scene.get_work_order(UNKNOWN_ID), 404)


async def _others(scene: Scene) -> None:
    other = other_account(scene)
    work = await scene.new_work()
    expect.error(await scene.get_work_order(work.id, account=other), 404)


async def _others_list(scene: Scene) -> None:
    other = other_account(scene)
    work = await scene.new_work()
    answer = expect.status(await scene.work_orders(account=other), 200)
    expect.that(work.id not in {each.get("id") for each in answer.items}, "another Buyer's is listed", answer)


async def _complete(scene: Scene) -> None:
    work = await scene.new_work()
    body = expect.shape(expect.status(await scene.get_work_order(work.id), 200), "WorkOrder")
    expect.that(body["id"] == work.id, "another WorkOrder came")


async def _shows(scene: Scene, booking: Booking, what: str, shown: Callable[[Json], bool]) -> None:
    """The WFM may fill in the details of a booked job a moment later, so there is time until patience ends."""
    last: list[Exchange] = []

    async def look() -> bool | None:
        last[:] = [expect.status(await scene.get_work_order(booking.work.id), 200)]
        return shown(expect.shape(last[0], "WorkOrder")) or None

    expect.that(await scene.until(look), f"{what} is missing", *last)


def _has_contact(role: str) -> Callable[[Json], bool]:
    return lambda body: role in {each["role"] for each in body["relatedContactInformation"]}


async def _technician(scene: Scene) -> None:
    await _shows(scene, await scene.booking(), "the technician of a planned WorkOrder", _has_contact("technician"))


async def _optional(scene: Scene) -> None:
    booking = await scene.booking()
    await _shows(scene, booking, "appointment", lambda body: bool(body.get("appointment")))
    await _shows(scene, booking, "plannedExecutionDate", lambda body: "plannedExecutionDate" in body)
    await _shows(scene, booking, "the technicalContact", _has_contact("technicalContact"))


async def _note(scene: Scene) -> None:
    if scene.knobs.job_note is None:
        raise NotExercised("needs --job-note, the text of a note that create-job puts on its jobs")
    work = await scene.new_work()
    answer = expect.status(await scene.get_work_order(work.id), 200)
    texts = [each.get("text") for each in answer.object.get("note", ())]
    expect.that(scene.knobs.job_note in texts, f"the note {scene.knobs.job_note!r} is missing", answer)


CHECKS: Final = (
    Check("O4", "the state filter finds those of that state", _by_state),
    Check("O4", "the appointmentRequired filter finds those that want one, or do not", _by_need),
    Check("O4", "the related entity filter finds its WorkOrders only", _by_entity),
    Check("O4", "an unknown related entity finds nothing", _by_unknown_entity),
    Check("O4", "the place filter finds what is at that place", _by_site_or_address),
    Check("O4", "an unknown site or address finds nothing", _by_unknown_place),
    Check("R51", "the list is a list, and each WorkOrder has its five attributes", _attributes),
    Check("R52", "an unknown id is a 404", _unknown),
    Check("R52", "another Buyer's WorkOrder is a 404", _others),
    Check("R52", "another Buyer's WorkOrder is not in the list", _others_list),
    Check("R53", "all attributes are shown", _complete),
    Check("R53", "a planned WorkOrder shows its technician", _technician),
    Check("R54", "Appointments, planned date and technical contact are shown", _optional),
    Check("R54", "the job's note is shown", _note),
)
