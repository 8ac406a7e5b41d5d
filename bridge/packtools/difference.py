"""Two packs over the same records: what Buyers would see, be told and have asked for, and the WFM be sent, otherwise.

Both start knowing nothing and go through everything in order.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic_core import to_jsonable_python

from bridge.domain.model import Appointment, Job, WorkOrder
from bridge.flows.ports.command_bus import BusMessage
from bridge.mapping.pack import Pack
from bridge.packtools.replay import Event, Message, replay
from bridge.packtools.sandbox import Happened, Sandbox


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that comes out otherwise after an event. `old` and `new` are plain JSON."""

    event: str
    job: str
    what: str
    old: object
    new: object


def changes(old: Pack, new: Pack, events: Iterable[Event]) -> Iterator[Change]:
    """Tell what the new pack does otherwise, event by event; what stays different is told once."""
    books = Sandbox(old), Sandbox(new)
    known: dict[tuple[str, str], tuple[object, object]] = {}
    for number, event in enumerate(events):
        before, after = (_seen(book, event, number) for book in books)
        for job, what in dict.fromkeys((*before, *after)):
            pair = before.get((job, what)), after.get((job, what))
            if pair[0] != pair[1] and known.get((job, what)) != pair:
                yield Change(event.name, job, what, *pair)
            known[job, what] = pair


def outcomes(pack: Pack, events: Iterable[Event]) -> Mapping[str, int]:
    """Count what becomes of the messages at first, the most frequent first: what waits or is parked compares little."""
    book = Sandbox(pack)
    replayed = ((event, _replayed(book, event)[1]) for event in events)
    first = (happened for event, came in replayed for happened in came[:1] if isinstance(event, Message))
    return dict(Counter(str(happened.outcome) for happened in first).most_common())


def _replayed(book: Sandbox, event: Event) -> tuple[list[Happened], list[Happened]]:
    """Tell what was due before an event, and what came of it."""
    return book.take_due(event.at), replay(book, event)


Seen = dict[tuple[str, str], object]


def _seen(book: Sandbox, event: Event, number: int) -> Seen:
    """Tell what an event leads to: for each job, what is said of it and how it stands."""
    book.number_ids(f"id-{number}")  # so that both books give the same name to what the same event brings about
    seen: Seen = {}
    due, came = _replayed(book, event)
    for happened in (*due, *came):
        key = happened.job.key if happened.job is not None else ""
        _add_news(seen, key, happened)
        if happened.job is not None:
            seen.update({(key, what): value for what, value in _view(book.job(happened.job)).items()})
    return seen


def _add_news(seen: Seen, key: str, happened: Happened) -> None:
    seen[key, "outcome"] = str(happened.outcome)
    _add(seen, (key, "notifications"), list(map(str, happened.notifications)))
    _add(seen, (key, "commands"), list(map(_command, happened.commands)))


def _add(seen: Seen, key: tuple[str, str], new: list[object]) -> None:
    known = seen.get(key)
    seen[key] = [*(known if isinstance(known, list) else []), *new]


def _command(sent: BusMessage) -> object:
    return {"exchange": sent.exchange, "routing_key": sent.routing_key, "body": _body(sent.body)}


def _body(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")  # XML


def _view(job: Job) -> Mapping[str, object]:
    return {**_work_order(job.work_order), **_appointment(job.appointment)}


def _standard_json(value: object) -> Any:
    return to_jsonable_python(value, by_alias=True, exclude_none=True)


def _work_order(work_order: WorkOrder | None) -> Mapping[str, object]:
    if work_order is None:
        return {"workOrder": None}
    details: dict[str, Any] = _standard_json(work_order.details)
    return {
        "workOrder": str(work_order.state),
        "workOrder.buyer": str(work_order.buyer),
        "workOrder.appointmentRequired": work_order.appointment_required,
        **{f"workOrder.{name}": value for name, value in details.items()},
    }


def _appointment(appointment: Appointment | None) -> Mapping[str, object]:
    if appointment is None:
        return {"appointment": None}
    return {
        "appointment": str(appointment.status),
        "appointment.validFor": _standard_json(appointment.valid_for),
        "appointment.contacts": _standard_json(appointment.contacts),
        "appointment.place": _standard_json(appointment.place),
    }
