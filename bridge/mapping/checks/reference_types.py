"""What a reference in a pack gives: its type, and whether it can be absent."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import FieldSpec, PackDocument, Table, Value
from bridge.mapping.reading.references import STATE_COLUMNS, always_says, columns, has_all_rows, rows_without

TEXTS = frozenset({"text", "code", "integer", "boolean"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an output wants of its value."""

    types: frozenset[str]
    words: str
    required: bool = True


TEXT = Wanted(TEXTS, "text")
AMOUNT = Wanted(frozenset({"integer", "duration"}), "a whole number or a duration")
BOOLEAN = Wanted(frozenset({"boolean"}), "true or false")
MOMENT = Wanted(frozenset({"datetime"}), "a date and time")
OPTIONAL_MOMENT = Wanted(frozenset({"datetime"}), "a date and time", required=False)
OPTIONAL_TEXT = Wanted(TEXTS, "text", required=False)
TASKS = Wanted(TEXTS | {"list"}, "a text or a list")


class References:
    """Answers questions about the fields and tables of one pack."""

    def __init__(self, document: PackDocument, report: Report) -> None:
        self.fields = document.fields
        self.tables = document.tables
        self._owners = {inner: name for name, spec in reversed(document.fields.items()) for inner in spec.fields}
        self._report = report

    def check_value(
        self, loc: Loc, value: Value | None, wanted: Wanted, present: Collection[str] = (), *, of_entry: bool = False
    ) -> None:
        """Report what is wrong with an output's value; `present` are fields and columns that are known to be there.

        `of_entry`: the value is one of an entry, which may be left out.
        """
        if value is None:
            return
        if value.literal is not None:
            self._check_scalar(loc, value.literal, wanted)
            return
        known = [self._check_reference(loc, reference, wanted) for reference in value.value]
        if value.default is not None:
            self._check_scalar((*loc, "default"), value.default, wanted)
        elif wanted.required and all(known) and not self._is_sure(value, present):
            self._report.add(loc, "may-be-absent", self._absence(value, of_entry=of_entry))

    def _is_sure(self, value: Value, present: Collection[str]) -> bool:
        known = {*self.fields, *STATE_COLUMNS}
        if any(name.partition(".")[0] not in known for name in present):
            return True  # reported where it stands
        return any(self.is_certain(one, present) for one in value.value)

    def _absence(self, value: Value, *, of_entry: bool) -> str:
        """Say what makes it sure, of what would."""
        remedies = ["give a default", *self._remedies(value.value[0], of_entry=of_entry)]
        said = f"{', '.join(remedies[:-1])}, or {remedies[-1]}" if len(remedies) > 1 else remedies[0]
        return f"{' and '.join(value.value)} may be absent, and the standard requires a value; {said}"

    def _remedies(self, reference: str, *, of_entry: bool) -> Iterator[str]:
        name, _, column = reference.partition(".")
        spec, table = self.fields[name], self.table_of(name)
        if not column or table is None:
            yield "make the field required" if spec.path is not None else "make what it is made of sure"
            yield from [f"add `if_present: {name}`"] if of_entry else []
            return
        if not always_there(spec):
            yield f"make {name} required"
        if not always_says(table, column):
            yield f"give each row of table {spec.table} a {column}{_lacking(table, column)}"
        if not has_all_rows(spec, table):
            yield f"give table {spec.table} a row for each code, or a default row"
        yield from [f"add `when: {{{reference}: {{present: true}}}}`"] if of_entry else []

    def _check_scalar(self, loc: Loc, scalar: str | int | bool, wanted: Wanted) -> None:
        if type_of_scalar(scalar) not in wanted.types or scalar == "":
            self._report.add(loc, "wrong-type", f"expected {wanted.words}, got {scalar!r}")

    def _check_reference(self, loc: Loc, reference: str, wanted: Wanted) -> bool:
        at = (*loc, "value")
        if not self.check_name(at, reference):
            return False
        found = self.type_of(reference)
        if found not in wanted.types:
            self._report.add(at, "wrong-type", f"expected {wanted.words}; {reference} is {found}")
        return found in wanted.types

    def check_name(self, loc: Loc, reference: str, *, key: bool = False, extra: Collection[str] = ()) -> bool:
        """Report a reference to nothing. `extra` lists further names that are known here."""
        name, _, column = reference.partition(".")
        if name in self._owners and name not in self.fields:
            self._check_owner(loc, name, key=key)
            return False
        if name not in self.fields:
            self._report.unknown(loc, "field", name, [*self.fields, *extra], key=key)
            return False
        if not column:
            return True
        if self.fields[name].type == "items":
            message = f"{name} holds items; make a code of all of them: {{of: {reference}, precedence: […]}}"
            self._add(loc, "wrong-type", message, key=key)
            return False
        table = self.table_of(name)
        if table is None and self.fields[name].table is not None:
            return False  # the unknown table is reported at the field
        if table is None:
            self._add(loc, "unknown-column", f"field {name} has no table, so there is no {reference}", key=key)
            return False
        if column not in columns(table):
            self._report.unknown(loc, "column", column, columns(table), key=key)
            return False
        return True

    def _check_owner(self, loc: Loc, name: str, *, key: bool) -> None:
        owner = self._owners[name]
        message = f"{name} is a field of each item of {owner}; it is known only in an entry with `each: {owner}`"
        self._add(loc, "unknown-field", message, key=key)

    def _add(self, loc: Loc, kind: str, message: str, *, key: bool) -> None:
        (self._report.add_key if key else self._report.add)(loc, kind, message)

    def table_of(self, name: str) -> Table | None:
        """Give the table of a field, if it has one that exists."""
        spec = self.fields.get(name)
        return self.tables.get(spec.table) if spec is not None and spec.table is not None else None

    def type_of(self, reference: str) -> str:
        """Give the type of a known reference; a column of a table is text."""
        name, _, column = reference.partition(".")
        return "text" if column else self.fields[name].type

    def is_known(self, reference: str) -> bool:
        """Tell whether there is such a field, and such a column of its table."""
        name, _, column = reference.partition(".")
        table = self.table_of(name)
        return name in self.fields and (not column or (table is not None and column in columns(table)))

    def is_certain(self, reference: str, present: Collection[str]) -> bool:
        """Tell whether a known reference always gives a value."""
        if reference in present:
            return True
        name, _, column = reference.partition(".")
        spec, table = self.fields[name], self.table_of(name)
        if name not in present and not always_there(spec):
            return False
        if not column or table is None:
            return spec.default != ""  # the standard's texts are never empty
        return always_says(table, column) and has_all_rows(spec, table)


_NAMED_ROWS = 3


def _lacking(table: Table, column: str) -> str:
    """Say which rows lack a column; nothing where none does (`on_miss: keep` gives codes without a row)."""
    rows = rows_without(table, column)
    more = f" and {len(rows) - _NAMED_ROWS} more" if len(rows) > _NAMED_ROWS else ""
    return f" ({', '.join(rows[:_NAMED_ROWS])}{more} {'has' if len(rows) == 1 else 'have'} none)" if rows else ""


def always_there(spec: FieldSpec) -> bool:
    """Tell whether a field is never absent; every message has a routing key."""
    return spec.required or spec.default is not None or (spec.routing_key is True and spec.empty is None)


def type_of_scalar(value: str | int | bool) -> str:
    """Give the field type that a literal would have."""
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "text"
