"""Checks of fields of type items: what is read of each item, and what is made of all of them."""

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import FieldSpec, PackDocument
from bridge.mapping.formats.paths import path_steps
from bridge.mapping.reading.references import known_codes

INSIDE = ("path", "value", "join", "same", "first")
"""The sources of a field inside an item."""

_KEYS = ("text", "code", "integer")


def check_items(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    """Check what only items have, and what is made of them; the fields inside are fields like others."""
    if spec.type == "items":
        if not spec.fields:
            report.add(loc, "missing-key", "items need fields: what is read of each item")
        for name, inner in spec.fields.items():
            _check_inside((*loc, "fields", name), inner, document, report)
            _check_from_item((*loc, "fields", name, "path"), spec, inner, report)
        _check_key((*loc, "key"), spec, document, report)
    else:
        for option in ("fields", "key"):
            if option in spec.model_fields_set:
                message = f"{option} belongs to type items; this field is of type {spec.type}"
                report.add_key((*loc, option), "misplaced", message)
    _check_aggregation(loc, spec, document, report)


def _check_inside(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    name = str(loc[-1])
    if name in document.fields:
        message = f"there is a field {name} of the whole message; give this one another name"
        report.add_key(loc, "duplicate-name", message)
    if spec.type == "items":
        report.add((*loc, "type"), "misplaced", "items have no items of their own; read these by another field")
    if "remember" in spec.model_fields_set:
        report.add_key((*loc, "remember"), "misplaced", "an item is remembered as a whole; take remember out")
    for option in ("keep", "belongs_to"):
        if getattr(spec, option) is not None:
            report.add_key((*loc, option), "misplaced", f"an item is remembered as a whole; take {option} out")
    for option in ("empty", "nulls"):
        if getattr(spec, option) == "keep":
            message = f"{option}: keep is not for an item's fields; an item with a key keeps what a message leaves out"
            report.add((*loc, option), "misplaced", message)


def _check_from_item(loc: Loc, spec: FieldSpec, inner: FieldSpec, report: Report) -> None:
    """A path that leads to the list again, from the message, would find nothing."""
    lists = [steps for steps in map(path_steps, spec.path or ()) if len(steps) > 1]  # an item may have one such name
    if any(path_steps(path)[: len(steps)] == steps for path in inner.path or () for steps in lists):
        report.add(loc, "wrong-value", "a path inside starts at the item, which is $; leave out the way to the list")


def _check_key(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    if spec.key is None:
        return
    key = spec.fields.get(spec.key)
    if key is None:
        report.unknown(loc, "field", spec.key, spec.fields)
    elif key.path is None or not key.required or key.type not in _KEYS:
        message = f"items are known by a required text, code or integer with a path; {spec.key} is none"
        report.add(loc, "wrong-type", message)
    if not document.inbound.deltas or spec.path is None or not spec.remember:
        message = "a key is for items that are remembered: with a path, and inbound: {deltas: true}"
        report.add_key(loc, "misplaced", message)


def _check_aggregation(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    if spec.of is None:
        if spec.precedence is not None:
            report.add_key((*loc, "precedence"), "misplaced", "precedence belongs to of: <items>.<code>")
        return
    if spec.precedence is None:
        report.add(loc, "missing-key", "of needs precedence: the codes, the one that counts most first")
    name, _, inner = spec.of.partition(".")
    items = document.fields.get(name)
    if items is None:
        return  # reported with what stands before
    code = items.fields.get(inner)
    if items.type != "items" or code is None:
        known = [f"{other}.{own}" for other, one in document.fields.items() for own in one.fields]
        report.unknown((*loc, "of"), "field of items", spec.of, known)
    elif code.table is not None and code.table not in document.tables:
        return  # reported where it stands
    elif code.type != "code" or (known_codes := _closed(code, document)) is None:
        report.add((*loc, "of"), "wrong-type", f"expected a code of which all values are known; {spec.of} is none")
    else:
        _check_precedence((*loc, "precedence"), spec, known_codes, report)


def _closed(code: FieldSpec, document: PackDocument) -> tuple[str, ...] | None:
    """List the codes, None where others may come."""
    table = document.tables.get(code.table or "")
    if code.values is None and (table is None or table.on_miss != "park"):
        return None
    return known_codes(code, table)


def _check_precedence(loc: Loc, spec: FieldSpec, known: tuple[str, ...], report: Report) -> None:
    listed = spec.precedence or ()
    for index, code in enumerate(listed):
        if code not in known:
            report.unknown((*loc, index), "code", code, known)
        elif code in listed[:index]:
            report.add((*loc, index), "duplicate-code", f"'{code}' stands here already")
    missing = [code for code in dict.fromkeys(known) if code not in listed]
    if missing and listed and {*listed} <= {*known}:
        report.add(loc, "missing-code", f"precedence lacks {', '.join(missing)}; to leave items out, write where")
