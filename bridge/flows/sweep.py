"""Looks after commands that nobody waits for any more: those of processes that died, and bookings to be taken back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bridge.backoff import Backoff
from bridge.domain.model import Command, CommandId
from bridge.errors import concerns_all
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.stores import Store
from bridge.loops import every
from bridge.mapping.pack import Pack

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 2.0
"""How often overdue commands are looked for, of processes that died, and visits that the WFM is to be asked back."""

GRACE = timedelta(seconds=2)
"""How long past its deadline a command is left to the process that waits for it."""

LEFT_ALONE = Backoff(first=2.0, longest=300.0, jitter=0)
"""How long a command is left alone on which the bridge has failed, so that the log is not flooded. The sweep comes by
too seldom for a jitter to show."""

Step = Callable[[Command], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Failure:
    """The bridge failed on a command so many times in a row: it is left alone until `due`."""

    times: int
    due: datetime


class Sweep:
    """The loop. `abandon` settles a command by its deadline, `ask_again` asks the WFM once more for a visit."""

    def __init__(
        self, store: Store, packs: Mapping[str, Pack], clock: Clock, *, abandon: Step, ask_again: Step
    ) -> None:
        self._store = store
        self._packs = packs
        self._clock = clock
        self._abandon = abandon
        self._ask_again = ask_again
        self._missing: frozenset[str] = frozenset()
        self._failures: dict[CommandId, _Failure] = {}

    async def run(self) -> None:
        """Look after them until cancelled."""
        await every(SWEEP_SECONDS, self.look_after, "sweep")

    async def look_after(self) -> int:
        """Settle the commands whose process died before their deadline, and ask the WFM once more for the visits of
        bookings that were not done; return how many of both there were.

        One that the bridge fails on is left for a later time, and so is one whose pack is not loaded.
        """
        now = self._clock()
        async with self._store.transaction() as tx:
            overdue = await tx.overdue_commands(now - GRACE)
            standing = await tx.bookings_to_take_back(now)
        self._warn_of_missing_packs([*overdue, *standing])
        found = {command.id for command in (*overdue, *standing)}
        self._failures = {id_: failure for id_, failure in self._failures.items() if id_ in found}
        for command in overdue:
            await self._survive(command, self._abandon, now)
        for booking in standing:
            await self._survive(booking, self._ask_again, now)
        return len(overdue) + len(standing)

    def _warn_of_missing_packs(self, commands: Sequence[Command]) -> None:
        """Say it once for as long as the same ones are missing: this comes by every few seconds."""
        missing = frozenset(command.job.pack for command in commands) - self._packs.keys()
        if missing and missing != self._missing:
            stuck = [command.id for command in commands if command.job.pack in missing]
            log.error("sweep.pack_missing", packs=sorted(missing), commands=stuck)
        self._missing = missing

    async def _survive(self, command: Command, step: Step, now: datetime) -> None:
        failed = self._failures.get(command.id)
        if command.job.pack not in self._packs or (failed is not None and now < failed.due):
            return
        try:
            await step(command)
        except Exception as error:  # outermost: whatever one command does, the others must be looked after
            if concerns_all(error):
                raise
            times = failed.times + 1 if failed is not None else 1
            wait = LEFT_ALONE.after(times)
            self._failures[command.id] = _Failure(times, now + timedelta(seconds=wait))
            log.exception(
                "sweep.crashed",
                command=command.id,
                kind=command.kind,
                job=command.job.key,
                retry_in_seconds=wait,
            )
