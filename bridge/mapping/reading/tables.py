"""Look-up tables: a code finds a row. An unknown code parks the message, finds the default row, or has none."""

from collections.abc import Callable, Mapping

from bridge.mapping import document

Row = Mapping[str, str]
Lookup = Callable[[str], Row | None]


def table_lookup(table: document.Table) -> Lookup:
    """Make a function from a code to its row; None where the table has no row for it."""
    rows = table.by_key
    default = table.default if table.on_miss == "default" else None

    def look_up(code: str) -> Row | None:
        return rows.get(code, default)

    return look_up


def codes(table: document.Table) -> tuple[str, ...]:
    """List the codes of a table, in its order."""
    return tuple(row[table.key] for row in table.rows if table.key in row)


def known_codes(spec: document.FieldSpec, table: document.Table | None) -> tuple[str, ...]:
    """List the codes that a field names: its own `values`, then those of its table."""
    return (*(spec.values or ()), *(codes(table) if table is not None else ()))


def takes_any(spec: document.FieldSpec, table: document.Table | None) -> bool:
    """Tell whether a code field takes codes that nobody has named: its table has something for all others."""
    return spec.values is None and table is not None and table.on_miss != "park"


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


def always_says(table: document.Table, column: str) -> bool:
    """Tell whether every row that a look-up may give has this column, with a text that is not empty."""
    return always_has(table, column) and all(row.get(column) != "" for row in (*table.rows, table.default or {}))


def has_all_rows(spec: document.FieldSpec, table: document.Table) -> bool:
    """Tell whether there is a row for each code of a field, which may have codes beside those of its table."""
    return table.on_miss == "default" or set(spec.values or ()) <= set(codes(table))
