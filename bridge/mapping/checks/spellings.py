"""Checks of the spellings of codes: no two codes are spelled alike, and no synonym takes a code's place."""

from collections.abc import Iterator

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import FieldSpec, Table
from bridge.mapping.formats.values import loosely
from bridge.mapping.reading.references import codes


def check_spellings(loc: Loc, spec: FieldSpec, table: Table | None, report: Report) -> None:
    """Check that each spelling of a code field stands for one code. `table` is the field's own."""
    if spec.previous is not None:
        return  # reported of the field that it takes the spellings from
    known: dict[str, str] = {}
    for at, code in _codes(loc, spec, table):
        other = known.setdefault(_spelled(code, spec), code)
        if other != code:
            message = f"'{code}' and '{other}' are the same with loose: true; take one of them out, or loose"
            report.add(at, "duplicate-code", message)
    _check_synonyms((*loc, "synonyms"), spec, known, report)


def _codes(loc: Loc, spec: FieldSpec, table: Table | None) -> Iterator[tuple[Loc, str]]:
    """Give all codes, and where to say what is wrong with each: other fields may tell a table's codes apart."""
    for index, code in enumerate(spec.values or ()):
        yield (*loc, "values", index), code
    for code in codes(table) if table is not None else ():
        yield (*loc, "loose"), code


def _spelled(code: str, spec: FieldSpec) -> str:
    return loosely(code) if spec.loose else code


def _check_synonyms(loc: Loc, spec: FieldSpec, known: dict[str, str], report: Report) -> None:
    seen: dict[str, str] = {}
    for written, meant in spec.synonyms.items():
        spelled = _spelled(written, spec)
        code, other = known.get(spelled, meant), seen.setdefault(spelled, written)
        if code != meant:
            alike = "a code itself" if code == written else f"the same as the code '{code}' with loose: true"
            message = (
                f"'{written}' is {alike}, which would be read as '{meant}'; take it out of synonyms or of the codes"
            )
            report.add_key((*loc, written), "duplicate-code", message)
        elif spec.synonyms[other] != meant:
            message = f"'{written}' and '{other}' are the same with loose: true; take one of them out"
            report.add_key((*loc, written), "duplicate-code", message)
