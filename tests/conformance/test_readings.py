"""Where the guide and the OpenAPI files disagree, the bridge does what our table says (docs/conformance.md)."""

from typing import Any

import pytest

from bridge.conformance import expect
from bridge.conformance.hooks import Hook
from bridge.conformance.scene import Scene, attachment, contacts, note
from bridge.mef.enums import Api
from tests.conformance.readings import READINGS

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def work_orders_at(scene: Scene, path: str, **parameters: str) -> Any:
    return expect.status(await scene.target.send("GET", Api.WORK_ORDER, path, parameters=parameters), 200).json


def ids(items: Any) -> list[str]:
    return [item["id"] for item in items]


@pytest.mark.reading("path of WorkOrders")
async def test_work_orders_are_served_under_both_spellings(scene: Scene) -> None:
    work = await scene.new_work()
    one = await work_orders_at(scene, f"/workOrder/{work.id}")
    assert one == await work_orders_at(scene, f"/workorder/{work.id}")
    assert one["id"] == work.id


@pytest.mark.reading("list of WorkOrders")
async def test_work_orders_are_listed_as_an_array(scene: Scene) -> None:
    work = await scene.new_work()
    for path in ("/workOrder", "/workorder"):
        listed = await work_orders_at(scene, path, limit="1000")
        assert isinstance(listed, list)
        assert work.id in ids(listed)


@pytest.mark.reading("names of filters")
async def test_filters_have_both_names_and_not_both_at_once(scene: Scene) -> None:
    booking = await scene.booking()
    for name in ("workOrder", "workOrderId"):
        answer = await scene.appointments("GET", "/appointment", parameters={name: booking.work.id})
        assert ids(answer.items) == [booking.id]
    entity = (await scene.read_work_order(booking.work))["relatedEntity"][0]["id"]
    for parameters in (
        {"relatedEntity": entity},
        {"relatedEntityId": entity},
        {"relatedEntityId": entity, "relatedEntityType": "TroubleTicket"},
    ):
        assert ids(await work_orders_at(scene, "/workOrder", **parameters)) == [booking.work.id]
    both = {"workOrder": booking.work.id, "workOrderId": booking.work.id}
    expect.error(await scene.appointments("GET", "/appointment", parameters=both), 400)


@pytest.mark.reading("site and address filters")
async def test_both_lists_take_both_spellings_of_sites_and_addresses(scene: Scene) -> None:
    booking = await scene.booking()
    site = booking.body["relatedPlace"]["id"]
    for spelling in ("geographicSiteId", "geographicalSiteId"):
        parameters = {spelling: site, "limit": "1000"}
        assert booking.id in ids((await scene.appointments("GET", "/appointment", parameters=parameters)).items)
        assert booking.work.id in ids(await work_orders_at(scene, "/workOrder", **parameters))
    for spelling in ("geographicAddressId", "geographicalAddressId"):
        assert (await scene.appointments("GET", "/appointment", parameters={spelling: "nowhere"})).items == []
        assert await work_orders_at(scene, "/workOrder", **{spelling: "nowhere"}) == []


@pytest.mark.reading("listener of a change of state")
async def test_a_change_of_state_is_posted_to_the_listener_of_its_own_type(scene: Scene) -> None:
    booking = await scene.booking()
    notice = await scene.notified("workOrderStateChangeEvent", booking.work.id, booking.work.mark)
    assert notice.path == "/mefApi/sonata/workOrderNotification/v2/listener/workOrderStateChangeEvent"


@pytest.mark.reading("event names in a registration's query")
async def test_a_query_may_write_event_types_with_a_capital_and_spaces(scene: Scene) -> None:
    mailbox = await scene.register(Api.APPOINTMENT, "eventType = AppointmentStatusChangeEvent")
    booking = await scene.booking()
    expect.empty(await scene.cancel(booking.id))
    await scene.notified("appointmentStatusChangeEvent", booking.id, mailbox=mailbox)
    body = {"callback": mailbox.callback, "query": "eventType=appointmentVanishedEvent"}
    expect.error(await scene.target.send("POST", Api.APPOINTMENT, "/hub", body=body), 400)


@pytest.mark.reading("validFor of a booking")
async def test_a_list_of_windows_is_a_422_that_points_at_it(scene: Scene) -> None:
    work = await scene.new_work()
    answer = await scene.post_booking(work, validFor=[await scene.free_window(work)])
    assert [error["propertyPath"] for error in expect.error(answer, 422)] == ["/validFor"]


