"""An explanation as text for people: what a message said, what the pack made of it, and what a Buyer would see.

What says little is folded: fields that are not there, and those that are only remembered and that no rule looked at.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson


def as_text(explanation: Mapping[str, object], *, every: bool = False) -> str:
    """Write an explanation for people, in the order in which things happened, of all fields or of those of interest."""
    return "\n".join(_lines(explanation, every=every))


def _lines(explained: Mapping[str, object], *, every: bool) -> Iterable[str]:
    for name in ("pack", "job", "message"):
        if name in explained:
            yield f"{name:<9} {explained[name]}"
    if "complete" in explained:
        yield "kind      " + ("complete message: what it does not tell is empty" if explained["complete"] else "delta")
    yield from _listed("after", explained)
    yield from _fields(explained, every=every)
    yield from _rules(explained)
    withheld, reason = explained.get("withheld"), explained.get("reason")
    yield f"outcome   {explained.get('outcome', '')}" + (f": {reason}" if reason and reason != withheld else "")
    if withheld:
        yield f"withheld  {withheld}"
    for name in ("goal", "hops", "sees", "notifications", "commands", "flags"):
        yield from _listed(name, explained)


def _listed(name: str, explained: Mapping[str, object]) -> Iterable[str]:
    items = [line for line in _items(explained.get(name)) if line != explained.get("withheld")]
    if items:
        yield name
        yield from (f"  {line}" for line in items)


def _fields(explained: Mapping[str, object], *, every: bool) -> Iterable[str]:
    fields = explained.get("fields")
    if not isinstance(fields, Mapping) or not fields:
        return
    folded = {name: kind for name, field in fields.items() if (kind := _folded(field))} if not every else {}
    for name in _looked_at(explained):
        folded.pop(name, None)
    yield "fields"
    yield from _field_lines({name: field for name, field in fields.items() if name not in folded}, "  ")
    for kind in (_KNOWN, _ABSENT):
        names = [name for name in folded if folded[name] == kind]
        if names:
            yield f"  {kind}: {', '.join(names)}"


_KNOWN, _ABSENT = "as they were known", "absent"


def _folded(field: Mapping[str, Any]) -> str | None:
    """Say how a field is told of that says little by itself, None where it says something."""
    if field.keys() & {"emptied", "told_since", "no_news"} or "value" not in field:
        return None
    if field["value"] is None and field.get("raw") is None:
        return _ABSENT
    return _KNOWN if field.get("kept") else None


def _looked_at(explained: Mapping[str, object]) -> Iterable[str]:
    """Name the fields by which rules were passed over, and those that the one asks for that fits."""
    tried, columns = explained.get("rules"), explained.get("columns")
    failed = [str(one["column"]) for one in tried if isinstance(one, Mapping)] if isinstance(tried, list) else []
    return [column.partition(".")[0] for column in (*failed, *(columns if isinstance(columns, list) else ()))]


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
        where = field.get("taken", field.get("path", ""))
        notes = [words for mark, words in _MARKS.items() if field.get(mark)]
        notes = ["never told"] if field.get("kept") and raw == "absent" else notes
        if field.get("emptied") and field.get("told_since"):
            notes = ["the message empties it, but a later one has told it"]
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
