"""All that is wrong with a pack file, as far as it can be read: shape, meaning and proofs in one list.

An operator needs one round of repairs and not three. So what is broken in its shape is left out, and the rest is looked
at without it: whole fields, tables, rules and commands go, elsewhere the single value. What a pack must have is filled
in from a stand-in that has nothing wrong and refers to nothing, and settings that others rest on are replaced by those
that disturb nothing. What remains is a document like any other. What is found wrong with it is wrong with the file,
too, but for one thing: something may be missing only because it was left out. `LeftOut` knows what was, and `Report`
keeps silent about it. The proofs run only where nothing that decides was left out.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from bridge.mapping.checks.checker import checked, prove
from bridge.mapping.checks.report import LeftOut, Loc
from bridge.mapping.checks.rules import catch_all_before
from bridge.mapping.document import PackDocument
from bridge.yaml_source import Finding, Problem, YamlSource, problems_of

_DECIDING: Final = ("fields", "tables", "rules", "attribution", "policies")
"""The sections that the proofs go by."""

_IN_FIELD: Final = 2  # parts of the place of a field

_MOST_ROUNDS: Final = 10  # what is left out can leave something incomplete; documents are less deep than this


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found, in the order of the file. `document` is None where the shape is wrong."""

    findings: tuple[Finding, ...]
    document: PackDocument | None


def inspect(source: YamlSource, found: Iterable[Finding] = (), unread: Iterable[Loc] = ()) -> Inspection:
    """List every problem of a pack that was read.

    `found` are the problems of reading it, and `unread` the places of what is not there because of them.
    """
    try:
        document = _validated(source.data)
    except ValidationError as error:
        missing = tuple(unread)
        problems = _own(problems_of(error, PackDocument), source)
        of_shape = [source.place(one) for one in problems if one.path not in missing]
        beside = _beside(source, [*(problem.path for problem in problems), *missing])
        return Inspection(_in_order([*found, *of_shape, *beside]), None)
    return Inspection(_in_order([*found, *_findings(document, source, LeftOut())]), document)


def _in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort by place; what is said of one place keeps its order."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda one: (one.file, one.line, one.column)))


def _findings(document: PackDocument, source: YamlSource, left_out: LeftOut) -> list[Finding]:
    """Check a document. The proofs need a table that means something, but dead rules don't disturb them."""
    report = checked(document, source, left_out)
    found = sorted(set(report.findings))
    if report.sections & {*_DECIDING} or any(left_out.explains((section,)) for section in _DECIDING):
        return found
    dead = {(one.line, one.column) for one in found if one.kind == "unreachable"}
    proven = [one for one in prove(document, source) if (one.line, one.column) not in dead]
    if catch_all_before(document.rules) is not None:  # which is reported once, and not at each rule behind it
        proven = [one for one in proven if one.kind != "unreachable"]
    return [*found, *proven]


def _validated(data: object) -> PackDocument:
    return PackDocument.model_validate_json(json.dumps(data))


def _own(problems: Sequence[Problem], source: YamlSource) -> list[Problem]:
    """Leave out those of made fields that only repeat what is wrong with the field that they take it from."""
    return [one for one in problems if not _is_inherited(one, source)] or list(problems)


def _is_inherited(problem: Problem, source: YamlSource) -> bool:
    if len(problem.path) <= _IN_FIELD or problem.path[0] != "fields":
        return False
    spec = source.data["fields"].get(problem.path[1])
    return isinstance(spec, dict) and problem.path[_IN_FIELD] not in spec


def _beside(source: YamlSource, broken: Sequence[Loc]) -> list[Finding]:
    """Find what else is wrong beside what is broken in its shape."""
    remains = Remains(source.data)
    for _ in range(_MOST_ROUNDS):
        data = remains.without(broken)
        try:
            return _findings(_validated(data), source, remains.left_out)
        except ValidationError as error:
            broken = [problem.path for problem in problems_of(error, PackDocument)]
    return []


_UNITS: Final = {"fields": 2, "tables": 2, "rules": 2, "commands": 2, "attribution": 1, "lifecycle": 1, "policies": 1}
"""Sections of which whole units are left out, with the length of a unit's place."""

_GONE: Final = object()
_DESK: Final = {"name": "A", "number": "1", "email_address": "a@wfm.example"}

