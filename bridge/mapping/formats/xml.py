"""XML messages as plain data, and back. Untrusted: no document type, no entities, bounded depth, size and count.

An element is its text; with attributes or children it is an object of `@attribute`, child and `#text` members, and
children of the same name are a list. Names are local ones, but for namespaces that the pack gives a prefix.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from xml.parsers import expat

from bridge.mapping.formats.values import Misread, as_text

MAX_BYTES = 4 << 20  # far above any job; expat needs some ten times as much memory
MAX_DEPTH = 64  # elements within each other
MAX_ELEMENTS = 100_000

_NIL = "http://www.w3.org/2001/XMLSchema-instance nil"
_NAME = re.compile(r"@?[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?")
_FORBIDDEN = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Compiled where XML is written: that takes as long as twenty other patterns."""


def read_xml(body: bytes, prefixes: Mapping[str, str], lists: Collection[str]) -> dict[str, object]:
    """Read a document. `prefixes` maps namespaces to prefixes; elements named in `lists` are lists even if alone.

    Raises `Misread`.
    """
    if len(body) > MAX_BYTES:
        raise Misread(f"the body is larger than {MAX_BYTES} bytes")
    builder = _Builder(prefixes, frozenset(lists))
    try:
        _parser(builder).Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Misread(f"the body is not XML: {error}") from error
    return builder.root


def _parser(builder: "_Builder") -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    return parser


def _refuse(*_: object) -> None:
    raise Misread("the body is not plain XML: it has a document type")


class _Builder:
    """Puts the elements together as they come."""

    def __init__(self, prefixes: Mapping[str, str], lists: frozenset[str]) -> None:
        self.root: dict[str, object] = {}
        self._prefixes = prefixes
        self._lists = lists
        self._open: list[tuple[dict[str, object], list[str]]] = [(self.root, [])]
        self._count = 0

    def start(self, _: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if len(self._open) > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise Misread(f"the body is deeper than {MAX_DEPTH} elements, or has more than {MAX_ELEMENTS}")
        members: dict[str, object] = {f"@{self._named(name)}": value for name, value in attributes.items()}
        if attributes.get(_NIL) in ("true", "1"):
            members = {"\x00nil": True}
        self._open.append((members, []))

    def text(self, text: str) -> None:
        self._open[-1][1].append(text)

    def end(self, name: str) -> None:
        members, texts = self._open.pop()
        self._add(self._open[-1][0], self._named(name), _value(members, "".join(texts).strip()))

    def _add(self, parent: dict[str, object], name: str, value: object) -> None:
        known = parent.get(name)
        if isinstance(known, list):
            known.append(value)
        elif name in parent:
            parent[name] = [known, value]
        else:
            parent[name] = [value] if name in self._lists else value

    def _named(self, name: str) -> str:
        namespace, _, local = name.rpartition(" ")
        prefix = self._prefixes.get(namespace)
        return f"{prefix}:{local}" if prefix else local


def _value(members: dict[str, object], text: str) -> object:
    if "\x00nil" in members:
        return None
    if not members:
        return text
    return {**members, "#text": text} if text else members


def write_xml(data: object) -> bytes:
    """Write data of the same form: an object with one member, the root. Raises `ValueError` with a sentence."""
    if not isinstance(data, dict) or len(data) != 1:
        raise ValueError("an XML body has one root element")
    ((name, value),) = data.items()
    return "".join(('<?xml version="1.0" encoding="UTF-8"?>', *_element(str(name), value))).encode()


def is_name(name: str) -> bool:
    """Tell whether this can be the name of an element, or behind an @ of an attribute."""
    return _NAME.fullmatch(name) is not None


def check_body(data: object) -> str | None:
    """Say what keeps the template of a body from being written; None if nothing does."""
    if not isinstance(data, Mapping) or len(data) != 1:
        return "an XML body has one root element"
    ((name, root),) = data.items()
    if name.startswith(("@", "#")) or isinstance(root, tuple | list):
        return f"an XML body has one root element; {name} is none"
    return _check_members(data)


def _check_members(data: object) -> str | None:
    if isinstance(data, Mapping):
        return next((bad for name, item in data.items() if (bad := _check_member(str(name), item))), None)
    if isinstance(data, tuple | list):
        return next((bad for item in data if (bad := _check_members(item))), None)
    return None


def _check_member(name: str, item: object) -> str | None:
    if name != "#text" and not is_name(name):
        return f"'{name}' cannot be the name of an XML element or attribute"
    if name.startswith(("@", "#")) and isinstance(item, Mapping | tuple | list):
        return f"{name} is one text in XML; expected a single value"
    return _check_members(item)


def _element(name: str, value: object) -> Iterable[str]:
    from xml.sax.saxutils import escape, quoteattr  # not before it is needed: all of urllib and ssl comes with it

    if isinstance(value, list):
        for item in value:
            yield from _element(name, item)
    elif isinstance(value, dict):
        attributes = (f" {key[1:]}={quoteattr(_text(item))}" for key, item in value.items() if key.startswith("@"))
        yield f"<{name}{''.join(attributes)}>{escape(_text(value.get('#text')))}"
        for key, item in value.items():
            if not key.startswith(("@", "#")):
                yield from _element(key, item)
        yield f"</{name}>"
    else:
        yield f"<{name}>{escape(_text(value))}</{name}>"


def _text(value: object) -> str:
    text = "" if value is None else as_text(value)
    if found := re.search(_FORBIDDEN, text):
        raise ValueError(f"the character U+{ord(found[0]):04X} cannot stand in XML")
    return text
