"""The simulated WFM in bad moods: late, silent, deaf, refusing, and saying everything twice. Seeded."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, Final

from aio_pika.exceptions import AMQPError
from faststream.rabbit import RabbitBroker, RabbitMessage

from benchmarks.chaos.evidence import Event
from bridge.simulator.acme import Acme, Job
from bridge.simulator.answers import Body
from bridge.simulator.wfm import Mood, SimulatedWfm

MOODY: Final = ("FINDSLOT", "BOOKVIS", "MOVEVIS", "CANVIS")
"""Commands that the bridge awaits an answer to: nobody can know that another one was not heard."""

AWAY: Final = (AMQPError, OSError, RuntimeError, TimeoutError)
"""What publishing may raise while RabbitMQ is not there."""
AGAIN_S: Final = 0.2
CONFIRMED_WITHIN_S: Final = 10.0
"""A confirm is not awaited for longer: with RabbitMQ killed in between, the library has been seen to wait for ever."""


class MoodyWfm(SimulatedWfm):
    """`trouble` is the part of commands that go wrong, and of messages that are said twice. `late_s`: by so much."""

    def __init__(self, broker: RabbitBroker, namespace: str, random: Random, trouble: float, late_s: float) -> None:
        super().__init__(broker, namespace)
        self.said: list[Event] = []
        self.trouble = trouble
        self._random = random
        self._late_s = late_s
        self._old: list[tuple[str, Body]] = []

    async def live(self, job_no: str, change: Callable[[Acme, Job], bool]) -> None:
        """Let something happen to a job, by how it is then, and tell of it unless nothing did."""
        async with self._job(job_no) as job:
            if change(self.acme, job):
                await self._tell(job)

    async def _treat(self, message: RabbitMessage) -> None:
        command = self._answers.read(message.body).get("CMD", "")
        self._moods[command].append(self._mood(command))
        await super()._treat(message)

    def _mood(self, command: str) -> Mood:
        if command not in MOODY or self._random.random() >= self.trouble:
            return Mood(late_s=self._random.uniform(0, 0.05))
        late = self._random.uniform(0.5, 1.5) * self._late_s
        kinds = (
            Mood(late_s=late),
            Mood(silent=True),
            Mood(silent=True, late_s=late),
            Mood(dropped=True),
            Mood(rc="99"),
        )
        return self._random.choice(kinds)

    async def _publish_event(self, routing_key: str, body: Body) -> None:
        self.said.append(Event(body["MSG_ID"], body["JOB_NO"], body["JOB_VER"], body["STAT"]))
        await super()._publish_event(routing_key, body)
        self._old.append((routing_key, body))
        if self._random.random() < self.trouble / 2:  # the same once more, or what it said long ago
            await super()._publish_event(*self._random.choice((self._old[-1], self._random.choice(self._old))))

    async def _publish(self, *message: Any, **properties: Any) -> None:
        """What the WFM has to say it says when RabbitMQ is there again; in the meantime its job stands still."""
        while True:
            try:
                async with asyncio.timeout(CONFIRMED_WITHIN_S):
                    return await super()._publish(*message, **properties)
            except AWAY:
                await asyncio.sleep(AGAIN_S)

    async def _reply(self, message: RabbitMessage, body: dict[str, Any]) -> None:
        for _ in range(2 if self._random.random() < self.trouble / 2 else 1):
            await super()._reply(message, body)
