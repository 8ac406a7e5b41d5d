"""Checks of the decision table: columns and codes that exist, outcomes that can happen, rules that can be reached."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bridge.mapping.checks.fields import field_codes
from bridge.mapping.checks.reference_types import BOOLEAN, References
from bridge.mapping.checks.report import Loc, Report, known_hint
from bridge.mapping.document import BOUNDS, Cell, Lifecycle, PackDocument, Rule
from bridge.mapping.reading.references import APPOINTMENT_STATUS, STATE_COLUMNS, WORK_ORDER_STATE
from bridge.mef.enums import AppointmentStatus, WorkOrderState

_LISTS = ("list", "items")
_ONLY_PRESENT = ("duration", *_LISTS)
_MAY_BE_EMPTY = (*_LISTS, "text")
_STATES: Mapping[str, tuple[str, ...]] = {
    WORK_ORDER_STATE: tuple(WorkOrderState),
    APPOINTMENT_STATUS: tuple(AppointmentStatus),
}


def check_rules(document: PackDocument, references: References, report: Report) -> None:
    """Check every rule, each alone and against those before it."""
    names: dict[str, int] = {}
    _check_created(document, report)
    first = catch_all_before(document.rules)
    if first is not None:
        left = len(document.rules) - first - 1
        after = "the rule after it is" if left == 1 else f"the {left} rules after it are"
        message = f"rule '{document.rules[first].rule}' takes every message, so {after} never reached"
        report.add(("rules", first), "unreachable", f"{message}; move it to the end")
    for index, rule in enumerate(document.rules):
        loc: Loc = ("rules", index)
        if rule.rule in names:
            report.add((*loc, "rule"), "duplicate-rule", f"rule {names[rule.rule] + 1} is called '{rule.rule}' too")
        names.setdefault(rule.rule, index)
        for column, cell in rule.when.items():
            check_cell((*loc, "when", column), column, cell, document, references, report)
        references.check_value((*loc, "then", "appointment_required"), rule.then.appointment_required, BOOLEAN)
        if first is None or index <= first:
            _check_reachable(loc, rule, document.rules[:index], report)


def _check_created(document: PackDocument, report: Report) -> None:
    """A pack that only parks and ignores is one that is being begun; one that names states wants WorkOrders."""
    if any(rule.then.names_state for rule in document.rules) and not any(rule.then.creates for rule in document.rules):
        message = "no rule creates a WorkOrder, so there is never one"
        remedy = "write `creates: true` beside the goal of the message that opens a job"
        report.add_key(("rules",), "no-creates", f"{message}; {remedy}")


def catch_all_before(rules: Sequence[Rule]) -> int | None:
    """Find the first rule that takes every message, though there are rules after it."""
    return next((index for index, rule in enumerate(rules[:-1]) if not rule.when), None)


def check_cell(
    loc: Loc, column: str, cell: Cell, document: PackDocument, references: References, report: Report
) -> None:
    """Check one condition: its column is there, and its values can come."""
    if column not in STATE_COLUMNS and not references.check_name(loc, column, key=True, extra=STATE_COLUMNS):
        return
    type_ = "code" if column in STATE_COLUMNS else references.type_of(column)
    scalars = cell.any or cell.not_ or ()
    if cell.empty is not None and type_ not in _MAY_BE_EMPTY:
        report.add(loc, "wrong-type", f"{column} is of type {type_}, which is never empty; write {{present: …}}")
        return
    of_list = cell.empty is not None and type_ in _LISTS
    if (type_ in _ONLY_PRESENT and cell.present is None and not of_list) or (type_ == "datetime" and scalars):
        asked = "{present: …} or {empty: …}" if type_ in _LISTS else "{present: …}"
        report.add(loc, "wrong-type", f"{column} is of type {type_}; only {asked} can be asked of it")
        return
    _check_test(loc, column, type_, cell, report)
    domain = possible_values(column, document, references)
    for scalar in scalars:
        _check_scalar(loc, column, type_, scalar, domain, report)


def _check_test(loc: Loc, column: str, type_: str, cell: Cell, report: Report) -> None:
    """A range is of what the column is, and words are of texts; anything else never fits."""
    bounds = [bound for name in BOUNDS if (bound := getattr(cell, name)) is not None]
    if type_ not in _BOUNDS and bounds:
        report.add(loc, "wrong-type", f"{column} is {type_}; a range is of whole numbers or of moments")
    elif any(not isinstance(bound, _BOUNDS[type_][0]) for bound in bounds):
        report.add(loc, "wrong-type", f"{column} is {type_}; write its bounds as {_BOUNDS[type_][1]}")
    if type_ not in ("text", "code") and (cell.starts_with or cell.ends_with or cell.contains_word):
        report.add(loc, "wrong-type", f"{column} is {type_}; only texts and codes have words")


_BOUNDS: Mapping[str, tuple[type, str]] = {
    "integer": (int, "whole numbers"),
    "datetime": (datetime, "moments, such as '2026-03-01T00:00:00Z'"),
}


def possible_values(column: str, document: PackDocument, references: References) -> tuple[str, ...] | None:
    """List the values a column may have; None where any value may come."""
    if column in STATE_COLUMNS:
        return _STATES[column]
    name, _, table_column = column.partition(".")
    table = references.table_of(name)
    if table_column and table is not None:
        rows = [*table.rows, table.default or {}]
        return tuple(dict.fromkeys(row[table_column] for row in rows if table_column in row))
    spec = document.fields[name]
    is_open = table is None or table.on_miss != "park" if spec.table is not None else spec.values is None
    if spec.type != "code" or is_open:
        return None
    return field_codes(spec, document)


def _check_scalar(
    loc: Loc, column: str, type_: str, scalar: str | int | bool, domain: tuple[str, ...] | None, report: Report
) -> None:
    wanted: type = {"boolean": bool, "integer": int}.get(type_, str)
    if type(scalar) is not wanted:
        hint = "; put it in quotes" if wanted is str and isinstance(scalar, int) else ""
        report.add(loc, "wrong-type", f"{column} is {type_}; {scalar!r} can never come{hint}")
    elif domain is not None and scalar not in domain:
        report.add(loc, "unknown-code", f"{column} is never '{scalar}'{known_hint(str(scalar), domain)}")


def _check_reachable(loc: Loc, rule: Rule, before: tuple[Rule, ...], report: Report) -> None:
    """A rule whose every message an earlier rule takes is dead. Cheap: one earlier rule at a time."""
    for earlier in before:
        if all(name in rule.when and _covers(cell, rule.when[name]) for name, cell in earlier.when.items()):
            message = (
                f"rule '{earlier.rule}' takes every message that '{rule.rule}' fits; move it before, or take it out"
            )
            report.add(loc, "unreachable", message)
            return


def _covers(wide: Cell, narrow: Cell) -> bool:
    """Tell whether every value that fits `narrow` fits `wide` too; False where that is not plain to see."""
    if wide == narrow:
        return True
    if wide.empty is not None:
        return wide.empty and narrow.present is False
    if narrow.any is not None:
        if wide.any is not None:
            return set(narrow.any) <= set(wide.any)
        return wide.present is True or (wide.not_ is not None and not set(narrow.any) & set(wide.not_))
    if narrow.not_ is not None:
        return wide.not_ is not None and set(wide.not_) <= set(narrow.not_)
    return narrow.present is False and wide.not_ is not None


def check_lifecycle(document: PackDocument, references: References, report: Report) -> None:
    """Check the WFM's own status graph, where the pack has it."""
    lifecycle = document.lifecycle
    if lifecycle is None or not references.check_name(("lifecycle", "field"), lifecycle.field):
        return
    codes = field_codes(document.fields[lifecycle.field], document)
    if not codes:
        report.add(
            ("lifecycle", "field"), "wrong-type", f"expected a code; {lifecycle.field} has no closed set of codes"
        )
        return
    for index, code in enumerate(lifecycle.initial):
        _check_code(("lifecycle", "initial", index), code, codes, report)
    for code, following in lifecycle.next.items():
        _check_code(("lifecycle", "next", code), code, codes, report, key=True)
        for index, after in enumerate(following):
            _check_code(("lifecycle", "next", code, index), after, codes, report)
    _check_reached(lifecycle, codes, report)


def _check_code(loc: Loc, code: str, codes: tuple[str, ...], report: Report, *, key: bool = False) -> None:
    if code not in codes:
        report.unknown(loc, "code", code, codes, key=key)


def _check_reached(lifecycle: Lifecycle, codes: tuple[str, ...], report: Report) -> None:
    reached, new = set[str](), set(lifecycle.initial)
    while new:
        reached |= new
        new = {after for code in new for after in lifecycle.next.get(code, ())} - reached
    missing = [code for code in codes if code not in reached]
    if missing:
        cure = "add them to lifecycle.initial, or to what may follow a code in lifecycle.next"
        message = f"no history leads to {', '.join(missing)}; {cure}"
        report.add_key(("lifecycle",), "unreached-code", message)
