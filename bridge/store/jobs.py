"""A job and what hangs on it, locked and loaded many at a time, and written where it changed.

`load` makes jobs of rows, `parts` takes a job apart into what is stored each by itself, `write` stores such parts. What
differs from what is stored is for the unit of work to know.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, literal_column, select
from sqlalchemy.dialects.postgresql import Insert

from bridge.domain.ages import Age, Ages, ages_in
from bridge.domain.appointment import OPEN
from bridge.domain.draft import TROUBLE_TICKET
from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    Command,
    CommandId,
    CommandState,
    Job,
    JobRef,
    WorkOrder,
    WorkOrderId,
)
from bridge.domain.replacing import replace
from bridge.domain.work_order import TERMINAL
from bridge.flows.ports.transaction import Owner
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import GeographicAddressRef, GeographicSiteRef, Place, TimePeriod
from bridge.store import commands
from bridge.store.columns import Row
from bridge.store.journal import IS_WAITING
from bridge.store.session import KEYS, Bulk, Session, is_one_of, overwriting
from bridge.store.tables import appointments, jobs, journal, work_order_entities, work_order_places, work_orders

# A decision looks at the last few visits only; a job that was tried a hundred times must not load them all.
ENDED_APPOINTMENTS = 10

MOST_KEPT = 4096
"""Jobs that a process keeps, at some 10 kB each."""

SITE = "site"
ADDRESS = "address"

_HOLDS = (
    exists()
    .where(journal.c.pack == jobs.c.pack, journal.c.job_key == jobs.c.key, IS_WAITING, journal.c.due_at.is_not(None))
    .correlate(jobs)
)
_HEADS = select(jobs.c.pack, jobs.c.key.label("job_key"), jobs.c.revision, _HOLDS.label("holds")).where(
    is_one_of(jobs.c.pack, jobs.c.key)
)
_JOBS = (
    select(
        jobs.c.pack,
        jobs.c.key.label("job_key"),
        jobs.c.versions,
        jobs.c.record,
        jobs.c.told,
        *(column for column in work_orders.c if column.name not in ("pack", "job_key")),
    )
    .outerjoin(work_orders)
    .where(is_one_of(jobs.c.pack, jobs.c.key))
)
# Every visit of a job, oldest first: also those of a WorkOrder that a follow-up replaced.
_APPOINTMENTS = (
    select(appointments, work_orders.c.pack, work_orders.c.job_key)
    .join(work_orders)
    .where(is_one_of(work_orders.c.pack, work_orders.c.job_key))
    .order_by(appointments.c.created_at, appointments.c.id)
)
_UNENDED = (
    select(work_order_entities.c.entity_id, work_orders.c.id, work_orders.c.buyer)
    .join(work_orders)
    .where(work_order_entities.c.entity_id.in_(KEYS), work_order_entities.c.referred_type == TROUBLE_TICKET)
    .where(work_orders.c.state.not_in(sorted(TERMINAL)))
)
_OWNERS = select(work_orders.c.id, work_orders.c.pack, work_orders.c.job_key, work_orders.c.buyer).where(
    work_orders.c.id.in_(KEYS)
)


def _raising(statement: Insert) -> Insert:
    return overwriting(statement, revision=jobs.c.revision + literal_column("1"))


_SAVE_JOBS = Bulk(jobs, _raising)
_SAVE_WORK_ORDERS = Bulk(work_orders, overwriting)
_SAVE_APPOINTMENTS = Bulk(appointments, overwriting)
_UNINDEX = [
    table.delete().where(table.c.work_order_id == bindparam("changed"))
    for table in (work_order_entities, work_order_places)
]
_INDEX_ENTITIES = Bulk(work_order_entities)
_INDEX_PLACES = Bulk(work_order_places)


class Ticket(NamedTuple):
    """A trouble ticket of a Buyer."""

    buyer: BuyerId
    id: str


_AGE = attrgetter("created_at", "id")

# Loading


class JobCache:
    """Jobs as this process committed or loaded them last, at most `most`; the longest unused go first.

    Each job has a revision in the database, which every change of it raises. Who has locked the job reads that first: a
    job that is kept here at the same revision is as the database has it, whoever else may write there. Only its
    commands pass out of sight without a change, by the time.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[JobRef, tuple[int, Job]] = OrderedDict()
        self._jobs: dict[WorkOrderId, JobRef] = {}

    def at(self, ref: JobRef, revision: int, now: datetime) -> Job | None:
        """Give a job as it would be read now, if it is kept at this revision."""
        kept = self._kept.get(ref)
        if kept is None or kept[0] != revision:
            return None
        self._kept.move_to_end(ref)
        job = kept[1]
        return with_outstanding(job, (*job.commands, *job.granted), now)

    def keep(self, job: Job, revision: int) -> None:
        """Keep a job as it is in the database at this revision: call it after the commit."""
        self._forget(job.ref)
        self._kept[job.ref] = revision, job
        if job.work_order is not None:
            self._jobs[job.work_order.id] = job.ref
        if len(self._kept) > self._most:
            self._forget(next(iter(self._kept)))

    def owner(self, work_order: WorkOrderId) -> Owner | None:
        """Tell for which job a WorkOrder stands, and whose it is, if that is known here."""
        ref = self._jobs.get(work_order)
        order = None if ref is None else self._kept[ref][1].work_order
        return None if order is None else Owner(order.job, order.buyer)

    def orders(self, refs: Collection[JobRef]) -> list[WorkOrder]:
        """Give the WorkOrders of jobs as they are likely to be read; none where not all of the jobs are kept."""
        kept = [self._kept[ref][1].work_order for ref in refs if ref in self._kept]
        return [order for order in kept if order is not None] if len(kept) == len(refs) else []

    def _forget(self, ref: JobRef) -> None:
        _, job = self._kept.pop(ref, (0, None))
        if job is not None and job.work_order is not None:
            del self._jobs[job.work_order.id]


