"""What the goal of a rule rests on, and how old that is.

A goal rests on what the cells of its rule ask for, and on what it takes from fields itself. Rules that were only passed
over are no part of it, nor is what was so before the message (`previous`, `asked`, the states). Where nothing is left,
it rests on the message.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.domain.ages import Age
from bridge.mapping import document
from bridge.mapping.formats.values import Values
from bridge.mapping.reading.scope import FieldVersions
from bridge.mef.enums import AppointmentStatus


@dataclass(frozen=True, slots=True)
class Grounds:
    """The grounds of one rule.

    `names` are all fields that it rests on; `fields` those that are remembered; `is_own`: something of it is what each
    message says itself. `signs` are fields that are true where the message has written something.
    """

    names: tuple[str, ...]
    fields: tuple[str, ...]
    signs: tuple[str, ...]
    is_own: bool

    def ages(self, versions: FieldVersions, values: Values) -> list[Age]:
        """Give the age of each thing that it rests on, in one translation."""
        own = self.is_own or any(values[name] is True for name in self.signs)
        ages = [versions.age_of(name) for name in self.fields]
        return [*ages, versions.own] if own or not ages else ages


def compile_grounds(pack: document.PackDocument) -> Mapping[str, Grounds]:
    """Find the grounds of each rule of a checked pack."""
    return {rule.rule: _grounds(rule, pack) for rule in pack.rules}


def _grounds(rule: document.Rule, pack: document.PackDocument) -> Grounds:
    """That a visit is agreed says its window, too."""
    then, window, kept = rule.then, pack.appointment.window, pack.kept_fields
    taken = then.appointment_required.value if then.appointment_required is not None else ()
    agreed = (*window.start.value, *window.end.value) if then.appointment is AppointmentStatus.CONFIRMED else ()
    told = {name for name in pack.base_of((*rule.when, *taken)) if not pack.fields[name].is_context}
    signs = {name for name in told if pack.fields[name].is_sign}
    names = [name for name in pack.fields if name in told | pack.base_of(agreed)]
    return Grounds(
        names=tuple(names),
        fields=tuple(name for name in names if name in kept),
        signs=tuple(sorted(signs)),
        is_own=not told or bool(told - signs - kept),
    )
