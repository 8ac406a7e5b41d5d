"""The situations a decision table is asked about: variables with finitely many classes of values.

Columns that hang together are one variable: a field with the columns of its table, and the two columns of what the
Buyer sees now. Free texts and numbers fall into the values that some cell names, their neighbours, and the rest.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.appointment import OPEN
from bridge.domain.work_order import TERMINAL
from bridge.mapping.cells import cell_test
from bridge.mapping.checks.boxes import Box
from bridge.mapping.columns import APPOINTMENT_STATUS, STATE_COLUMNS, WORK_ORDER_STATE, field_getter
from bridge.mapping.document import Cell, FieldSpec, PackDocument, Rule, Table
from bridge.mapping.tables import codes, table_lookup
from bridge.mapping.values import shown
from bridge.mef.enums import AppointmentStatus, WorkOrderState

MEF = "the Buyer's view"


@dataclass(frozen=True, slots=True)
class Other:
    """A value that no cell names."""

    words: str


MefState = tuple[WorkOrderState | None, AppointmentStatus | None]


def mef_states() -> tuple[MefState, ...]:
    """List what the Buyer may see of a job: nothing yet, or a WorkOrder and the latest Appointment (R24)."""
    return (
        (None, None),
        *(
            (state, status)
            for state in WorkOrderState
            for status in (None, *AppointmentStatus)
            if _stands(state, status)
        ),
    )


def _stands(state: WorkOrderState, status: AppointmentStatus | None) -> bool:
    return status not in OPEN or not (state is WorkOrderState.OPEN or state in TERMINAL)


@dataclass(frozen=True, slots=True)
class Variable:
    """What the table asks about. `classes` holds, for each class of values that no cell tells apart, its values."""

    name: str
    columns: Mapping[str, Callable[[object], object]]
    classes: tuple[tuple[object, ...], ...]

    @property
    def full(self) -> int:
        """All classes, as bits."""
        return (1 << len(self.classes)) - 1

    def mask(self, cells: Mapping[str, Cell]) -> int:
        """Give the classes that all cells on columns of this variable fit, as bits."""
        tests = [(self.columns[name], cell_test(cell)) for name, cell in cells.items() if name in self.columns]
        return sum(
            1 << index for index, values in enumerate(self.classes) if all(test(get(values[0])) for get, test in tests)
        )

    def values(self, mask: int) -> list[object]:
        """List the values of some classes."""
        return [value for index, values in enumerate(self.classes) if mask >> index & 1 for value in values]


@dataclass(frozen=True, slots=True)
class Space:
    """All situations of one decision table, and the box that each rule fits."""

    variables: tuple[Variable, ...]
    rules: tuple[Box, ...]

    @property
    def full(self) -> Box:
        """The box of all situations."""
        return tuple(variable.full for variable in self.variables)


def mef_states_of(space: Space, mask: int) -> tuple[MefState, ...]:
    """Give the states that some classes of the Buyer's view stand for."""
    (view,) = (variable for variable in space.variables if variable.name == MEF)
    wanted = view.values(mask)
    return tuple(state for state in mef_states() if state in wanted)


def space_of(document: PackDocument) -> Space:
    """Make the space of a document whose references are all good."""
    columns = tuple(dict.fromkeys(name for rule in document.rules for name in rule.when))
    variables = tuple(_variables(columns, document))
    boxes = tuple(tuple(variable.mask(rule.when) for variable in variables) for rule in document.rules)
    return Space(variables, boxes)


def _variables(columns: Sequence[str], document: PackDocument) -> Iterable[Variable]:
    asked = [name for name in columns if name in STATE_COLUMNS]
    if asked:
        getters = {WORK_ORDER_STATE: _first, APPOINTMENT_STATUS: _second}
        yield _variable(MEF, {name: getters[name] for name in asked}, mef_states(), document.rules)
    for field in dict.fromkeys(name.partition(".")[0] for name in columns if name not in STATE_COLUMNS):
        mine = [name for name in columns if name.partition(".")[0] == field]
        yield _variable(field, _getters(field, mine, document), _values(field, document), document.rules)


def _first(value: object) -> object:
    return value[0] if isinstance(value, tuple) else None


def _second(value: object) -> object:
    return value[1] if isinstance(value, tuple) else None


def _getters(field: str, columns: Sequence[str], document: PackDocument) -> dict[str, Callable[[object], object]]:
    table = document.tables.get(document.fields[field].table or "")
    lookups = {field: table_lookup(table)} if table is not None else {}
    return {name: _getter(field, name, field_getter(name, lookups)) for name in columns}


