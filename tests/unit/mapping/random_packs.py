"""Small packs by chance: rules over every kind of column, and messages to hold them against."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.yaml_source import YamlSource
from tests.unit.packtools.packs import FRAME, small

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENTS = [(NOON + timedelta(seconds=seconds)).isoformat() for seconds in (0, 1, 60)]
TABLES = {
    "reasons": {
        "key": "code",
        "rows": [
            {"code": "C1", "fault": "buyer", "why": "no access"},
            {"code": "T1", "fault": "seller", "why": "late"},
            {"code": "N1"},
        ],
    },
    "crews": {"key": "id", "on_miss": "default", "default": {"kind": "own"}, "rows": [{"id": "9", "kind": "hired"}]},
    "towns": {"key": "name", "on_miss": "keep", "rows": [{"name": "Leeds", "zone": "north"}]},
}
STATE = {"path": "$", "type": "code", "values": ["on", "off"]}
FIELDS: dict[str, dict[str, Any]] = {
    "code": {"path": "$.code", "type": "code", "required": True, "values": ["a", "b", "c"]},
    "reason": {"path": "$.reason", "type": "code", "table": "reasons"},
    "crew": {"path": "$.crew", "type": "code", "table": "crews"},
    "town": {"path": "$.town", "type": "code", "table": "towns"},
    "urgent": {"path": "$.urgent", "type": "boolean", "default": False},
    "count": {"path": "$.count", "type": "integer"},
    "at": {"path": "$.at", "type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"},
    "crews": {"path": "$.crews", "type": "list"},
    "parts": {"path": "$.parts", "type": "items", "fields": {"part": {"path": "$.n"}}},
    "note": {"path": "$.note", "empty": "absent"},
    "remark": {"path": "$.remark", "required": True},
    "moved": {"changed": "code"},
    "asked_by": {"asked": "reschedule"},
    "tells": {"path": "$.tells", "type": "boolean", "default": False},
    "clears": {"path": "$.clears", "type": "boolean", "default": False},
    "blame": {"value": "reason.fault", "type": "code", "values": ["buyer", "seller"]},
    "said": {"first": ["reason.why", "note"]},
    "sub": {"path": "$.sub", "type": "code", "values": ["p", "q"]},
    **{name: {"path": f"$.{name}"} for name in ("left", "right", "begins", "ends")},
    "team": {
        "path": "$.team",
        "type": "items",
        "fields": {"state": {"path": "$", "type": "code", "values": ["on", "off"]}},
    },
    "alike": {"same": ["left", "right"]},
    "worst": {"of": "team.state", "precedence": ["off", "on"]},
    "label": {"join": ["begins", "ends"], "joined_by": ""},
}
"""All fields; `fault` is made by attribution. Rules ask for `alike`, `worst` and `label`, not for what makes them."""

MADE_OF: dict[str, Callable[[Any], dict[str, object]]] = {
    "alike": lambda value: {"left": "x", "right": "x" if value else "y"},
    "worst": lambda value: {"team": [value]},
    "label": lambda value: {"begins": value, "ends": ""},
}
"""What a message says for one of these to have a value."""

OF_DELTAS: dict[str, dict[str, Any]] = {
    "code": {**FIELDS["code"], "keep": ["-"]},
    "sub": {**FIELDS["sub"], "belongs_to": "code"},
    "mark": {"path": "$.mark", "nulls": "absent"},
    "sign": {"path": "$.sign", "nulls": "absent"},
    "tells": {"writes": "mark"},
    "clears": {"empties": "sign"},
}
"""What fields are in a pack of deltas; to the rules they are no others."""

PIECES = ["no", "no access", "access", "c1", "ss"]
TEXTS = [*PIECES, "No access!", "xno", "nox", "x no", " no", "c1 ", "an access ss", "no, access", "grass", "else", ""]
VALUES: dict[str, list[object]] = {
    "code": ["a", "b", "c", " b\u00a0"],
    "reason": ["C1", "T1", "N1", None, "T1 "],
    "crew": ["9", "x", None, 9.0],
    "town": ["Leeds", "York", "no access", None, "Leeds "],
    "urgent": [True, False, "Y", 0],
    "count": [0, 1, 2, 3, 4, None, 2.0, "3", "+1"],
    "at": [(NOON + timedelta(seconds=seconds)).isoformat() for seconds in (-1, 0, 1, 2, 59, 60, 61)] + [None],
    "crews": [None, [], [" "], ["9"], ["9", "x"]],
    "parts": [None, [], [{}], {"n": "A"}],
    "note": [*TEXTS, None],
    "remark": [*TEXTS],
    "moved": [True, False],
    "asked_by": ["buyer", "seller"],
    "tells": [True, False],
    "clears": [True, False],
    "sub": ["p", "q", None],
    "alike": [True, False, None],
    "worst": ["on", "off", None],
    "label": [*TEXTS, None],
}
"""What messages say by these fields, and what the job's record and the Buyer's commands make of the last two."""

SCALARS: dict[str, list[Any]] = {
    "code": ["a", "b", "c"],
    "reason": ["C1", "T1", "N1"],
    "reason.fault": ["buyer", "seller"],
    "crew.kind": ["own", "hired"],
    "town": ["Leeds", "York"],
    "town.zone": ["north"],
    "urgent": [True, False],
    "count": [1, 2, 3],
    "at": [],
    "crews": [],
    "parts": [],
    "note": PIECES,
    "remark": PIECES,
    "moved": [True, False],
    "asked_by": ["buyer", "seller"],
    "tells": [True, False],
    "clears": [True, False],
    "blame": ["buyer", "seller"],
    "said": PIECES,
    "sub": ["p", "q"],
    "alike": [True, False],
    "worst": ["on", "off"],
    "label": PIECES,
    "fault": ["buyer", "seller", "neutral", "unknown"],
    "work_order_state": [str(state) for state in WorkOrderState],
    "appointment_status": [str(status) for status in AppointmentStatus],
}
_BOUNDS: dict[str, list[Any]] = {"count": [1, 2, 3], "at": MOMENTS}
_LISTS = ("crews", "parts")
_TEXTS = ("note", "remark", "said", "town", "label")

_Cells = st.SearchStrategy[Any]
_pieces = st.lists(st.sampled_from(PIECES), min_size=1, max_size=2, unique=True)
_words = st.tuples(st.sampled_from(["starts_with", "ends_with", "contains_word"]), _pieces).map(lambda one: dict([one]))


def _ranges(bounds: list[Any]) -> _Cells:
    lower = st.tuples(st.sampled_from(["at_least", "above"]), st.sampled_from(bounds)).map(lambda one: dict([one]))
    upper = st.tuples(st.sampled_from(["at_most", "below"]), st.sampled_from(bounds)).map(lambda one: dict([one]))
    return st.one_of(lower, upper, st.tuples(lower, upper).map(lambda both: both[0] | both[1]))


def _cells(column: str) -> _Cells:
    kinds: list[_Cells] = [st.booleans().map(lambda present: {"present": present})]
    if SCALARS[column]:
        some = st.lists(st.sampled_from(SCALARS[column]), min_size=1, max_size=3, unique=True)
        kinds += [some, some, some.map(lambda values: {"not": values})]
    if column in (*_LISTS, "note", "remark", "said", "label"):
        kinds.append(st.booleans().map(lambda empty: {"empty": empty}))
    if column in _BOUNDS:
        kinds += [_ranges(_BOUNDS[column])] * 3
    if column in _TEXTS:
        kinds += [_words] * 3
    return st.one_of(kinds)


_goals = st.fixed_dictionaries(
    {},
    optional={
        "work_order": st.sampled_from(SCALARS["work_order_state"]),
        "appointment": st.sampled_from(SCALARS["appointment_status"]),
        "creates": st.booleans(),
        "on_illegal": st.sampled_from(["park", "keep", "follow_up"]),
        "moved_by": st.sampled_from(["seller", "agreement"]),
        "appointment_if_any": st.sampled_from(SCALARS["appointment_status"]),
    },
).map(lambda then: _of_visits(then) or {"ignore": "nothing"})


def _of_visits(then: dict[str, Any]) -> dict[str, Any]:
    """Only of a visit that is still agreed it can be said who moved it; there is one wish for it."""
    then = {key: value for key, value in then.items() if key != "appointment_if_any" or "appointment" not in then}
    is_agreed = "confirmed" in (then.get("appointment"), then.get("appointment_if_any"))
    return {key: value for key, value in then.items() if key != "moved_by" or is_agreed}


def _rules_on(columns: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    when = st.fixed_dictionaries({}, optional={column: _cells(column) for column in columns})
    rule = st.fixed_dictionaries({"when": when, "then": _goals})
    rules = st.lists(rule, min_size=1, max_size=4)
    return rules.map(lambda rules: [{"rule": f"r{index}", **rule} for index, rule in enumerate(rules)])


rule_lists = st.lists(st.sampled_from(sorted(SCALARS)), max_size=3, unique=True).flatmap(_rules_on)

_tests = st.lists(_words, max_size=2)
_parties = st.sampled_from(["buyer", "seller", "neutral", "unknown"])
attributions = st.fixed_dictionaries(
    {
        "reason": st.sampled_from([["note"], ["reason", "remark"], ["reason.why", "note"], ["said"]]),
        "buyer": _tests.map(lambda tests: ["C1", *tests]),
        "seller": _tests,
        "neutral": _tests,
        "unknown": _parties,
        "absent": _parties,
    }
)


TAKEN_BACK = ("reason", "crew", "town", "count", "at", "crews", "note")
WAYS: dict[str, dict[str, Any]] = {
    "alone": {},
    "a delta": {"deltas": True},
    "a delta that tells half of it": {"deltas": True},
    "a delta that says so": {"deltas": {"only": [{"path": "$.form", "fits": "part"}]}},
    "a delta that takes the rest back": {
        "deltas": True,
        "forgets": [{"path": "$.again", "fits": True, "fields": list(TAKEN_BACK)}],
    },
    "a complete message": {"deltas": {"unless": [{"path": "$.form", "fits": "whole"}]}},
}
"""How messages come that say something, and what a pack says of it."""

DELTAS = tuple(way for way in WAYS if way.startswith("a delta"))
ways = st.sampled_from(sorted(WAYS))


def pack_of(rules: list[dict[str, Any]], attribution: dict[str, Any], way: str = "alone") -> YamlSource:
    """A pack with these rules and this attribution over all fields, of which messages come in this way."""
    inbound = {**FRAME["inbound"], **WAYS[way]}
    others = {name: spec for name, spec in FIELDS.items() if name not in OF_DELTAS}
    fields = {"code": OF_DELTAS["code"], **others, **OF_DELTAS} if way in DELTAS else FIELDS
    return small(fields, rules, tables=TABLES, attribution=attribution, inbound=inbound)
