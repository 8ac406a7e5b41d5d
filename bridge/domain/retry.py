"""When to try a notification again. Pure: what an attempt gave goes in, a decision comes out, the caller acts.

The schedule says how long to wait before each attempt, the first included; after the last one the notification is given
up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

OVERLOADED_WAIT_S = 60.0  # a listener that is too slow or says 429 gets at least this long to recover
LONGEST_RETRY_AFTER_S = (
    3600.0  # what a listener may ask for in Retry-After (RFC 9110, 10.2.3); a typing error must not mute it
)

GONE = "the listener says that it is gone (410)"

_MAY_ASK_FOR_A_WAIT = frozenset(
    {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
)
"""Where Retry-After has a meaning (RFC 9110, 10.2.3, and RFC 6585); a redirect is not followed."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The listener answered with an HTTP status. `retry_after` is in seconds from now, where it gave one.

    `excerpt` is how the body of the answer begins.
    """

    status: int
    retry_after: float | None = None
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """There was no answer; `error` says why, in a sentence."""

    error: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The answer did not come in time."""

    error: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The listener has it."""


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Try again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Don't try again; `reason` is for the operator."""

    reason: str


@dataclass(frozen=True, slots=True)
class Disable:
    """Keep it, and send the listener nothing more; `reason` is for the operator."""

    reason: str


SendResult = Answered | Failed | TimedOut
RetryDecision = Delivered | RetryIn | GiveUp | Disable


def is_taken(status: int) -> bool:
    """Tell whether a listener that answers so has taken the notification."""
    return 200 <= status < 300


def decide_retry(
    schedule: Sequence[float], jitter: float, attempts: int, result: SendResult, random_unit: float
) -> RetryDecision:
    """Decide after an attempt (`attempts` includes it). `jitter` is a part of the wait; `random_unit` is in [0, 1)."""
    if isinstance(result, Answered) and is_taken(result.status):
        return Delivered()
    if isinstance(result, Answered) and result.status == HTTPStatus.GONE:
        return Disable(GONE)
    if attempts >= len(schedule):
        return GiveUp(f"given up after {attempts} attempts")
    wait = schedule[attempts] * (1 + jitter * (2 * random_unit - 1))
    return RetryIn(max(wait, _shortest_wait(result)))


def wait_asked_for(result: SendResult) -> float:
    """Tell for how many seconds a listener asks to be sent nothing; 0 where it does not ask."""
    return _shortest_wait(result) if isinstance(result, Answered) else 0.0


def _shortest_wait(result: SendResult) -> float:
    if isinstance(result, TimedOut):
        return OVERLOADED_WAIT_S
    if isinstance(result, Failed):
        return 0.0
    asked = min(result.retry_after or 0.0, LONGEST_RETRY_AFTER_S) if result.status in _MAY_ASK_FOR_A_WAIT else 0.0
    return max(asked, OVERLOADED_WAIT_S) if result.status == HTTPStatus.TOO_MANY_REQUESTS else asked
