"""Brings notifications to their listeners: claim, prepare, send, settle, with a typed value between the steps.

The store gives out one notification at a time for each listener and resource, which keeps their order; here they go out
side by side. Who may have how many under way, so that nobody delays others, is said by `Shares`. What is claimed is
begun at once, or, for a brisk listener, waits a moment for its turn; it is ours until its outcome is on record, or
it is given back without having been begun.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Protocol

import structlog

from bridge.backoff import Backoff
from bridge.delivery.config import DeliveryConfig
from bridge.delivery.sender import Sender
from bridge.delivery.shares import SLOW_AFTER_S, Sending, Shares
from bridge.delivery.waiting import Waiting
from bridge.delivery.webhook import Webhook, prepare
from bridge.domain.retry import (
    Answered,
    Delivered,
    Disable,
    Failed,
    GiveUp,
    RetryDecision,
    RetryIn,
    SendResult,
    decide_retry,
    wait_asked_for,
)
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Attempt, Busy, Delivery, DeliverySettlement, DeliveryState
from bridge.loops import LOOK_EVERY_S, SHORTEST_LOOK_S, Bell, seconds_until, until_done, when_due
from bridge.telemetry import bind_correlation

STORE_RETRIES = Backoff(first=1.0, longest=30.0)
GRACE_S = 2.0  # for what is on its way when the worker is stopped: each one settled is one not sent twice

MOST_UNRECORDED = 500
"""Outcomes that are being recorded; while there are more, nothing is claimed."""

log = structlog.stdlib.get_logger(__name__)

Choose = Callable[[Sequence[Delivery]], Sequence[Delivery]]
Post = Callable[[Webhook], Awaitable[SendResult]]
Around = Callable[[Delivery, Webhook, Post], Awaitable[SendResult]]
"""What stands around each attempt, and may add headers."""


class Deliveries(Protocol):
    """The part of the store that the worker needs. A claim is a lease until `lease_until`, and records an attempt."""

    async def claim(
        self, now: datetime, lease_until: datetime, limit: int, busy: Busy, choose: Choose
    ) -> Sequence[Delivery]: ...
    async def settle(self, settlement: DeliverySettlement) -> str | None: ...
    async def give_back(self, numbers: Sequence[int], now: datetime) -> None: ...
    async def next_at(self, busy: Busy) -> datetime | None: ...


def _uncounted(_buyer: str, _outcome: str) -> None:
    """Count nothing."""


async def plainly(_delivery: Delivery, webhook: Webhook, post: Post) -> SendResult:
    """Post as it is."""
    return await post(webhook)


class DeliveryWorker:
    """The worker. `wake()` it after a commit that made a delivery due."""

    def __init__(
        self,
        store: Deliveries,
        open_sender: Callable[[], AbstractAsyncContextManager[Sender]],
        settings: DeliveryConfig,
        clock: Clock,
        random: Random,
        base_url: str,
        count: Callable[[str, str], None] = _uncounted,
        around: Around = plainly,
    ) -> None:
        """`open_sender` opens what sends; `base_url` is the absolute URL in front of `/mefApi`. `count` is told of each
        attempt whose it was, and what came of it.
        """
        self._count = count
        self._around = around
        self._store = store
        self._open_sender = open_sender
        self._settings = settings
        self._clock = clock
        self._random = random
        self._base_url = base_url
        self._bell = Bell()
        self._in_hand: set[int] = set()  # claimed, and not recorded or given back yet
        self._tasks: set[asyncio.Task[None]] = set()
        self._shares = Shares(settings.concurrency, random)
        self._waiting = Waiting()
        self._unrecorded = 0
        self._left_some = True
        self._behind: set[SubscriptionId] = set()  # those for whom something may be due that is not claimed
        self._are_all_behind = True
        self._sender: Sender | None = None

    def wake(self) -> None:
        """Look for due deliveries at once."""
        self._bell.ring()

    async def run(self) -> None:
        """Deliver until cancelled. What is under way then becomes due again when its lease ends."""
        async with self._open_sender() as self._sender:
            try:
                await when_due(partial(self._round, self._sender), self._bell, "deliveries")
            finally:
                self._sender = None
                await self._finish()

    # What a commit hands over, claimed already

    @property
    def lease(self) -> timedelta:
        """Far longer than an attempt takes, so that nobody else claims what is on its way."""
        return timedelta(seconds=2 * self._settings.timeout_seconds)

    def reserve(self, listener: Subscription) -> bool:
        """Keep room for one more; not where others wait to be claimed, which are older."""
        is_behind = self._are_all_behind or listener.id in self._behind or self._unrecorded > MOST_UNRECORDED
        if self._sender is None or is_behind or not self._shares.has_room(listener, self._time()):
            self._behind.add(listener.id)
            return False
        self._shares.wait(listener)
        return True

    def release(self, listener: Subscription) -> None:
        """Give up the room for one."""
        self._shares.leave(listener)

    def take(self, claimed: Sequence[Delivery]) -> None:
        """Send what was committed as claimed, each in the room that was kept for it."""
        self._hold(claimed)
        if self._sender is not None:
            self._begin_waiting(self._sender)

    def _hold(self, claimed: Sequence[Delivery]) -> None:
        for delivery in claimed:
            self._in_hand.add(delivery.number)
            self._waiting.add(delivery)

    async def _round(self, sender: Sender) -> float:
        """Claim what can be begun soon, and begin; return for how many seconds nothing more will be due."""
        limit = self._shares.claimable()
        if limit == 0 or self._unrecorded > MOST_UNRECORDED:
            self._left_some = True
            return LOOK_EVERY_S
        offered: Sequence[Delivery] = ()

        def choose(due: Sequence[Delivery]) -> Sequence[Delivery]:
            """Leave out also what is with us still: its outcome could not be recorded before its lease ended."""
            nonlocal offered
            offered = due
            return self._shares.choose([each for each in due if each.number not in self._in_hand], self._time())

        now = self._clock()
        busy = self._shares.busy(self._time())
        self._left_some = True  # also if this fails
        claimed = await self._store.claim(now, now + self.lease, limit, busy, choose)
        for each in claimed:
            self._shares.wait(each.subscription)
        self._hold(claimed)
        self._remember_left(offered, claimed, limit, busy)
        self._begin_waiting(sender)
        if claimed and len(offered) == limit:
            return 0.0
        return await self._rest()

    def _remember_left(self, offered: Sequence[Delivery], claimed: Sequence[Delivery], limit: int, busy: Busy) -> None:
        """Note for whom something may be due still: it goes first, and whoever ends makes room for it."""
        taken = Counter(each.subscription.id for each in claimed)
        seen = Counter(each.subscription.id for each in offered)
        self._behind = {each for each, count in seen.items() if taken[each] < count or count >= busy.most_each}
        self._behind |= busy.listeners
        self._are_all_behind = len(offered) == limit or bool(busy.buyers)
        self._left_some = self._are_all_behind or bool(self._behind)

    async def _rest(self) -> float:
        """Tell when to look again: something is due, or a listener has rested. When one ends, we are woken.

        While one is under way that will soon end, or be slow, the store is not asked when that is.
        """
        if self._shares.is_brisk:
            return SHORTEST_LOOK_S
        time = self._time()
        due_in = seconds_until(await self._store.next_at(self._shares.busy(time)), self._clock())
        rested_in = self._shares.rest_ends_in(time)
        return due_in if rested_in is None else min(due_in, rested_in)

    def _time(self) -> float:
        return asyncio.get_running_loop().time()

    def _begin_waiting(self, sender: Sender) -> None:
        """Begin what may be begun. What has waited too long may be late for its lease, and is given back."""
        time, late = self._time(), []

        def may_begin(listener: Subscription) -> bool:
            return self._shares.may_begin(listener, time)

        while self._shares.free() and (delivery := self._waiting.take(self._shares.may_send, may_begin)):
            self._shares.leave(delivery.subscription)
            if (self._clock() - delivery.claimed_at).total_seconds() > self._settings.timeout_seconds / 2:
                late.append(delivery)
            else:
                self._begin(sender, delivery)
        self._give_back(late)

    def _begin(self, sender: Sender, delivery: Delivery) -> None:
        sending = self._shares.begin(delivery.subscription, self._time())
        self._start(self._deliver(sender, delivery, sending), f"delivery {delivery.number}")

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _slow_down(self, sending: Sending) -> None:
        self._shares.slow_down(sending)
        self._stand_back(sending)
        self.wake()

    def _stand_back(self, sending: Sending) -> None:
        """Give back what waits for a listener that is no longer brisk."""
        dropped = self._waiting.drop(sending.subscription)
        for each in dropped:
            self._shares.leave(each.subscription)
        self._give_back(dropped)

    def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            self._start(self._given_back([each.number for each in deliveries]), "deliveries given back")

    async def _given_back(self, numbers: Sequence[int]) -> None:
        """Let others have what was not begun, however long the store is away."""
        try:
            await until_done(partial(self._store.give_back, numbers, self._clock()), STORE_RETRIES.waits(), "delivery")
        except Exception:
            log.exception("deliveries could not be given back; they are due again when their lease ends")
        finally:
            self._in_hand.difference_update(numbers)
            self.wake()

    async def _deliver(self, sender: Sender, delivery: Delivery, sending: Sending) -> None:
        """Make one attempt, and record it. Whatever goes wrong ends here, and only for this delivery."""
        with bind_correlation(delivery.correlation_id):
            try:
                settlement = await self._under_way(sender, delivery, sending)
                self._unrecorded += 1
                try:
                    await self._settle(delivery, settlement)
                finally:
                    self._unrecorded -= 1
                    if self._left_some and self._unrecorded == MOST_UNRECORDED // 2:
                        self.wake()
                if settlement.next_attempt_at is not None:
                    self.wake()
            except Exception:
                log.exception("a delivery crashed; it is due again when its lease ends", number=delivery.number)
            finally:
                self._in_hand.discard(delivery.number)

    async def _under_way(self, sender: Sender, delivery: Delivery, sending: Sending) -> DeliverySettlement:
        """Make the attempt. Once that is over, whoever waits for its turn has it; the outcome is recorded beside."""
        slow = asyncio.get_running_loop().call_later(SLOW_AFTER_S, self._slow_down, sending)
        try:
            return await self._attempt(sender, delivery, sending)
        finally:
            slow.cancel()
            self._shares.end(sending)
            self._begin_waiting(sender)
            if self._left_some and self._shares.want_more(sending.subscription):
                self.wake()

    async def _attempt(self, sender: Sender, delivery: Delivery, sending: Sending) -> DeliverySettlement:
        started = self._time()
        result = await self._send(sender, delivery)
        elapsed = self._time() - started
        decision = decide_retry(
            self._settings.schedule_seconds,
            self._settings.jitter,
            delivery.attempts + 1,
            result,
            self._random.random(),
        )
        if isinstance(decision, Delivered):
            self._shares.succeeded(sending, started + elapsed)
        else:
            self._shares.failed(sending, started + elapsed, wait_asked_for(result))
            self._stand_back(sending)
            self.wake()
        settlement = self._settlement(delivery, result, decision, elapsed)
        outcome = "failed" if settlement.state is DeliveryState.PENDING else settlement.state.value
        self._count(delivery.subscription.buyer, outcome)
        _log_attempt(delivery, settlement, outcome)
        return settlement

    def _settlement(
        self, delivery: Delivery, result: SendResult, decision: RetryDecision, elapsed: float
    ) -> DeliverySettlement:
        now = self._clock()
        answered = result if isinstance(result, Answered) else None
        error = None if isinstance(result, Answered) else result.error
        state, next_attempt_at, disable = DeliveryState.PENDING, None, None
        match decision:
            case Delivered():
                state = DeliveryState.DELIVERED
            case GiveUp(reason):
                state, error = DeliveryState.DISCARDED, f"{reason}; {error}" if error else reason
            case Disable(reason):
                next_attempt_at, error, disable = now, reason, reason
            case RetryIn(seconds):
                next_attempt_at = now + timedelta(seconds=seconds)
        return DeliverySettlement(
            number=delivery.number,
            listener=delivery.subscription.id,
            attempt=Attempt(
                at=delivery.claimed_at,
                status=answered.status if answered else None,
                error=error,
                elapsed=elapsed,
                excerpt=answered.excerpt if answered else "",
            ),
            state=state,
            next_attempt_at=next_attempt_at,
            disable=disable,
            dead_since=self._dead_since(now),
        )

    def _dead_since(self, now: datetime) -> datetime | None:
        days = self._settings.disable_after_days
        return now - timedelta(days=days) if days else None

    async def _send(self, sender: Sender, delivery: Delivery) -> SendResult:
        """Prepare and send. A crash counts as a failed attempt, so that a delivery that crashes us ends some day."""
        try:
            post = partial(sender.send, buyer=delivery.subscription.buyer)
            return await self._around(delivery, self._prepare(delivery), post)
        except Exception as error:
            log.exception("a notification could not be sent", number=delivery.number)
            return Failed(f"the bridge failed: {type(error).__name__}")

    def _prepare(self, delivery: Delivery) -> Webhook:
        return prepare(delivery, self._base_url, self._settings.guide_listener_buyers)

    async def _settle(self, delivery: Delivery, settlement: DeliverySettlement) -> None:
        """Record the attempt, however long the store is away: an attempt that is not recorded was made for nothing."""
        disabled = await until_done(partial(self._store.settle, settlement), STORE_RETRIES.waits(), "attempt")
        if disabled is not None:
            _log_disabled(delivery, disabled)

    async def _finish(self) -> None:
        """Give back what was not begun, let what is under way end, and be gone soon."""
        self._give_back(self._waiting.drop_all())
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _log_attempt(delivery: Delivery, settlement: DeliverySettlement, outcome: str) -> None:
    attempt, again = settlement.attempt, settlement.next_attempt_at
    write = log.info if settlement.state is DeliveryState.DELIVERED else log.warning
    write(
        f"notification {outcome}",
        event_type=delivery.event_type.value,
        resource=delivery.resource_id,
        event_id=delivery.event_id,
        subscription=delivery.subscription.id,
        attempt=delivery.attempts + 1,
        status=attempt.status,
        error=attempt.error,
        answer=attempt.excerpt if settlement.state is not DeliveryState.DELIVERED else None,
        elapsed=round(attempt.elapsed, 3),
        again_at=again.isoformat() if again else None,
    )


def _log_disabled(delivery: Delivery, because: str) -> None:
    """Raise the event that operators must hear of: a Buyer is told nothing any more, and it piles up."""
    log.error(
        "listener.disabled",
        listener=delivery.subscription.id,
        buyer=delivery.subscription.buyer,
        callback=delivery.subscription.callback,
        because=because,
        cure=f"notifications are kept; once it is mended: mef-bridge listeners resume {delivery.subscription.id}",
    )
