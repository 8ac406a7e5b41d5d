"""Checks of fields that are made of other fields: what they are made of exists, and stands before them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.checks.tables import check_spellings
from bridge.mapping.document import FieldSpec, FieldZone, PackDocument
from bridge.mapping.formats.datetimes import WORDS
from bridge.mapping.formats.durations import UNITS
from bridge.mapping.formats.paths import check_path
from bridge.mapping.reading.cells import PARTIES, reason_text
from bridge.mapping.reading.references import known_codes


def check_made(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    """Check one field; nothing is said of one that is read from the message."""
    name = str(loc[-1])
    if spec.value is not None:
        check_before((*loc, "value"), spec.value.partition(".")[0], name, document, report)
        _check_column((*loc, "value"), spec.value, document, report)
    if spec.attribution is not None:
        _check_attribution(loc, document, report)
    if spec.of is not None:
        check_before((*loc, "of"), spec.of.partition(".")[0], name, document, report)
    _check_parts(loc, spec, document, report)
    check_readable(loc, spec, document, report)
    if takes_as_it_is(spec, document):
        _check_as_it_is(loc, spec, report)
    else:
        _check_format(loc, spec, report)
    _check_synonyms(loc, spec, document, report)
    _check_list(loc, spec, report)


def _check_parts(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    name = str(loc[-1])
    for source, parts in (("join", spec.join), ("same", spec.same), ("first", spec.first)):
        for index, one in enumerate(parts or ()):
            check_before((*loc, source, index), one.partition(".")[0], name, document, report)
            _check_column((*loc, source, index), one, document, report)
    if spec.first is not None:
        _check_same_type((*loc, "first"), spec.first, spec.type, document, report)
    if spec.same is not None:
        _check_comparable((*loc, "same"), spec.same, document, report)
        if spec.type != "boolean":
            report.add((*loc, "type"), "wrong-type", "whether fields are the same is true or false; leave out the type")
    if spec.not_before is not None:
        check_before((*loc, "not_before"), spec.not_before, name, document, report)
    if spec.zone is not None:
        _check_zone((*loc, "zone"), spec.zone, name, document, report)


_MIXABLE = ("text", "code", "integer")


def _check_same_type(loc: Loc, references: Sequence[str], type_: str, document: PackDocument, report: Report) -> None:
    """Only texts, codes and numbers may stand together or be read as something else."""
    types = [type_of(reference, document) for reference in references]
    for index, (reference, found) in enumerate(zip(references, types, strict=True)):
        if found is None or found == type_ or (found in _MIXABLE and set(types) <= {*_MIXABLE, None}):
            continue
        report.add(
            (*loc, index), "wrong-type", f"expected fields of one type; {reference} is {found}, this field {type_}"
        )


def _check_comparable(loc: Loc, references: Sequence[str], document: PackDocument, report: Report) -> None:
    types = [type_of(reference, document) for reference in references]
    for index, (reference, found) in enumerate(zip(references, types, strict=True)):
        if found not in (None, "items", types[0]) and not {found, types[0]} <= {*_MIXABLE, None, "items"}:
            message = f"{reference} is {found} and {references[0]} {types[0]}; they are never the same"
            report.add((*loc, index), "wrong-type", message)


def takes_as_it_is(spec: FieldSpec, document: PackDocument) -> bool:
    """Tell whether what a field is made of are date-times or durations already, with nothing left to be read."""
    own = spec.type in ("datetime", "duration")
    return own and spec.first is not None and all(type_of(one, document) in (spec.type, None) for one in spec.first)


def _check_as_it_is(loc: Loc, spec: FieldSpec, report: Report) -> None:
    for option in ("format", "zone", "dst", "not_before"):
        if getattr(spec, option) is not None:
            message = f"the fields of first are of type {spec.type} already; take {option} out"
            report.add_key((*loc, option), "misplaced", message)


def _check_zone(loc: Loc, zone: FieldZone, by: str, document: PackDocument, report: Report) -> None:
    for key, reference in (("value", zone.value), ("minutes", zone.minutes)):
        if reference is None:
            continue
        name = reference.partition(".")[0]
        check_before((*loc, key), name, by, document, report)
        _check_column((*loc, key), reference, document, report)
        if key == "minutes" and name in document.fields and document.fields[name].type != "integer":
            report.add((*loc, key), "wrong-type", f"expected a field of type integer; {name} is none")


def _check_format(loc: Loc, spec: FieldSpec, report: Report) -> None:
    if spec.type not in ("datetime", "duration"):
        if spec.format is not None:
            message = f"format belongs to type datetime or duration; this field is of type {spec.type}"
            report.add_key((*loc, "format"), "misplaced", message)
    elif spec.type == "duration" and spec.format not in UNITS:
        at = (*loc, "format") if spec.format is not None else loc
        kind = "wrong-value" if spec.format is not None else "missing-key"
        report.add(at, kind, f"a duration needs a format: {', '.join(UNITS)}")
    elif spec.type == "datetime" and spec.format in UNITS and spec.format not in WORDS:
        report.add((*loc, "format"), "wrong-value", f"'{spec.format}' is a format of durations")


_OF_LISTS = {"item": ("list",)} | dict.fromkeys(
    ("where", "distinct", "sort_by", "descending", "limit"), ("list", "items")
)


def _check_list(loc: Loc, spec: FieldSpec, report: Report) -> None:
    for option, types in _OF_LISTS.items():
        if spec.type not in types and option in spec.model_fields_set:
            message = f"{option} belongs to type {' or '.join(types)}; this field is of type {spec.type}"
            report.add_key((*loc, option), "misplaced", message)
    if spec.descending and spec.sort_by is None:
        report.add_key((*loc, "descending"), "misplaced", "descending goes with sort_by")
    if spec.sort_by is not None and spec.type == "items":
        _check_sorted_items((*loc, "sort_by"), spec.sort_by, spec, report)
    elif spec.sort_by is not None and spec.type == "list":
        _check_sorted_list((*loc, "sort_by"), spec.sort_by, report)


def _check_sorted_items(loc: Loc, name: str, spec: FieldSpec, report: Report) -> None:
    inner = spec.fields.get(name)
    if inner is None:
        report.unknown(loc, "field", name, spec.fields)
    elif inner.type in ("list", "items"):
        report.add(loc, "wrong-type", f"items cannot be sorted by lists; {name} is of type {inner.type}")


def _check_sorted_list(loc: Loc, path: str, report: Report) -> None:
    try:
        check_path(path)
    except ValueError as error:
        report.add(loc, "wrong-value", str(error))


def _check_synonyms(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    if spec.type != "code":
        for option in ("loose", "synonyms"):
            if getattr(spec, option):
                message = f"{option} belongs to type code; this field is of type {spec.type}"
                report.add_key((*loc, option), "misplaced", message)
        return
    table = document.tables.get(spec.table or "")
    known = known_codes(spec, table)
    for written, meant in spec.synonyms.items():
        if meant not in (*known, *(spec.keep or ())) and (table is None or table.on_miss == "park"):
            report.unknown((*loc, "synonyms", written), "code", meant, known)
    check_spellings(loc, spec, table, report)


def check_before(at: Loc, used: str, by: str, document: PackDocument, report: Report) -> None:
    names = list(document.fields)
    if used not in document.fields:
        report.unknown(at, "field", used, names)
    elif names.index(used) >= names.index(by):
        report.add(at, "wrong-order", f"field {used} is read after {by}; write it above")


def _check_column(at: Loc, reference: str, document: PackDocument, report: Report) -> None:
    name, _, column = reference.partition(".")
    spec = document.fields.get(name)
    if spec is not None and spec.type == "items":
        report.add(
            at, "wrong-type", f"{name} holds items; make a code of all of them: {{of: {name}.<code>, precedence: […]}}"
        )
    if spec is None or spec.type == "items" or not column:
        return
    table = document.tables.get(spec.table or "")
    if spec.table is None:
        report.add(at, "unknown-column", f"field {name} has no table, so there is no {reference}")
    elif table is not None and column not in {key for row in (*table.rows, table.default or {}) for key in row}:
        report.unknown(at, "column", column, {key: None for row in table.rows for key in row})


def _check_attribution(loc: Loc, document: PackDocument, report: Report) -> None:
    section = document.attribution
    if section is None:
        report.add(loc, "missing-key", "the pack has no section attribution")
        return
    for reference in section.reason:
        at: Loc = ("attribution", "reason")
        name = reference.partition(".")[0]
        check_before(at, name, "fault", document, report)
        _check_column(at, reference, document, report)
    seen: dict[str, str] = {}
    for party in PARTIES:
        for index, one in enumerate(getattr(section, party)):
            if one.code is None:
                continue
            code = reason_text(one.code)
            if code in seen:
                message = f"'{one.code}' is attributed to the {seen[code]} already"
                report.add(("attribution", party, index), "duplicate-code", message)
            seen.setdefault(code, party)


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


def _trouble(spec: FieldSpec, found: str) -> str | None:
    """Say what to write instead where this type cannot be read; None where it can."""
    if found not in _READ_FROM[spec.type]:
        return "; name it where it is wanted" if spec.value is not None else "; write another type"
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
