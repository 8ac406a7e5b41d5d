"""Checks that what a field is made of can be read as its type; else each message that has it would be parked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import FieldSpec, PackDocument

_SCALARS: Final = ("text", "code", "integer")
_READ_FROM: Final[Mapping[str, Sequence[str]]] = dict.fromkeys(("text", "code", "integer", "datetime"), _SCALARS) | {
    "duration": _SCALARS,
    "boolean": ("boolean", *_SCALARS),
    "list": ("list", "text", "code"),
    "items": (),
}
_WRITTEN: Final = ("text", "code", "integer", "boolean", "datetime")
"""What can be written as a text in one way only."""


def check_readable(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    """Check what one field is read from, where its type is known before any message comes."""
    for place, words, found in _sources(spec, document):
        if (hint := _trouble(spec, found)) is not None:
            report.add((*loc, *place), "wrong-type", f"{words} is {found} and cannot be read as {spec.type}{hint}")
    for index, reference in enumerate(spec.join or ()):
        _expect((*loc, "join", index), reference, _WRITTEN, document, report)
    if spec.not_before is not None:
        _expect((*loc, "not_before"), spec.not_before, ("datetime",), document, report)
    if spec.zone is not None and spec.zone.value is not None:
        _expect((*loc, "zone", "value"), spec.zone.value, ("text", "code"), document, report)
    if spec.attribution is not None and document.attribution is not None:
        for reference in document.attribution.reason:
            _expect(("attribution", "reason"), reference, (*_SCALARS, "boolean"), document, report)


def _sources(spec: FieldSpec, document: PackDocument) -> Iterator[tuple[Loc, str, str]]:
    if spec.value is not None and (found := type_of(spec.value, document)) not in (None, "items"):
        yield ("value",), spec.value, str(found)
    elif spec.header is not None:
        yield (), f"header {spec.header}", "text"
    elif spec.routing_key is not None:
        yield (), "the routing key", "text"
    elif spec.join is not None:
        yield (), "what is joined", "text"
    elif spec.path is not None and spec.type == "boolean" and _has_texts_only(document):
        yield (), "what XML says", "text"


def _has_texts_only(document: PackDocument) -> bool:
    inbound = document.inbound
    return inbound.format == "xml" and all(unpack.json_ is None for unpack in inbound.unpack)


def _trouble(spec: FieldSpec, found: str) -> str | None:
    """Say what to write instead where this type cannot be read; None where it can."""
    if found not in _READ_FROM[spec.type]:
        return "; name it where it is wanted" if spec.value is not None else "; write another type"
    if spec.type == "boolean" and found != "boolean" and spec.yes is None and spec.no is None:
        return "; write its spellings under yes and no"
    if spec.type == "boolean" and found == "boolean" and spec.yes is not None and spec.no is not None:
        return " by spellings; take yes and no out"
    if spec.type == "list" and found != "list" and spec.split is None:
        return "; write split: what separates the items"
    return None


def _expect(loc: Loc, reference: str, types: Sequence[str], document: PackDocument, report: Report) -> None:
    found = type_of(reference, document)
    if found not in (None, "items", *types):  # items are reported with what else is wrong with the reference
        listed = " or ".join([", ".join(types[:-1]), types[-1]] if types[1:] else types)
        report.add(loc, "wrong-type", f"expected {listed}; {reference} is {found}")


def type_of(reference: str, document: PackDocument) -> str | None:
    """Give the type of a field, or of a column, which is text; None where there is no such field."""
    name, _, column = reference.partition(".")
    spec = document.fields.get(name)
    return None if spec is None else "text" if column else spec.type
