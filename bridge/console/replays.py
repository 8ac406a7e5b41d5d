"""What is done with parked messages: set aside, or applied anew; each with a note, and in the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.console.acts import said_why
from bridge.console.drafts import Fate, fate_of
from bridge.console.services import Services
from bridge.console.users import User
from bridge.domain.model import Outcome
from bridge.flows.audit import named
from bridge.flows.ports.journal_entry import MessageFilter

MOST_PREVIEWED: Final = 50
MOST_REPLAYED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay, message by message."""

    fates: tuple[Fate, ...]

    @property
    def applied(self) -> int:
        """How many are parked no longer."""
        return sum(not fate.refused for fate in self.fates)

    @property
    def refused(self) -> int:
        """How many stay as they were."""
        return len(self.fates) - self.applied


async def numbers_of(services: Services, wanted: MessageFilter, most: int) -> Sequence[int]:
    """Give the numbers of parked messages, oldest first, so that each job's order is kept; the newest so many."""
    found = await services.journal.chosen(wanted, most)
    return sorted(one.number for one in found if one.entry.outcome is Outcome.PARKED)


async def preview(services: Services, numbers: Sequence[int]) -> Sequence[Fate]:
    """Tell what would become of them by the packs that run; changes nothing."""
    return [await fate_of(services.job_updates.preview, number) for number in numbers]


async def replay(services: Services, user: User, numbers: Sequence[int], note: str) -> Replayed:
    """Apply them anew by the packs that run. Raises `PermanentError` without a note."""
    why = said_why(note)
    async with services.acts.writing(user, "replay", things_of(numbers), why) as result:
        done = Replayed(tuple([await fate_of(services.job_updates.replay, number) for number in numbers]))
        result.text = f"{done.applied} applied, {done.refused} stay parked"
    return done


async def discard(services: Services, user: User, numbers: Sequence[int], note: str) -> Sequence[int]:
    """Set them aside for good; return those that were not parked. Raises `PermanentError` without a note."""
    why = said_why(note)
    async with services.acts.writing(user, "discard", things_of(numbers), why) as result:
        left = [number for number in numbers if not await services.journal.discard(number, f"{why} ({user.name})")]
        result.text = f"{len(numbers) - len(left)} discarded" + (f", {len(left)} not parked" if left else "")
    return left


def things_of(numbers: Sequence[int]) -> str:
    """Name messages in the audit log."""
    return f"message {numbers[0]}" if len(numbers) == 1 else named("messages", numbers)