class Loaded(NamedTuple):
    """A job, and the revision that the database has of it: 0 of one that nobody heard of."""

    job: Job
    revision: int


async def load(session: Session, refs: Collection[JobRef], now: datetime, cache: JobCache) -> dict[JobRef, Loaded]:
    """Lock the jobs and load them, in a fixed number of statements; a job nobody heard of comes back empty.

    What the cache has at the database's revision is not read again.
    """
    wanted = sorted(set(refs))
    foreseen = _tickets(cache.orders(wanted))
    await lock(session, wanted, foreseen)
    heads = {ref: head for ref, (head,) in (await session.rows_of(_HEADS, wanted)).items()}
    kept = {ref: cache.at(ref, head["revision"], now) for ref, head in heads.items()}
    known = {ref: job for ref, job in kept.items() if job is not None}
    if unread := heads.keys() - known.keys():
        rows = await session.rows_of(_JOBS, unread)
        visits = await session.rows_of(_APPOINTMENTS, unread)
        since = now - commands.SPOKEN_OF_FOR
        asked = await session.rows_of(commands.OUTSTANDING, unread, spoken_of_since=since, now=now)
        known |= {ref: _job(row, visits[ref], asked[ref]) for ref, (row,) in rows.items()}
    orders = [job.work_order for job in known.values() if job.work_order is not None]
    siblings = await _count_siblings(session, orders, foreseen)
    loaded: dict[JobRef, Loaded] = {}
    for ref in wanted:
        job, revision = known.get(ref, Job(ref=ref)), heads[ref]["revision"] if ref in known else 0
        holds = ref in known and bool(heads[ref]["holds"])
        others = siblings[job.work_order.id] if job.work_order is not None else 0
        if (job.holds, job.open_siblings) != (holds, others):
            job = replace(job, holds=holds, open_siblings=others)
        loaded[ref] = Loaded(job, revision)
    return loaded


