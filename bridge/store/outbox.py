"""Messages for the WFM that were decided on and not sent yet. Order is kept among those of one job.

What a commit makes due is written as claimed already, where this process has room for it, and handed over after the
commit: nobody has to look for it.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import ColumnElement, Integer, bindparam, select

from bridge.batcher import Batcher
from bridge.domain.model import JobRef
from bridge.domain.replacing import replace
from bridge.flows.operator import OutboxFilter, Retried, RetryOutcome
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.outbox_entry import OutboxEntry, OutboxReport, OutboxState
from bridge.store import ordering
from bridge.store.columns import Row
from bridge.store.ordering import AT_ONCE, PENDING, Settlement
from bridge.store.session import KEYS, Bulk, Database, Session, is_of
from bridge.store.tables import outbox

_DUE = (
    select(outbox)
    .where(outbox.c.next_attempt_at <= bindparam("now", type_=outbox.c.next_attempt_at.type), ordering.is_free(outbox))
    .order_by(outbox.c.next_attempt_at, outbox.c.number)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
)
REPORTS = select(outbox, ordering.behind(outbox))
ANY: Final = OutboxFilter()
_BY_NUMBER = REPORTS.where(outbox.c.number.in_(KEYS))
_NEWEST = REPORTS.order_by(outbox.c.number.desc())
APPEND: Final = Bulk(outbox, without=("error", "attempted_at"), numbered=True)

GATHER_S: Final = 0.05
"""So long outcomes are gathered to be recorded together: nobody waits for them but the next message of the same job."""


class Taker(Protocol):
    """Who sends in this process. `lease` is for how long what is handed over is claimed."""

    lease: timedelta

    def room(self) -> int:
        """Tell how many more may be handed over."""

    def take(self, claimed: Sequence[OutboxEntry]) -> None:
        """Send these, each the first one of its job."""


class NobodyTakes:
    """No sender in this process, or none as yet."""

    lease = timedelta()

    def room(self) -> int:
        """Refuse."""
        return 0

    def take(self, claimed: Sequence[OutboxEntry]) -> None:
        """Never called with anything, as there is no room."""


class Queued(NamedTuple):
    """What one transaction has added: `claimed` is handed over after it; `left_some` is to be looked for."""

    claimed: Sequence[OutboxEntry]
    left_some: bool


class Outbox:
    """The outbox as its sender sees it. `on_due` is called after a commit that made something due.

    What a unit of work makes due is handed to the `taker`, where that has room for it.
    """

    def __init__(self, database: Database, clock: Clock, claimer: str | None = None) -> None:
        self._database = database
        self._clock = clock
        self._claimer = claimer
        self._settling = Batcher(self._settle, gather_s=GATHER_S)
        self.on_due: Callable[[], None] = ordering.nobody
        self.taker: Taker = NobodyTakes()

    async def line_up(self, session: Session, messages: Sequence[BusMessage], now: datetime) -> list[dict[str, Any]]:
        """Make the rows of messages, in their order; those that are due are claimed, as far as there is room."""
        rows = [outbox_row(message) for message in messages]
        await ordering.line_up(session, outbox, rows)
        due = [row for row in rows if row["next_attempt_at"] is not None]
        until = now + self.taker.lease
        for row in due[: self.taker.room()]:
            row.update(next_attempt_at=until, lease_until=until, claimed_by=self._claimer)
        return rows

    def hand_over(self, queued: Queued) -> None:
        """Send what was added; call it after the commit."""
        if queued.claimed:
            self.taker.take(queued.claimed)
        if queued.left_some:
            self.on_due()

    async def finish(self) -> None:
        """Return once all that is being settled is safe."""
        await self._settling.finish()

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[OutboxEntry]:
        """Lease at most `limit` messages that are due, oldest first: of each job its first one."""
        async with self._database.write(brief=True) as session:
            due = await session.rows(_DUE, {"now": now, "limit": limit, "me": self._claimer})
            claimed = [outbox_entry(row) for row in due]
            await ordering.lease(session, outbox, [entry.number for entry in claimed], lease_until, self._claimer)
            return claimed

    async def hold(self, number: int, lease_until: datetime) -> None:
        """Lease for longer what was claimed and is still on its way."""
        async with self._database.write(brief=True) as session:
            await ordering.hold(session, outbox, number, lease_until)

    async def settle(self, number: int, sent: bool, error: str | None, next_attempt_at: datetime | None) -> None:
        """Note that a message was sent, is to be tried again at `next_attempt_at`, or (neither) was given up."""
        retried = OutboxState.GIVEN_UP if next_attempt_at is None else OutboxState.PENDING
        state = OutboxState.SENT if sent else retried
        columns = {"error": error}
        await self._settling.submit(Settlement(number, state.value, next_attempt_at, columns=columns))

    async def _settle(self, settlements: Sequence[Settlement]) -> Sequence[None]:
        now = self._clock()  # the same for all of them, which are then changed together
        settlements = [replace(each, columns={**each.columns, "attempted_at": now}) for each in settlements]
        async with self._database.write(brief=True) as session:
            ended = await ordering.settle(session, outbox, settlements)
            another = await ordering.promote(session, outbox, ended, AT_ONCE)
        if another:
            self.on_due()
        return [None] * len(settlements)

    async def next_at(self) -> datetime | None:
        """Tell the earliest moment at which a message may be claimed; None when nothing is pending."""
        async with self._database.read() as session:
            return await ordering.next_at(session, outbox, self._clock(), self._claimer)

    async def reports(self, wanted: OutboxFilter = ANY, limit: int = 100) -> Sequence[OutboxReport]:
        """Read the newest messages, newest first."""
        query = _NEWEST.where(*_conditions(wanted)).limit(limit)
        async with self._database.read() as session:
            return [report_of(row) for row in await session.rows(query)]

    async def report(self, number: int) -> OutboxReport | None:
        """Read one message."""
        async with self._database.read() as session:
            row = await session.row(REPORTS.where(outbox.c.number == number))
        return None if row is None else report_of(row)

    async def retry(self, numbers: Collection[int], now: datetime) -> Sequence[Retried]:
        """Have messages that wait for their next attempt tried now; tell what became of each number."""
        wanted = sorted(set(numbers))
        async with self._database.write() as session:
            due = await ordering.bring_forward(session, outbox, wanted, now, afresh=False)
            rows = await session.rows_in(_BY_NUMBER, wanted)
        if due:
            self.on_due()
        after = {row["number"]: report_of(row) for row in rows}
        return [_retried(number, after.get(number), now) for number in wanted]


def _conditions(wanted: OutboxFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.state is OutboxState.PENDING:
        yield ordering.is_pending(outbox)
    elif wanted.state is not None:
        yield outbox.c.state == wanted.state.value
    if wanted.pack is not None:
        yield outbox.c.pack == wanted.pack
    if wanted.jobs is not None:
        yield is_of(wanted.jobs, outbox.c.pack, outbox.c.job_key)


def _retried(number: int, report: OutboxReport | None, now: datetime) -> Retried:
    outcome = RetryOutcome.UNKNOWN if report is None else _outcome(report, now)
    return Retried(number=number, outcome=outcome, behind=None if report is None else report.behind)


def _outcome(report: OutboxReport, now: datetime) -> RetryOutcome:
    """Say what a retry has come to, by how the message is after it."""
    if report.state is not OutboxState.PENDING:
        return RetryOutcome.OVER
    if report.next_attempt_at is None:
        return RetryOutcome.BEHIND
    return RetryOutcome.DUE if report.next_attempt_at <= now else RetryOutcome.UNDER_WAY


def queued(messages: Sequence[BusMessage], rows: Sequence[dict[str, Any]], numbers: Sequence[int]) -> Queued:
    """Tell what was added."""
    added = list(zip(messages, rows, numbers, strict=True))
    claimed = [OutboxEntry(number, message, 0) for message, row, number in added if row["lease_until"] is not None]
    return Queued(claimed, any(row["next_attempt_at"] == AT_ONCE for row in rows))


def outbox_row(message: BusMessage) -> dict[str, Any]:
    """Make the row of `outbox`, without its number. A message's job is one of its own pack's."""
    return {
        "ordering_key": None if message.job is None else ordering.of_job(message.job),
        "pack": message.pack,
        "job_key": None if message.job is None else message.job.key,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "body": message.body,
        "content_type": message.content_type,
        "headers": message.headers,
        "message_id": message.message_id,
        "correlation_id": message.correlation_id,
        "reply_expected": message.reply_expected,
        "state": PENDING,
        "attempts": 0,
        "next_attempt_at": AT_ONCE,
        "lease_until": None,
        "claimed_by": None,
    }


def outbox_entry(row: Row) -> OutboxEntry:
    """Read a row of `outbox` as its sender needs it."""
    return OutboxEntry(row["number"], _message(row), row["attempts"])


def report_of(row: Row) -> OutboxReport:
    """Read a row of `REPORTS`."""
    return OutboxReport(
        number=row["number"],
        message=_message(row),
        state=OutboxState(row["state"]),
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        attempted_at=row["attempted_at"],
        error=row["error"],
        behind=row["behind"],
        is_under_way=row["state"] == PENDING and row["lease_until"] is not None,
    )


def _message(row: Row) -> BusMessage:
    return BusMessage(
        pack=row["pack"],
        exchange=row["exchange"],
        routing_key=row["routing_key"],
        body=row["body"],
        content_type=row["content_type"],
        headers=row["headers"],
        message_id=row["message_id"],
        correlation_id=row["correlation_id"],
        reply_expected=row["reply_expected"],
        job=None if row["job_key"] is None else JobRef(row["pack"], row["job_key"]),
    )
