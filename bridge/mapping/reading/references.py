"""What rules and outputs refer to: a field, a column of the row that its table has for it, or what the Buyer sees.

All of them are values by name: what the Buyer sees of the job stands beside the fields of the message. A name compiles
to a getter; so does a `Value` of an output, which takes the first of several that is there.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import itemgetter

from bridge.domain.model import Job
from bridge.mapping import document
from bridge.mapping.formats.values import Get, Misread, Values, as_text, briefly, constant

WORK_ORDER_STATE = "work_order_state"
APPOINTMENT_STATUS = "appointment_status"
STATE_COLUMNS = (WORK_ORDER_STATE, APPOINTMENT_STATUS)

Row = Mapping[str, str]
Lookup = Callable[[str], Row | None]
Lookups = Mapping[str, Lookup]


def states_of(job: Job) -> dict[str, object]:
    """Give what the Buyer sees of a job now, by the names of its columns."""
    return {
        WORK_ORDER_STATE: job.work_order.state if job.work_order is not None else None,
        APPOINTMENT_STATUS: job.appointment.status if job.appointment is not None else None,
    }


def table_lookup(table: document.Table) -> Lookup:
    """Make a function from a code to its row; None where the table has no row for it."""
    rows = table.by_key
    if table.on_miss != "default":
        return rows.get
    default = table.default

    def look_up(code: str) -> Row | None:
        return rows.get(code, default)

    return look_up


def field_lookups(pack: document.PackDocument) -> dict[str, Lookup]:
    """Give the look-up of each field that has a table."""
    return {name: table_lookup(pack.tables[spec.table]) for name, spec in pack.fields.items() if spec.table is not None}


def reference_getter(reference: str, lookups: Lookups) -> Get:
    """Make a getter for `field`, `field.column` or a state; `lookups` has the look-up of each field with a table."""
    name, _, column = reference.partition(".")
    if not column:
        return itemgetter(name)
    look_up = lookups[name]

    def get(values: Values) -> object:
        code = values[name]
        row = look_up(code) if isinstance(code, str) else None
        return row.get(column) if row is not None else None

    return get


def value_getter(value: document.Value, lookups: Lookups) -> Get:
    """Make a getter for the first present source of a value, else its default, else None; empty lists say nothing."""
    if value.literal is not None:
        return constant(value.literal)
    getters = tuple(reference_getter(reference, lookups) for reference in value.value)
    default = value.default
    if len(getters) == 1 and default is None:
        return getters[0]

    def get(values: Values) -> object:
        for getter in getters:
            found = getter(values)
            if found is not None and found != ():
                return found
        return default

    return get


def text_getter(where: str, value: document.Value, lookups: Lookups) -> Callable[[Values], str]:
    """As `value_getter`, for text that must be there. The getter raises `Misread` where it is not."""
    if value.literal is not None:
        return constant(as_text(value.literal))
    get = value_getter(value, lookups)

    def get_text(values: Values) -> str:
        found = get(values)
        if found is None:
            raise Misread(f"{where}: {_sources(value)} is absent")
        return as_text(found)

    return get_text


def optional_text_getter(value: document.Value, lookups: Lookups) -> Callable[[Values], str | None]:
    """As `value_getter`, for text that may be absent."""
    get = value_getter(value, lookups)

    def get_text(values: Values) -> str | None:
        found = get(values)
        return as_text(found) if found is not None else None

    return get_text


def moment_getter(where: str, value: document.Value, lookups: Lookups) -> Callable[[Values], datetime | None]:
    """As `value_getter`, for a moment that may be absent."""
    get = value_getter(value, lookups)

    def get_moment(values: Values) -> datetime | None:
        found = get(values)
        if found is not None and not isinstance(found, datetime):
            raise Misread(f"{where}: expected a date and time from {_sources(value)}; came {briefly(found)}")
        return found

    return get_moment


def _sources(value: document.Value) -> str:
    return " or ".join(value.value) or "a literal"


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


def rows_without(table: document.Table, column: str) -> list[str]:
    """Name the rows that do not have this column, or only an empty text there, as people call them."""
    lacking = [f"row {row.get(table.key, '?')}" for row in table.rows if not row.get(column)]
    return [*lacking, *(["the default row"] if table.default is not None and not table.default.get(column) else [])]


def always_says(table: document.Table, column: str) -> bool:
    """Tell whether every row that a look-up may give has this column, with a text that is not empty."""
    return always_has(table, column) and all(row.get(column) != "" for row in (*table.rows, table.default or {}))


def has_all_rows(spec: document.FieldSpec, table: document.Table) -> bool:
    """Tell whether there is a row for each code of a field, which may have codes beside those of its table."""
    return table.on_miss == "default" or set(spec.values or ()) <= set(codes(table))