async def lock(session: Session, wanted: Collection[JobRef], tickets: Collection[Ticket] = ()) -> None:
    """Let nobody else have them until the transaction ends. SQLite's writers hold the whole database already.

    Rows could not be locked instead: a job nobody heard of has none. PostgreSQL locks by numbers; that two names share
    one is harmless and will not happen. Everybody locks jobs first, and each kind in the order of its numbers: nobody
    waits for somebody who waits for him.
    """
    if (wanted or tickets) and session.is_postgres:
        await session.lock([*_numbers(wanted), *_numbers(tickets)])


def _numbers(names: Collection[JobRef | Ticket]) -> list[int]:
    digests = {blake2b(repr(each).encode(), digest_size=8).digest() for each in names}
    return sorted(int.from_bytes(digest, signed=True) for digest in digests)


async def _count_siblings(
    session: Session, orders: Collection[WorkOrder], locked: Collection[Ticket]
) -> dict[WorkOrderId, int]:
    """Count the other WorkOrders of the same Buyer and trouble ticket that have not ended.

    The tickets are locked, so that two WorkOrders that end at the same moment don't each take the other for still open.
    """
    every = _tickets(orders)
    await lock(session, (), every.difference(locked))
    unended: defaultdict[Ticket, set[WorkOrderId]] = defaultdict(set)
    for row in await session.rows_in(_UNENDED, sorted({ticket.id for ticket in every})):
        unended[Ticket(row["buyer"], row["entity_id"])].add(row["id"])
    return {
        order.id: len(set().union(*(unended[ticket] for ticket in _tickets([order]))) - {order.id}) for order in orders
    }


def _tickets(orders: Iterable[WorkOrder]) -> set[Ticket]:
    return {
        Ticket(order.buyer, entity.id)
        for order in orders
        for entity in order.details.related_entity
        if entity.referred_type == TROUBLE_TICKET
    }


def _job(row: Row, visited: Sequence[Row], asked: Sequence[Row]) -> Job:
    """Make a job of its rows, oldest first."""
    field_versions, ages = ages_in(row["told"])
    job = Job(
        ref=JobRef(row["pack"], row["job_key"]),
        work_order=None if row["id"] is None else work_order(row),
        versions=row["versions"],
        record=row["record"],
        field_versions=field_versions,
        ages=ages,
    )
    if asked:
        job = _with_commands(job, [commands.command(each) for each in asked])
    return _with_appointments(job, [appointment(each) for each in visited])


def _with_appointments(job: Job, visits: Sequence[Appointment]) -> Job:
    """Give a job its visits, oldest first. Its Appointment is the open one of its WorkOrder, else the latest."""
    order = job.work_order
    own = [visit for visit in visits if order is not None and visit.work_order == order.id]
    current = next(reversed([visit for visit in own if visit.status in OPEN] or own), None)
    ended = [visit for visit in visits if visit is not current]
    return replace(job, appointment=current, ended_appointments=tuple(ended[-ENDED_APPOINTMENTS:]))


def _with_commands(job: Job, outstanding: Sequence[Command]) -> Job:
    """Give a job its commands, oldest first."""
    return replace(
        job,
        commands=tuple(each for each in outstanding if each.state is not CommandState.ACCEPTED),
        granted=tuple(each for each in outstanding if each.state is CommandState.ACCEPTED),
    )


def as_read(job: Job) -> Job:
    """Give a job that is stored now as it would be read."""
    return _with_appointments(job, sorted(job.appointments, key=_AGE))


def with_outstanding(job: Job, stored: Iterable[Command], now: datetime) -> Job:
    """Give a job those of its commands, as they are stored, that would be read now."""
    outstanding = sorted((each for each in stored if commands.is_outstanding(each, now)), key=_AGE)
    return _with_commands(job, outstanding) if outstanding or job.commands or job.granted else job


