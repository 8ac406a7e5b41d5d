"""Jobs under a transaction: locked and loaded many at a time, remembered, and written back where they changed.

A decision loads a job, changes the value and saves it, perhaps several times over in one batch. What was loaded is
remembered, so that only differences are written, once, before the next read or the commit.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Executable,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from bridge.domain.appointment import OPEN
from bridge.domain.draft import TROUBLE_TICKET
from bridge.domain.echo import without_old_echoes
from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    Job,
    JobRef,
    WorkOrder,
    WorkOrderId,
)
from bridge.domain.work_order import TERMINAL
from bridge.store import rows
from bridge.store.journal import IS_WAITING
from bridge.store.refs import is_one_of, rows_of
from bridge.store.session import KEYS, Session, insert
from bridge.store.tables import (
    appointments,
    commands,
    jobs,
    journal,
    work_order_entities,
    work_order_places,
    work_orders,
)

# A decision looks at the last few visits only; a job that was tried a hundred times must not load them all.
ENDED_APPOINTMENTS = 10
# For so long after its deadline the WFM may still speak of a command that came to nothing.
SPOKEN_OF_FOR = timedelta(days=7)

_LOCK = text("SELECT pg_advisory_xact_lock(wanted) FROM unnest(:wanted) AS wanted").bindparams(
    bindparam("wanted", type_=ARRAY(BigInteger))
)
_HOLDS = exists().where(
    journal.c.pack == jobs.c.pack,
    journal.c.job_key == jobs.c.key,
    IS_WAITING,
    journal.c.due_at.is_not(None),
)
_HEADS = select(
    jobs.c.pack,
    jobs.c.key.label("job_key"),
    jobs.c.work_order_id,
    jobs.c.versions,
    jobs.c.record,
    jobs.c.told,
    _HOLDS.label("holds"),
).where(is_one_of(jobs.c.pack, jobs.c.key))
_WORK_ORDERS = select(work_orders).where(work_orders.c.id.in_(KEYS))
_APPOINTMENTS = (
    select(appointments, work_orders.c.pack, work_orders.c.job_key)
    .join(work_orders)
    .where(is_one_of(work_orders.c.pack, work_orders.c.job_key))
    .order_by(appointments.c.created_at, appointments.c.id)
)


def _commands_to_load() -> Select[Any]:
    came_to_nothing = commands.c.state.in_([CommandState.EXPIRED.value, CommandState.COMPENSATED.value])
    booking = and_(commands.c.kind == CommandKind.BOOK.value, commands.c.state == CommandState.EXPIRED.value)
    relevant = or_(
        commands.c.state == CommandState.PENDING.value,
        booking,  # however late it is announced, it must be taken back
        commands.c.try_again_at.is_not(None),  # its visit may still stand in the WFM
        and_(came_to_nothing, commands.c.expires_at > bindparam("spoken_of_since")),
        and_(commands.c.state == CommandState.ACCEPTED.value, commands.c.echo_until > bindparam("now")),
    )
    asked = select(commands).where(is_one_of(commands.c.pack, commands.c.job_key), relevant)
    return asked.order_by(commands.c.created_at, commands.c.id)


_COMMANDS = _commands_to_load()
_UNENDED = (
    select(work_order_entities.c.entity_id, work_orders.c.id, work_orders.c.buyer)
    .join(work_orders)
    .where(work_order_entities.c.entity_id.in_(KEYS), work_order_entities.c.referred_type == TROUBLE_TICKET)
    .where(work_orders.c.state.not_in(sorted(TERMINAL)))
)


@cache
def _upsert_commands(*, postgres: bool) -> Executable:
    """Overwrite commands; a job loaded before a command was settled still calls it pending, but settled is final."""
    statement = insert(commands, postgres=postgres)
    new = statement.excluded
    state = case((new.state == CommandState.PENDING.value, commands.c.state), else_=new.state)
    kept = {"state": state, "answer": func.coalesce(new.answer, commands.c.answer)}
    changed = {name: column for name, column in new.items() if name != "id"}
    return statement.on_conflict_do_update(index_elements=["id"], set_=changed | kept)


class Head(NamedTuple):
    """What `jobs` keeps of a job besides the objects it points to."""

    work_order: WorkOrderId | None
    versions: str
    record: str
    told: str


class Ticket(NamedTuple):
    """A trouble ticket of a Buyer."""

    buyer: BuyerId
    id: str


_NOTHING = Head(None, "{}", "{}", "{}")


class JobBook:
    """The jobs, WorkOrders, Appointments and commands that one transaction has seen or changed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[tuple[str, object], object] = {}
        self._heads: dict[JobRef, Head] = {}
        self._work_orders: dict[WorkOrderId, WorkOrder] = {}
        self._reindexed: set[WorkOrderId] = set()
        self._appointments: dict[AppointmentId, Appointment] = {}
        self._commands: dict[CommandId, Command] = {}
        self._answers: dict[CommandId, str] = {}

    # loading

    async def load(self, refs: Collection[JobRef], now: datetime) -> dict[JobRef, Job]:
        """Lock the jobs and load them, in a fixed number of statements; a job nobody heard of comes back empty."""
        await self.flush()
        wanted = sorted(set(refs))
        await self._lock(f"job:{rows.job_lane(ref)}" for ref in wanted)
        heads, holding = await self._load_heads(wanted)
        orders = await self._load_work_orders([head.work_order for head in heads.values() if head.work_order])
        await self._lock(
            f"ticket:{len(ticket.buyer)}:{ticket.buyer}:{ticket.id}" for ticket in _tickets(orders.values())
        )
        visits = await self._load_appointments(heads)
        asked = await self._load_commands(heads, now)
        siblings = await self._count_siblings(orders.values())
        loaded = [_job(ref, heads.get(ref, _NOTHING), orders, visits[ref], asked[ref], siblings) for ref in wanted]
        return {job.ref: replace(without_old_echoes(job, now), holds=job.ref in holding) for job in loaded}

    async def _lock(self, names: Iterable[str]) -> None:
        """Hold what the names stand for until the transaction ends. SQLite writers hold the whole database already.

        Rows could not be locked instead: a job nobody heard of has none. A trouble ticket is locked so that two
        WorkOrders of it that end at the same moment don't each take the other for still open.
        """
        keys = sorted({_lock_key(name) for name in names})
        if keys and self._session.is_postgres:
            await self._session.rows(_LOCK, {"wanted": keys})

    async def _load_heads(self, refs: Collection[JobRef]) -> tuple[dict[JobRef, Head], set[JobRef]]:
        """Read what is kept of the jobs themselves, and which of them have messages that are held."""
        found = await rows_of(self._session, _HEADS, refs)
        heads = {ref: Head(row["work_order_id"], row["versions"], row["record"], row["told"]) for ref, row in found}
        self._know("job", heads.items())
        return heads, {ref for ref, row in found if row["holds"]}

    async def _load_work_orders(self, ids: Collection[WorkOrderId]) -> dict[WorkOrderId, WorkOrder]:
        found = map(rows.work_order, await self._session.rows_in(_WORK_ORDERS, ids))
        loaded = {order.id: order for order in found}
        self._know("work order", loaded.items())
        return loaded

    async def _load_appointments(self, refs: Collection[JobRef]) -> dict[JobRef, list[Appointment]]:
        """Load every visit of the jobs, oldest first: also those of a WorkOrder that a follow-up replaced."""
        visits: defaultdict[JobRef, list[Appointment]] = defaultdict(list)
        for ref, row in await rows_of(self._session, _APPOINTMENTS, refs):
            visits[ref].append(rows.appointment(row))
        self._know("appointment", ((visit.id, visit) for job in visits.values() for visit in job))
        return visits

    async def _load_commands(self, refs: Collection[JobRef], now: datetime) -> dict[JobRef, list[Command]]:
        """Load the commands that a message of the WFM may still be the answer to, oldest first."""
        asked: defaultdict[JobRef, list[Command]] = defaultdict(list)
        for ref, row in await rows_of(self._session, _COMMANDS, refs, spoken_of_since=now - SPOKEN_OF_FOR, now=now):
            asked[ref].append(rows.command(row))
        self._know("command", ((command.id, command) for job in asked.values() for command in job))
        return asked

    async def _count_siblings(self, orders: Collection[WorkOrder]) -> dict[WorkOrderId, int]:
        """Count the other WorkOrders of the same Buyer and trouble ticket that have not ended."""
        unended: defaultdict[Ticket, set[WorkOrderId]] = defaultdict(set)
        for row in await self._session.rows_in(_UNENDED, sorted({ticket.id for ticket in _tickets(orders)})):
            unended[Ticket(row["buyer"], row["entity_id"])].add(row["id"])
        return {
            order.id: len(set().union(*(unended[ticket] for ticket in _tickets([order]))) - {order.id})
            for order in orders
        }

    def _know(self, kind: str, values: Iterable[tuple[object, object]]) -> None:
        self._known.update({(kind, key): value for key, value in values})

    # saving

    def save(self, job: Job) -> None:
        """Note what differs from what is stored; the last value of an object wins."""
        if job.work_order:
            self._save_work_order(job.work_order)
        for visit in (*job.ended_appointments, *filter(None, (job.appointment,))):
            if self._differs("appointment", visit.id, visit):
                self._appointments[visit.id] = visit
        for command in (*job.commands, *job.granted):
            self._save_command(command)
        head = _head(job)
        if self._differs("job", job.ref, head, _NOTHING):
            self._heads[job.ref] = head

    def know_command(self, command: Command) -> None:
        """Take a command as stored."""
        self._known["command", command.id] = command

    def settle_command(self, command: Command, answer: Mapping[str, object]) -> None:
        """Note a command in its final state, with what came of it."""
        self._known["command", command.id] = self._commands[command.id] = command
        self._answers[command.id] = rows.plain_text(answer)

    def _save_command(self, command: Command) -> None:
        if self._differs("command", command.id, command):
            self._commands[command.id] = command

    def _save_work_order(self, order: WorkOrder) -> None:
        before = self._known.get(("work order", order.id))
        if not self._differs("work order", order.id, order):
            return
        self._work_orders[order.id] = order
        if not isinstance(before, WorkOrder) or _index_rows(before) != _index_rows(order):
            self._reindexed.add(order.id)

    def _differs(self, kind: str, key: object, value: object, unknown: object = None) -> bool:
        """Tell whether a value is news, and remember it."""
        before = self._known.get((kind, key), unknown)
        self._known[kind, key] = value
        return before is not value and before != value

    async def flush(self) -> None:
        """Write what was saved since the last time."""
        await self._flush_work_orders()
        await self._session.upsert(jobs, [_head_row(ref, head) for ref, head in self._heads.items()])
        # R20: the visit that ends makes room for the one that begins.
        visits = sorted(self._appointments.values(), key=lambda visit: visit.status in OPEN)
        await self._session.upsert(appointments, list(map(rows.appointment_row, visits)))
        await self._flush_commands()
        for written in (
            self._work_orders,
            self._heads,
            self._appointments,
            self._commands,
            self._answers,
            self._reindexed,
        ):
            written.clear()

    async def _flush_work_orders(self) -> None:
        await self._session.upsert(work_orders, list(map(rows.work_order_row, self._work_orders.values())))
        if not self._reindexed:
            return
        changed = [self._work_orders[id_] for id_ in self._reindexed]
        for table, make in ((work_order_entities, rows.entity_rows), (work_order_places, rows.place_rows)):
            stale = table.delete().where(table.c.work_order_id == bindparam("changed"))
            await self._session.run(stale, [{"changed": order.id} for order in changed])
            await self._session.run(table.insert(), [row for order in changed for row in make(order)])

    async def _flush_commands(self) -> None:
        if not self._commands:
            return
        written = [
            rows.command_row(command) | {"answer": self._answers.get(command.id)} for command in self._commands.values()
        ]
        await self._session.run(_upsert_commands(postgres=self._session.is_postgres), written)