@pytest.mark.reading("R27, a visit moved by the Seller")
async def test_a_visit_moved_by_the_seller_makes_appointment_required_true(scene: Scene) -> None:
    booking = await scene.booking()
    await scene.hook(Hook.MOVE_VISIT, booking.work.job)
    appointment = await scene.appointment_reaches(booking, "cancelled")
    assert appointment["validFor"] == booking.window
    assert (await scene.read_work_order(booking.work))["appointmentRequired"] is True


@pytest.mark.reading("cancelling takes time")
async def test_after_the_204_the_appointment_is_cancelled_at_once(scene: Scene) -> None:
    booking = await scene.booking()
    expect.empty(await scene.cancel(booking.id))
    assert (await scene.read(booking))["status"] == "cancelled"


@pytest.mark.reading("what a patch may change (R36-R38)")
async def test_a_patch_changes_the_buyers_own_and_nothing_else(scene: Scene) -> None:
    booking = await scene.booking()
    mine = {"note": [note("n-1")], "attachment": [attachment("a-1")], "relatedContactInformation": contacts("Kim")}
    patched = expect.status(await scene.patch(booking.id, mine), 200).object
    names = {each["role"]: each["name"] for each in patched["relatedContactInformation"]}
    assert names["buyerAppointmentContact"] == names["appointmentPlaceContact"] == "Kim"
    assert names["sellerAppointmentContact"] != "Kim"
    elsewhere = {"@type": "GeographicSiteRef", "role": "WORK_LOCATION", "id": "elsewhere"}
    sellers = [*contacts("Kim"), {**contacts("Kim")[0], "role": "sellerAppointmentContact"}]
    for body, path in (
        ({"relatedPlace": elsewhere, "note": [note("n-1")]}, "/relatedPlace"),
        ({"relatedContactInformation": sellers}, "/relatedContactInformation/2"),
        ({"note": []}, "/note/0"),
        ({"attachment": []}, "/attachment/0"),
    ):
        problems = expect.error(await scene.patch(booking.id, body), 422)
        assert path in [problem.get("propertyPath") for problem in problems]


@pytest.mark.reading("unit MBYTES")
async def test_an_attachment_may_be_measured_in_megabytes(scene: Scene) -> None:
    size = {"amount": 2.5, "units": "MBYTES"}
    booking = await scene.booking(attachment=[{**attachment("a-1"), "size": size}])
    assert (await scene.read(booking))["attachment"][0]["size"] == size


@pytest.mark.reading("errors of a body")
async def test_no_object_is_a_400_and_a_wrong_attribute_a_422_or_on_the_hub_a_400(scene: Scene) -> None:
    for raw in (b"{", b"[]", b"7"):
        answer = await scene.appointments("POST", "/appointment", raw=raw)
        assert expect.error(answer, 400)["code"] == "invalidBody"
    wrong = await scene.appointments("POST", "/searchTimeSlot", body={"workOrder": {"id": 7}, "requestedTimeSlot": []})
    assert "/workOrder/id" in [error["propertyPath"] for error in expect.error(wrong, 422)]
    hub = await scene.target.send("POST", Api.APPOINTMENT, "/hub", body={"callback": 7})
    assert expect.error(hub, 400)["code"] == "invalidBody"


@pytest.mark.reading("R25, the trouble ticket")
async def test_the_ticket_is_pending_then_in_progress_then_resolved(scene: Scene) -> None:
    async def ticket_reaches(job: str, status: str) -> bool:
        async def look() -> bool | None:
            return await scene.hook(Hook.TICKET_STATUS, job) == status or None

        return bool(await scene.until(look))

    work = await scene.new_work()
    assert await ticket_reaches(work.job, "pending")
    await scene.booking(work)
    assert await ticket_reaches(work.job, "inProgress")
    await scene.hook(Hook.START, work.job)
    await scene.hook(Hook.FINISH, work.job)
    assert await ticket_reaches(work.job, "resolved")


async def test_every_reading_has_a_test(request: pytest.FixtureRequest) -> None:
    module = request.module
    tested = {
        mark.args[0]
        for test in vars(module).values()
        for mark in getattr(test, "pytestmark", ())
        if mark.name == "reading"
    }
    assert tested == {reading.key for reading in READINGS}
