"""A message explained from its fields to what a Buyer would see, and a reply to what he learns of it.

Of a message the first part is the pack's own explanation, which the journal keeps of every message; the second is the
decision on it. Nothing here reads a message a second time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

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
from bridge.domain.time_slots import available
from bridge.mapping.checks.proofs.situations import MefState
from bridge.mapping.pack import Pack, Read, Reading, Unreadable
from bridge.mef.enums import ContactRole
from bridge.mef.models import TimePeriod
from bridge.mef.moments import rfc3339
from bridge.packtools.initial_job import initial_job
from bridge.packtools.sandbox import Happened, RawMessage, Sandbox

Explanation = dict[str, object]


def explain(
    pack: Pack, words: RawMessage, state: MefState, now: datetime, before: Sequence[RawMessage] = ()
) -> list[Explanation]:
    """Explain each part of a message for jobs of which the Buyer sees `state`; the result is plain JSON.

    `before` are messages that came earlier, in their order.
    """
    book = Sandbox(pack)
    came = [_line_of(one) for earlier in before for one in book.apply(earlier, now)]
    parts = pack.read_all(words.body, words.routing_key, words.headers)
    for part in parts:
        if isinstance(part, Reading) and state != (None, None):
            book.put(initial_job(part, state, pack, now))
    after = {"after": came} if came else {}
    return [after | _part(part, one, book) for part, one in zip(parts, book.apply(words, now), strict=False)]


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
    explanation = {**identity, **happened.explanation, **_decision(happened)}
    if happened.job is None or happened.update is None:
        return explanation
    return {**explanation, "sees": _buyers_view(book.job(happened.job))}


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
    return {
        **explained,
        "goal": _goal(happened.update),
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


def as_text(explanation: Mapping[str, object]) -> str:
    """Write an explanation for people, in the order in which things happened."""
    return "\n".join(_lines(explanation))


def _lines(explained: Mapping[str, object]) -> Iterable[str]:
    for name in ("pack", "job", "message"):
        if name in explained:
            yield f"{name:<9} {explained[name]}"
    if "complete" in explained:
        yield "kind      " + ("complete message: what it does not tell is empty" if explained["complete"] else "delta")
    yield from _listed("after", explained)
    yield from _fields(explained.get("fields"))
    yield from _rules(explained)
    yield f"outcome   {explained.get('outcome', '')}" + (f": {explained['reason']}" if explained.get("reason") else "")
    for name in ("goal", "hops", "sees", "notifications", "commands", "flags"):
        yield from _listed(name, explained)


def _listed(name: str, explained: Mapping[str, object]) -> Iterable[str]:
    if explained.get(name):
        yield name
        yield from (f"  {line}" for line in _items(explained[name]))


def _fields(fields: object) -> Iterable[str]:
    if not isinstance(fields, Mapping) or not fields:
        return
    yield "fields"
    yield from _field_lines(fields, "  ")


_MARKS = {
    "no_news": "its code says nothing",
    "kept": "as it was known",
    "emptied": "emptied",
    "told_since": "told since by a later message",
}


def _field_lines(fields: Mapping[str, Any], margin: str) -> Iterable[str]:
    width = max(map(len, fields), default=0)
    for name, field in fields.items():
        raw = _json(field["raw"]) if "raw" in field else "absent"
        value = _json(field["value"]) if "value" in field else "does not fit"
        path = field.get("path", "")
        where = path if isinstance(path, str) else " or ".join(map(str, path))
        notes = [words for mark, words in _MARKS.items() if field.get(mark)]
        yield (
            f"{margin}{name:<{width}}  {where}  {raw}"
            + (f" -> {value}" if value != raw else "")
            + (f"  ({', '.join(notes)})" if notes else "")
        )
        for place, item in field.get("items", {}).items():
            yield f"{margin}  {place}"
            yield from _field_lines(item, f"{margin}    ")


def _rules(explained: Mapping[str, object]) -> Iterable[str]:
    rules = explained.get("rules")
    tried = rules if isinstance(rules, list) else []
    if tried or explained.get("rule"):
        yield "rules"
    for failed in tried:
        yield f"  no   {failed['rule']}: {failed['column']} is {_json(failed['came'])}, expected {failed['expected']}"
    if explained.get("rule"):
        yield f"  yes  {explained['rule']}"


def _items(value: object) -> Iterable[str]:
    if isinstance(value, Mapping):
        return [f"{name}: {_json(one)}" for name, one in value.items()]
    return [one if isinstance(one, str) else _json(one) for one in value] if isinstance(value, list) else []


def _json(value: object) -> str:
    return "absent" if value is None else orjson.dumps(value).decode()


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


def reply_as_text(explanation: Mapping[str, object]) -> str:
    """Write an explanation for people, in the order in which things are read."""
    return "\n".join(_reply_lines(explanation))


def _reply_lines(explained: Mapping[str, object]) -> Iterable[str]:
    yield f"pack      {explained['pack']}"
    for name in ("status", "code"):
        told = explained.get(name)
        if isinstance(told, Mapping):
            yield f"{name:<9} {told['path']}  {_json(told['raw'])}"
    yield f"meaning   {explained['meaning']}" + (f": {explained['reason']}" if "reason" in explained else "")
    for name in ("correlation", "visit", "window", "version", "refusal"):
        if name in explained:
            yield f"{name:<9} {_json(explained[name])}"
    for name in ("slots", "seen", "flags"):
        items = explained.get(name)
        if isinstance(items, list):
            yield name
            yield from (f"  {_item(item)}" for item in items)


def _item(item: object) -> str:
    return f"{item['window']}  {_json(item['token'])}" if isinstance(item, Mapping) else str(item)
