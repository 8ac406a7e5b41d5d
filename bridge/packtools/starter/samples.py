"""Sample messages as data: decoded and unpacked as a pack would do it, with what `inbound` must say for that."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Final, Literal

import orjson

from bridge.mapping.document import Unpack, Xml
from bridge.mapping.formats.paths import check_path
from bridge.mapping.formats.values import Misread
from bridge.mapping.reading.messages import decoder
from bridge.mapping.reading.unpacking import compile_unpack

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def leaves(data: object, path: str = "$") -> Iterator[tuple[str, object]]:
    """Give every value that is no object and no list of objects with its path; of such a list, the first item's."""
    for found, value in values(data, path):
        if not isinstance(value, dict) and not is_list_of_objects(value):
            yield found, value


def values(data: object, path: str = "$") -> Iterator[tuple[str, object]]:
    """As `leaves`, with the objects and lists on the way; what has a name that no path can have is left out."""
    yield path, data
    if isinstance(data, dict):
        for key, value in data.items():
            found = member_path(path, key)
            if found is not None:
                yield from values(value, found)
    elif isinstance(data, list) and is_list_of_objects(data):
        yield from values(data[0], f"{path}[0]")


def is_list_of_objects(value: object) -> bool:
    """Tell a list of which each item has members of its own, by its first."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def member_path(path: str, key: str) -> str | None:
    """Give the path of a member; None where no path can name it."""
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    found = f"{path}.{key}" if _PLAIN.fullmatch(key) else f"{path}['{quoted}']"
    try:
        return check_path(found)
    except ValueError:
        return None


_NAMES: Final = ("name", "key", "label", "field", "attribute", "attr", "k", "n")
_VALUES: Final = ("value", "val", "content", "text", "v")
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
            compile_unpack(unpack)(message, [])
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


Format = Literal["json", "xml"]

_PREFIX = re.compile(r"""\sxmlns:([A-Za-z_][\w.-]*)\s*=\s*["']([^"']+)["']""")


class Unusable(Exception):
    """What was given as a sample is no message; the text says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample message, with a name for people."""

    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Samples:
    """All samples. `messages` are as fields find them: what `unpack` names is unpacked."""

    format: Format
    xml: Xml
    unpack: tuple[Unpack, ...]
    messages: tuple[object, ...]


def read_samples(samples: Sequence[Sample]) -> Samples:
    """Read them all. Raises `Unusable`."""
    formats = {sample.name: _format(sample) for sample in samples}
    if len(set(formats.values())) > 1:
        raise Unusable(f"some samples are JSON and some XML, and a pack reads one of both: {formats}")
    found: Format = next(iter(formats.values()))
    xml = _guess_xml(samples) if found == "xml" else Xml()
    messages = _decoded(samples, found, xml)
    return Samples(found, xml, *unpacked(messages))


def _format(sample: Sample) -> Format:
    return "xml" if sample.body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") else "json"


def _decoded(samples: Sequence[Sample], format_: Format, xml: Xml) -> list[object]:
    decode = decoder(format_, xml)
    messages: list[object] = []
    for sample in samples:
        try:
            messages.append(decode(sample.body, {}).data)
        except Misread as misread:
            raise Unusable(f"{sample.name}: {misread}") from misread
        if not isinstance(messages[-1], dict):
            raise Unusable(f"{sample.name}: expected one message, a JSON object")
    return messages


def _guess_xml(samples: Sequence[Sample]) -> Xml:
    """Name the namespaces that are needed to tell elements apart, and the elements that come several times."""
    declared = {
        prefix: uri for sample in samples for prefix, uri in _PREFIX.findall(sample.body.decode(errors="ignore"))
    }
    clashing = set(_clashing(_decoded(samples, "xml", Xml(namespaces=declared))))
    namespaces = {prefix: uri for prefix, uri in declared.items() if prefix in clashing}
    lists = dict.fromkeys(_repeated(_decoded(samples, "xml", Xml(namespaces=namespaces))))
    return Xml(namespaces=namespaces, lists=tuple(lists))


def _clashing(data: object) -> Iterator[str]:
    """Give the prefixes of names of which another begins otherwise and goes on alike."""
    for item in _objects(data):
        names = Counter(name.rpartition(":")[2].removeprefix("@") for name in item)
        for name in item:
            prefix, _, local = name.removeprefix("@").rpartition(":")
            if prefix and names[local] > 1:
                yield prefix


def _repeated(data: object) -> Iterator[str]:
    for item in _objects(data):
        yield from (name for name, value in item.items() if isinstance(value, list))


def _objects(data: object) -> Iterator[dict[str, object]]:
    if isinstance(data, dict):
        yield data
    for item in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _objects(item)
