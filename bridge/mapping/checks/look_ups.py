"""Checks of the tables that commands and replies look something up in."""

from collections.abc import Iterator

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import PackDocument, Table
from bridge.mapping.formats.datetimes import find_zone
from bridge.mapping.reading.references import always_has, columns


def looked_up(loc: Loc, name: str, column: str, document: PackDocument, report: Report) -> Table | None:
    """Give the table whose column is named at `loc`; None, and a problem, where a row may not have it."""
    table = document.tables.get(name)
    if table is None:
        report.unknown((*loc, "table"), "table", name, document.tables)
    elif column not in columns(table):
        report.unknown((*loc, "column"), "column", column, columns(table))
    elif not always_has(table, column):
        report.add((*loc, "column"), "may-be-absent", f"not every row of table {name} has {column}")
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
