"""Checks of what is kept of fields from message to message: what looks back on it, and what takes it back."""

from bridge.mapping.checks.made_fields import check_before
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import FieldSpec, PackDocument
from bridge.mapping.formats.tidy import tidy
from bridge.mapping.formats.values import loosely
from bridge.mapping.reading.references import known_codes


def check_kept(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    """Check what keeps what was known of a field, or takes it back."""
    _check_lookback(loc, spec, document, report)
    for option in ("keep", "belongs_to"):
        if getattr(spec, option) is not None and (spec.path is None or not spec.remember):
            message = f"{option} is for a field that is remembered: with a path, and without remember: false"
            report.add_key((*loc, option), "misplaced", message)
    if spec.belongs_to is not None:
        _check_owner((*loc, "belongs_to"), spec.belongs_to, document, report)
    table = document.tables.get(spec.table or "")
    known = {_spelled(code, spec) for code in known_codes(spec, table)}
    for index, code in enumerate(spec.keep or ()):
        if _spelled(code, spec) in known:
            message = f"'{code}' is a code of this field; it says something, or nothing"
            report.add((*loc, "keep", index), "duplicate-code", message)
    if not document.inbound.deltas:
        for option in ("empty", "nulls"):
            if getattr(spec, option) == "keep":
                report.add((*loc, option), "misplaced", f"{option}: keep needs inbound: {{deltas: true}}")


def _check_lookback(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    name = str(loc[-1])
    if spec.previous is not None:
        _check_remembered((*loc, "previous"), spec.previous, document, report)
    for one in spec.changed or ():
        check_before((*loc, "changed"), one, name, document, report)
        _check_remembered((*loc, "changed"), one, document, report)
    for source, names in (("writes", spec.writes), ("empties", spec.empties)):
        for one in names or ():
            check_before((*loc, source), one, name, document, report)
            _check_kept((*loc, source), one, document, report)
        if names is not None and not document.inbound.deltas:
            message = f"a complete message says all there is: ask whether a field is present; {source} needs deltas"
            report.add_key((*loc, source), "misplaced", message)


def _check_remembered(at: Loc, used: str, document: PackDocument, report: Report) -> None:
    spec = document.fields.get(used)
    if spec is None:
        report.unknown(at, "field", used, document.fields)
    elif spec.path is None or not spec.remember:
        report.add(at, "wrong-source", f"only a field with a path is remembered; {used} is not")


def _check_kept(at: Loc, used: str, document: PackDocument, report: Report) -> None:
    """What is asked of a made field is asked of all that it comes down to."""
    if used not in document.fields or not document.inbound.deltas:
        return  # reported by itself
    others = [name for name in document.fields if name in document.base_of((used,)) - document.kept_fields]
    if others:
        rest = "" if others == [used] else f"; {used} is made of it"
        report.add(at, "wrong-source", f"only a field with a path is remembered; {others[0]} is not{rest}")


def _check_owner(at: Loc, owner: str, document: PackDocument, report: Report) -> None:
    check_before(at, owner, str(at[-2]), document, report)
    spec = document.fields.get(owner)
    if spec is None:
        return
    if spec.path is None or not spec.remember:
        report.add(at, "wrong-source", f"only a field with a path is remembered; {owner} is not")
    elif not document.inbound.deltas and spec.keep is None:
        message = f"every message is complete, and tells {owner} anew; belongs_to needs deltas, or {owner} a keep"
        report.add_key(at, "misplaced", message)


def _spelled(code: str, spec: FieldSpec) -> str:
    return loosely(code) if spec.loose else tidy(code)


def check_forgets(document: PackDocument, report: Report) -> None:
    """Check what messages take back: it is something that is kept."""
    for index, rule in enumerate(document.inbound.forgets):
        for name in rule.fields:
            at = ("inbound", "forgets", index, "fields")
            if name not in document.fields:
                report.unknown(at, "field", name, document.fields)
                continue
            others = [one for one in document.fields if one in document.base_of((name,)) - document.kept_fields]
            if others:
                rest = "" if others == [name] else f"; {name} is made of it"
                report.add(at, "wrong-source", f"nothing is kept of {others[0]} that could be forgotten{rest}")
