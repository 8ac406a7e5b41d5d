"""Checks of tables, of what is looked up in them, and of how the codes of fields are spelled."""

from collections.abc import Iterator

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import FieldSpec, PackDocument, Table
from bridge.mapping.formats.datetimes import find_zone
from bridge.mapping.formats.values import loosely
from bridge.mapping.reading.references import always_has, codes, columns, rows_without


def check_table(loc: Loc, table: Table, report: Report) -> None:
    """Check that each row has a key of its own, and that the default row is used."""
    if table.rows and not any(table.key in row for row in table.rows):
        report.unknown((*loc, "key"), "column", table.key, dict.fromkeys(name for row in table.rows for name in row))
    else:
        _check_rows(loc, table, report)
    _check_default_row(loc, table, report)


def _check_rows(loc: Loc, table: Table, report: Report) -> None:
    seen: dict[str, int] = {}
    for index, row in enumerate(table.rows):
        code = row.get(table.key)
        if code is None:
            report.add((*loc, "rows", index), "missing-key", f"the row has no {table.key}, the key of its table")
        elif code in seen:
            message = f"'{code}' stands in row {seen[code] + 1} of this table already"
            report.add((*loc, "rows", index, table.key), "duplicate-code", message)
        else:
            seen[code] = index


def _check_default_row(loc: Loc, table: Table, report: Report) -> None:
    if table.on_miss == "default" and table.default is None:
        report.add((*loc, "on_miss"), "missing-key", "on_miss: default needs a row under default")
    if table.on_miss != "default" and table.default is not None:
        report.add_key((*loc, "default"), "unused", "this row is never used; write on_miss: default as well")


def looked_up(loc: Loc, name: str, column: str, document: PackDocument, report: Report) -> Table | None:
    """Give the table whose column is named at `loc`; None, and a problem, where a row may not have it."""
    table = document.tables.get(name)
    if table is None:
        report.unknown((*loc, "table"), "table", name, document.tables)
    elif column not in columns(table):
        report.unknown((*loc, "column"), "column", column, columns(table))
    elif not always_has(table, column):
        lacking = ", ".join(rows_without(table, column)) or "a code without a row"
        report.add((*loc, "column"), "may-be-absent", f"not every row of table {name} has {column}: not {lacking}")
    else:
        return table
    return None


def rows_of(name: str, table: Table) -> Iterator[tuple[Loc, dict[str, str]]]:
    """Give each row of a table with its place, and the default row."""
    for index, row in enumerate(table.rows):
        yield ("tables", name, "rows", index), row
    if table.default is not None:
        yield ("tables", name, "default"), table.default


def check_zones(name: str, column: str, table: Table, report: Report) -> None:
    """Report each row of a table whose column is no time zone."""
    for loc, row in rows_of(name, table):
        try:
            find_zone(row.get(column, "UTC"))
        except ValueError as error:
            report.add((*loc, column), "wrong-value", str(error))


def check_spellings(loc: Loc, spec: FieldSpec, table: Table | None, report: Report) -> None:
    """Check that each spelling of a code field stands for one code. `table` is the field's own."""
    if spec.previous is not None:
        return  # reported of the field that it takes the spellings from
    known: dict[str, str] = {}
    for at, code in _spelled_codes(loc, spec, table):
        other = known.setdefault(_spelled(code, spec), code)
        if other != code:
            message = f"'{code}' and '{other}' are the same with loose: true; take one of them out, or loose"
            report.add(at, "duplicate-code", message)
    _check_synonyms((*loc, "synonyms"), spec, known, report)


def _spelled_codes(loc: Loc, spec: FieldSpec, table: Table | None) -> Iterator[tuple[Loc, str]]:
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