def _lock_key(name: str) -> int:
    """Make the 64-bit number PostgreSQL locks by; that two names share one is harmless and will not happen."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)


def _tickets(orders: Iterable[WorkOrder]) -> Iterator[Ticket]:
    for order in orders:
        for entity in order.details.related_entity:
            if entity.referred_type == TROUBLE_TICKET:
                yield Ticket(order.buyer, entity.id)


def _index_rows(order: WorkOrder) -> tuple[object, object]:
    return rows.entity_rows(order), rows.place_rows(order)


def _head(job: Job) -> Head:
    work_order = job.work_order.id if job.work_order else None
    return Head(work_order, rows.plain_text(job.versions), rows.plain_text(job.record), rows.plain_text(job.told))


def _head_row(ref: JobRef, head: Head) -> dict[str, object]:
    return {
        "pack": ref.pack,
        "key": ref.key,
        "work_order_id": head.work_order,
        "versions": head.versions,
        "record": head.record,
        "told": head.told,
    }


def _job(
    ref: JobRef,
    head: Head,
    orders: dict[WorkOrderId, WorkOrder],
    visits: Sequence[Appointment],
    asked: Sequence[Command],
    siblings: dict[WorkOrderId, int],
) -> Job:
    current = _current(head.work_order, visits)
    ended = [visit for visit in visits if visit is not current]
    return Job(
        ref=ref,
        work_order=orders[head.work_order] if head.work_order else None,
        appointment=current,
        ended_appointments=tuple(ended[-ENDED_APPOINTMENTS:]),
        versions=rows.plain(head.versions),
        record=rows.plain(head.record),
        told=rows.plain(head.told),
        commands=tuple(command for command in asked if command.state is not CommandState.ACCEPTED),
        granted=tuple(command for command in asked if command.state is CommandState.ACCEPTED),
        open_siblings=siblings.get(head.work_order, 0) if head.work_order else 0,
    )


def _current(order: WorkOrderId | None, visits: Sequence[Appointment]) -> Appointment | None:
    """Pick the open Appointment of the WorkOrder, else its latest. `visits` come oldest first."""
    own = [visit for visit in visits if visit.work_order == order]
    opened = [visit for visit in own if visit.status in OPEN]
    candidates = opened or own
    return candidates[-1] if candidates else None
