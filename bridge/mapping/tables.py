"""Look-up tables: a code finds a row. An unknown code parks the message, finds the default row, or has none."""

from collections.abc import Callable, Mapping

from bridge.mapping import document

Row = Mapping[str, str]
Lookup = Callable[[str], Row | None]


def table_lookup(table: document.Table) -> Lookup:
    """Make a function from a code to its row; None where the table has no row for it."""
    rows = {row[table.key]: row for row in table.rows}
    default = table.default if table.on_miss == "default" else None

    def look_up(code: str) -> Row | None:
        return rows.get(code, default)

    return look_up


def codes(table: document.Table) -> tuple[str, ...]:
    """List the codes of a table, in its order."""
    return tuple(row[table.key] for row in table.rows if table.key in row)


def columns(table: document.Table) -> tuple[str, ...]:
    """List all columns of a table, in order of appearance."""
    rows = [*table.rows, table.default or {}]
    return tuple(dict.fromkeys([table.key, *(name for row in rows for name in row)]))


def always_has(table: document.Table, column: str) -> bool:
    """Tell whether every row that a look-up may give has this column."""
    rows = [*table.rows, *([table.default] if table.default is not None else [])]
    if table.on_miss == "keep" and column != table.key:
        return False
    return all(column in row for row in rows)
