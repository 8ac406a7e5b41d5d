"""Sends what waits in the outbox: claim, publish, settle. Messages of one job leave in order, jobs side by side.

A message is published at least once: a crash between publishing and settling sends it again with the same message id.
One that RabbitMQ has not confirmed yet is waited for, and kept from being claimed, as long as its confirm may come.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from random import Random
from typing import Final, Protocol

import structlog

from bridge.backoff import Backoff
from bridge.errors import BridgeError, ConfirmPending
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.command_bus import CommandBus
from bridge.flows.ports.outbox_entry import OutboxEntry
from bridge.loops import LOOK_EVERY_S, Bell, seconds_until, until_done, when_due

BATCH: Final = 200
LEASE: Final = timedelta(seconds=60)
"""Far longer than any publish takes, so that nobody else claims an entry that is on its way."""
RETRIES: Final = Backoff(first=1.0, longest=60.0)
STORE_RETRIES: Final = Backoff(first=0.5, longest=15.0)

_log = structlog.stdlib.get_logger(__name__)


class Outbox(Protocol):
    """The part of the store that the sender needs. A claim is a lease until `lease_until`."""

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[OutboxEntry]: ...
    async def hold(self, number: int, lease_until: datetime) -> None: ...
    async def settle(self, number: int, sent: bool, error: str | None, next_attempt_at: datetime | None) -> None: ...
    async def next_at(self) -> datetime | None: ...


class OutboxSender:
    """The worker that empties the outbox. `wake()` it after a commit that wrote to the outbox.

    Nothing is tried unless `may_send` (RabbitMQ takes no messages at the moment): `wake()` it when that changes, too.
    """

    def __init__(
        self,
        store: Outbox,
        bus: CommandBus,
        clock: Clock,
        *,
        random: Random,
        look_every_s: float = LOOK_EVERY_S,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._random = random
        self._look_every_s = look_every_s
        self._may_send = may_send
        self._bell = Bell()
        self._is_running = False
        self._handed: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look into the outbox at once."""
        self._bell.ring()

    async def run(self) -> None:
        """Send until cancelled. What is in flight then is claimed again when its lease ends."""
        self._is_running = True
        try:
            await when_due(self._round, self._bell, "outbox")
        finally:
            self._is_running = False
            for task in self._handed:
                task.cancel()

    # What a commit hands over, claimed already

    lease: timedelta = LEASE

    def room(self) -> int:
        """Tell how many more may be handed over; none while nothing can be sent."""
        return max(0, BATCH - len(self._handed)) if self._is_running and self._may_send() else 0

    def take(self, claimed: Sequence[OutboxEntry]) -> None:
        """Send what was committed as claimed, each the first one of its job."""
        for entry in claimed:
            task = asyncio.create_task(self._send_alone(entry), name=f"outbox {entry.number}")
            self._handed.add(task)
            task.add_done_callback(self._handed.discard)

    async def _send_alone(self, entry: OutboxEntry) -> None:
        try:
            await self._send_in_order([entry])
        except Exception:  # noqa: BLE001 - outermost: whatever one message does, the others must be sent
            _log.exception("a message for the WFM could not be handled; it is due when its lease ends")

    async def _round(self) -> float:
        """Send all that is due; return how many seconds nothing more will be."""
        while self._may_send() and (entries := await self._claim()):
            await self._send_all(entries)
        due = await self._store.next_at() if self._may_send() else None
        return seconds_until(due, self._clock(), at_most=self._look_every_s)

    async def _claim(self) -> Sequence[OutboxEntry]:
        now = self._clock()
        return await self._store.claim(now, now + LEASE, BATCH)

    async def _send_all(self, entries: Sequence[OutboxEntry]) -> None:
        results = await asyncio.gather(*map(self._send_in_order, _by_job(entries)), return_exceptions=True)
        for failed in (result for result in results if isinstance(result, BaseException)):
            raise failed

    async def _send_in_order(self, entries: Sequence[OutboxEntry]) -> None:
        for position, entry in enumerate(entries):
            error = await self._publish(entry)
            if error is not None:
                await self._postpone(entries[position:], error)
                return
            await self._settle(entry.number, sent=True, error=None, next_attempt_at=None)

    async def _publish(self, entry: OutboxEntry) -> str | None:
        """Publish; return what went wrong, in a sentence. Not routed is tried again too: the WFM may be restarting."""
        while True:
            try:
                await self._bus.publish(entry.message)
            except ConfirmPending:
                _log.info("RabbitMQ has not confirmed a message for the WFM yet; waiting for it", number=entry.number)
                await self._store.hold(entry.number, self._clock() + LEASE)
            except BridgeError as failed:
                return str(failed)
            else:
                return None

    async def _postpone(self, entries: Sequence[OutboxEntry], error: str) -> None:
        """Put off the entry that failed, and those of its job behind it, to the same moment."""
        failed, *behind = entries
        again_at = self._clock() + timedelta(seconds=RETRIES.after(failed.attempts + 1, self._random))
        _log.warning(
            "a message for the WFM could not be sent; trying again",
            number=failed.number,
            routing_key=failed.message.routing_key,
            correlation_id=failed.message.correlation_id,
            attempts=failed.attempts + 1,
            problem=error,
            again_at=again_at.isoformat(),
        )
        await self._settle(failed.number, sent=False, error=error, next_attempt_at=again_at)
        for entry in behind:
            why = f"waits behind message {failed.number} of its job"
            await self._settle(entry.number, sent=False, error=why, next_attempt_at=again_at)
        self.wake()  # who rests does not know of that moment

    async def _settle(self, number: int, *, sent: bool, error: str | None, next_attempt_at: datetime | None) -> None:
        """Record what became of it, however long the store is away: else it would be sent once more."""
        settle = partial(self._store.settle, number, sent=sent, error=error, next_attempt_at=next_attempt_at)
        await until_done(settle, STORE_RETRIES.waits(), "outbox")


def _by_job(entries: Iterable[OutboxEntry]) -> list[list[OutboxEntry]]:
    """Entries of one job together, in the order of their numbers; one that belongs to no job stands alone."""
    ordered = sorted(entries, key=lambda entry: (_ordering_key(entry), entry.number))
    return [list(group) for _, group in groupby(ordered, key=_ordering_key)]


def _ordering_key(entry: OutboxEntry) -> tuple[str, ...]:
    job = entry.message.job
    return (job.pack, job.key) if job is not None else (str(entry.number),)
