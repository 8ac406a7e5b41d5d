"""The decision table: the first rule whose conditions all hold says what the message means (DMN hit policy FIRST).

A column is a field, a column of a field's table (`reason.fault`), or the current MEF state of the job.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bridge.domain.model import Goal, MovedBy, OnIllegal
from bridge.domain.replacing import replace
from bridge.mapping import document
from bridge.mapping.formats.values import Get, Misread, Values, briefly, plain_json
from bridge.mapping.reading.cells import Test, cell_test, cell_text
from bridge.mapping.reading.references import Lookups, reference_getter, value_getter


@dataclass(frozen=True, slots=True)
class Ignore:
    """The message says nothing that a Buyer sees."""

    reason: str


@dataclass(frozen=True, slots=True)
class Park:
    """The message is for the operator to look at."""

    reason: str


Outcome = Goal | Ignore | Park


@dataclass(frozen=True, slots=True)
class Cell:
    """One compiled cell: the index of its column, its test, and what it expects, for people."""

    column: int
    test: Test
    expected: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled row. `appointment_required` completes its goal; `wait` is how long the message is held.

    It `adds` to a job that is there: it has a goal, and opens none.
    """

    name: str
    cells: tuple[Cell, ...]
    outcome: Outcome
    creates: bool
    appointment_required: Get | None
    wait: timedelta | None

    @property
    def adds(self) -> bool:
        return isinstance(self.outcome, Goal) and not self.creates

    def outcome_for(self, values: Values) -> Outcome:
        """Say what the rule makes of a message, where that is for its values to say. Raises `Misread`."""
        if self.appointment_required is None or not isinstance(self.outcome, Goal):
            return self.outcome
        required = self.appointment_required(values)
        if not isinstance(required, bool):
            raise Misread(f"appointment_required: expected true or false; came {briefly(required)}")
        return replace(self.outcome, appointment_required=required)


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """All rules over their columns."""

    names: tuple[str, ...]
    columns: tuple[Get, ...]
    rules: tuple[Rule, ...]

    def decide(self, values: Values, explained: list[object]) -> Rule | None:
        """Give the first rule that holds. `explained` gets each rule before it with the cell that failed."""
        row = [column(values) for column in self.columns]
        for rule in self.rules:
            for cell in rule.cells:
                if not cell.test(row[cell.column]):
                    name, came = self.names[cell.column], plain_json(row[cell.column])
                    explained.append({"rule": rule.name, "column": name, "expected": cell.expected, "came": came})
                    break
            else:
                return rule
        return None


def compile_rules(rules: Sequence[document.Rule], lookups: Lookups, on_illegal: OnIllegal) -> DecisionTable:
    """Compile the rules of a checked pack; `on_illegal` is the pack's own policy."""
    names = tuple(dict.fromkeys(name for rule in rules for name in rule.when))
    return DecisionTable(
        names=names,
        columns=tuple(reference_getter(name, lookups) for name in names),
        rules=tuple(_rule(rule, names, lookups, on_illegal) for rule in rules),
    )


def _rule(rule: document.Rule, names: tuple[str, ...], lookups: Lookups, on_illegal: OnIllegal) -> Rule:
    then = rule.then
    return Rule(
        name=rule.rule,
        cells=tuple(Cell(names.index(name), cell_test(cell), cell_text(cell)) for name, cell in rule.when.items()),
        outcome=_outcome(then, then.on_illegal or on_illegal),
        creates=then.creates,
        appointment_required=(
            value_getter(then.appointment_required, lookups) if then.appointment_required is not None else None
        ),
        wait=timedelta(seconds=then.wait_seconds) if then.wait_seconds is not None else None,
    )


def _outcome(then: document.Then, on_illegal: OnIllegal) -> Outcome:
    """Give the outcome that is the same for all messages; one that holds the states has a goal that names none."""
    if then.ignore is not None:
        return Ignore(then.ignore)
    if then.park is not None:
        return Park(then.park)
    return Goal(
        work_order=then.work_order,
        appointment=then.status,
        if_any=then.appointment_if_any is not None,
        on_illegal=on_illegal,
        moved_by=then.moved_by or MovedBy.SELLER,
    )
