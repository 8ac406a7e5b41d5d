"""Which of the pack's own names fit at a place: by the section of the pack that it is in, and the key there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.mapping.commands.context import CONTACT_ATTRIBUTES, CONTACT_ROLES, EACH, NAMES
from bridge.mapping.outputs.entries import KINDS, attributes
from bridge.packtools.completion.names import TRUTH, Name, Names, text_of
from bridge.packtools.completion.outline import Part, below

_ITEMS: Final = ("Place", "Contact", "VisitContact", "Entity", "Remark")
_OF_MESSAGES: Final = frozenset({"Rule", *_ITEMS, "Person"})
"""The sections whose `when` is about fields; that of a reply is by path."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of a pack that is being written, with the names of the pack, and the sections that lead to the place."""

    names: Names
    data: Any
    path: Sequence[Part]
    way: Sequence[frozenset[str]]

    def key(self) -> tuple[frozenset[str], str]:
        """Give the key that the place belongs to, whatever lists are between, and the sections that have it."""
        number = self._number_of_key()
        return (self.way[number], str(self.path[number])) if number >= 0 else (frozenset(), "")

    def beside(self) -> Mapping[str, Any]:
        """Give the mapping in which that key stands."""
        here = self.data
        for part in self.path[: max(self._number_of_key(), 0)]:
            here = below(here, part)
        return here if isinstance(here, Mapping) else {}

    def _number_of_key(self) -> int:
        return max((number for number, part in enumerate(self.path) if isinstance(part, str)), default=-1)


def key_names(spot: Spot) -> Iterator[Name]:
    """Give the names that may be keys of the mapping at a place."""
    sections, key = spot.key()
    if key == "when" and sections & _OF_MESSAGES:
        yield from spot.names.of_cells()
    elif key == "attributes" and "Place" in sections:
        yield from _attributes(text_of(spot.beside().get("type")))
    elif key == "next" and "Lifecycle" in sections:
        yield from _of_lifecycle(spot)
    elif key in ("rows", "default") and "Table" in sections:
        yield from spot.names.columns(str(spot.path[1]))


def value_names(spot: Spot) -> Iterator[Name]:
    """Give the names, or codes, that may be the value at a place."""
    if (column := _column_of_cell(spot)) is not None:
        yield from spot.names.codes(column)
    elif tuple(spot.path[:2]) == ("lifecycle", "next"):
        yield from _of_lifecycle(spot)
    else:
        sections, key = spot.key()
        for find in [_FINDERS[section, key] for section in sorted(sections) if (section, key) in _FINDERS][:1]:
            yield from find(spot)


def _column_of_cell(spot: Spot) -> str | None:
    """Give what the cell is about that the place is in, if it is one with codes."""
    path = spot.path
    for number in range(len(path) - 2, -1, -1):
        if path[number] == "when" and spot.way[number] & _OF_MESSAGES:
            is_code = all(isinstance(part, int) or part in ("any", "not") for part in path[number + 2 :])
            return str(path[number + 1]) if is_code else None
    return None


def _attributes(kind: str) -> Iterator[Name]:
    if kind in KINDS:
        for name, required in attributes(kind).items():
            yield Name(name, f"attribute of a {kind}" + (", which it must have" if required else ""))


def _of_lifecycle(spot: Spot) -> Iterator[Name]:
    yield from spot.names.codes(text_of(spot.names.section("lifecycle").get("field")))


def _of_commands(spot: Spot) -> Iterator[Name]:
    """Give what a value entry of a command may write."""
    yield from (Name(name) for name in NAMES if "<" not in name)
    each = _each_around(spot)
    yield from (Name(f"each.{one}", f"of {each}") for one in (EACH[each].attributes if each in EACH else ()))
    yield from (Name(f"slot.{token.name}", token.about) for token in spot.names.tokens())
    yield from (Name(f"contact.{role}.{one}") for role in CONTACT_ROLES for one in CONTACT_ATTRIBUTES)
    yield from (Name(f"field.{one.name}", one.about) for one in spot.names.references())


def _each_around(spot: Spot) -> str:
    here, each = spot.data, ""
    for part in spot.path:
        here = below(here, part)
        each = text_of(here["each"]) if isinstance(here, Mapping) and "each" in here else each
    return each


def _inner_names(spot: Spot) -> Iterator[Name]:
    """Give the fields inside the field of items that is being written."""
    inside = spot.beside().get("fields")
    yield from (Name(name) for name in inside) if isinstance(inside, Mapping) else ()


def _truth(_: Spot) -> Iterator[Name]:
    yield from (Name(one, is_text=False) for one in TRUTH)


_Finder = Callable[[Spot], Iterator[Name]]


def _each(find: _Finder, sections: Sequence[str], *keys: str) -> dict[tuple[str, str], _Finder]:
    return {(section, key): find for section in sections for key in keys}


_FINDERS: Final[Mapping[tuple[str, str], _Finder]] = {
    **_each(lambda spot: spot.names.references(), ["FieldSpec"], "value", "join", "same", "first"),
    **_each(lambda spot: spot.names.references(), ["Value", "Unit", "FieldZone"], "value"),
    **_each(lambda spot: spot.names.references(), ["Attribution"], "reason"),
    **_each(lambda spot: spot.names.fields(), ["FieldSpec"], "previous", "changed", "writes", "empties"),
    **_each(lambda spot: spot.names.fields(), ["FieldSpec"], "belongs_to", "not_before"),
    **_each(lambda spot: spot.names.fields(), ["Forget"], "fields"),
    **_each(lambda spot: spot.names.fields(of="integer"), ["FieldZone"], "minutes"),
    **_each(lambda spot: spot.names.fields(of="datetime"), ["Inbound"], "occurred_at"),
    **_each(lambda spot: spot.names.fields(of="code"), ["Lifecycle"], "field"),
    **_each(lambda spot: spot.names.fields(of="items"), _ITEMS, "each"),
    **_each(lambda spot: spot.names.fields_here(), [*_ITEMS, "Person"], "if_present"),
    **_each(lambda spot: spot.names.inner_fields(), ["FieldSpec"], "of"),
    **_each(lambda spot: spot.names.inner_codes(text_of(spot.beside().get("of"))), ["FieldSpec"], "precedence"),
    **_each(_inner_names, ["FieldSpec"], "key", "sort_by"),
    **_each(lambda spot: spot.names.tables(), ["FieldSpec", "No", "TemplateValue", "ReplyZone"], "table"),
    **_each(lambda spot: spot.names.tables(), ["Reply"], "refused"),
    **_each(
        lambda spot: spot.names.columns(text_of(spot.beside().get("table"))), ["TemplateValue", "ReplyZone"], "column"
    ),
    **_each(lambda spot: spot.names.columns(str(spot.path[1])), ["Table"], "key"),
    **_each(_of_commands, ["TemplateValue"], "value"),
    **_each(_of_lifecycle, ["Lifecycle"], "initial"),
    **_each(_truth, ["Then"], "appointment_required"),
    **_each(_truth, ["WorkOrderSection"], "bookable"),
}