def _getter(field: str, column: str, get: Callable[[Mapping[str, object]], object]) -> Callable[[object], object]:
    if column == field:
        return lambda value: value
    return lambda value: get({field: "\x00" if isinstance(value, Other) else value})  # a code that no table has


def _variable(
    name: str, columns: Mapping[str, Callable[[object], object]], values: Iterable[object], rules: Sequence[Rule]
) -> Variable:
    """Put together the values that no cell tells apart."""
    tests = [
        (columns[column], cell_test(cell)) for rule in rules for column, cell in rule.when.items() if column in columns
    ]
    classes: dict[tuple[bool, ...], list[object]] = {}
    for value in values:
        classes.setdefault(tuple(bool(test(get(value))) for get, test in tests), []).append(value)
    return Variable(name, columns, tuple(map(tuple, classes.values())))


def _values(field: str, document: PackDocument) -> list[object]:
    spec = document.fields[field]
    table = document.tables.get(spec.table or "")
    named = [scalar for rule in document.rules for scalar in _scalars(rule.when.get(field))]
    return [*_present_values(spec, table, named), *([] if _is_sure(spec) else [None])]


def _is_sure(spec: FieldSpec) -> bool:
    return spec.required or spec.default is not None


def _present_values(spec: FieldSpec, table: Table | None, named: Sequence[object]) -> list[object]:
    match spec.type:
        case "code":
            return _codes(spec, table)
        case "boolean":
            return [True, False]
        case "integer":
            return _numbers(named)
        case "datetime":
            return _moments(named)
        case "text":
            return _texts(named)
        case _:
            return [Other("any value")]


def _codes(spec: FieldSpec, table: Table | None) -> list[object]:
    known = dict.fromkeys((*(spec.values or ()), *(codes(table) if table is not None else ())))
    takes_any = table is not None and table.on_miss != "park" and spec.values is None
    return [*known, *([Other("any other code")] if takes_any else [])]


def _numbers(named: Iterable[object]) -> list[object]:
    near = {number + step for number in named if isinstance(number, int) for step in (-1, 0, 1)}
    return [*sorted(near or {0})]


def _moments(named: Iterable[object]) -> list[object]:
    near = {moment + step for moment in named if isinstance(moment, datetime) for step in (-_INSTANT, _NONE, _INSTANT)}
    return [*sorted(near)] or [Other("any value")]


_NONE, _INSTANT = timedelta(0), timedelta(microseconds=1)


def _texts(named: Iterable[object]) -> list[object]:
    """Take what cells name, alone and two together: a text may begin with one piece and end with another."""
    pieces = list(dict.fromkeys(text for text in named if isinstance(text, str)))
    pairs = [f"{one} {other}" for one in pieces for other in pieces if one != other]
    return [*pieces, *pairs, Other("any other text")]


def _scalars(cell: Cell | None) -> list[object]:
    """List every plain value that a cell speaks of, whatever its form."""
    return list(_leaves(cell.model_dump())) if cell is not None else []


def _leaves(data: object) -> Iterable[object]:
    if isinstance(data, Mapping):
        for value in data.values():
            yield from _leaves(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _leaves(value)
    elif isinstance(data, str | int | datetime) and not isinstance(data, bool):
        yield data


def words(variable: Variable, mask: int) -> str:
    """Say which values of a variable are meant."""
    if variable.name == MEF:
        return _mef_words(variable, mask)
    values, others = variable.values(mask), variable.values(variable.full & ~mask)
    if None not in values and len(others) < len(values) and len(values) > _FEW:
        return f"{variable.name} is not {_any_of(others)}"
    return f"{variable.name} is {_any_of(values)}"


_FEW = 3


def _mef_words(variable: Variable, mask: int) -> str:
    pairs = variable.values(mask)
    if len(variable.columns) == 1:
        ((name, get),) = variable.columns.items()
        return f"{name} is {_any_of(dict.fromkeys(get(pair) for pair in pairs))}"
    return f"{' / '.join(variable.columns)} is {_listed(_pair_words(variable, pair) for pair in pairs)}"


def _pair_words(variable: Variable, pair: object) -> str:
    return " / ".join(_value_words(get(pair)) for get in variable.columns.values())


def _any_of(values: Iterable[object]) -> str:
    return _listed(_value_words(value) for value in values)


def _listed(told: Iterable[str]) -> str:
    every = list(told)
    rest = [f"… ({len(every)} in all)"] if len(every) > _MANY else []
    return " or ".join([*every[:_MANY], *rest])


_MANY = 6


def _value_words(value: object) -> str:
    if value is None:
        return "absent"
    if isinstance(value, Other):
        return value.words
    return value if isinstance(value, str) else shown(value)
