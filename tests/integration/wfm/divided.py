"""Processes that share a pack's messages, as a test makes them: the pack's side of one each, with a link of its own.

What they have handled stands in one list, as it would in the database; what comes again is recognised there, too.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aio_pika import Message
from aio_pika.abc import AbstractExchange

from bridge.errors import ConflictError
from bridge.flows.partitioning import InForce
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.wfm.balance import Balance
from bridge.wfm.inbound import Inbound
from tests.integration.flows.acme import PACK, event
from tests.support import PATIENCE_S, eventually

HEADER = "x-job-no"
"""Names the job of each message."""
JOBS = [f"J-{number}" for number in range(12)]


@dataclass
class Agreed:
    """What the database knows: which partitioning is in force, and what was handled, by whom."""

    in_force: InForce = field(default_factory=InForce)
    handled: list[tuple[str, WfmMessage]] = field(default_factory=list)
    _seen: set[bytes] = field(default_factory=set)

    async def of(self, pack: str) -> InForce:
        assert pack == PACK
        return self.in_force

    async def change(self, pack: str, was: InForce, will: InForce) -> None:
        if await self.of(pack) != was:
            raise ConflictError
        self.in_force = will

    def take(self, process: str, message: WfmMessage) -> None:
        if message.body not in self._seen:
            self._seen.add(message.body)
            self.handled.append((process, message))

    def versions(self) -> dict[str, list[int]]:
        told: dict[str, list[int]] = defaultdict(list)
        for _, message in self.handled:
            body = orjson.loads(message.body)
            told[body["JOB_NO"]].append(body["JOB_VER"])
        return dict(told)


@dataclass
class Process:
    """One process's side of the pack."""

    name: str
    inbound: Inbound
    balance: Balance
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def has(self, agreed: Agreed) -> set[str]:
        """The jobs of which it has handled messages."""
        return {orjson.loads(message.body)["JOB_NO"] for process, message in agreed.handled if process == self.name}


Start = Callable[..., Awaitable[Process]]


async def say(wfm: AbstractExchange, job: str, version: int, **properties: Any) -> None:
    message = event("HELD", version, job)
    properties.setdefault("headers", {HEADER: job})
    await wfm.publish(Message(message.body, **properties), message.routing_key)


async def say_all(wfm: AbstractExchange, versions: range) -> None:
    for version in versions:
        for job in JOBS:
            await say(wfm, job, version)


async def handled_all(agreed: Agreed, versions: range) -> None:
    await eventually(lambda: len(agreed.handled) >= len(JOBS) * len(versions))
    assert agreed.versions() == {job: list(versions) for job in JOBS}


async def bound(process: Process) -> None:
    await asyncio.wait_for(process.inbound.wait_bound(), PATIENCE_S)


async def balanced(*processes: Process) -> None:
    for process in processes:
        await process.balance.look()


async def shared_out(wfm: AbstractExchange, agreed: Agreed, *processes: Process, after: int) -> int:
    """Tell of one version of all jobs after another until each process has handled some of one; give the last one."""
    version = after

    async def all_have_work() -> bool:
        nonlocal version
        version += 1
        agreed.handled, before = [], agreed.handled
        await say_all(wfm, range(version, version + 1))
        await eventually(lambda: len(agreed.handled) == len(JOBS))
        shared = all(process.has(agreed) for process in processes)
        agreed.handled = before + agreed.handled
        await balanced(*processes)
        return shared

    await eventually(all_have_work)
    return version
