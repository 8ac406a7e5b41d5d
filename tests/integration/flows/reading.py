"""What is stored, read through the ports, as the Buyer or the operator sees it."""

from bridge.domain.model import Appointment, BuyerId, Command, MessageId, WorkOrder
from bridge.flows.ports.buyer_views import AppointmentQuery, WorkOrderQuery
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.job_trace import AnnouncedEvent
from bridge.flows.ports.journal_entry import JournalEntry
from bridge.flows.ports.webhook_delivery import DeliveryReport
from tests.integration.flows.acme import PACK
from tests.integration.flows.world import ALL, BUYERS, EVER, World


async def visits(world: World) -> list[Appointment]:
    """All Appointments of the Buyer, oldest first."""
    reads = world.sql_store.reads
    listed = (await reads.appointments(AppointmentQuery(buyers=BUYERS))).items
    return [visit for each in listed if (visit := await reads.appointment(each.id)) is not None]


async def statuses(world: World) -> list[str]:
    """Their statuses."""
    return [visit.status.value for visit in await visits(world)]


async def work_orders(world: World, buyers: frozenset[BuyerId] = BUYERS) -> list[WorkOrder]:
    """All WorkOrders of the Buyers, oldest first."""
    reads = world.sql_store.reads
    listed = (await reads.work_orders(WorkOrderQuery(buyers=buyers))).items
    return [order for each in listed if (order := await reads.work_order(each.id)) is not None]


async def entries(world: World) -> list[JournalEntry]:
    """The journal, in order of arrival."""
    return [found.entry for found in reversed(await world.sql_store.journal.latest(limit=ALL))]


async def parked(world: World) -> list[JournalEntry]:
    """Its entries that came to nothing."""
    return [entry for entry in await entries(world) if entry.outcome == "parked"]


async def became(world: World) -> list[tuple[str | None, str]]:
    """The messages in the journal, and what became of each."""
    return [(entry.message, entry.outcome.value) for entry in await entries(world)]


async def is_seen(world: World, message: str, pack: str = PACK) -> bool:
    """Tell whether a message would be known if it came again."""
    async with world.sql_store.transaction() as tx:
        return MessageId(message) in await tx.seen(pack, {MessageId(message)})


async def jobs_seen(world: World) -> list[str]:
    """The jobs of the Buyer's WorkOrders, sorted."""
    return sorted(order.job.key for order in await work_orders(world))


async def commands(world: World, kind: str | None = None) -> list[Command]:
    """The stored commands, of a kind perhaps, oldest first."""
    found = await world.sql_store.commands.since(PACK, EVER)
    return [command for command in found if kind is None or command.kind == kind]


async def events(world: World) -> list[AnnouncedEvent]:
    """The events for the Buyers' listeners, by their moments."""
    return list(reversed(await world.sql_store.notifications.latest(limit=ALL)))


async def deliveries(world: World) -> list[DeliveryReport]:
    """The deliveries of events to listeners, in order."""
    return list(reversed(await world.sql_store.backlog.reports(limit=ALL)))


async def sent(world: World) -> list[BusMessage]:
    """The messages for the WFM that went through the outbox, in order."""
    return [report.message for report in reversed(await world.sql_store.outbox.reports(limit=ALL))]
