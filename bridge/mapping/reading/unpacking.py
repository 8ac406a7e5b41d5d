"""Messages put in order before they are read: JSON written into a text, and objects written as names and values.

A message is changed in place: it has just been decoded, and nobody else has it.
"""

from collections.abc import Callable, Sequence

import orjson

from bridge.mapping import document
from bridge.mapping.formats.bodies import read_json, repeated, said_of_repeated
from bridge.mapping.formats.paths import MISSING, Step, compile_path, compile_steps, path_steps
from bridge.mapping.formats.values import what_came

Remarks = list[str]
Unpack = Callable[[object, Remarks], str | None]
UnpackAll = Callable[[object, Remarks], list[str]]
_Convert = Callable[[object, Remarks], object]


def compile_unpacks(unpacks: Sequence[document.Unpack]) -> UnpackAll | None:
    """Make a function that unpacks all that is to be unpacked, and says what was wrong; None where there is nothing."""
    if not unpacks:
        return None
    steps = [compile_unpack(unpack) for unpack in unpacks]
    return lambda data, remarks: [problem for step in steps if (problem := step(data, remarks)) is not None]


def compile_unpack(unpack: document.Unpack) -> Unpack:
    """Make a function that unpacks one thing in a message, and says what was wrong; absent things are let be.

    What is odd about what it finds is added to the remarks.
    """
    path = unpack.json_ or unpack.pairs or "$"
    steps = path_steps(path)
    find_parent, find = compile_steps(steps[:-1]), compile_path(path)
    convert = _json if unpack.json_ is not None else _pairs(unpack.name, unpack.value)

    def apply(data: object, remarks: Remarks) -> str | None:
        raw = find(data)
        if raw is MISSING or raw is None or raw == "":
            return None
        odd: Remarks = []
        value = convert(raw, odd)
        if value is MISSING:
            expected = "JSON in a text" if unpack.json_ else "names and values"
            return f"unpack ({path}): expected {expected}; {what_came(raw)}"
        remarks += [f"{path}: {one}" for one in odd]
        _put(find_parent(data), steps[-1], value)
        return None

    return apply


def _put(parent: object, step: Step, value: object) -> None:
    if isinstance(parent, dict) and isinstance(value, dict) and isinstance(step, int):  # it is the list of one itself
        unpacked = {**value}
        parent.clear()
        parent.update(unpacked)
    elif isinstance(parent, dict) or (isinstance(parent, list) and isinstance(step, int)):
        parent[step] = value  # type: ignore[index]


def _json(raw: object, odd: Remarks) -> object:
    if isinstance(raw, dict | list):
        return raw
    try:
        value, remarks = read_json(raw.strip("\ufeff\0")) if isinstance(raw, str) else (MISSING, [])
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return MISSING
    odd += remarks
    return value


def _pairs(name: str, value: str) -> _Convert:
    find_name, find_value = compile_path(f"$['{name}']"), compile_path(f"$['{value}']")

    def convert(raw: object, odd: Remarks) -> object:
        items = raw if isinstance(raw, list) else [raw]
        names = [find_name(item) for item in items]
        if not all(isinstance(one, str) for one in names):
            return MISSING
        odd += said_of_repeated(repeated(map(str, names)), "list of pairs")
        found = ((one, find_value(item)) for one, item in zip(names, items, strict=True))
        return {one: item for one, item in found if item is not MISSING}

    return convert
