"""What is found of one thing: that it is right, or what to do, or that it could not be looked at."""

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import StrEnum

from bridge.errors import BridgeError
from bridge.telemetry import mask_secrets


class Verdict(StrEnum):
    """How one thing is. What is unseen is neither right nor wrong, and says why nobody could look."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the doctor's. `what` is a dotted name that stays; `says` is for a person, in one or more lines."""

    what: str
    verdict: Verdict
    says: str

    @property
    def is_wrong(self) -> bool:
        """Tell whether somebody has to do something."""
        return self.verdict is Verdict.WRONG


class Unseen(Exception):
    """It could not be looked at; the text says why."""


async def look(what: str, finding: Awaitable[str]) -> Diagnosis:
    """Await what is to be said of a thing; an error of ours says what is wrong with it."""
    try:
        return Diagnosis(what, Verdict.RIGHT, await finding)
    except Unseen as why:
        return Diagnosis(what, Verdict.UNSEEN, mask_secrets(str(why)))
    except BridgeError as error:
        return Diagnosis(what, Verdict.WRONG, mask_secrets(str(error)))


def unseen(why: str, *whats: str) -> list[Diagnosis]:
    """Say of several things that they could not be looked at."""
    return [Diagnosis(what, Verdict.UNSEEN, why) for what in whats]