async def owners(session: Session, ids: Collection[WorkOrderId], cache: JobCache) -> dict[WorkOrderId, Owner]:
    """Tell which jobs WorkOrders stand for, and whose they are. Of a WorkOrder, neither ever changes."""
    known = {id_: owner for id_ in ids if (owner := cache.owner(id_)) is not None}
    found = await session.rows_in(_OWNERS, sorted(set(ids) - known.keys()))
    return known | {row["id"]: Owner(JobRef(row["pack"], row["job_key"]), row["buyer"]) for row in found}


# Writing


class Kind(StrEnum):
    """What is stored each by itself."""

    WORK_ORDER = "work order"
    APPOINTMENT = "appointment"
    COMMAND = "command"
    HEAD = "head"


Key = tuple[Kind, object]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What `jobs` keeps of a job besides the objects it points to."""

    ref: JobRef
    work_order: WorkOrderId | None
    written: tuple[Mapping[str, object], Mapping[str, object], Mapping[str, Age], Ages]

    def __eq__(self, other: object) -> bool:
        """Compare by identity what the WFM told: 1, 1.0 and true are equal here, and different there."""
        if not isinstance(other, Head) or self.work_order != other.work_order:
            return False
        return all(
            mine is theirs or not (mine or theirs) for mine, theirs in zip(self.written, other.written, strict=True)
        )


def parts(job: Job) -> Iterator[tuple[Key, Any]]:
    """Take a job apart. Of one that nobody heard of, nothing is kept."""
    order = job.work_order
    if order is not None:
        yield (Kind.WORK_ORDER, order.id), order
    for visit in (*job.ended_appointments, job.appointment):
        if visit is not None:
            yield (Kind.APPOINTMENT, visit.id), visit
    for command in (*job.commands, *job.granted):
        yield (Kind.COMMAND, command.id), command
    told = (job.versions, job.record, job.field_versions, job.ages)
    if order is not None or any(told):
        yield (Kind.HEAD, job.ref), Head(job.ref, order.id if order else None, told)


async def write(
    session: Session,
    changed: Mapping[Key, Any],
    stored: Mapping[Key, Any],
    settled: Mapping[CommandId, commands.Settled],
    loaded: Collection[JobRef],
) -> None:
    """Write parts that changed since they were `stored`, each after those that it refers to.

    A WorkOrder that is not stored is new if its job was `loaded`. Each head that is written raises its job's revision.
    """
    values: defaultdict[Kind, list[Any]] = defaultdict(list)
    for (kind, _), value in changed.items():
        values[kind].append(value)
    await _SAVE_WORK_ORDERS.run(session, [work_order_row(order) for order in values[Kind.WORK_ORDER]])
    # What lists are filtered by is written anew where it is not as it was.
    moved, known = [], []
    for order in values[Kind.WORK_ORDER]:
        before = stored.get((Kind.WORK_ORDER, order.id))
        seen_by, was = order.details, before.details if before is not None else None
        if was is None or (seen_by.related_entity, seen_by.place) != (was.related_entity, was.place):
            moved.append(order)
            known += [order.id] if was is not None or order.job not in loaded else []
    if moved:
        for statement in _UNINDEX:
            await session.run(statement, [{"changed": id_} for id_ in known])
        await _INDEX_ENTITIES.run(session, [row for order in moved for row in entity_rows(order)])
        await _INDEX_PLACES.run(session, [row for order in moved for row in place_rows(order)])
    await _SAVE_JOBS.run(session, [_head_row(head) for head in values[Kind.HEAD]])
    # R20: the visit that ends makes room for the one that begins.
    visits = [visit for visit in values[Kind.APPOINTMENT] if visit.status not in OPEN]
    visits += [visit for visit in values[Kind.APPOINTMENT] if visit.status in OPEN]
    await _SAVE_APPOINTMENTS.run(session, [appointment_row(visit) for visit in visits])
    asked: list[Command] = values[Kind.COMMAND]
    rows = [commands.command_row(each, settled.get(each.id, commands.NOT_SETTLED)) for each in asked]
    await commands.SAVE.run(session, rows)


# Rows


def _head_row(head: Head) -> dict[str, object]:
    versions, record, field_versions, ages = head.written
    return {
        "pack": head.ref.pack,
        "key": head.ref.key,
        "work_order_id": head.work_order,
        "versions": versions,
        "record": record,
        "told": {**field_versions, **ages.plain()},
        "revision": 1,
    }


def work_order_row(value: WorkOrder) -> dict[str, object]:
    """Make the row of `work_orders`."""
    return {
        "id": value.id,
        "pack": value.job.pack,
        "job_key": value.job.key,
        "buyer": value.buyer,
        "state": value.state.value,
        "appointment_required": value.appointment_required,
        "details": value.details,
        "appointments": value.appointments,
        "created_at": value.created_at,
        "changed_at": value.changed_at,
    }


def work_order(row: Row) -> WorkOrder:
    """Read a row of `work_orders`."""
    return WorkOrder(
        id=WorkOrderId(row["id"]),
        job=JobRef(row["pack"], row["job_key"]),
        buyer=BuyerId(row["buyer"]),
        state=WorkOrderState(row["state"]),
        appointment_required=row["appointment_required"],
        details=row["details"],
        appointments=tuple(map(AppointmentId, row["appointments"])),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
    )


def entity_rows(value: WorkOrder) -> list[dict[str, object]]:
    """Make the rows of `work_order_entities`, one for each different entity."""
    entities = dict.fromkeys((entity.id, entity.referred_type) for entity in value.details.related_entity)
    return [{"work_order_id": value.id, "entity_id": id_, "referred_type": type_} for id_, type_ in entities]


def place_rows(value: WorkOrder) -> list[dict[str, object]]:
    """Make the rows of `work_order_places`, one for each different site or address referred to."""
    refs = dict.fromkeys(map(_place_ref, value.details.place))
    return [{"work_order_id": value.id, "kind": kind, "place_id": id_} for kind, id_ in refs if id_ is not None]


def _place_ref(place: Place) -> tuple[str | None, str | None]:
    """Tell which site or address a place refers to, if it refers to one (O3, O4)."""
    if isinstance(place, GeographicSiteRef):
        return SITE, place.id
    if isinstance(place, GeographicAddressRef):
        return ADDRESS, place.id
    return None, None


def appointment_row(value: Appointment) -> dict[str, object]:
    """Make the row of `appointments`."""
    kind, place_id = _place_ref(value.place)
    disregarded = value.disregarded_window
    return {
        "id": value.id,
        "work_order_id": value.work_order,
        "buyer": value.buyer,
        "status": value.status.value,
        "valid_from": value.valid_for.start_date_time,
        "valid_to": value.valid_for.end_date_time,
        "place": value.place,
        "place_kind": kind,
        "place_id": place_id,
        "contacts": value.contacts,
        "note": value.note,
        "attachment": value.attachment,
        "visit": value.visit,
        "disregarded_from": disregarded.start_date_time if disregarded else None,
        "disregarded_to": disregarded.end_date_time if disregarded else None,
        "created_at": value.created_at,
        "changed_at": value.changed_at,
    }


def appointment(row: Row) -> Appointment:
    """Read a row of `appointments`."""
    start, end = row["disregarded_from"], row["disregarded_to"]
    return Appointment(
        id=AppointmentId(row["id"]),
        work_order=WorkOrderId(row["work_order_id"]),
        buyer=BuyerId(row["buyer"]),
        status=AppointmentStatus(row["status"]),
        valid_for=TimePeriod(start_date_time=row["valid_from"], end_date_time=row["valid_to"]),
        place=row["place"],
        contacts=row["contacts"],
        note=row["note"],
        attachment=row["attachment"],
        visit=row["visit"],
        disregarded_window=None if start is None else TimePeriod(start_date_time=start, end_date_time=end),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
    )
