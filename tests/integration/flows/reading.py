"""What is stored, read through the ports, as the Buyer or the operator sees it."""

from bridge.domain.model import Appointment, WorkOrder
from bridge.flows.ports import AppointmentQuery, BusMessage, JournalEntry, WorkOrderQuery
from tests.integration.flows.world import BUYERS, World


async def visits(world: World) -> list[Appointment]:
    """All Appointments of the Buyer, oldest first."""
    reads = world.sql_store.reads
    listed = (await reads.appointments(AppointmentQuery(buyers=BUYERS))).items
    return [visit for each in listed if (visit := await reads.appointment(each.id)) is not None]


async def statuses(world: World) -> list[str]:
    """Their statuses."""
    return [visit.status.value for visit in await visits(world)]


async def work_orders(world: World) -> list[WorkOrder]:
    """All WorkOrders of the Buyer, oldest first."""
    reads = world.sql_store.reads
    listed = (await reads.work_orders(WorkOrderQuery(buyers=BUYERS))).items
    return [order for each in listed if (order := await reads.work_order(each.id)) is not None]


async def entries(world: World) -> list[JournalEntry]:
    """The journal, in order of arrival."""
    return [found.entry for found in reversed(await world.sql_store.journal.latest(limit=1000))]


async def sent(world: World) -> list[BusMessage]:
    """The messages for the WFM that went through the outbox, in order."""
    return [report.message for report in reversed(await world.sql_store.outbox.reports(limit=1000))]
