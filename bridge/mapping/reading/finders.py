"""Where the raw value of a field comes from: the message, the job's record, or fields above."""

from collections.abc import Callable, Mapping

from bridge.domain.model import Command, CommandState
from bridge.mapping import document
from bridge.mapping.formats.paths import MISSING, compile_path, path_steps
from bridge.mapping.formats.values import as_text
from bridge.mapping.reading.attribution import compile_attribution
from bridge.mapping.reading.columns import field_getter, field_lookups
from bridge.mapping.reading.messages import first_of
from bridge.mapping.reading.scope import Scope
from bridge.mapping.reading.tables import Lookup

Find = Callable[[Scope], object]


def source_text(spec: document.FieldSpec) -> str:
    """Say for people where a field comes from."""
    if spec.path is not None:
        return " or ".join(spec.path)
    if spec.header is not None:
        return f"header {spec.header}"
    if spec.value is not None:
        return f"field {spec.value}"
    if spec.previous is not None:
        return f"the last {spec.previous}"
    if spec.changed is not None:
        return f"a change of {' or '.join(spec.changed)}"
    if spec.join is not None:
        return f"{' and '.join(spec.join)} joined"
    if spec.first is not None:
        return f"the first of {', '.join(spec.first)}"
    if spec.of is not None:
        return f"the first code that any {spec.of} is"
    if spec.asked is not None:
        return f"who asked to {' or '.join(spec.asked)}"
    return "attribution" if spec.attribution is not None else "routing key"


def finder(spec: document.FieldSpec, pack: document.PackDocument) -> Find:
    """Make a function that finds the raw value, `MISSING` where it is absent."""
    if spec.path is not None:
        return _from_message(spec.path)
    if spec.header is not None:
        header = spec.header
        return lambda scope: scope.message.headers.get(header, MISSING)
    if spec.routing_key is not None:
        return lambda scope: scope.message.routing_key
    return _maker(spec, pack)


def _maker(spec: document.FieldSpec, pack: document.PackDocument) -> Find:
    """Make a function that makes the raw value of what is known already."""
    if spec.value is not None:
        return _from_fields((spec.value,), field_lookups(pack))
    if spec.first is not None:
        return _from_fields(spec.first, field_lookups(pack))
    if spec.previous is not None:
        name = spec.previous
        return lambda scope: scope.job.record.get(name, MISSING)
    if spec.changed is not None:
        return _change_of(spec.changed, pack)
    if spec.asked is not None:
        return _asked(spec.asked)
    if spec.of is not None:
        return _foremost(spec.of, spec.precedence or ())
    if spec.join is not None:
        return _joined(spec.join, spec.joined_by, field_lookups(pack))
    if spec.attribution is not None and pack.attribution is not None:
        return _attributed(pack.attribution, field_lookups(pack))
    return lambda _: MISSING


def _from_message(paths: tuple[str, ...]) -> Find:
    finds = [compile_path(path) for path in paths]
    find = finds[0] if len(finds) == 1 else first_of(finds)
    return lambda scope: find(scope.message.data)


def _from_fields(references: tuple[str, ...], lookups: Mapping[str, Lookup]) -> Find:
    """Take the first one that is present."""
    getters = [field_getter(reference, lookups) for reference in references]

    def find(scope: Scope) -> object:
        for get in getters:
            value = get(scope.values)
            if value is not None:
                return value
        return MISSING

    return find


def _joined(references: tuple[str, ...], joined_by: str, lookups: Mapping[str, Lookup]) -> Find:
    """Join texts; where one is absent, so is the whole."""
    getters = [field_getter(reference, lookups) for reference in references]

    def find(scope: Scope) -> object:
        parts = [get(scope.values) for get in getters]
        return MISSING if None in parts else joined_by.join(map(as_text, parts))

    return find


def _foremost(reference: str, precedence: tuple[str, ...]) -> Find:
    """Take the first of these codes that any item has."""
    name, _, inner = reference.partition(".")

    def find(scope: Scope) -> object:
        items = scope.values[name]
        found = {item[inner] for item in items} if isinstance(items, tuple) else set()
        return next((code for code in precedence if code in found), MISSING)

    return find


def _change_of(names: tuple[str, ...], pack: document.PackDocument) -> Find:
    members = [(name, _last_step((pack.fields[name].path or ("",))[0])) for name in names]

    def find(scope: Scope) -> object:
        if scope.changed_names:
            told = scope.changed_names
            return any(member in told and not scope.ages.told_since(name) for name, member in members)
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


def _attributed(attribution: document.Attribution, lookups: Mapping[str, Lookup]) -> Find:
    attribute = compile_attribution(attribution)
    reasons = [field_getter(reference, lookups) for reference in attribution.reason]
    return lambda scope: attribute([get(scope.values) for get in reasons])