STAND_IN: Final[Mapping[str, Any]] = {
    "pack": "stand-in",
    "version": "0",
    "inbound": {"exchange": "stand-in", "bindings": ["#"], "job": "$.job"},
    "fields": {"stand_in": {"path": "$.stand_in"}},
    "rules": [{"rule": "stand-in", "then": {"park": "A stand-in"}}],
    "work_order": {
        "buyer": "a-buyer",
        "place": [{"type": "GeographicSiteRef", "role": "SITE", "attributes": {"id": "S"}}],
        "duration": {"amount": 1, "unit": "HOUR"},
        "contacts": [{"role": "technicalContact", **_DESK}],
        "related_entity": [{"id": "T", "role": "parent", "referred_type": "TroubleTicket"}],
        "task": "Look",
    },
    "appointment": {"window": {"start": "-", "end": "-"}, "seller_contact": {"default": _DESK}},
}
"""What a pack must have."""

_LENIENT: Final[Mapping[Loc, object]] = {
    ("zone",): "UTC",
    ("inbound", "deltas"): True,
    ("policies",): {"unoffered_window": "pass"},
}
"""Broken settings that others rest on, as they disturb nothing."""


class Remains:
    """A copy of a pack's data, from which what is broken is taken."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data: dict[str, Any] = deepcopy(dict(data))
        self._places: set[Loc] = set()
        self._kept: dict[Loc, tuple[int, ...]] = {}

    def without(self, broken: Iterable[Loc]) -> dict[str, Any]:
        """Leave these places out, too; they are those of the data that was given before, at first of the whole."""
        places = [self.left_out.in_file(loc) for loc in broken]
        for place in places:
            self._leave_out(place)
        self._fill(self._data, STAND_IN, ())
        self._kept = {}
        left: dict[str, Any] = self._without_gone(self._data, ())
        return left

    @property
    def left_out(self) -> LeftOut:
        """Say what is not there any more."""
        return LeftOut(frozenset(self._places), dict(self._kept))

    def _leave_out(self, loc: Loc) -> None:
        unit = loc[: _UNITS.get(str(loc[0]), len(loc))] if loc else loc
        if any(unit[: len(place)] == place for place in self._places):
            return
        place = self._existing(unit)
        if self._is_filled(place):
            return
        self._places.add(place)
        if place[0] == "fields":
            self._leave_out_with(str(place[-1]))
        self._take(place)

    def _is_filled(self, place: Loc) -> bool:
        """Tell whether this is a level in which what is missing is filled in."""
        levels = all(isinstance(_below(data, place), dict) for data in (STAND_IN, self._data))
        return not place or (levels and place[0] not in _UNITS and not any(isinstance(part, int) for part in place))

    def _existing(self, loc: Loc) -> Loc:
        """Short forms have no keys inside: give the nearest place that is written."""
        return next(loc[:length] for length in range(len(loc), -1, -1) if _is_there(self._data, loc[:length]))

    def _take(self, place: Loc) -> None:
        parent = _below(self._data, place[:-1])
        if isinstance(parent, list):
            parent[int(place[-1])] = _GONE
        elif isinstance(parent, dict) and place in _LENIENT:
            parent[place[-1]] = _LENIENT[place]
        elif isinstance(parent, dict):
            del parent[place[-1]]

    def _leave_out_with(self, name: str) -> None:
        """Leave out what has its type from a field, and know the names inside a field of items."""
        fields = self._data.get("fields")
        specs = (
            {other: spec for other, spec in fields.items() if isinstance(spec, dict)}
            if isinstance(fields, dict)
            else {}
        )
        inside = specs.get(name, {}).get("fields")
        self._places |= {("fields", inner) for inner in inside} if isinstance(inside, dict) else set()
        for other, spec in specs.items():
            bases = spec.get("first")
            if spec.get("previous") == name or (isinstance(bases, list) and name in bases):
                self._leave_out(("fields", other))

    def _fill(self, data: dict[str, Any], stand_in: Mapping[str, Any], here: Loc) -> None:
        for key, value in stand_in.items():
            if key not in data:
                data[key] = deepcopy(value)
                self._places.add((*here, key))
            elif isinstance(value, dict) and isinstance(data[key], dict) and key not in _UNITS:
                self._fill(data[key], value, (*here, key))

    def _without_gone(self, data: Any, here: Loc) -> Any:
        if isinstance(data, dict):
            return {key: self._without_gone(value, (*here, key)) for key, value in data.items()}
        if not isinstance(data, list):
            return data
        left = [(index, value) for index, value in enumerate(data) if value is not _GONE]
        if len(left) < len(data):
            self._kept[here] = tuple(index for index, _ in left)
        return [self._without_gone(value, (*here, number)) for number, (_, value) in enumerate(left)]


def _below(data: Any, loc: Loc) -> Any:
    for part in loc:
        data = data[part] if _has(data, part) else None
    return data


def _is_there(data: Any, loc: Loc) -> bool:
    return not loc or _has(_below(data, loc[:-1]), loc[-1])


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, Mapping) and part in data
