"""What is on record of a job, from its first message to the last attempt at a notification; and which job an id means.

Ids that Buyers and the WFM use are found by their indexes. Where none fits, whole tables are looked through: for the
correlation ids of old messages, and for the beginning of an id.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Select,
    Subquery,
    Table,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from bridge.domain.model import JobRef
from bridge.flows.ports.job_trace import AnnouncedEvent, JobTrace, TracedDelivery
from bridge.flows.ports.webhook_delivery import Attempt
from bridge.store.backlog import REPORTS, report_of
from bridge.store.columns import escape
from bridge.store.commands import traced
from bridge.store.deliveries import attempt
from bridge.store.jobs import appointment, work_order
from bridge.store.journal import recorded
from bridge.store.notifications import event_of
from bridge.store.ordering import is_pending, of_job
from bridge.store.outbox import REPORTS as OUTBOX_REPORTS
from bridge.store.outbox import report_of as outbox_report_of
from bridge.store.refused_requests import refused_request
from bridge.store.session import KEYS, Database, Session
from bridge.store.tables import (
    appointments,
    attempts,
    commands,
    deliveries,
    jobs,
    journal,
    notifications,
    outbox,
    refused_requests,
    subscriptions,
    work_order_entities,
    work_orders,
)

MOST_JOBS: Final = 20
"""So many jobs are found at most by one id."""

_OF_ORDERS = select(work_orders.c.pack, work_orders.c.job_key)
_OF_APPOINTMENTS = _OF_ORDERS.join(appointments, appointments.c.work_order_id == work_orders.c.id)
_OF_ENTITIES = _OF_ORDERS.join(work_order_entities, work_order_entities.c.work_order_id == work_orders.c.id)
_OF_JOBS = select(jobs.c.pack, jobs.c.key.label("job_key"))
_OF_MESSAGES = select(journal.c.pack, journal.c.job_key).where(journal.c.job_key.is_not(None))
_OF_COMMANDS = select(commands.c.pack, commands.c.job_key)

_PACK: BindParameter[str] = bindparam("of_pack")
_KEY: BindParameter[str] = bindparam("of_key")
_ORDERS = (
    select(work_orders)
    .where(work_orders.c.pack == _PACK, work_orders.c.job_key == _KEY)
    .order_by(work_orders.c.created_at, work_orders.c.id)
)
_VISITS = (
    select(appointments)
    .where(appointments.c.work_order_id.in_(KEYS))
    .order_by(appointments.c.created_at, appointments.c.id)
)
_MESSAGES = select(journal).where(journal.c.pack == _PACK, journal.c.job_key == _KEY).order_by(journal.c.number)
_COMMANDS = (
    select(commands)
    .where(commands.c.pack == _PACK, commands.c.job_key == _KEY)
    .order_by(commands.c.created_at, commands.c.id)
)
_SENT = OUTBOX_REPORTS.where(outbox.c.pack == _PACK, outbox.c.job_key == _KEY).order_by(outbox.c.number)
_REFUSED = (
    select(refused_requests)
    .where(or_(refused_requests.c.work_order_id.in_(KEYS), refused_requests.c.appointment_id.in_(KEYS)))
    .order_by(refused_requests.c.number)
)
_EVENTS = (
    select(notifications)
    .where(notifications.c.resource_id.in_(KEYS))
    .order_by(notifications.c.event_time, notifications.c.position)
)
_DELIVERIES = REPORTS.where(deliveries.c.event_id.in_(KEYS)).order_by(deliveries.c.number)
_ATTEMPTS = select(attempts).where(attempts.c.delivery.in_(KEYS)).order_by(attempts.c.number)


def _mark() -> Select[Any]:
    """Ask in one statement, and by indexes only, for numbers of which one is another whenever a trace is another.

    A unit of work that changes a job, its visits or its commands raises its revision. A message for the WFM is pending
    first, so that one that has left shows as one less that is.
    """
    orders = select(work_orders.c.id).where(work_orders.c.pack == _PACK, work_orders.c.job_key == _KEY)
    visits = select(appointments.c.id).where(appointments.c.work_order_id.in_(orders))
    resources = select(union_all(orders, visits).subquery().c.id)
    heads = select(func.max(jobs.c.revision)).where(jobs.c.pack == _PACK, jobs.c.key == _KEY)
    said = select(*_counted(journal, "outcome", ("waiting", "parked")), func.max(journal.c.due_at)).where(
        journal.c.pack == _PACK, journal.c.job_key == _KEY
    )
    to_send = select(func.count(), func.sum(outbox.c.attempts), func.max(outbox.c.next_attempt_at)).where(
        is_pending(outbox), outbox.c.ordering_key == bindparam("of_ordering_key")
    )
    to_deliver = (
        select(
            *_counted(deliveries, "state", ("pending", "discarded")),
            func.sum(deliveries.c.attempts),
            func.count(deliveries.c.lease_until),
            func.max(deliveries.c.next_attempt_at),
            func.count(subscriptions.c.id),
            func.count(subscriptions.c.disabled_at),
        )
        .select_from(notifications)
        .join(deliveries, deliveries.c.event_id == notifications.c.event_id)
        .outerjoin(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
        .where(notifications.c.resource_id.in_(resources))
    )
    refused = [
        select(func.max(refused_requests.c.number)).where(about.in_(resources))
        for about in (refused_requests.c.work_order_id, refused_requests.c.appointment_id)
    ]
    first, *others = map(_numbered, [heads, said, to_send, to_deliver, *refused])
    joined: Any = first
    for other in others:
        joined = joined.join(other, true())
    return select(*(column.label(f"{place}") for place, column in enumerate(joined.c))).select_from(joined)


def _counted(table: Table, name: str, values: Sequence[str]) -> list[ColumnElement[Any]]:
    """Count rows, and those of them with each value of a column; and give the last one's number."""
    one: ColumnElement[int] = literal_column("1")
    none: ColumnElement[int] = literal_column("0")
    of_values = [func.sum(case((table.c[name] == value, one), else_=none)) for value in values]
    return [func.count(), func.max(table.c.number), *of_values]


