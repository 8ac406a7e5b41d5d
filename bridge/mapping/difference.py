"""Two packs over the same messages: what Buyers would see, and be told, otherwise.

Both start knowing nothing and go through all messages in order. What Buyers asked for in between is not replayed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from bridge.domain.model import Appointment, Job, WorkOrder
from bridge.mapping.job_book import Happened, JobBook, Send, WfmWords
from bridge.mapping.pack import Pack


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the WFM with a name for people, and when it came."""

    name: str
    words: WfmWords
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that comes out otherwise after a message. `old` and `new` are plain JSON."""

    message: str
    job: str
    what: str
    old: object
    new: object


def changes(old: Pack, new: Pack, messages: Iterable[Message], send: Send) -> Iterator[Change]:
    """Tell what the new pack does otherwise, message by message; what stays different is told once."""
    books = JobBook(old, send), JobBook(new, send)
    told: dict[tuple[str, str], tuple[object, object]] = {}
    for message in messages:
        before, after = (_seen(book, message) for book in books)
        for job, what in dict.fromkeys((*before, *after)):
            pair = before.get((job, what)), after.get((job, what))
            if pair[0] != pair[1] and told.get((job, what)) != pair:
                yield Change(message.name, job, what, *pair)
            told[job, what] = pair


Seen = dict[tuple[str, str], object]


def _seen(book: JobBook, message: Message) -> Seen:
    """Tell what a message leads to: for each job, what is said of it and how it stands."""
    seen: Seen = {}
    for happened in book.apply(message.words, message.received_at):
        key = happened.job.key if happened.job is not None else ""
        _add_news(seen, key, happened)
        if happened.job is not None:
            seen.update({(key, what): value for what, value in _view(book.job(happened.job)).items()})
    return seen


def _add_news(seen: Seen, key: str, happened: Happened) -> None:
    seen[key, "outcome"] = str(happened.outcome)
    known = seen.get((key, "notifications"), [])
    seen[key, "notifications"] = [*(known if isinstance(known, list) else []), *map(str, happened.notifications)]


def _view(job: Job) -> Mapping[str, object]:
    return {**_work_order(job.work_order), **_appointment(job.appointment)}


def _work_order(work_order: WorkOrder | None) -> Mapping[str, object]:
    if work_order is None:
        return {"workOrder": None}
    details: dict[str, Any] = to_jsonable_python(work_order.details)
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
        "appointment.validFor": to_jsonable_python(appointment.valid_for),
        "appointment.contacts": to_jsonable_python(appointment.contacts),
        "appointment.place": to_jsonable_python(appointment.place),
    }
