"""Sample messages as data: decoded as a pack would do it, with what `inbound` must say for that."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.mapping.document import Unpack, Xml
from bridge.mapping.formats.values import Misread
from bridge.mapping.reading.messages import decoder
from bridge.packtools.starter.unpacks import unpacked

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
    decode, messages = decoder(format_, xml), []
    for sample in samples:
        try:
            messages.append(decode(sample.body))
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
