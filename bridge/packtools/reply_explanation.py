"""A reply of the WFM explained: what its code is taken for, and what a Buyer learns of it."""

from collections.abc import Iterable, Mapping, Sequence

import orjson

from bridge.domain.model import Accepted, CommandKind, Offered, OfferedSlot, Refused, Reply
from bridge.domain.time_slots import available
from bridge.mapping.pack import Pack, Unreadable
from bridge.mef.models import TimePeriod
from bridge.mef.moments import rfc3339
from bridge.packtools.explanation import Explanation


def explain_reply(pack: Pack, kind: CommandKind, body: bytes, periods: Sequence[TimePeriod]) -> Explanation:
    """Explain an answer to a command; the explanation is plain JSON. `periods` are those that a Buyer asks for.

    Raises `NoSuchCommand`.
    """
    known_by = pack.correlation_of(body, "")
    if isinstance(known_by, Unreadable):
        return {**known_by.explanation, "meaning": "unreadable"}
    told = {"correlation": known_by} if known_by else {}
    read = pack.read_reply(kind, body)
    if isinstance(read, Unreadable):
        return {**read.explanation, **told, "meaning": "unreadable"}
    return {**read.explanation, **told, **_told(read.reply, periods)}


def _told(reply: Reply, periods: Sequence[TimePeriod]) -> Explanation:
    told: Explanation
    match reply:
        case Accepted():
            window = _window(reply.window) if reply.window is not None else None
            told = {"visit": reply.visit, "window": window, "version": reply.version}
        case Refused():
            told = {"refusal": {"code": str(reply.code), "reason": reply.reason, "path": reply.path}}
        case Offered():
            seen = available([reply], periods) if periods else None
            told = {"slots": _slots(reply.slots), "seen": _slots(seen) if seen is not None else None}
    return {name: value for name, value in told.items() if value is not None}


def _slots(slots: Sequence[OfferedSlot]) -> list[Explanation]:
    return [{"window": _window(slot.window), "token": dict(slot.token)} for slot in slots]


def _window(period: TimePeriod) -> str:
    return f"{rfc3339(period.start_date_time)}/{rfc3339(period.end_date_time)}"


def as_text(told: Mapping[str, object]) -> str:
    """Write an explanation for people, in the order in which things are read."""
    return "\n".join(_lines(told))


def _lines(told: Mapping[str, object]) -> Iterable[str]:
    yield f"pack      {told['pack']}"
    status = told.get("status")
    if isinstance(status, Mapping):
        yield f"status    {status['path']}  {'absent' if status['raw'] is None else _json(status['raw'])}"
    yield f"meaning   {told['meaning']}" + (f": {told['reason']}" if "reason" in told else "")
    for name in ("correlation", "visit", "window", "version", "refusal"):
        if name in told:
            yield f"{name:<9} {_json(told[name])}"
    for name in ("slots", "seen", "flags"):
        items = told.get(name)
        if isinstance(items, list):
            yield name
            yield from (f"  {_item(item)}" for item in items)


def _item(item: object) -> str:
    return f"{item['window']}  {_json(item['token'])}" if isinstance(item, Mapping) else str(item)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
