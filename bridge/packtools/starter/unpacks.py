"""What is to be unpacked before fields are read: JSON in a text, and lists of names and values."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Final

import orjson

from bridge.mapping.document import Unpack
from bridge.mapping.reading.unpacking import compile_unpack
from bridge.packtools.starter.leaves import is_list_of_objects, values

_NAMES: Final = ("name", "key", "label", "field", "attribute")
_VALUES: Final = ("value", "val", "content", "text")
_MOST_ROUNDS = 20  # of things to unpack, within each other or not


def unpacked(messages: Sequence[object]) -> tuple[tuple[Unpack, ...], tuple[object, ...]]:
    """Find all of it; give the messages as they are after that, too."""
    data, found = deepcopy(list(messages)), list[Unpack]()
    for _ in range(_MOST_ROUNDS):
        unpack = _to_unpack(data)
        if unpack is None:
            break
        found.append(unpack)
        for message in data:
            compile_unpack(unpack)(message)
    return tuple(found), tuple(data)


def _to_unpack(messages: Sequence[object]) -> Unpack | None:
    """Find the first thing in the messages that is JSON in a text, or names and values, wherever it comes."""
    came: dict[str, list[object]] = {}
    for message in messages:
        for path, value in values(message):
            came.setdefault(path, []).append(value)
    for path, found in came.items():
        present = [value for value in found if value not in (None, "", [])]
        if path == "$" or not present:
            continue
        if all(_is_json(value) for value in present):
            return Unpack(json=path)
        if (members := _pair(present)) is not None:
            return Unpack(pairs=path, name=members[0], value=members[1])
    return None


def _is_json(value: object) -> bool:
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return False
    try:
        return isinstance(orjson.loads(value), dict | list)
    except orjson.JSONDecodeError:
        return False


def _pair(lists: Iterable[object]) -> tuple[str, str] | None:
    """Give the members that hold the names and the values, where these are lists of nothing but names and values."""
    items: list[object] = []
    for one in lists:
        if not isinstance(one, list) or not is_list_of_objects(one):
            return None
        items += one
    members = {member for item in items for member in (item if isinstance(item, dict) else {"": None})}
    name, value = (_member(members, words) for words in (_NAMES, (*_VALUES, "#text")))
    if name is None or value is None or members != {name, value}:
        return None
    named = all(isinstance(item, Mapping) and isinstance(item.get(name), str) for item in items)
    return (name, value) if named else None


def _member(members: Iterable[str], words: Sequence[str]) -> str | None:
    return next((one for word in words for one in members if one.removeprefix("@").lower() == word), None)
