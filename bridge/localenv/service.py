"""A service found or started, and the walk over the steps that may give one.

Each step either returns what it took or raises `NotHere` with its reason; the walk takes the first, and its `why` line
carries the reasons of the steps before it. `BRIDGE_LOCALENV` may narrow and reorder the steps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Generic, Self, TypeVar
from urllib.parse import urlsplit

from bridge.errors import PermanentError

STEPS_VARIABLE = "BRIDGE_LOCALENV"

Url_co = TypeVar("Url_co", bound=str | None, covariant=True)


class Step(StrEnum):
    """The places where a service is looked for, in the order in which they are tried."""

    ENV = "env"
    LOCALHOST = "localhost"
    CONTAINER = "container"
    CHILD = "child"
    APT = "apt"
    MEMORY = "memory"


class Unavailable(PermanentError):
    """A service that is needed could not be found or started. `reasons` has one sentence per step tried."""

    def __init__(self, service: str, reasons: Sequence[str]) -> None:
        super().__init__(f"{service} is not available: " + "; ".join(reasons))
        self.service = service
        self.reasons = tuple(reasons)


class NotHere(PermanentError):
    """This step cannot give the service; the message says why, and the next step is tried."""


def _nothing_to_stop() -> None:
    """What is not ours keeps running."""


@dataclass(frozen=True, slots=True)
class Service(Generic[Url_co]):
    """A running service. `url` is None only for the in-memory broker; `why` is one line without secrets.

    As a context manager it stops at the end whatever we started; a service that ran before is left alone.
    """

    url: Url_co
    kind: Step
    why: str
    stop: Callable[[], None] = field(default=_nothing_to_stop, repr=False, compare=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def first_that_works(
    name: str, finders: Mapping[Step, Callable[[], Service[Url_co]]], environ: Mapping[str, str]
) -> Service[Url_co]:
    """Try the steps in order; raise `Unavailable` with every step's reason when none works."""
    reasons: list[str] = []
    steps = steps_to_try(name, environ)
    for step in steps:
        if finder := finders.get(step):
            try:
                only = [f"{STEPS_VARIABLE} allows nothing else"] if steps == (Step.MEMORY,) else []
                return _with_reasons(finder(), reasons or only)
            except NotHere as absence:
                reasons.append(str(absence))
    raise Unavailable(name, reasons or [f"{STEPS_VARIABLE} allows no step that could give it"])


def steps_to_try(name: str, environ: Mapping[str, str]) -> tuple[Step, ...]:
    """Give all steps, or those that BRIDGE_LOCALENV names (a comma list such as `child,memory`), in its order."""
    wanted = [word.strip() for word in environ.get(STEPS_VARIABLE, "").split(",") if word.strip()]
    unknown = [word for word in wanted if word not in list(Step)]
    if unknown:
        known = ", ".join(Step)
        raise Unavailable(name, [f"{STEPS_VARIABLE} names unknown steps ({', '.join(unknown)}); known: {known}"])
    return tuple(Step(word) for word in wanted) or tuple(Step)


def without_secrets(url: str) -> str:
    """Give scheme, host, port and path of an address; user, password and query are left out."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return "no proper address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _with_reasons(service: Service[Url_co], reasons: Sequence[str]) -> Service[Url_co]:
    if not reasons:
        return service
    return Service(service.url, service.kind, f"{service.why} ({'; '.join(reasons)})", service.stop)
