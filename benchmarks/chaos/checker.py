"""Holds what was seen of a run against what must never happen: pure, so that it can be shown to see each fault.

A finding has a kind and a sentence:

- `lost`: a message of the WFM, or a notification, that came to nothing; a booking or cancellation that was granted and
  is not so; a state that the Buyer does not see.
- `doubled`: the same transition twice, or two notifications for one. The same `eventId` twice is none (at least once).
- `illegal`: a hop that the standard's state machine does not have, or that starts where the object is not.
- `reordered`: notifications of a resource that came in another order than they were decided on.
- `ghost`: a visit in the WFM that the Buyer does not see, or the other way round.
- `left`: something in a queue when all is over.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.chaos.evidence import Evidence, Hop, JobEnd, Notified, Shown
from bridge.domain import appointment, work_order
from bridge.mef.enums import AppointmentStatus, EventType, WorkOrderState


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault."""

    kind: str
    what: str
    job: str = ""


TAKEN: Final = frozenset({"applied", "unchanged", "echo", "stale", "ignored", "superseded"})
"""What may become of a message in the end; one that waits, or is parked, is not done with."""

STATES: Final[Mapping[str, frozenset[str]]] = {
    "NEW": frozenset({"open"}),
    "VCAN": frozenset({"open"}),
    "NOSH": frozenset({"open", "unableToComplete"}),
    "SCHD": frozenset({"planned"}),
    "ENRT": frozenset({"planned"}),
    "WIP": frozenset({"inProgress"}),
    "DONE": frozenset({"completed"}),
    "CANC": frozenset({"cancelled", "unableToComplete"}),
}
"""What the Buyer must see of a job by its last status in the WFM."""

HELD_AS: Final = {"planned": "confirmed", "started": "inProgress"}

Check = Callable[[Evidence], Iterator[Finding]]


def check(seen: Evidence) -> list[Finding]:
    """Give all faults; an empty list is what must be."""
    return [finding for one in CHECKS for finding in one(seen)]


def _messages(seen: Evidence) -> Iterator[Finding]:
    for event in seen.said:
        outcome = seen.outcomes.get(event.message, "not recorded")
        if outcome not in TAKEN:
            yield Finding(
                "lost", f"{event.job}: message {event.message} ({event.stat} {event.version}) is {outcome}", event.job
            )


def _hops(seen: Evidence) -> Iterator[Finding]:
    stand: dict[str, str] = {}
    for hop in seen.hops:
        known, stand[hop.id] = stand.get(hop.id), hop.target
        name = f"{hop.job}: {hop.resource} {hop.id} {hop.source} -> {hop.target}"
        if known == hop.target and known != hop.source:
            yield Finding("doubled", f"{name}, again", hop.job)
        elif known != hop.source:
            yield Finding("illegal", f"{name}, but it was {known}", hop.job)
        elif not _is_legal(hop):
            yield Finding("illegal", f"{name} is no hop of the standard's", hop.job)


def _is_legal(hop: Hop) -> bool:
    if hop.source is None:
        return hop.target in ("open", "confirmed")
    if hop.resource == "workOrder":
        return (WorkOrderState(hop.source), WorkOrderState(hop.target)) in work_order.HOPS
    return (AppointmentStatus(hop.source), AppointmentStatus(hop.target)) in appointment.HOPS


def _decided(seen: Evidence) -> Iterator[Finding]:
    """Each hop is notified once."""
    wanted = Counter((hop.id, _tells(hop)) for hop in seen.hops if not hop.silently)
    decided = Counter((each.resource, each.type) for each in seen.decided if each.type in _OF_HOPS)
    for (resource, kind), more in (decided - wanted).items():
        yield Finding("doubled", f"{resource}: {kind} {more} more than there were transitions")
    for (resource, kind), less in (wanted - decided).items():
        yield Finding("lost", f"{resource}: {kind} {less} fewer than there were transitions")


_OF_HOPS: Final = frozenset(
    {EventType.WORK_ORDER_CREATE, EventType.WORK_ORDER_STATE_CHANGE, EventType.APPOINTMENT_STATUS_CHANGE}
)


def _tells(hop: Hop) -> str:
    if hop.resource == "appointment":
        return EventType.APPOINTMENT_STATUS_CHANGE
    return EventType.WORK_ORDER_CREATE if hop.source is None else EventType.WORK_ORDER_STATE_CHANGE


def _told(seen: Evidence) -> Iterator[Finding]:
    """What was decided reaches the Buyer, in order; only that, and never under two ids."""
    decided, told = _by_resource(seen.decided), _by_resource(seen.told)
    for resource in sorted(decided.keys() | told.keys()):
        wanted, came = decided[resource], told[resource]
        for event in wanted:
            if event not in came:
                yield Finding("lost", f"{resource}: notification {event} was never taken")
        for event in came:
            if event not in wanted:
                yield Finding("doubled", f"{resource}: notification {event} was never decided on")
        if [event for event in came if event in wanted] != [event for event in wanted if event in came]:
            yield Finding("reordered", f"{resource}: decided {list(wanted)}, came {list(came)}")


def _by_resource(notified: Iterable[Notified]) -> dict[str, dict[str, str]]:
    """The ids of the notifications of each resource, in order, repetitions left out."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for each in notified:
        found[each.resource].setdefault(each.event, each.type)
    return found


def _ends(seen: Evidence) -> Iterator[Finding]:
    """WFM and Buyer believe the same of each job."""
    orders = {job: (id_, state) for id_, (job, state) in seen.work_orders.items()}
    stands: defaultdict[str, list[Shown]] = defaultdict(list)
    for each in seen.appointments:
        if each.status in HELD_AS.values():
            stands[each.work_order].append(each)
    for job, end in seen.jobs.items():
        if job not in orders:
            yield Finding("lost", f"{job}: the Buyer knows no WorkOrder of it")
            continue
        id_, state = orders[job]
        yield from _visit(job, end, stands[id_])
        if state not in STATES[end.stat]:
            yield Finding("lost", f"{job}: it is {end.stat} in the WFM, and {state} for the Buyer", job)


def _visit(job: str, end: JobEnd, stands: list[Shown]) -> Iterator[Finding]:
    held = [] if end.visit is None else [(HELD_AS[end.visit.status], end.visit.start)]
    shown = [(each.status, each.start) for each in stands]
    if held != shown:
        yield Finding("ghost", f"{job}: the WFM has {held or 'no visit'}, and the Buyer sees {shown or 'none'}", job)


def _granted(seen: Evidence) -> Iterator[Finding]:
    shown = {each.id: each.status for each in seen.appointments}
    for each in seen.granted:
        status = shown.get(each.appointment)
        if status is None or (each.what == "cancelled" and status != "cancelled"):
            yield Finding("lost", f"Appointment {each.appointment} was {each.what}, and is {status}")


def _left(seen: Evidence) -> Iterator[Finding]:
    for where, count in seen.left.items():
        if count:
            yield Finding("left", f"{count} in {where}")


CHECKS: Final[tuple[Check, ...]] = (_messages, _hops, _decided, _told, _ends, _granted, _left)
