"""What operators do with deliveries, listeners and the outbox: each act in the audit log, with what came of it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aiohttp import web

from bridge.console.acts import Acts, said_why
from bridge.console.users import User
from bridge.domain.model import CommandId
from bridge.flows.audit import named
from bridge.flows.operator import (
    CommandFilter,
    OutboxFilter,
    PackUsage,
    Pending,
    Retried,
    described,
    paused_because,
    tried,
)
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.job_trace import TracedCommand
from bridge.flows.ports.outbox_entry import OutboxReport
from bridge.flows.ports.subscription import ListenerReport, Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Attempt, DeliveryFilter, DeliveryReport
from bridge.mapping.pack import Pack


class Backlog(Protocol):
    """The deliveries, as operators see them."""

    async def reports(self, wanted: DeliveryFilter, limit: int) -> Sequence[DeliveryReport]: ...
    async def report(self, number: int) -> DeliveryReport | None: ...
    async def attempts(self, number: int) -> Sequence[Attempt]: ...
    async def pending(self, wanted: DeliveryFilter, now: datetime) -> Pending: ...
    async def retry(self, numbers: Collection[int], now: datetime) -> Sequence[Retried]: ...
    async def hasten(self, wanted: DeliveryFilter, now: datetime) -> int: ...


class Listeners(Protocol):
    """The listeners, as operators see them."""

    async def reports(self) -> Sequence[ListenerReport]: ...
    async def report(self, listener: SubscriptionId) -> ListenerReport | None: ...
    async def disable(self, listener: SubscriptionId, because: str, now: datetime) -> bool: ...
    async def enable(self, listener: SubscriptionId, now: datetime) -> int | None: ...
    async def remove(self, listener: SubscriptionId) -> bool: ...


class Commands(Protocol):
    """The commands towards the WFM."""

    async def reports(self, wanted: CommandFilter, limit: int) -> Sequence[TracedCommand]: ...
    async def report(self, id_: CommandId) -> TracedCommand | None: ...


class Outbox(Protocol):
    """The messages for the WFM."""

    async def reports(self, wanted: OutboxFilter, limit: int) -> Sequence[OutboxReport]: ...
    async def report(self, number: int) -> OutboxReport | None: ...
    async def retry(self, numbers: Collection[int], now: datetime) -> Sequence[Retried]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What they are done with. `usage` tells how a pack was used in the last so many days."""

    acts: Acts
    clock: Clock
    backlog: Backlog
    listeners: Listeners
    commands: Commands
    outbox: Outbox
    ping_listener: Callable[[Subscription], Awaitable[Attempt]]
    usage: Callable[[Pack, int], Awaitable[PackUsage]]

    async def retry(self, user: User, numbers: Sequence[int], note: str) -> Sequence[Retried]:
        """Have deliveries tried now."""
        async with self.acts.writing(user, "retry", named("deliveries", numbers), note) as result:
            told = await self.backlog.retry(numbers, self.clock())
            result.text = tried(told)
            return told

    async def hasten(self, user: User, wanted: DeliveryFilter, note: str) -> int:
        """Have all that wait for their next attempt tried now; return how many."""
        async with self.acts.writing(user, "retry", f"deliveries {described(wanted)}", note) as result:
            count = await self.backlog.hasten(wanted, self.clock())
            result.text = f"{count} tried now"
            return count

    async def retry_outbox(self, user: User, numbers: Sequence[int], note: str) -> Sequence[Retried]:
        """Have messages for the WFM tried now."""
        async with self.acts.writing(user, "retry", named("outbox", numbers), note) as result:
            told = await self.outbox.retry(numbers, self.clock())
            result.text = tried(told)
            return told

    async def delivery(self, number: int) -> DeliveryReport:
        """Read how one is; raises `HTTPNotFound`."""
        found = await self.backlog.report(number)
        if found is None:
            raise web.HTTPNotFound(text=f"There is no delivery {number}.")
        return found

    async def outgoing(self, number: int) -> OutboxReport:
        """Read how a message for the WFM is; raises `HTTPNotFound`."""
        found = await self.outbox.report(number)
        if found is None:
            raise web.HTTPNotFound(text=f"There is no message {number} in the outbox.")
        return found

    async def command(self, id_: str) -> TracedCommand:
        """Read how one is; raises `HTTPNotFound`."""
        found = await self.commands.report(CommandId(id_))
        if found is None:
            raise web.HTTPNotFound(text=f"There is no command {id_}.")
        return found

    async def listener(self, listener: str) -> ListenerReport:
        """Read how one is; raises `HTTPNotFound`."""
        found = await self.listeners.report(SubscriptionId(listener))
        if found is None:
            raise web.HTTPNotFound(text=f"There is no listener {listener}.")
        return found

    async def pause(self, user: User, listener: SubscriptionId, note: str) -> str:
        """Send it nothing until it is resumed; say what came of it."""
        async with self.acts.writing(user, "pause", f"listener {listener}", note) as result:
            done = await self.listeners.disable(listener, paused_because(f"{note.strip()} ({user.name})"), self.clock())
            result.text = "paused" if done else "was disabled already"
            return result.text

    async def resume(self, user: User, listener: SubscriptionId, note: str) -> str:
        """Send it what was kept; say what came of it."""
        async with self.acts.writing(user, "resume", f"listener {listener}", note) as result:
            waiting = await self.listeners.enable(listener, self.clock())
            result.text = "is gone" if waiting is None else f"resumed; {waiting} to be sent"
            return result.text

    async def remove(self, user: User, report: ListenerReport, note: str) -> str:
        """Remove it for good; say what came of it. Raises `PermanentError` without a note."""
        listener, why = report.subscription.id, said_why(note)
        async with self.acts.writing(user, "remove", f"listener {listener}", why) as result:
            done = await self.listeners.remove(listener)
            result.text = f"removed; {report.waiting} given up" if done else "was gone already"
            return result.text

    async def ping(self, user: User, listener: Subscription, note: str) -> Attempt:
        """Ask whether it can be reached."""
        async with self.acts.writing(user, "ping", f"listener {listener.id}", note) as result:
            attempt = await self.ping_listener(listener)
            result.text = f"answered {attempt.status}" if attempt.status is not None else f"{attempt.error}"
            return attempt
