"""The names that a pack has itself: its fields, columns, tables, codes and slot tokens.

They come from the draft as far as it is written; what is written elsewhere (the pack that it extends, the rows of a
file) from the pack that runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from bridge.mapping.document.rules import Party
from bridge.mapping.reading.references import APPOINTMENT_STATUS, WORK_ORDER_STATE
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.packtools.completion.outline import CURSOR, Part, below

MOST_CELLS: Final = 4  # of a row, when it is told
_STATES: Final = {WORK_ORDER_STATE: WorkOrderState, APPOINTMENT_STATUS: AppointmentStatus}
_BOOLEAN: Final = ("same", "changed", "writes", "empties")

Spec = Mapping[str, Any]
TRUTH: Final = ("true", "false")


@dataclass(frozen=True, slots=True)
class Name:
    """A name, or a code, with what is said of it. `is_text`: it is text, though it looks like something else."""

    name: str
    about: str = ""
    is_text: bool = True


class Names:
    """The names of one pack, as they are known at a place of it: `path`."""

    def __init__(self, data: Any, running: Mapping[str, Any], path: Sequence[Part]) -> None:
        self._data = data if isinstance(data, Mapping) else {}
        self._running = running
        self._fields = self.section("fields")
        self._tables = self.section("tables")
        self._inside = dict(self._of_items(path))

    def section(self, name: str) -> Mapping[str, Any]:
        """Give a section of the pack; of a pack that extends another, with what is below."""
        own = _mapping(self._data.get(name))
        lower = _mapping(self._running.get(name)) if "extends" in self._data else {}
        return {key: value for key, value in {**lower, **own}.items() if CURSOR not in key}

    def fields(self, *, of: str | None = None) -> Iterator[Name]:
        """Give the fields, or those of one type."""
        for name, spec in self._fields.items():
            if of in (None, text_of(_mapping(spec).get("type"))):
                yield Name(name, _in_words(_mapping(spec)))

    def fields_here(self) -> Iterator[Name]:
        """Give the fields, and those of each item in an entry that is written for each."""
        yield from (Name(name, _in_words(_mapping(spec))) for name, spec in {**self._inside, **self._fields}.items())

    def inner_fields(self) -> Iterator[Name]:
        """Give the fields of items, as `items.inner`."""
        for name, spec in self._fields.items():
            for inner, one in _mapping(_mapping(spec).get("fields")).items():
                yield Name(f"{name}.{inner}", _in_words(_mapping(one)))

    def references(self) -> Iterator[Name]:
        """Give the fields, and the columns of their tables, that a value may be taken from."""
        for name, spec in {**self._inside, **self._fields}.items():
            yield Name(name, _in_words(_mapping(spec)))
            for column in self.columns(text_of(_mapping(spec).get("table"))):
                yield Name(f"{name}.{column.name}", column.about)

    def of_cells(self) -> Iterator[Name]:
        """Give what a cell can be about."""
        yield from self.references()
        if self.section("attribution"):
            yield Name("fault", "whose fault it is, by attribution")
        yield Name(WORK_ORDER_STATE, "the state of the WorkOrder that the Buyer sees, before this message")
        yield Name(APPOINTMENT_STATUS, "the status of the Appointment that the Buyer sees, before this message")

    def tables(self) -> Iterator[Name]:
        """Give the tables."""
        for name, table in self._tables.items():
            key = text_of(_mapping(table).get("key"))
            yield Name(name, f"table by {key}" if key else "")

    def columns(self, table: str) -> Iterator[Name]:
        """Give the columns of a table."""
        spec = _mapping(self._tables.get(table))
        rows = [*self._rows(table), _mapping(spec.get("default")), *self._running_rows(table)]
        key = text_of(spec.get("key"))
        for column in dict.fromkeys([*([key] if key else []), *(one for row in rows for one in row)]):
            if CURSOR not in column:
                yield Name(column, f"column of table {table}")

    def codes(self, reference: str) -> Iterator[Name]:
        """Give what a field, or a column of its table, or a state, can be, where that is said."""
        name, _, column = reference.partition(".")
        spec = self._field(name)
        table = text_of(spec.get("table"))
        if reference in _STATES:
            yield from (Name(str(one)) for one in _STATES[reference])
        elif column:
            cells = dict.fromkeys(text_of(row.get(column)) for row in self._rows(table))
            yield from (Name(cell) for cell in cells if cell and CURSOR not in cell)
        else:
            yield from (
                Name(code, f"code of {name}") for code in texts_of(spec.get("values") or spec.get("precedence"))
            )
            yield from self._codes_of_rows(table)
            yield from self._made_codes(name, spec)

    def _codes_of_rows(self, table: str) -> Iterator[Name]:
        key = text_of(_mapping(self._tables.get(table)).get("key"))
        for row in self._rows(table):
            code = text_of(row.get(key))
            if code and CURSOR not in code:
                yield Name(code, ", ".join(f"{one}: {text_of(row[one])}" for one in [*row][:MOST_CELLS] if one != key))

    def _made_codes(self, name: str, spec: Spec) -> Iterator[Name]:
        if spec.get("type") == "boolean" or spec.keys() & {*_BOOLEAN}:
            yield from (Name(one, is_text=False) for one in TRUTH)
        elif "asked" in spec:
            yield from (Name(one) for one in ("buyer", "seller"))
        elif name == "fault" and not spec and self.section("attribution"):
            yield from (Name(one) for one in get_args(Party))

    def inner_codes(self, reference: str) -> Iterator[Name]:
        """Give the codes of a field of items, by `items.inner`."""
        owner, _, inner = reference.partition(".")
        spec = _mapping(_mapping(self._field(owner).get("fields")).get(inner))
        yield from (Name(code, f"code of {inner}") for code in texts_of(spec.get("values")))

    def tokens(self) -> Iterator[Name]:
        """Give what the WFM wants back of a slot."""
        here: Any = self.section("commands")
        for part in ("search", "reply", "slots", "token"):
            here = below(here, part)
        yield from (Name(name, f"of the slot: {text_of(path)}") for name, path in _mapping(here).items())

    def _field(self, name: str) -> Spec:
        spec = _mapping({**self._inside, **self._fields}.get(name))
        return {**_mapping(self._fields.get(text_of(spec.get("previous")))), **spec}

    def _of_items(self, path: Sequence[Part]) -> Iterator[tuple[str, Any]]:
        """Give the fields of each item, in an entry that is written for each of them."""
        here: Any = self._data
        for part in path:
            here = below(here, part)
            each = _mapping(self._fields.get(text_of(_mapping(here).get("each"))))
            yield from _mapping(each.get("fields")).items()

    def _rows(self, name: str) -> list[Spec]:
        """Give the rows of a table; those in a file as they run."""
        table = _mapping(self._tables.get(name))
        if "rows" not in table and "file" in table:
            return self._running_rows(name)
        return _mappings(table.get("rows"))

    def _running_rows(self, name: str) -> list[Spec]:
        return _mappings(_mapping(_mapping(self._running.get("tables")).get(name)).get("rows"))


def text_of(value: object) -> str:
    """Give a plain value as it is written; empty for any other."""
    if isinstance(value, bool):
        return TRUTH[not value]
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def texts_of(value: object) -> list[str]:
    """Give the plain values of a list, or the one that stands for a list, but not the one that is being written."""
    values = value if isinstance(value, list | tuple) else [value]
    return [text for one in values if (text := text_of(one)) and CURSOR not in text]


def _mapping(value: object) -> Spec:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Spec]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def _in_words(spec: Spec) -> str:
    """Say in a few words what a field is."""
    where = ", ".join(texts_of(spec.get("path")))
    return (text_of(spec.get("type")) or "text") + (f" at {where}" if where else "")
