"""Fields that are picked from others: `value`, `first`, and the `fault` of attribution say what those say.

Fields of which rules ask, and which hang together so, are looked at together: with every combination of what the fields
may be that they are picked from in the end, their roots. What comes of each is what the compiled fields make of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from bridge.domain.model import Job, JobRef
from bridge.mapping.checks.proofs.witnesses import Asked, Sample, value_of, witnesses
from bridge.mapping.document import FieldSpec, PackDocument, ReasonTest
from bridge.mapping.formats.values import Misread
from bridge.mapping.reading.cells import PARTIES
from bridge.mapping.reading.fields import Field, compile_field
from bridge.mapping.reading.messages import Message
from bridge.mapping.reading.scope import FieldVersions, Scope

MOST_SITUATIONS = 5_000  # of fields that hang together; where there are more, they are taken as if they did not

Situation = Mapping[str, object]
"""The witness of each of some fields, by name."""

_PICKED = ("text", "code", "boolean", "integer")


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that hang together, and their roots."""

    fields: tuple[str, ...]
    roots: tuple[str, ...]


def groups(fields: Sequence[str], document: PackDocument) -> Iterator[Group]:
    """Put fields together that have a root in common, in the order of the first of each."""
    left = {field: _roots(field, document) for field in fields}
    while left:
        group = _grown(next(iter(left)), left)
        left = {field: roots for field, roots in left.items() if field not in group.fields}
        yield from [group] if _is_small(group, document) else [Group((one,), (one,)) for one in group.fields]


def _grown(field: str, left: Mapping[str, tuple[str, ...]]) -> Group:
    names, roots = {field}, dict.fromkeys(left[field])
    while more := {one for one in left if one not in names and roots.keys() & set(left[one])}:
        names |= more
        roots |= dict.fromkeys(root for one in left if one in more for root in left[one])
    return Group(tuple(one for one in left if one in names), tuple(roots))


def _is_small(group: Group, document: PackDocument) -> bool:
    return prod(map(len, _root_witnesses(group, document))) <= MOST_SITUATIONS


def situations(group: Group, document: PackDocument) -> Iterator[Situation]:
    """List what the fields of a group, and those between them and their roots, may be together."""
    made = [compile_field(name, document.fields[name], document) for name in _between(group, document)]
    for combination in product(*_root_witnesses(group, document)):
        known = dict(zip(group.roots, combination, strict=True))
        if (picked := _picked(made, known)) is not None:
            yield {**known, **picked}


def _picked(made: Iterable[Field], known: Situation) -> Situation | None:
    """Give what is picked; None where a value does not fit, which parks the message before any rule."""
    values = {name: value_of(witness) for name, witness in known.items()}
    scope = Scope(_MESSAGE, _JOB, FieldVersions(_JOB), values=values)
    samples = {witness.value: witness for witness in known.values() if isinstance(witness, Sample)}
    try:
        for field in made:
            scope.values[field.name] = field.read(scope)
    except Misread:
        return None
    return {field.name: samples.get(value := scope.values[field.name], value) for field in made}


_MESSAGE = Message(None, "", {})
_JOB = Job(ref=JobRef("pack", "job"))


def _parts(name: str, document: PackDocument) -> tuple[str, ...]:
    """Name the fields that a field is picked from; none where it is not, or is read of them as something else."""
    spec = document.fields[name]
    references = _references(spec, document)
    readable = {spec.type} if spec.type == "integer" else {spec.type, "text", "code"}
    if spec.type not in _PICKED or spec.loose or not all(_type(one, document) in readable for one in references):
        return ()
    return tuple(dict.fromkeys(reference.partition(".")[0] for reference in references))


def _references(spec: FieldSpec, document: PackDocument) -> tuple[str, ...]:
    if spec.attribution is not None and document.attribution is not None:
        return document.attribution.reason
    return (spec.value,) if spec.value is not None else spec.first or ()


def _type(reference: str, document: PackDocument) -> str:
    name, _, column = reference.partition(".")
    return "text" if column else document.fields[name].type


def _roots(name: str, document: PackDocument) -> tuple[str, ...]:
    parts = _parts(name, document)
    return tuple(dict.fromkeys(root for part in parts for root in _roots(part, document))) if parts else (name,)


def _between(group: Group, document: PackDocument) -> list[str]:
    """Name the fields to be picked, in the order in which they are read."""
    wanted, new = set[str](), {name for name in group.fields if name not in group.roots}
    while new:
        wanted |= new
        new = {part for name in new for part in _parts(name, document)} - wanted - set(group.roots)
    return [name for name in document.fields if name in wanted]


def _root_witnesses(group: Group, document: PackDocument) -> list[list[object]]:
    asked = _asked([*group.roots, *_between(group, document)], document)
    specs = [document.fields[name] for name in group.roots]
    return [witnesses(spec, document.tables.get(spec.table or ""), asked) for spec in specs]


def _asked(names: Sequence[str], document: PackDocument) -> Asked:
    """Collect what is asked of some fields: of a picked one, it is asked of its roots."""
    cells = tuple(cell for rule in document.rules for column, cell in rule.when.items() if column in names)
    picked = [name for name in names if _parts(name, document)]
    has_fault = any(document.fields[name].attribution is not None for name in picked)
    spellings = tuple(spelling for name in picked for spelling in _spellings(document.fields[name], document))
    return Asked(cells, tuple(_reasons(document)) if has_fault else None, spellings)


def _reasons(document: PackDocument) -> Iterator[ReasonTest]:
    for party in PARTIES:
        yield from getattr(document.attribution, party)


def _spellings(spec: FieldSpec, document: PackDocument) -> Iterator[str]:
    """List the texts that a field reads in a way of its own: as a code, as true or false, as absent."""
    table = document.tables.get(spec.table or "")
    yield from spec.values or () if spec.attribution is None else ()
    yield from ("",) if spec.empty is not None else ()
    yield from (*spec.synonyms, *(spec.yes or ()), *(spec.no or ()))
    yield from (row[table.key] for row in table.rows) if table is not None else ()
