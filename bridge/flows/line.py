"""The line of a job: its messages that are held for a partner, and those behind them, in the journal."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from bridge.domain.model import Accepted, Command, Job, JobRef, Outcome, Refused
from bridge.domain.settlement import Settlement
from bridge.flows.ports import JournalEntry, RecordedEntry, Transaction, WfmMessage
from bridge.flows.verdicts import survived
from bridge.mapping.pack import Pack, Reading
from bridge.mapping.partners import Behind, InLine, Partner, place, place_answer


class Apply(Protocol):
    """Applies a message of the job, as if those it supersedes had never come; gives its journal entry."""

    def __call__(
        self, message: WfmMessage, reading: Reading, superseded: Sequence[Reading] = ()
    ) -> Awaitable[JournalEntry]: ...


class Line:
    """The line of one job, which the transaction has locked. `held` are the entries in it, with what they say."""

    def __init__(
        self,
        tx: Transaction,
        pack: Pack,
        jobs: dict[JobRef, Job],
        held: Iterable[tuple[RecordedEntry, Reading]],
        apply: Apply,
    ) -> None:
        self._tx = tx
        self._pack = pack
        self._jobs = jobs
        self._apply = apply
        self._held = {recorded.number: (recorded.entry, reading) for recorded, reading in held}

    async def take_due(self, now: datetime) -> None:
        """Apply what was held for a partner that has not come by now."""
        due = [(moment, number) for number, (entry, _) in self._held.items() if (moment := _due_at(entry)) <= now]
        for _, number in sorted(due):
            if number in self._held:  # no other has superseded it
                entry, reading = self._held.pop(number)
                became = await survived(entry, self.arrive(entry.raw, reading, now, number))
                await self._tx.resolve_waiting({number: became})

    async def arrive(
        self, message: WfmMessage, reading: Reading, now: datetime, number: int | None = None
    ) -> JournalEntry:
        """Apply a message, unless it must wait in line. `number` is its own in the journal; None is after all others.

        What becomes of the line is written.
        """
        before = [one for one in sorted(self._held) if number is None or one < number]
        ahead = [_in_line(*self._held[one]) for one in before]
        placed = place(self._pack, self._jobs[reading.job], ahead, reading, message.received_at, now)
        if isinstance(placed, Behind):
            became = self._behind(message, reading, placed)
        elif isinstance(placed, Partner):
            superseded = {before[index] for index in placed.of}
            readings = [self._held[one][1] for one in before if one in superseded]
            await self._resolve(before, superseded, f"message {reading.message}")
            became = await self._apply(message, reading, readings)
        else:
            became = await self._apply(message, reading)
        if became.due_at is not None and number is not None:
            self._held[number] = (became, reading)
        job = self._jobs[reading.job]
        self._jobs[reading.job] = replace(job, holds=bool(self._held) or became.due_at is not None)
        return became

    async def answer(
        self, command: Command, reply: Accepted | Refused, settled: Callable[[Job], Settlement], now: datetime
    ) -> None:
        """Let the WFM's answer to a Buyer's command supersede what it makes never have happened.

        `settled` gives what the answer means to the job; that is the caller's to carry out.
        """
        numbers = sorted(self._held)
        line = [_in_line(*self._held[one]) for one in numbers]
        placed = place_answer(self._pack, self._jobs[command.job], line, reply, settled, now)
        if placed is not None:
            superseded = {numbers[index] for index in placed.of}
            await self._resolve(numbers, superseded, f"the WFM's yes to the {command.kind} {command.id}")
            self._jobs[command.job] = replace(self._jobs[command.job], holds=False)

    async def _resolve(self, numbers: Iterable[int], superseded: set[int], by: str) -> None:
        """Take entries out of the line: the partner supersedes some, and the others need not wait any more."""
        resolved = {}
        for number in numbers:
            entry, reading = self._held.pop(number)
            if number in superseded:
                reason = f"superseded by {by}, as if it had never come; was: {entry.reason}"
                resolved[number] = replace(entry, outcome=Outcome.SUPERSEDED, reason=reason, due_at=None)
            else:
                resolved[number] = await survived(entry, self._apply(entry.raw, reading))
        await self._tx.resolve_waiting(resolved)

    def _behind(self, message: WfmMessage, reading: Reading, placed: Behind) -> JournalEntry:
        return JournalEntry(
            message=reading.message,
            job=reading.job,
            raw=message,
            outcome=Outcome.WAITING,
            reason=placed.reason,
            rule=placed.rule,
            pack_version=self._pack.version,
            explanation=placed.translation.explanation,
            due_at=placed.due_at,
        )


def _in_line(entry: JournalEntry, reading: Reading) -> InLine:
    return InLine(reading, entry.raw.received_at, _due_at(entry))


def _due_at(entry: JournalEntry) -> datetime:
    """Give until when an entry waits; one that waits without an end is in no line."""
    return entry.due_at or entry.raw.received_at
