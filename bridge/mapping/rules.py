"""The decision table: the first rule whose conditions all hold says what the message means (DMN hit policy FIRST).

A column is a field, a column of a field's table (`reason.fault`), or the current MEF state of the job.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bridge.domain.model import Goal, Job, OnIllegal
from bridge.mapping import document
from bridge.mapping.formats.values import Get, Misread, Values, plain, shown
from bridge.mapping.outputs.sources import value_getter
from bridge.mapping.reading.cells import Test, cell_test, cell_text
from bridge.mapping.reading.columns import Column, column_getter
from bridge.mapping.reading.tables import Lookup


@dataclass(frozen=True, slots=True)
class Ignore:
    """The message says nothing that a Buyer sees."""

    reason: str


@dataclass(frozen=True, slots=True)
class Park:
    """The message is for the operator to look at."""

    reason: str


Outcome = Callable[[Values], Goal | Ignore | Park]


@dataclass(frozen=True, slots=True)
class Condition:
    """One cell: the index of its column, its test, and what it expects, for people."""

    column: int
    test: Test
    expected: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled row. `has_goal`: its outcome is neither `Ignore` nor `Park`. `wait`: how long it is held."""

    name: str
    conditions: tuple[Condition, ...]
    outcome: Outcome
    creates: bool
    has_goal: bool
    wait: timedelta | None


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """All rules over their columns."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]

    def decide(self, values: Values, job: Job, explained: list[object]) -> Rule | None:
        """Give the first rule that holds. `explained` gets each rule before it with the cell that failed."""
        row = [column(values, job) for column in self.columns]
        came = [plain(value) for value in row]
        for rule in self.rules:
            failed = _first_failure(rule, row)
            if failed is None:
                return rule
            explained.append(
                {
                    "rule": rule.name,
                    "column": self.names[failed.column],
                    "expected": failed.expected,
                    "came": came[failed.column],
                }
            )
        return None

    def rests_on(self, rule: Rule, explained: Iterable[object]) -> frozenset[str]:
        """Name the fields that made this rule the first that holds: its own, and those by which others fail."""
        failed = (entry["column"] for entry in explained if isinstance(entry, Mapping))
        columns = (*failed, *(self.names[condition.column] for condition in rule.conditions))
        return frozenset(str(column).partition(".")[0] for column in columns)


def _first_failure(rule: Rule, row: Sequence[object]) -> Condition | None:
    for condition in rule.conditions:
        if not condition.test(row[condition.column]):
            return condition
    return None


def compile_rules(
    rules: Sequence[document.Rule], lookups: Mapping[str, Lookup], on_illegal: OnIllegal
) -> DecisionTable:
    """Compile the rules of a checked pack; `on_illegal` is the pack's own policy."""
    names = tuple(dict.fromkeys(name for rule in rules for name in rule.when))
    return DecisionTable(
        names=names,
        columns=tuple(column_getter(name, lookups) for name in names),
        rules=tuple(_rule(rule, names, lookups, on_illegal) for rule in rules),
    )


def _rule(rule: document.Rule, names: tuple[str, ...], lookups: Mapping[str, Lookup], on_illegal: OnIllegal) -> Rule:
    conditions = tuple(
        Condition(names.index(name), cell_test(cell), cell_text(cell)) for name, cell in rule.when.items()
    )
    then = rule.then
    has_goal = then.ignore is None and then.park is None
    wait = timedelta(seconds=then.wait_seconds) if then.wait_seconds is not None else None
    return Rule(rule.rule, conditions, _outcome(then, lookups, on_illegal), then.creates, has_goal, wait)


def _outcome(then: document.Then, lookups: Mapping[str, Lookup], on_illegal: OnIllegal) -> Outcome:
    if then.ignore is not None:
        return _always(Ignore(then.ignore))
    if then.park is not None:
        return _always(Park(then.park))
    if then.hold is not None:
        return _always(Goal(on_illegal=then.on_illegal or on_illegal))
    goal = Goal(work_order=then.work_order, appointment=then.appointment, on_illegal=then.on_illegal or on_illegal)
    if then.appointment_required is None:
        return _always(goal)
    return _goal(goal, value_getter(then.appointment_required, lookups))


def _always(outcome: Goal | Ignore | Park) -> Outcome:
    return lambda _: outcome


def _goal(goal: Goal, required: Get) -> Outcome:
    def outcome(values: Values) -> Goal:
        value = required(values)
        if not isinstance(value, bool):
            raise Misread(f"appointment_required: expected true or false; came {shown(value)}")
        return replace(goal, appointment_required=value)

    return outcome
