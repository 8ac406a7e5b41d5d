"""References to what was read: a field, or a column of the row that a field's table has for it."""

from collections.abc import Callable, Mapping

from bridge.mapping import document
from bridge.mapping.tables import Lookup, table_lookup


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
