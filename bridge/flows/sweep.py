"""Looks after commands that nobody waits for any more: those of processes that died, and bookings to be taken back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

import structlog

from bridge.domain.model import Command
from bridge.errors import TransientError
from bridge.flows.ports import Clock, Store
from bridge.mapping.pack import Pack

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 2.0
"""How often overdue commands are looked for, of processes that died, and visits that the WFM is to be asked back."""

GRACE = timedelta(seconds=2)
"""How long past its deadline a command is left to the process that waits for it."""

Step = Callable[[Command], Awaitable[None]]


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

    async def run(self) -> None:
        """Look after them until cancelled."""
        while True:
            try:
                await self.look_after()
            except TransientError as trouble:
                log.warning("sweep.waiting", trouble=str(trouble), retry_in_seconds=SWEEP_SECONDS)
            await asyncio.sleep(SWEEP_SECONDS)

    async def look_after(self) -> int:
        """Settle the commands whose process died before their deadline, and ask the WFM once more for the visits of
        bookings that were not done; return how many of both there were.

        One that the bridge fails on is left for the next time, and so is one whose pack is not loaded.
        """
        now = self._clock()
        async with self._store.transaction() as tx:
            overdue = await tx.overdue_commands(now - GRACE)
            standing = await tx.bookings_to_take_back(now)
        self._warn_of_missing_packs([*overdue, *standing])
        for command in overdue:
            await self._survive(command, self._abandon)
        for booking in standing:
            await self._survive(booking, self._ask_again)
        return len(overdue) + len(standing)

    def _warn_of_missing_packs(self, commands: Sequence[Command]) -> None:
        """Say it once for as long as the same ones are missing: this comes by every few seconds."""
        missing = frozenset(command.job.pack for command in commands) - self._packs.keys()
        if missing and missing != self._missing:
            stuck = [command.id for command in commands if command.job.pack in missing]
            log.error("sweep.pack_missing", packs=sorted(missing), commands=stuck)
        self._missing = missing

    async def _survive(self, command: Command, step: Step) -> None:
        if command.job.pack not in self._packs:
            return
        try:
            await step(command)
        except TransientError:
            raise
        except Exception:  # outermost: whatever one command does, the others must be looked after
            log.exception("sweep.crashed", command=command.id, kind=command.kind, job=command.job.key)