def _numbered(query: Select[Any]) -> Subquery:
    """Give the columns of a query names of their own."""
    return query.with_only_columns(
        *(column.label(f"n{place}") for place, column in enumerate(query.selected_columns)), maintain_column_froms=True
    ).subquery()


_MARK = _mark()


class Found(NamedTuple):
    """The jobs that an id means; `by_beginning` if it is only how longer ids begin."""

    jobs: Sequence[JobRef]
    by_beginning: bool = False


class Traces:
    """Jobs as the operator sees them, with all that happened."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, id_: str) -> Found:
        """Find the jobs that an id means, at most `MOST_JOBS`; none for an empty one.

        It may be that of a WorkOrder, an Appointment, a job, a trouble ticket or another related entity, a command, an
        event or a message, a correlation id, or how one of the first four and an event's begins.
        """
        if not id_:
            return Found(())
        async with self._database.read() as session:
            for stage in _exact(id_):
                if found := await _named(session, stage):
                    return Found(found)
            return Found(await _named(session, _beginning(id_)), by_beginning=True)

    async def mark(self, job: JobRef) -> str:
        """Give a mark of what is on record of a job, which is another one as soon as anything of it is."""
        asked = {"of_pack": job.pack, "of_key": job.key, "of_ordering_key": of_job(job)}
        async with self._database.read() as session:
            row = await session.row(_MARK, asked)
        return "" if row is None else " ".join(map(str, row.values()))

    async def read(self, job: JobRef) -> JobTrace:
        """Read all that is on record of a job."""
        of_job = {"of_pack": job.pack, "of_key": job.key}
        async with self._database.read() as session:
            orders = [work_order(row) for row in await session.rows(_ORDERS, of_job)]
            visits = [appointment(row) for row in await session.rows_in(_VISITS, [each.id for each in orders])]
            resources: list[str] = [*(each.id for each in orders), *(each.id for each in visits)]
            events = [event_of(row) for row in await session.rows_in(_EVENTS, resources)]
            return JobTrace(
                job=job,
                work_orders=tuple(orders),
                appointments=tuple(visits),
                messages=tuple(recorded(row) for row in await session.rows(_MESSAGES, of_job)),
                commands=tuple(map(traced, await session.rows(_COMMANDS, of_job))),
                sent=tuple(outbox_report_of(row) for row in await session.rows(_SENT, of_job)),
                events=tuple(events),
                deliveries=await _deliveries(session, events),
                refused=tuple(refused_request(row) for row in await session.rows_in(_REFUSED, resources)),
            )


async def _deliveries(session: Session, events: Sequence[AnnouncedEvent]) -> tuple[TracedDelivery, ...]:
    reports = [report_of(row) for row in await session.rows_in(_DELIVERIES, [each.event_id for each in events])]
    tries: defaultdict[int, list[Attempt]] = defaultdict(list)
    for row in await session.rows_in(_ATTEMPTS, [report.number for report in reports]):
        tries[row["delivery"]].append(attempt(row))
    return tuple(TracedDelivery(report=each, attempts=tuple(tries[each.number])) for each in reports)


async def _named(session: Session, queries: Sequence[Select[Any]]) -> list[JobRef]:
    found = {
        JobRef(row["pack"], row["job_key"])
        for query in queries
        for row in await session.rows(query.distinct().limit(MOST_JOBS))
    }
    return sorted(found)[:MOST_JOBS]


def _exact(id_: str) -> Iterator[Sequence[Select[Any]]]:
    """Say what an id may be, the likeliest first: the first of these that finds anything says what is meant."""
    yield [_OF_ORDERS.where(work_orders.c.id == id_)]
    yield [_OF_APPOINTMENTS.where(appointments.c.id == id_)]
    yield [_OF_JOBS.where(jobs.c.key == id_), _OF_MESSAGES.where(journal.c.job_key == id_)]
    yield [_OF_ENTITIES.where(work_order_entities.c.entity_id == id_)]
    yield [_OF_COMMANDS.where(commands.c.id == id_)]
    yield _of_events(notifications.c.event_id == id_)
    yield [
        _OF_MESSAGES.where(or_(journal.c.correlation_id == id_, journal.c.message_id == id_)),
        _OF_COMMANDS.where(commands.c.correlation_id == id_),
        *_of_refused(refused_requests.c.correlation_id == id_),
        *_of_events(notifications.c.correlation_id == id_),
    ]


def _beginning(id_: str) -> Sequence[Select[Any]]:
    def begins(column: Column[str]) -> ColumnElement[bool]:
        return func.substr(column, 1, len(escape(id_)), type_=column.type) == id_

    return [
        _OF_ORDERS.where(begins(work_orders.c.id)),
        _OF_APPOINTMENTS.where(begins(appointments.c.id)),
        _OF_JOBS.where(begins(jobs.c.key)),
        _OF_ENTITIES.where(begins(work_order_entities.c.entity_id)),
        *_of_events(begins(notifications.c.event_id)),
    ]


def _of_refused(condition: ColumnElement[bool]) -> Sequence[Select[Any]]:
    """Choose the jobs that refused requests were about."""
    orders = select(refused_requests.c.work_order_id).where(condition)
    visits = select(refused_requests.c.appointment_id).where(condition)
    return [_OF_ORDERS.where(work_orders.c.id.in_(orders)), _OF_APPOINTMENTS.where(appointments.c.id.in_(visits))]


def _of_events(condition: ColumnElement[bool]) -> Sequence[Select[Any]]:
    """Choose the jobs of events; WorkOrders and Appointments each by the index of their ids."""
    resources = select(notifications.c.resource_id).where(condition)
    return [
        _OF_ORDERS.where(work_orders.c.id.in_(resources)),
        _OF_APPOINTMENTS.where(appointments.c.id.in_(resources)),
    ]
