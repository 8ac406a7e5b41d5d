"""Checks of a WorkOrder's duration: a number of units, or a time span that can be told in its unit."""

from collections.abc import Sequence

from bridge.mapping.checks.references import AMOUNT, TEXT, References
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.checks.rules import possible_values
from bridge.mapping.document import Duration, PackDocument
from bridge.mapping.formats.durations import TELLABLE
from bridge.mef.enums import TimeDurationUnits


def check_duration(
    loc: Loc, duration: Duration, document: PackDocument, references: References, report: Report
) -> None:
    """Check that the amount is one, and that the unit is one of the standard whatever comes."""
    references.check_value((*loc, "amount"), duration.amount, AMOUNT)
    references.check_value((*loc, "unit"), duration.unit, TEXT)
    units = _units(duration, references)
    for literal in (duration.unit.literal, duration.unit.default):
        if literal is not None and literal not in units:
            report.add((*loc, "unit"), "wrong-value", f"a duration cannot be told in {literal}; write {_listed(units)}")
    for reference in filter(references.is_known, duration.unit.value):
        if references.type_of(reference) in TEXT.types:
            found = possible_values(reference, document, references)
            _check_units((*loc, "unit", "value"), reference, found, units, report)


def _units(duration: Duration, references: References) -> Sequence[TimeDurationUnits]:
    """A number may be told in any unit, a time span only in those of a fixed length."""
    types = {references.type_of(one) for one in filter(references.is_known, duration.amount.value)}
    return TELLABLE if "duration" in types else tuple(TimeDurationUnits)


def _check_units(loc: Loc, reference: str, found: Sequence[str] | None, units: Sequence[str], report: Report) -> None:
    if found is None:
        message = f"expected a code or column that is always one of {_listed(units)}; {reference} may be anything"
        report.add(loc, "wrong-type", message)
        return
    for value in found:
        if value not in units:
            report.add(loc, "wrong-value", f"{reference} may be '{value}'; expected {_listed(units)}")


def _listed(units: Sequence[str]) -> str:
    return f"{', '.join(units[:-1])} or {units[-1]}"
