"""JSON as plain data, and the names that stand twice in one object: of those only the last counts."""

import json
import re
from typing import Any, Final

import orjson

from bridge.mapping.formats.values import Misread, briefly

_SPACED: Final = re.compile(rb'"\s+:')
_BLANKS: Final = (b'" ', b'"\n', b'"\t', b'"\r')
_NESTED: Final = (dict, list)
_NAMED: Final = 5  # repeated names in a remark


def read_json(body: bytes) -> object:
    """Decode JSON. Raises `Misread`."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Misread(f"the body is not JSON: {error}") from error


def repeated_names(body: bytes, data: object) -> list[str]:
    """Say which names stand more than once in an object of a body, of which `data` was read.

    A name has a colon behind its quotes. Where there are more of these than names, some may stand in a text, and the
    body is read once more, slowly.
    """
    spaced = any(blank in body for blank in _BLANKS) and _SPACED.search(body) is not None
    if not spaced and body.count(b'":') == _count(data):
        return []
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            names = [name for name, _ in pairs]
            found.extend(name for name in members if names.count(name) > 1)
        return members

    try:
        json.loads(body, object_pairs_hook=note)
    except (ValueError, RecursionError):
        return []
    names = [briefly(name) for name in dict.fromkeys(found)][:_NAMED]
    return [f"{', '.join(names)} stands more than once in one object; the last one is taken"] if names else []


def _count(data: object) -> int:
    """Count the members of all objects."""
    count, left = 0, [data]
    while left:
        one = left.pop()
        if type(one) is dict:
            count += len(one)
            left += [value for value in one.values() if type(value) in _NESTED]
        elif type(one) is list:
            left += [value for value in one if type(value) in _NESTED]
    return count
