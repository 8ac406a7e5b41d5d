"""Brings notifications to their listeners: claim, prepare, send, settle, with a typed value between the steps.

The store gives out one notification at a time for each listener and resource, which keeps their order; here they go out
side by side. A listener may use a quarter of the senders, and one that just failed only one, so that it delays nobody
else. What is claimed beyond that waits for its turn.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Protocol

import structlog
from aiohttp import ClientSession

from bridge.backoff import Backoff
from bridge.delivery.config import DeliveryConfig
from bridge.delivery.sender import send
from bridge.delivery.webhook import Webhook, prepare
from bridge.domain.retry import Delivered, Failed, GiveUp, RetryDecision, RetryIn, SendResult, decide_retry
from bridge.errors import TransientError
from bridge.flows.ports import Attempt, Clock, Delivery, DeliveryState, SubscriptionId
from bridge.loops import LOOK_EVERY_S, SHORTEST_LOOK_S, Bell, seconds_until, when_due
from bridge.telemetry import bind_correlation

SHARE = 4  # a listener may use one in so many senders
MOST_FAILING = 1000  # listeners that are remembered as failing; the longest known are forgotten first
STORE_RETRIES = Backoff(first=1.0, longest=30.0)
GRACE_S = 2.0  # for what is on its way when the worker is stopped: each one settled is one not sent twice

log = structlog.stdlib.get_logger(__name__)


class Deliveries(Protocol):
    """The part of the store that the worker needs. A claim is a lease until `lease_until`."""

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[Delivery]: ...
    async def settle(
        self, number: int, attempt: Attempt, state: DeliveryState, next_attempt_at: datetime | None
    ) -> None: ...
    async def next_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A delivery that is ours. It must be begun before `begin_by`, or its lease could end while it is on its way."""

    delivery: Delivery
    begin_by: datetime


@dataclass(frozen=True, slots=True)
class _Settlement:
    """What the store is to record of one attempt."""

    attempt: Attempt
    state: DeliveryState
    next_attempt_at: datetime | None = None


