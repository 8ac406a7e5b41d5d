"""Requests that were refused: kept as they were, found by Buyer, status and WorkOrder, and forgotten in time."""

from dataclasses import replace

from bridge.domain.model import AppointmentId, BuyerId, WorkOrderId
from bridge.flows.operator import RequestFilter
from bridge.flows.ports.memory import Memory
from bridge.flows.ports.refused_request import RefusedRequest
from bridge.flows.trace import StepKind, steps
from bridge.store import SqlStore
from bridge.store.traces import Found
from tests.integration.store.values import BUYER, NOW, OTHER_BUYER, appointment, at, job_with, save, work_order


def refused(work_order: str | None = None, appointment: str | None = None, **changes: object) -> RefusedRequest:
    value = RefusedRequest(
        at=NOW,
        requester="acme",
        buyer=BUYER,
        operation="POST /appointment",
        status=422,
        reason="invalidValue: \x00",
        work_order=None if work_order is None else WorkOrderId(work_order),
        appointment=None if appointment is None else AppointmentId(appointment),
        correlation_id="corr-9",
    )
    return replace(value, **changes)  # type: ignore[arg-type] # each names a field


async def test_a_request_is_kept_as_it_was_and_chosen_by_what_it_was(store: SqlStore) -> None:
    first, second = refused("wo-1"), refused(None, "ap-1", buyer=None, status=429)
    theirs = refused("wo-2", buyer=BuyerId(OTHER_BUYER))
    await store.refused.add([first, second, theirs])
    assert await store.refused.reports() == [theirs, second, first]
    assert await store.refused.reports(RequestFilter(buyer=BUYER)) == [first]
    assert await store.refused.reports(RequestFilter(status=429)) == [second]
    assert await store.refused.reports(RequestFilter(work_order=WorkOrderId("wo-2"))) == [theirs]
    assert await store.refused.reports(limit=1) == [theirs]


async def test_the_story_of_a_job_tells_of_requests_that_never_became_a_command(store: SqlStore) -> None:
    order = work_order()
    visit = appointment(order)
    await save(store, job_with(order, visit))
    about = [refused(order.id), refused(None, visit.id, at=at(seconds=1), status=409)]
    await store.refused.add([*about, refused("wo-of-nobody", correlation_id="corr-other")])
    assert await store.traces.find("corr-9") == Found([order.job])
    told = await store.traces.read(order.job)
    assert told.refused == tuple(about)
    assert [(step.kind, step.text) for step in steps(told)] == [
        (StepKind.REQUEST, "POST /appointment of acme was answered 422: invalidValue: \x00"),
        (StepKind.REQUEST, "POST /appointment of acme was answered 409: invalidValue: \x00"),
    ]


async def test_old_ones_are_forgotten(store: SqlStore) -> None:
    await store.refused.add([refused(), refused(at=at(days=2))])
    assert await store.retention.forget(Memory.REFUSED, at(days=1), 1000) == 1
    assert [each.at for each in await store.refused.reports()] == [at(days=2)]
