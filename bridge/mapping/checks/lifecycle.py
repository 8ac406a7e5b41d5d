"""Checks of `lifecycle`: its codes are the field's, and every status can be reached."""

from bridge.mapping.checks.inputs import field_codes
from bridge.mapping.checks.references import References
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import Lifecycle, PackDocument


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
        message = f"no history leads to {', '.join(missing)}; add them to initial or to what may follow a code"
        report.add_key(("lifecycle",), "unreached-code", message)
