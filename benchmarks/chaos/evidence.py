"""What was seen of a run, on all three sides: at the WFM, at the Buyer, and in the bridge. No bus, no clock."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """What the WFM said of a job."""

    message: str
    job: str
    version: int
    stat: str


@dataclass(frozen=True, slots=True)
class Hop:
    """A change of state in the bridge's journal, in its order; `silently`: it is a booking's, told by its response."""

    job: str
    resource: str
    id: str
    source: str | None
    target: str
    silently: bool = False


@dataclass(frozen=True, slots=True)
class Notified:
    """A notification that the bridge decided on, in its order, or that the Buyer's listener took."""

    event: str
    type: str
    resource: str


@dataclass(frozen=True, slots=True)
class HeldVisit:
    """The visit of a job in the WFM that is planned or started, by when it begins (RFC 3339, UTC)."""

    status: str
    start: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An Appointment as the bridge's API shows it."""

    id: str
    work_order: str
    status: str
    start: str


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job stands in the WFM when all is over."""

    stat: str
    visit: HeldVisit | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """What the Buyer was told is done: an Appointment is `booked` or `cancelled`."""

    appointment: str
    what: str


@dataclass(slots=True, kw_only=True)
class Evidence:
    """All of it. `outcomes` is by message, `work_orders` by id: the job and the state that the API shows.

    `journal` says by job, in sentences, what became of each message; nothing is checked by it.
    """

    said: list[Event] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    hops: list[Hop] = field(default_factory=list)
    decided: list[Notified] = field(default_factory=list)
    told: list[Notified] = field(default_factory=list)
    jobs: dict[str, JobEnd] = field(default_factory=dict)
    work_orders: dict[str, tuple[str, str]] = field(default_factory=dict)
    appointments: list[Shown] = field(default_factory=list)
    granted: list[Granted] = field(default_factory=list)
    left: Mapping[str, int] = field(default_factory=dict)
    journal: Mapping[str, list[str]] = field(default_factory=dict)


def in_sequence(hops: Iterable[Hop]) -> list[Hop]:
    """Put the hops of each object one after another, as far as each begins where the one before it ended.

    A message that waited for a reply has its number in the journal from before that reply, and its hops are later.
    """
    left: defaultdict[str, list[Hop]] = defaultdict(list)
    for hop in hops:
        left[hop.id].append(hop)
    return [hop for of_one in left.values() for hop in _chained(of_one)]


def _chained(left: list[Hop]) -> Iterator[Hop]:
    stands: str | None = None
    while left:
        following = next((place for place, hop in enumerate(left) if hop.source == stands), 0)
        hop = left.pop(following)
        stands = hop.target
        yield hop