class DeliveryWorker:
    """The worker. `wake()` it after a commit that made a delivery due."""

    def __init__(
        self,
        store: Deliveries,
        session_factory: Callable[[], AbstractAsyncContextManager[ClientSession]],
        settings: DeliveryConfig,
        clock: Clock,
        random: Random,
        base_url: str,
    ) -> None:
        """`session_factory` is usually `callback_session`; `base_url` is the absolute URL in front of `/mefApi`."""
        self._store = store
        self._session_factory = session_factory
        self._settings = settings
        self._clock = clock
        self._random = random
        self._base_url = base_url
        self._bell = Bell()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: Counter[SubscriptionId] = Counter()
        self._claimed: dict[SubscriptionId, deque[_Claimed]] = {}
        self._failing: dict[SubscriptionId, None] = {}
        self._probe_at = 0.0

    def wake(self) -> None:
        """Look for due deliveries at once."""
        self._bell.ring()

    async def run(self) -> None:
        """Deliver until cancelled. What is claimed and not sent then becomes due again when its lease ends."""
        async with self._session_factory() as session:
            try:
                await when_due(partial(self._round, session), self._bell, "deliveries")
            finally:
                await self._finish()

    async def _round(self, session: ClientSession) -> float:
        """Begin what can be begun; return for how many seconds nothing more will be due."""
        self._drop_late()
        self._begin_claimed(session)
        if len(self._tasks) >= self._settings.concurrency:
            return LOOK_EVERY_S
        limit = self._claim_limit()
        if limit == 0:
            return SHORTEST_LOOK_S
        before = len(self._tasks)
        claimed = await self._claim(limit)
        self._begin_claimed(session)
        if len(self._tasks) > before:
            self._probe_at = 0.0
            if claimed == limit:
                return 0.0
        return seconds_until(await self._store.next_at(), self._clock())

    def _claim_limit(self) -> int:
        """Tell how many to claim: what can be sent, less what is claimed and not begun.

        With enough of that, one now and then: the store serves first who has least in flight, so one is enough to find
        whom those would delay, and it is too rare to pile up.
        """
        concurrency = self._settings.concurrency
        limit = min(concurrency - len(self._tasks), concurrency - sum(map(len, self._claimed.values())))
        time = asyncio.get_running_loop().time()
        if limit <= 0 and time >= self._probe_at:
            self._probe_at = time + SHORTEST_LOOK_S
            return 1
        return max(limit, 0)

    async def _claim(self, limit: int) -> int:
        now = self._clock()
        timeout = timedelta(seconds=self._settings.timeout_seconds)
        deliveries = await self._store.claim(now, now + 2 * timeout, limit)
        for delivery in deliveries:
            self._claimed.setdefault(delivery.subscription.id, deque()).append(_Claimed(delivery, now + timeout))
        return len(deliveries)

    def _drop_late(self) -> None:
        """Leave what could not be begun in time to its lease: somebody may claim it again when that ends."""
        now = self._clock()
        for listener, waiting in list(self._claimed.items()):
            while waiting and waiting[0].begin_by < now:
                waiting.popleft()
            if not waiting:
                del self._claimed[listener]

    def _begin_claimed(self, session: ClientSession) -> None:
        for listener, waiting in self._claimed.items():
            while waiting and len(self._tasks) < self._settings.concurrency and self._may_send(listener):
                self._begin(session, waiting.popleft().delivery)

    def _may_send(self, listener: SubscriptionId) -> bool:
        share = 1 if listener in self._failing else max(1, self._settings.concurrency // SHARE)
        return self._sending[listener] < share

    def _begin(self, session: ClientSession, delivery: Delivery) -> None:
        listener = delivery.subscription.id
        task = asyncio.create_task(self._deliver(session, delivery), name=f"delivery {delivery.number}")
        self._tasks.add(task)
        self._sending[listener] += 1

        def end(ended: asyncio.Task[None]) -> None:
            self._tasks.discard(ended)
            self._sending[listener] -= 1
            self._sending += Counter()  # forgets who has none
            self.wake()

        task.add_done_callback(end)

    async def _deliver(self, session: ClientSession, delivery: Delivery) -> None:
        """Make one attempt. Whatever goes wrong ends here, and only for this delivery."""
        with bind_correlation(delivery.correlation_id):
            try:
                settlement = await self._attempt(session, delivery)
                await self._settle(delivery, settlement)
            except Exception:
                log.exception("a delivery crashed; it is due again when its lease ends", number=delivery.number)

    async def _attempt(self, session: ClientSession, delivery: Delivery) -> _Settlement:
        at, started = self._clock(), asyncio.get_running_loop().time()
        result = await self._send(session, delivery)
        elapsed = asyncio.get_running_loop().time() - started
        decision = decide_retry(
            self._settings.schedule_seconds,
            self._settings.jitter,
            delivery.attempts + 1,
            result,
            self._random.random(),
        )
        self._note(delivery.subscription.id, decision)
        settlement = _settlement(result, decision, at, elapsed, self._clock())
        _log_attempt(delivery, settlement)
        return settlement

    async def _send(self, session: ClientSession, delivery: Delivery) -> SendResult:
        """Prepare and send. A crash counts as a failed attempt, so that a delivery that crashes us ends some day."""
        try:
            return await send(session, self._prepare(delivery), self._settings, self._clock)
        except Exception as error:
            log.exception("a notification could not be sent", number=delivery.number)
            return Failed(f"the bridge failed: {type(error).__name__}")

    def _prepare(self, delivery: Delivery) -> Webhook:
        return prepare(delivery, self._base_url, self._settings.guide_listener_buyers)

    def _note(self, listener: SubscriptionId, decision: RetryDecision) -> None:
        if isinstance(decision, Delivered):
            self._failing.pop(listener, None)
            return
        self._failing[listener] = None
        if len(self._failing) > MOST_FAILING:  # some may have been removed, and will never deliver again
            del self._failing[next(iter(self._failing))]

    async def _settle(self, delivery: Delivery, settlement: _Settlement) -> None:
        """Record the attempt, however long the store is away: an attempt that is not recorded was made for nothing."""
        for wait in STORE_RETRIES.waits():
            try:
                await self._store.settle(
                    delivery.number, settlement.attempt, settlement.state, settlement.next_attempt_at
                )
                return
            except TransientError as error:
                log.warning("an attempt can't be recorded now; trying again", problem=str(error), wait=wait)
                await asyncio.sleep(wait)

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _settlement(
    result: SendResult, decision: RetryDecision, at: datetime, elapsed: float, now: datetime
) -> _Settlement:
    status = getattr(result, "status", None)
    error = getattr(result, "error", None)
    match decision:
        case Delivered():
            return _Settlement(Attempt(at=at, status=status, error=None, elapsed=elapsed), DeliveryState.DELIVERED)
        case GiveUp(reason):
            why = f"{reason}; {error}" if error else reason
            return _Settlement(Attempt(at=at, status=status, error=why, elapsed=elapsed), DeliveryState.DISCARDED)
        case RetryIn(seconds):
            attempt = Attempt(at=at, status=status, error=error, elapsed=elapsed)
            return _Settlement(attempt, DeliveryState.PENDING, now + timedelta(seconds=seconds))


def _log_attempt(delivery: Delivery, settlement: _Settlement) -> None:
    attempt, again = settlement.attempt, settlement.next_attempt_at
    write = log.info if settlement.state is DeliveryState.DELIVERED else log.warning
    write(
        f"notification {'failed' if settlement.state is DeliveryState.PENDING else settlement.state.value}",
        event_type=delivery.event_type.value,
        resource=delivery.resource_id,
        event_id=delivery.event_id,
        subscription=delivery.subscription.id,
        attempt=delivery.attempts + 1,
        status=attempt.status,
        error=attempt.error,
        elapsed=round(attempt.elapsed, 3),
        again_at=again.isoformat() if again else None,
    )
