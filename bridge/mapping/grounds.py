"""What the goal of a rule rests on: whether its message says something new of it, and how old it is.

A delta is judged with all that is known of its job, so that a rule may fit by what others have told. That says nothing
new, and names no state. A message says something where it tells, or empties, what a rule asked for on the way to the
one that fits; it need not be that one, for a rule above may fit no more.

The goal itself rests on what the cells of its own rule ask for, and on what it takes from fields; rules that were only
passed over are no part of it, nor is what was so before the message (`previous`, `asked`, the states). What rests on
the message alone, such as a header, is remembered of none, and can be put in no order with others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bridge.domain.ages import Age
from bridge.mapping import document
from bridge.mapping.formats.values import Values
from bridge.mapping.reading.scope import FieldVersions
from bridge.mef.enums import AppointmentStatus


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the goal of one message rests on.

    `names` are the fields, for people. `ages` are those of what it rests on. `repeats`: the message tells nothing that
    a rule has asked for. `is_own`: something of it is remembered of no message.
    """

    names: tuple[str, ...]
    ages: tuple[Age, ...]
    repeats: bool
    is_own: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule, or one of its cells, asks for: fields that are remembered, and those that are of each message alone.

    Among the latter are signs, which are true where the message has written something. `window` are the fields of a
    window that the rule agrees.
    """

    names: tuple[str, ...]
    kept: frozenset[str]
    signs: frozenset[str]
    own: frozenset[str]
    window: frozenset[str] = frozenset()

    def is_own(self, values: Values) -> bool:
        """Tell whether the message says something of it that is remembered of none."""
        signs = any(values[name] is True for name in self.signs)
        return signs or any(values[name] is not None for name in self.own - self.signs)

    def is_said(self, versions: FieldVersions, values: Values) -> bool:
        """Tell whether the message itself says something of it."""
        return not versions.written.isdisjoint(self.kept | self.window) or self.is_own(values)


@dataclass(frozen=True, slots=True)
class RuleGrounds:
    """What the rules of a pack ask for, each as a whole, and cell by cell."""

    rules: Mapping[str, Asked]
    columns: Mapping[str, Asked]

    @property
    def kept(self) -> frozenset[str]:
        """The remembered fields that any rule asks for."""
        return frozenset().union(*(asked.kept for asked in self.columns.values()))

    def looked_at(self, rule: str, failed: Iterable[str]) -> frozenset[str]:
        """Name the remembered fields by which a rule was found to be the one that fits."""
        return self.rules[rule].kept.union(*(self.columns[column].kept for column in failed))

    def of(self, rule: str, failed: Iterable[str], versions: FieldVersions, values: Values) -> Grounds:
        """Give the grounds of a message that a rule fits; `failed` are the columns by which those above do not."""
        asked, passed = self.rules[rule], [self.columns[column] for column in failed]
        is_own = asked.is_own(values) or not asked.kept
        emptied = any(not one.kept.isdisjoint(versions.emptied) for one in passed)
        is_new = is_own or emptied or not asked.window.isdisjoint(versions.written)
        ages = [versions.age_of(name) for name in asked.kept]
        return Grounds(
            names=asked.names,
            ages=(*ages, versions.own) if is_new else tuple(ages),
            repeats=not (is_own or any(one.is_said(versions, values) for one in (asked, *passed))),
            is_own=is_own,
        )


def compile_grounds(pack: document.PackDocument) -> RuleGrounds:
    """Find what the rules of a checked pack ask for."""
    columns = {column for rule in pack.rules for column in rule.when}
    return RuleGrounds(
        rules={rule.rule: asked_by(rule, pack) for rule in pack.rules},
        columns={column: _asked((column,), pack) for column in columns},
    )


def asked_by(rule: document.Rule, pack: document.PackDocument) -> Asked:
    """Say what a rule asks for. That a visit is agreed says its window, too."""
    then = rule.then
    taken = then.appointment_required.value if then.appointment_required is not None else ()
    agrees = then.status is AppointmentStatus.CONFIRMED
    return _asked((*rule.when, *taken), pack, pack.window_fields if agrees else frozenset())


def _asked(references: Iterable[str], pack: document.PackDocument, window: frozenset[str] = frozenset()) -> Asked:
    told = {name for name in pack.base_of(references) if not pack.fields[name].is_context}
    signs = frozenset(name for name in told if pack.fields[name].is_sign)
    kept = pack.kept_fields & told
    names = tuple(name for name in pack.fields if name in told)
    return Asked(names, kept, signs, own=frozenset(told - kept), window=window)
