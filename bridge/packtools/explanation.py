"""A message explained from its fields to what a Buyer would see, and a reply to what he learns of it.

Of a message the first part is the pack's own explanation, which the journal keeps of every message; the second is the
decision on it. Nothing here reads a message a second time.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime

import orjson
from pydantic import BaseModel

from bridge.domain.model import (
    Accepted,
    Appointment,
    CommandKind,
    Goal,
    Job,
    JobUpdate,
    MovedBy,
    Offered,
    OfferedSlot,
    Refused,
    Reply,
    WorkOrder,
)
from bridge.domain.offers import available
from bridge.mapping.checks.proofs.situations import MefState
from bridge.mapping.formats.paths import MISSING, compile_path
from bridge.mapping.pack import Pack, Read, Reading, Unreadable
from bridge.mef.enums import ContactRole
from bridge.mef.models import TimePeriod
from bridge.mef.moments import rfc3339
from bridge.packtools.initial_job import initial_job
from bridge.packtools.sandbox import Happened, RawMessage, Sandbox

Explanation = dict[str, object]


def explain(
    pack: Pack,
    words: RawMessage,
    state: MefState,
    now: datetime,
    before: Sequence[RawMessage] = (),
    *,
    at: datetime | None = None,
) -> list[Explanation]:
    """Explain each part of a message for jobs of which the Buyer sees `state`; the result is plain JSON.

    `before` are messages that came earlier, in their order. Each comes when it says that it happened, or `now` where no
    message has said so yet; the message itself comes `at` a time that is given.
    """
    book, came = Sandbox(pack), list[str]()
    for earlier in before:
        now = _moment_of(earlier, book, now)
        came += [_line_of(one) for one in (*book.take_due(now), *book.apply(earlier, now))]
    now = at or _moment_of(words, book, now)
    came += [_line_of(one) for one in book.take_due(now)]
    for part in pack.read_all(words.body, words.routing_key, words.headers):
        if isinstance(part, Reading) and state != (None, None):
            book.put(initial_job(part, state, pack, now))
    after = {"after": came} if came else {}
    return [after | explained for explained in explain_in(book, words, now)]


def explain_in(book: Sandbox, words: RawMessage, now: datetime) -> list[Explanation]:
    """Explain each part of a message that comes to jobs as they are; it is applied to them."""
    parts = book.pack.read_all(words.body, words.routing_key, words.headers)
    return [_part(part, one, book) for part, one in zip(parts, book.apply(words, now), strict=False)]


def _moment_of(words: RawMessage, book: Sandbox, now: datetime) -> datetime:
    """Tell when a message happened, as far as it says so."""
    part = book.pack.read(words.body, words.routing_key, words.headers)
    if not isinstance(part, Reading):
        return now
    translation = book.pack.translate(part, book.job(part.job))
    told = translation.explanation.get("fields", {})
    name = book.pack.translator.occurred_at
    moment = told.get(name, {}).get("value") if isinstance(told, Mapping) and name is not None else None
    return datetime.fromisoformat(moment) if isinstance(moment, str) else now


def buyers_view(job: Job | None) -> dict[str, object]:
    """Give what the Buyer sees of a job by the keys of a pack's sections, None where there is no such thing.

    What stands below those keys is the standard's JSON.
    """
    work_order, appointment = (job.work_order, job.appointment) if job is not None else (None, None)
    return {
        "work_order": _work_order_view(work_order) if work_order is not None else None,
        "appointment": _appointment_view(appointment) if appointment is not None else None,
    }


def _work_order_view(work_order: WorkOrder) -> dict[str, object]:
    details = work_order.details
    return {
        "buyer": work_order.buyer,
        **{one.name: _standard_json(getattr(details, one.name)) for one in fields(details)},
    }


def _appointment_view(appointment: Appointment) -> dict[str, object]:
    contacts = appointment.contacts
    seller = next((one for one in contacts if one.role == ContactRole.SELLER_APPOINTMENT), None)
    others = tuple(one for one in contacts if one.role != ContactRole.SELLER_APPOINTMENT)
    window = appointment.valid_for
    return {
        "window": {"start": rfc3339(window.start_date_time), "end": rfc3339(window.end_date_time)},
        "seller_contact": _standard_json(seller),
        "contacts": _standard_json(others),
        "note": _standard_json(appointment.note),
    }


def _standard_json(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, tuple):
        return [_standard_json(one) for one in value]
    return rfc3339(value) if isinstance(value, datetime) else value


def _line_of(happened: Happened) -> str:
    why = happened.reason or (f"rule {happened.rule}" if happened.rule is not None else "")
    return f"{happened.outcome}: {why}" if why else happened.outcome


def _part(part: Read, happened: Happened, book: Sandbox) -> Explanation:
    identity = {"message": part.message, "job": part.job.key} if isinstance(part, Reading) else {}
    explanation = {**identity, **_with_sources(happened.explanation, part, book.pack), **_decision(happened)}
    if happened.job is None or happened.update is None:
        return explanation
    return {**explanation, "sees": _buyers_view(book.job(happened.job))}


def _with_sources(explained: Mapping[str, object], part: Read, pack: Pack) -> Explanation:
    """Say of a field with several paths at which of them it was told, and which columns the rule that fits has."""
    table = pack.translator.rules
    rule = next((one for one in table.rules if one.name == explained.get("rule")), None)
    columns = {"columns": [table.names[cell.column] for cell in rule.cells]} if rule is not None else {}
    fields = explained.get("fields")
    if not isinstance(fields, Mapping) or not isinstance(part, Reading):
        return {**explained, **columns}
    data = part.content.data
    return {**explained, "fields": {name: _with_source(field, data) for name, field in fields.items()}, **columns}


def _with_source(field: Mapping[str, object], data: object) -> Mapping[str, object]:
    paths = re.split(r" or (?=\$)", str(field.get("path", "")))
    if len(paths) == 1 or not all(path.startswith("$") for path in paths):
        return field
    said = (path for path in paths if compile_path(path)(data) not in (MISSING, None, ""))
    found = next(said, None)
    return {**field, "taken": found} if found is not None else field


def _buyers_view(job: Job) -> Explanation:
    """Tell what the Buyer sees by `section.key`, without what there is nothing of."""
    sections = ((name, section) for name, section in buyers_view(job).items() if isinstance(section, Mapping))
    return {f"{name}.{key}": value for name, section in sections for key, value in section.items() if _is_news(value)}


def _is_news(value: object) -> bool:
    """What there is nothing of is not told; neither is that all is as usual."""
    return value is False or (bool(value) and value is not True)


def _decision(happened: Happened) -> Explanation:
    explained: Explanation = {"outcome": str(happened.outcome)}
    if happened.reason:
        explained["reason"] = happened.reason
    if happened.update is None:
        return explained
    withheld = {"withheld": happened.update.withheld} if happened.update.withheld else {}
    return {
        **explained,
        "goal": _goal(happened.update),
        **withheld,
        "hops": [f"{hop.resource} {hop.source or 'new'} -> {hop.target}" for hop in happened.transitions],
        "notifications": list(map(str, happened.notifications)),
        "commands": [{"routing_key": sent.routing_key, "body": _body(sent.body)} for sent in happened.commands],
    }


def _goal(update: JobUpdate) -> Explanation:
    goal: Goal = update.goal
    named = {
        "work_order": goal.work_order,
        "appointment_if_any" if goal.if_any else "appointment": goal.appointment,
        "appointment_required": goal.appointment_required,
        "moved_by": goal.moved_by if goal.moved_by is MovedBy.AGREEMENT else None,
    }
    return {
        name: value if isinstance(value, bool) else str(value) for name, value in named.items() if value is not None
    }


def _body(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")


def explain_reply(pack: Pack, kind: CommandKind, body: bytes, periods: Sequence[TimePeriod]) -> Explanation:
    """Explain a reply to a command; the explanation is plain JSON. `periods` are those that a Buyer asks for.

    Raises `NoSuchCommand`.
    """
    known_by = pack.correlation_of(body, "")
    if isinstance(known_by, Unreadable):
        return {**known_by.explanation, "meaning": "unreadable"}
    explained = {"correlation": known_by} if known_by else {}
    read = pack.read_reply(kind, body)
    if isinstance(read, Unreadable):
        return {**read.explanation, **explained, "meaning": "unreadable"}
    return {**read.explanation, **explained, **_reply(read.reply, periods)}


def _reply(reply: Reply, periods: Sequence[TimePeriod]) -> Explanation:
    explained: Explanation
    match reply:
        case Accepted():
            window = _window(reply.window) if reply.window is not None else None
            explained = {"visit": reply.visit, "window": window, "version": reply.version}
        case Refused():
            explained = {"refusal": {"code": str(reply.code), "reason": reply.reason, "path": reply.path}}
        case Offered():
            seen = available([reply], periods) if periods else None
            explained = {"slots": _slots(reply.slots), "seen": _slots(seen) if seen is not None else None}
    return {name: value for name, value in explained.items() if value is not None}


def _slots(slots: Sequence[OfferedSlot]) -> list[Explanation]:
    return [{"window": _window(slot.window), "token": dict(slot.token)} for slot in slots]


def _window(period: TimePeriod) -> str:
    return f"{rfc3339(period.start_date_time)}/{rfc3339(period.end_date_time)}"
