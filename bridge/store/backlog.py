"""Deliveries as the operator sees them: what became of each, and those that are over sent again, as the same events.

What is sent again leaves in the order of its events: within its resource before what is pending there, unless that is
on its way already.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, case, func, or_, select, update

from bridge.domain.model import BuyerId, JobRef
from bridge.flows.operator import Pending, Retried, RetryOutcome
from bridge.flows.ports.subscription import SubscriptionId
from bridge.flows.ports.webhook_delivery import Attempt, DeliveryFilter, DeliveryGroup, DeliveryReport, DeliveryState
from bridge.mef.enums import EventType
from bridge.store import ordering
from bridge.store.columns import Row
from bridge.store.deliveries import Deliveries, attempt
from bridge.store.jobs import lock
from bridge.store.session import KEYS, Database, Session
from bridge.store.tables import appointments, attempts, deliveries, notifications, subscriptions, work_orders

OVER: Final = (DeliveryState.DISCARDED, DeliveryState.DELIVERED)
"""States of deliveries that may be sent again."""
ANY: Final = DeliveryFilter()
AT_ONCE: Final = 500  # deliveries that are made pending in one transaction

_TRIES = attempts.alias("tries")
_LAST = select(func.max(_TRIES.c.number)).where(_TRIES.c.delivery == deliveries.c.number).scalar_subquery()
REPORTS = (
    select(
        deliveries,
        notifications.c.event_type,
        notifications.c.event_time,
        notifications.c.resource_id,
        notifications.c.buyer,
        subscriptions.c.callback,
        subscriptions.c.disabled_at,
        attempts.c.at,
        attempts.c.status,
        attempts.c.error,
        attempts.c.elapsed,
        attempts.c.excerpt,
        ordering.behind(deliveries),
    )
    .join(notifications, notifications.c.event_id == deliveries.c.event_id)
    .outerjoin(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
    .outerjoin(attempts, attempts.c.number == _LAST)
)
_BY_NUMBER = REPORTS.where(deliveries.c.number.in_(KEYS))
_ATTEMPTS = select(attempts).where(attempts.c.delivery == bindparam("wanted")).order_by(attempts.c.number)
_UNDER_WAY = select(deliveries.c.begun_at).where(
    deliveries.c.number == bindparam("wanted"),
    deliveries.c.lease_until.is_not(None),
    deliveries.c.begun_at.is_not(None),
)
_NUMBERS = select(deliveries.c.number).join(notifications, notifications.c.event_id == deliveries.c.event_id)
_OF_GROUP = (
    notifications.c.buyer,
    deliveries.c.subscription_id,
    notifications.c.event_type,
    subscriptions.c.callback,
)
_GROUPS = (
    select(
        *_OF_GROUP,
        func.count().label("number"),
        func.min(notifications.c.event_time).label("first"),
        func.max(notifications.c.event_time).label("last"),
    )
    .select_from(deliveries)
    .join(notifications, notifications.c.event_id == deliveries.c.event_id)
    .outerjoin(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
    .group_by(*_OF_GROUP)
    .order_by(*_OF_GROUP)
)
_WAITS_FOR = case(
    (subscriptions.c.disabled_at.is_not(None), "suspended"),
    (deliveries.c.lease_until.is_not(None), "under_way"),
    (deliveries.c.next_attempt_at.is_(None), "behind"),
    (deliveries.c.next_attempt_at <= bindparam("now", type_=deliveries.c.next_attempt_at.type), "due"),
    else_="later",
)
_PENDING = (
    select(_WAITS_FOR.label("waits_for"), func.count().label("number"))
    .select_from(deliveries)
    .join(notifications, notifications.c.event_id == deliveries.c.event_id)
    .outerjoin(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
    .group_by("waits_for")
)
_JOBS = (
    select(work_orders.c.pack, work_orders.c.job_key)
    .distinct()
    .select_from(deliveries)
    .join(notifications, notifications.c.event_id == deliveries.c.event_id)
    .outerjoin(appointments, appointments.c.id == notifications.c.resource_id)
    .join(
        work_orders,
        or_(work_orders.c.id == notifications.c.resource_id, work_orders.c.id == appointments.c.work_order_id),
    )
    .where(deliveries.c.number.in_(KEYS))
)
_KEYS_OF = select(deliveries.c.ordering_key, deliveries.c.subscription_id).where(deliveries.c.number.in_(KEYS))
# A listener that was removed hears nothing more; one that is being removed waits for us.
_LISTENERS = (
    select(subscriptions.c.id, subscriptions.c.disabled_at)
    .where(subscriptions.c.id.in_(KEYS))
    .order_by(subscriptions.c.id)
    .with_for_update(read=True, key_share=True)
)
# All that is pending beside those that are to be sent again, in the order in which everybody locks deliveries.
_LOCKED = (
    select(
        deliveries.c.number,
        deliveries.c.ordering_key,
        deliveries.c.subscription_id,
        deliveries.c.state,
        deliveries.c.next_attempt_at,
        deliveries.c.lease_until,
    )
    .where(
        or_(
            deliveries.c.number.in_(bindparam("numbers", expanding=True)),
            ordering.is_pending(deliveries) & deliveries.c.ordering_key.in_(KEYS),
        )
    )
    .order_by(deliveries.c.number)
    .with_for_update()
)
_DUE = bindparam("due", type_=deliveries.c.next_attempt_at.type)
_AGAIN = (
    update(deliveries)
    .where(deliveries.c.number == bindparam("again"))
    .values(state=ordering.PENDING, attempts=0, lease_until=None, next_attempt_at=_DUE)
)
_BEHIND = update(deliveries).where(deliveries.c.number.in_(KEYS)).values(next_attempt_at=None)


class Backlog:
    """What was, or is to be, delivered."""

    def __init__(self, database: Database, sending: Deliveries) -> None:
        self._database = database
        self._sending = sending

    async def reports(self, wanted: DeliveryFilter = ANY, limit: int = 100) -> Sequence[DeliveryReport]:
        """Read the newest deliveries, newest first."""
        query = _filtered(REPORTS, wanted).order_by(deliveries.c.number.desc()).limit(limit)
        async with self._database.read() as session:
            return [report_of(row) for row in await session.rows(query)]

    async def report(self, number: int) -> DeliveryReport | None:
        """Read one delivery."""
        async with self._database.read() as session:
            row = await session.row(REPORTS.where(deliveries.c.number == number))
        return None if row is None else report_of(row)

    async def attempts(self, number: int) -> Sequence[Attempt]:
        """Read all attempts at a delivery, oldest first; last one that is under way, or was when its process died."""
        wanted = {"wanted": number}
        async with self._database.read() as session:
            ended = [attempt(row) for row in await session.rows(_ATTEMPTS, wanted)]
            begun = [_begun(row) for row in await session.rows(_UNDER_WAY, wanted)]
        return [*ended, *begun]

    async def groups(self, wanted: DeliveryFilter) -> Sequence[DeliveryGroup]:
        """Count deliveries by listener and event type: what `replay` would take."""
        async with self._database.read() as session:
            return [_group(row) for row in await session.rows(_filtered(_GROUPS, wanted))]

    async def pending(self, wanted: DeliveryFilter, now: datetime) -> Pending:
        """Count pending deliveries by what they wait for: what `hasten` would do."""
        wanted = replace(wanted, state=DeliveryState.PENDING)
        async with self._database.read() as session:
            rows = await session.rows(_filtered(_PENDING, wanted), {"now": now})
        counts = {row["waits_for"]: row["number"] for row in rows}
        return Pending(**{name: counts.get(name, 0) for name in Pending._fields})

    async def retry(self, numbers: Collection[int], now: datetime) -> Sequence[Retried]:
        """Send given-up notifications again, and have pending ones tried now, with the same event ids and all attempts
        before them; tell what became of each number.
        """
        wanted = sorted(set(numbers))
        async with self._database.write() as session:
            await _lock_jobs(session, wanted)
            again = await _send_again(session, wanted, DeliveryState.DISCARDED, now)
            due = await ordering.bring_forward(session, deliveries, set(wanted) - again, now, afresh=True)
            after = {row["number"]: report_of(row) for row in await session.rows_in(_BY_NUMBER, wanted)}
        if again or due:
            self._sending.on_due()
        return [_retried(number, after.get(number), again, now) for number in wanted]

    async def hasten(self, wanted: DeliveryFilter, now: datetime) -> int:
        """Have all pending deliveries that wait for their next attempt tried now; return how many."""
        wanted = replace(wanted, state=DeliveryState.PENDING)
        last, done = 0, 0
        while numbers := await self._numbers(wanted, last):
            last = numbers[-1]
            async with self._database.write() as session:
                done += len(await ordering.bring_forward(session, deliveries, numbers, now, afresh=True))
        if done:
            self._sending.on_due()
        return done

    async def replay(self, wanted: DeliveryFilter, now: datetime) -> int:
        """Send again, oldest first, what is over and has a listener; return how many. `wanted` must name such a state.

        Each transaction takes some of them, so one that breaks off has begun with the oldest, and may be begun anew.
        """
        if wanted.state not in OVER:
            raise ValueError(f"{wanted.state} is not over: only what was given up or delivered can be sent again")
        last, done = 0, 0
        while numbers := await self._numbers(wanted, last):
            last = numbers[-1]
            done += len(await self._send_again(numbers, wanted.state, now))
        return done

    async def _numbers(self, wanted: DeliveryFilter, after: int) -> Sequence[int]:
        query = _filtered(_NUMBERS, wanted).where(deliveries.c.number > after)
        async with self._database.read() as session:
            rows = await session.rows(query.order_by(deliveries.c.number).limit(AT_ONCE))
        return [row["number"] for row in rows]

    async def _send_again(self, numbers: Sequence[int], state: DeliveryState, now: datetime) -> set[int]:
        async with self._database.write() as session:
            await _lock_jobs(session, numbers)
            again = await _send_again(session, numbers, state, now)
        if again:
            self._sending.on_due()
        return again


async def _lock_jobs(session: Session, numbers: Sequence[int]) -> None:
    jobs = await session.rows_in(_JOBS, numbers)
    await lock(session, {JobRef(row["pack"], row["job_key"]) for row in jobs})


async def _send_again(session: Session, numbers: Sequence[int], state: DeliveryState, now: datetime) -> set[int]:
    """Make deliveries pending, with all their attempts before them. We hold their jobs, as who appends does."""
    keys = await session.rows_in(_KEYS_OF, numbers)
    listeners = await session.rows_in(_LISTENERS, sorted({row["subscription_id"] for row in keys}))
    enabled = {row["id"]: row["disabled_at"] is None for row in listeners}
    of_keys = sorted({row["ordering_key"] for row in keys if row["subscription_id"] in enabled})
    rows = await session.rows_in(_LOCKED, of_keys, numbers=list(numbers))
    again = {row["number"]: row for row in rows if row["state"] == state.value and row["subscription_id"] in enabled}
    pending = [row for row in rows if row["state"] == ordering.PENDING]
    leading, behind = _reordered([*pending, *again.values()], again.keys(), now)
    if behind:
        await session.run(_BEHIND, {"keys": behind})
    due = {number for number in leading if enabled[again[number]["subscription_id"]]}
    await session.run(_AGAIN, [{"again": number, "due": now if number in due else None} for number in sorted(again)])
    return set(again)


def _retried(number: int, report: DeliveryReport | None, again: Collection[int], now: datetime) -> Retried:
    outcome = RetryOutcome.UNKNOWN if report is None else _outcome(report, again, now)
    return Retried(number=number, outcome=outcome, behind=None if report is None else report.behind)


def _outcome(report: DeliveryReport, again: Collection[int], now: datetime) -> RetryOutcome:
    """Say what a retry has come to, by how the delivery is after it."""
    if report.number in again:
        return RetryOutcome.AGAIN
    if report.state is not DeliveryState.PENDING:
        return RetryOutcome.OVER if report.state is DeliveryState.DELIVERED else RetryOutcome.NO_LISTENER
    if report.is_suspended:
        return RetryOutcome.SUSPENDED
    if report.next_attempt_at is None:
        return RetryOutcome.BEHIND
    return RetryOutcome.DUE if report.next_attempt_at <= now else RetryOutcome.UNDER_WAY


def _reordered(rows: Iterable[Row], again: Collection[int], now: datetime) -> tuple[list[int], list[int]]:
    """Say which of those that are sent again come to be the first of their key, and which were it so far."""
    by_key: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["number"]):
        by_key.setdefault(row["ordering_key"], []).append(row)
    leading, behind = [], []
    for of_key in by_key.values():
        head = next((row for row in of_key if row["next_attempt_at"] is not None), None)
        is_flying = head is not None and head["lease_until"] is not None and head["lease_until"] > now
        if of_key[0]["number"] in again and not is_flying:
            leading.append(of_key[0]["number"])
            behind += [head["number"]] if head is not None else []
    return leading, behind


def _filtered(query: Select[Any], wanted: DeliveryFilter) -> Select[Any]:
    return query.where(*_conditions(wanted))


def _conditions(wanted: DeliveryFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.state is DeliveryState.PENDING:
        yield ordering.is_pending(deliveries)
    elif wanted.state is not None:
        yield deliveries.c.state == wanted.state.value
    equal = {
        deliveries.c.subscription_id: wanted.listener,
        notifications.c.buyer: wanted.buyer,
        notifications.c.event_type: wanted.event_type and wanted.event_type.value,
    }
    yield from (column == value for column, value in equal.items() if value is not None)
    if wanted.since is not None:
        yield notifications.c.event_time >= wanted.since
    if wanted.until is not None:
        yield notifications.c.event_time < wanted.until


def report_of(row: Row) -> DeliveryReport:
    """Read a row of `REPORTS`."""
    return DeliveryReport(
        number=row["number"],
        listener=SubscriptionId(row["subscription_id"]),
        is_suspended=row["state"] == ordering.PENDING and row["disabled_at"] is not None,
        event_id=row["event_id"],
        event_type=EventType(row["event_type"]),
        event_time=row["event_time"],
        resource_id=row["resource_id"],
        buyer=BuyerId(row["buyer"]),
        callback=row["callback"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        behind=row["behind"],
        last=_last(row),
    )


def _last(row: Row) -> Attempt | None:
    """Give the newest attempt: one that is under way is newer than all that ended."""
    if row["lease_until"] is not None and row["begun_at"] is not None:
        return _begun(row)
    return None if row["at"] is None else attempt(row)


def _begun(row: Row) -> Attempt:
    return Attempt(at=row["begun_at"], status=None, error=None, elapsed=0.0)


def _group(row: Row) -> DeliveryGroup:
    return DeliveryGroup(
        buyer=BuyerId(row["buyer"]),
        listener=SubscriptionId(row["subscription_id"]),
        callback=row["callback"],
        event_type=EventType(row["event_type"]),
        count=row["number"],
        first=row["first"],
        last=row["last"],
    )
