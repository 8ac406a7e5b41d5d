"""The situations a decision table is asked about: variables with finitely many classes of values.

Columns that hang together are one variable: a field with the columns of its table and the fields picked from it
(`value`, `first`, the `fault` of attribution), and the two columns of what the Buyer sees now. Fields that are made in
another way (`join`, `same`, `of`, `previous`, `changed`, `writes`, …) are taken as if they could have any of their
values at any time: what a proof says of them errs on the safe side, and may name a gap that no message falls into.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from bridge.domain.appointment import OPEN
from bridge.domain.work_order import TERMINAL
from bridge.mapping.checks.proofs.boxes import Box
from bridge.mapping.checks.proofs.picked import Situation, groups, situations
from bridge.mapping.checks.proofs.witnesses import value_of
from bridge.mapping.document import Cell, PackDocument, Rule
from bridge.mapping.reading.cells import cell_test
from bridge.mapping.reading.references import (
    APPOINTMENT_STATUS,
    STATE_COLUMNS,
    WORK_ORDER_STATE,
    field_lookups,
    reference_getter,
)
from bridge.mef.enums import AppointmentStatus, WorkOrderState

MEF = "the Buyer's view"

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
    """What the table asks about. `classes` holds, for each class of situations that no cell tells apart, those."""

    name: str
    columns: Mapping[str, Callable[[Situation], object]]
    classes: tuple[tuple[Situation, ...], ...]

    @property
    def full(self) -> int:
        """All classes, as bits."""
        return (1 << len(self.classes)) - 1

    def mask(self, cells: Mapping[str, Cell]) -> int:
        """Give the classes that all cells on columns of this variable fit, as bits."""
        tests = [(self.columns[name], cell_test(cell)) for name, cell in cells.items() if name in self.columns]
        return sum(1 << i for i, values in enumerate(self.classes) if all(test(get(values[0])) for get, test in tests))

    def mask_where(self, known: Situation) -> int:
        """Give the classes with a situation in which these are so, as far as this variable knows them, as bits."""
        return sum(
            1 << index
            for index, values in enumerate(self.classes)
            if any(all(one.get(name, value) == value for name, value in known.items()) for one in values)
        )

    def values(self, mask: int) -> list[Situation]:
        """List the situations of some classes."""
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


def view_of(state: MefState) -> Situation:
    """Give what the Buyer sees as a situation."""
    return {WORK_ORDER_STATE: state[0], APPOINTMENT_STATUS: state[1]}


def mef_states_of(space: Space, mask: int) -> tuple[MefState, ...]:
    """Give the states that some classes of the Buyer's view stand for."""
    (view,) = (variable for variable in space.variables if variable.name == MEF)
    wanted = view.values(mask)
    return tuple(state for state in mef_states() if view_of(state) in wanted)


def space_of(document: PackDocument) -> Space:
    """Make the space of a document whose references are all good."""
    columns = tuple(dict.fromkeys(name for rule in document.rules for name in rule.when))
    variables = tuple(_variables(columns, document))
    boxes = tuple(tuple(variable.mask(rule.when) for variable in variables) for rule in document.rules)
    return Space(variables, boxes)


def _variables(columns: Sequence[str], document: PackDocument) -> Iterable[Variable]:
    asked = [name for name in columns if name in STATE_COLUMNS]
    if asked:
        yield _variable(MEF, {name: itemgetter(name) for name in asked}, map(view_of, mef_states()), document.rules)
    others = [name for name in columns if name not in STATE_COLUMNS]
    for group in groups(tuple(dict.fromkeys(map(_field, others))), document):
        getters = {name: _getter(name, document) for name in others if _field(name) in group.fields}
        yield _variable(" / ".join(group.fields), getters, situations(group, document), document.rules)


def _field(column: str) -> str:
    return column.partition(".")[0]


def _getter(column: str, document: PackDocument) -> Callable[[Situation], object]:
    field = _field(column)
    get = reference_getter(column, field_lookups(document))
    return lambda situation: get({field: value_of(situation[field])})


def _variable(
    name: str,
    columns: Mapping[str, Callable[[Situation], object]],
    values: Iterable[Situation],
    rules: Sequence[Rule],
) -> Variable:
    """Put together the situations that no cell tells apart."""
    tests = [
        (columns[column], cell_test(cell)) for rule in rules for column, cell in rule.when.items() if column in columns
    ]
    classes: dict[tuple[bool, ...], list[Situation]] = {}
    for value in values:
        classes.setdefault(tuple(bool(test(get(value))) for get, test in tests), []).append(value)
    return Variable(name, columns, tuple(map(tuple, classes.values())))
