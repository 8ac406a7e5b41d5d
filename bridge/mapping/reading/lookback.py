"""What a field says of its message beside what was known: what was before, what changes, who asked for it.

What a message *writes* is what it tells, be it the same again, and what it empties. What has *changed* is what is not
as it was. In a complete message every field is written.
"""

from collections.abc import Callable

from bridge.domain.model import Command, CommandState
from bridge.mapping import document
from bridge.mapping.formats.paths import MISSING, path_steps
from bridge.mapping.reading.scope import Scope

Find = Callable[[Scope], object]
"""Finds a raw value beside the message's data, or makes it of what is known already; `MISSING` where it is absent."""


def compile_lookback(spec: document.FieldSpec, pack: document.PackDocument) -> Find | None:
    """Make a function that looks back; None for a field that does not."""
    if spec.previous is not None:
        name = spec.previous
        return lambda scope: scope.job.record.get(name, MISSING)
    if spec.changed is not None:
        return _change_of(spec.changed, pack)
    if spec.writes is not None:
        written = pack.base_of(spec.writes)
        return lambda scope: not written.isdisjoint(scope.versions.written)
    if spec.empties is not None:
        emptied = pack.base_of(spec.empties)
        return lambda scope: not emptied.isdisjoint(scope.versions.emptied)
    return _asked(spec.asked) if spec.asked is not None else None


def lookback_text(spec: document.FieldSpec) -> str:
    """Say for people what a field looks back on; nothing for one that does not."""
    if spec.previous is not None:
        return f"the last {spec.previous}"
    kinds = (
        ("a change of", spec.changed),
        ("whether it writes", spec.writes),
        ("whether it empties", spec.empties),
        ("who asked to", spec.asked),
    )
    return next((f"{words} {' or '.join(names)}" for words, names in kinds if names is not None), "")


def _change_of(names: tuple[str, ...], pack: document.PackDocument) -> Find:
    members = [(name, _last_step((pack.fields[name].path or ("",))[0])) for name in names]

    def find(scope: Scope) -> object:
        if changed := scope.changed_names:
            return any(member in changed and not scope.versions.is_overtaken(name) for name, member in members)
        return any(scope.record.get(name, MISSING) != scope.job.record.get(name, MISSING) for name, _ in members)

    return find


def _last_step(path: str) -> str:
    return str(path_steps(path)[-1]) if path_steps(path) else ""


def _asked(kinds: tuple[str, ...]) -> Find:
    wanted = frozenset(kinds)

    def find(scope: Scope) -> object:
        commands = filter(_may_be_spoken_of, (*scope.job.commands, *scope.job.granted))
        return "buyer" if any({command.kind, command.asked_as} & wanted for command in commands) else "seller"

    return find


_ASKED_FOR = (CommandState.ACCEPTED, CommandState.EXPIRED)
"""What the WFM may repeat for a while; an expired command may have been carried out all the same."""


def _may_be_spoken_of(command: Command) -> bool:
    if command.state is CommandState.PENDING:
        return True
    return command.state in _ASKED_FOR and command.echo_until is not None
