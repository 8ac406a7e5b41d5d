"""What rules and outputs refer to: a field, a column of the row that its table has for it, or what the Buyer sees."""

from collections.abc import Callable, Mapping

from bridge.domain.model import Job
from bridge.mapping import document
from bridge.mapping.formats.values import Values
from bridge.mapping.reading.tables import Lookup, table_lookup

Lookups = Mapping[str, Lookup]

WORK_ORDER_STATE = "work_order_state"
APPOINTMENT_STATUS = "appointment_status"
STATE_COLUMNS = (WORK_ORDER_STATE, APPOINTMENT_STATUS)

Column = Callable[[Values, Job], object]


def column_getter(name: str, lookups: Lookups) -> Column:
    """Make a getter for a column of rules: what the Buyer sees of the job now, or else as `field_getter`."""
    if name == WORK_ORDER_STATE:
        return lambda _, job: job.work_order.state if job.work_order else None
    if name == APPOINTMENT_STATUS:
        return lambda _, job: job.appointment.status if job.appointment else None
    get = field_getter(name, lookups)
    return lambda values, _: get(values)


def field_lookups(pack: document.PackDocument) -> dict[str, Lookup]:
    """Give the look-up of each field that has a table."""
    return {name: table_lookup(pack.tables[spec.table]) for name, spec in pack.fields.items() if spec.table is not None}


def field_getter(reference: str, lookups: Mapping[str, Lookup]) -> Callable[[Mapping[str, object]], object]:
    """Make a getter for `field` or `field.column`; `lookups` holds the look-up of each field that has a table."""
    name, _, column = reference.partition(".")
    if not column:
        return lambda values: values[name]
    look_up = lookups[name]

    def get(values: Mapping[str, object]) -> object:
        code = values[name]
        row = look_up(code) if isinstance(code, str) else None
        return row.get(column) if row is not None else None

    return get
