"""Suggestions for a place of a pack that is being written: what the schema allows there, and the pack's own names."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.packtools.completion.allowed import Allowed, allowed
from bridge.packtools.completion.fitting import Spot, key_names, value_names
from bridge.packtools.completion.names import Name, Names
from bridge.packtools.completion.outline import CURSOR, Part, Place, below, outline, place_of, with_cursor

MOST: Final = 100
_COLON: Final = re.compile(r"[\w.$-]*[ \t]*:(?:\s|$)")
_PLAIN: Final = re.compile(r"[A-Za-z_][\w.@+/-]*(?: [\w.@+/-]+)*")
_NOT_TEXT: Final = re.compile(r"(?i)null|true|false")
_BEGINNING: Final = re.compile(r"\$\w*")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What may be written: how it is called, what is put in for it, and what it means."""

    label: str
    insert: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """What may be written at a place, in place of what stands from the column `start` (from 1) up to the cursor.

    `about` says what the value that is being written means; empty for keys.
    """

    start: int
    about: str = ""
    suggestions: tuple[Suggestion, ...] = ()


def suggest(text: str, line: int, column: int, running: Mapping[str, Any] | None = None) -> Completion:
    """Suggest what to write at a line and a column of a pack file, both from 1.

    `running` is the data of the pack as it runs, which knows what is written in other files. What is half-written does
    no harm; where nothing is known there are no suggestions.
    """
    marked = with_cursor(text, line, column)
    data = outline(marked)
    before, _, after = marked.partition(CURSOR)
    start = len(before.rpartition("\n")[2]) + 1
    place = place_of(data, marked)
    if place is None:
        return Completion(start)
    here = allowed(data, place.path)
    spot = Spot(Names(data, running or {}, place.path), data, place.path, here.way)
    found: list[Suggestion] = []
    if place.is_key or place.opens:
        has_colon = _COLON.match(after) is not None
        found += _keys(spot, place, here, has_colon=has_colon)
    if not place.is_key:
        found += _values(spot, place, here)
    about = "" if place.is_key else here.about
    return Completion(start - len(place.written), about, tuple(_fitting(place.written, found)[:MOST]))


def _keys(spot: Spot, place: Place, here: Allowed, *, has_colon: bool) -> Iterator[Suggestion]:
    at = _at(spot.data, place.path)
    there = {key for key in at if CURSOR not in key} if isinstance(at, Mapping) else set()
    for name, key in here.keys().items():
        if name not in there:
            colon = "" if has_colon else ":" if key.holds_parts and place.opens else ": "
            said = f"{key.about} It must be there." if key.required and key.about else key.about
            yield Suggestion(name, name + colon, said)
    for one in key_names(spot):
        if one.name not in there:
            yield Suggestion(one.name, _written(one) + ("" if has_colon else ": "), one.about)


def _values(spot: Spot, place: Place, here: Allowed) -> list[Suggestion]:
    beside = _at(spot.data, place.path[:-1]) if place.path and isinstance(place.path[-1], int) else None
    there = {one for one in beside if isinstance(one, str) and CURSOR not in one} if isinstance(beside, list) else set()
    fixed = [Name(_yaml(one), is_text=isinstance(one, str)) for one in here.values()]
    found = [one for one in (*fixed, *value_names(spot)) if one.name not in there]
    beginnings = [Name(f"${name}", path) for name, path in _beginnings(spot.data, place)]
    return [Suggestion(one.name, _written(one), one.about) for one in (*found, *beginnings)]


def _beginnings(data: Any, place: Place) -> Iterator[tuple[str, str]]:
    """Give the names that the pack has for the beginnings of paths, where one is begun."""
    paths = data.get("paths") if isinstance(data, Mapping) else None
    if isinstance(paths, Mapping) and _BEGINNING.fullmatch(place.written):
        yield from ((name, path) for name, path in paths.items() if isinstance(path, str) and CURSOR not in path)


def _yaml(value: str | bool) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _written(name: Name) -> str:
    """Write a name so that it is what it is: text that looks like something else needs quotes."""
    is_plain = _PLAIN.fullmatch(name.name) is not None and _NOT_TEXT.fullmatch(name.name) is None
    is_path = name.name.startswith("$")
    return name.name if is_plain or is_path or not name.is_text else json.dumps(name.name, ensure_ascii=False)


def _fitting(written: str, found: Iterable[Suggestion]) -> list[Suggestion]:
    """Choose what fits: first what begins as it is written, then what has that in it, if it is no single letter."""
    known: dict[str, Suggestion] = {}
    for one in found:
        known.setdefault(one.label, one)
    wanted = written.lower()
    begin = {name: one for name, one in known.items() if name.lower().startswith(wanted)}
    inside = [one for name, one in known.items() if len(wanted) > 1 and wanted in name.lower() and name not in begin]
    return [*begin.values(), *inside]


def _at(data: Any, path: tuple[Part, ...]) -> Any:
    for part in path:
        data = below(data, part)
    return data
