"""Entries of the lists that a Buyer sees: places, contacts, related entities, and the Seller's notes.

What an entry is built of, and whether it is built, is the same for all kinds: one is as it is written, or there is one
for each item of a field, or none. A kind compiles to a function that builds one of the values of a message.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, TypeVar

from bridge.domain.model import Job, JobRef
from bridge.mapping import document
from bridge.mapping.formats.values import Get, Misread, Values, as_text
from bridge.mapping.reading.cells import Test, cell_test
from bridge.mapping.reading.references import (
    Lookups,
    field_lookups,
    moment_getter,
    optional_text_getter,
    reference_getter,
    text_getter,
    value_getter,
)
from bridge.mef.enums import BuyerSeller
from bridge.mef.models import (
    FieldedAddress,
    FormattedAddress,
    GeographicAddressLabel,
    GeographicAddressRef,
    GeographicSiteRef,
    MefGeographicPoint,
    Note,
    Place,
    PlaceBase,
    RelatedContactInformation,
    RelatedEntity,
)

T = TypeVar("T")
Build = Callable[[Values, JobRef], T | None]
Entries = Callable[[Values, JobRef], Sequence[T]]
Known = Callable[[Job], Sequence[T]]

_PRESENT = document.Cell.model_construct(present=True)


def entries_getter(
    entry: document.Entry, pack: document.PackDocument, make: Callable[[Lookups], Build[T]]
) -> Entries[T]:
    """Make a function that gives what becomes of one entry. `make` compiles its kind, which may give nothing."""
    each = entry.each if isinstance(entry, document.Item) else None
    lookups = field_lookups(pack if each is None else pack.of_item(each))
    one = _one(make(lookups), _conditions(entry, lookups))
    return one if each is None else _for_each(each, one)


def _one(build: Build[T], conditions: Sequence[tuple[Get, Test]]) -> Entries[T]:
    def get(values: Values, job: JobRef) -> Sequence[T]:
        for column, test in conditions:
            if not test(column(values)):
                return ()
        built = build(values, job)
        return () if built is None else (built,)

    return get


def _for_each(name: str, one: Entries[T]) -> Entries[T]:
    def get(values: Values, job: JobRef) -> Sequence[T]:
        items = values[name]
        if not isinstance(items, tuple):
            return ()
        return [built for item in items for built in one({**values, **item}, job)]

    return get


def _conditions(entry: document.Entry, lookups: Lookups) -> list[tuple[Get, Test]]:
    """Compile `if_present` and `when`."""
    cells = [*entry.when.items(), *([(entry.if_present, _PRESENT)] if entry.if_present is not None else [])]
    return [(reference_getter(name, lookups), cell_test(cell)) for name, cell in cells]


def list_getter(entries: Sequence[Entries[T]]) -> Entries[T]:
    """Make a function that gives what becomes of all entries of a list."""

    def get(values: Values, job: JobRef) -> Sequence[T]:
        return [one for entry in entries for one in entry(values, job)]

    return get


def merged(known: Sequence[T], new: Sequence[T], key: Callable[[T], Hashable]) -> Sequence[T]:
    """Put what a message says onto what is known: of a key that it speaks of, only what it says stays."""
    groups = _grouped(known, key) | _grouped(new, key)
    return [entry for entries in groups.values() for entry in entries]


def _grouped(entries: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, list[T]]:
    groups: dict[Hashable, list[T]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups


KINDS: Final[Mapping[str, type[Place]]] = {
    "FieldedAddress": FieldedAddress,
    "FormattedAddress": FormattedAddress,
    "GeographicAddressLabel": GeographicAddressLabel,
    "GeographicAddressRef": GeographicAddressRef,
    "GeographicSiteRef": GeographicSiteRef,
    "MEFGeographicPoint": MefGeographicPoint,
}
"""The six kinds of places (7.2.3.16)."""

_NOT_FROM_A_PACK = frozenset({"type_", "role", "schema_location", "geographic_sub_address"})


def attributes(kind: str) -> dict[str, bool]:
    """Give the attributes a pack may fill for a kind of place, and whether the standard requires each."""
    model: type[PlaceBase] = KINDS[kind]
    return {name: field.is_required() for name, field in model.model_fields.items() if name not in _NOT_FROM_A_PACK}


def places_getter(where: str, place: document.Place, pack: document.PackDocument) -> Entries[Place]:
    """Make a function that builds the places of one entry."""
    return entries_getter(place, pack, lambda lookups: _place_builder(where, place, lookups))


def _place_builder(where: str, place: document.Place, lookups: Lookups) -> Build[Place]:
    kind, required = KINDS[place.type], attributes(place.type)
    getters = {
        name: text_getter(f"{where}.{name}", value, lookups) if required[name] else optional_text_getter(value, lookups)
        for name, value in place.attributes.items()
    }
    getters["role"] = text_getter(f"{where}.role", place.role, lookups)

    return _built_of_texts(kind, getters)


_REMEMBERED = 1024  # values for each entry: the same people and places come again and again
_SHORT = 1_000  # characters of a value that is worth remembering; a hostile one may have millions


def _built_of_texts(
    model: Callable[..., T], getters: Mapping[str, Callable[[Values], str | None]]
) -> Callable[[Values, JobRef], T]:
    """Make a function that builds a value of texts; what was built of the same texts lately is not built again."""
    names, finders = tuple(getters), tuple(getters.values())

    @lru_cache(_REMEMBERED)
    def make(*texts: str | None) -> T:
        return model(**dict(zip(names, texts, strict=True)))

    def build(values: Values, _: JobRef) -> T:
        texts = [find(values) for find in finders]
        is_short = sum(map(len, filter(None, texts))) <= _SHORT
        return make(*texts) if is_short else make.__wrapped__(*texts)

    return build


REQUIRED = ("name", "number", "email_address")
OPTIONAL = ("number_extension", "organization")  # left out where absent: the standard does without


def contacts_getter(
    where: str, person: document.Person, role: str, pack: document.PackDocument
) -> Entries[RelatedContactInformation]:
    """Make a function that builds the contacts of one entry."""
    return entries_getter(person, pack, lambda lookups: contact_builder(where, person, role, lookups))


def contact_builder(
    where: str, person: document.Reachable, role: str, lookups: Lookups
) -> Callable[[Values, JobRef], RelatedContactInformation]:
    """Make a function that builds a contact."""
    written = {name: value for name in (*REQUIRED, *OPTIONAL) if (value := getattr(person, name)) is not None}
    if all(value.literal is not None for value in written.values()):
        texts = {name: as_text(value.literal) for name, value in written.items()}
        fixed = RelatedContactInformation(role=role, **texts)
        return lambda _, __: fixed
    getters = {
        name: optional_text_getter(value, lookups)
        if name in OPTIONAL
        else text_getter(f"{where}.{name}", value, lookups)
        for name, value in written.items()
    }

    return _built_of_texts(partial(RelatedContactInformation, role=role), getters)


def related_entities_getter(where: str, entity: document.Entity, pack: document.PackDocument) -> Entries[RelatedEntity]:
    """Make a function that builds the related entities of one entry."""
    return entries_getter(entity, pack, lambda lookups: _entity_builder(where, entity, lookups))


def _entity_builder(where: str, entity: document.Entity, lookups: Lookups) -> Build[RelatedEntity]:
    values = {"id": entity.id, "role": entity.role, "referred_type": entity.referred_type}
    return _built_of_texts(
        RelatedEntity, {name: text_getter(f"{where}.{name}", value, lookups) for name, value in values.items()}
    )


def notes_getter(where: str, remarks: Sequence[document.Remark], pack: document.PackDocument) -> Entries[Note]:
    """Make a function that gives the Seller's notes in a message.

    A WFM sends its remark again with every snapshot and changes it in place; a MEF note has an id and a date and stays.
    So a note's id is made of its job and text: a remark that is sent again is the note that is known already.
    """
    return list_getter([_notes_of(f"{where}[{index}]", one, pack) for index, one in enumerate(remarks)])


def _notes_of(where: str, remark: document.Remark, pack: document.PackDocument) -> Entries[Note]:
    return entries_getter(remark, pack, lambda lookups: _note_builder(where, remark, lookups))


def _note_builder(where: str, remark: document.Remark, lookups: Lookups) -> Build[Note]:
    get_text = value_getter(remark.text, lookups)
    get_author = text_getter(f"{where}.author", remark.author, lookups)
    get_date = moment_getter(f"{where}.date", remark.date, lookups)

    def build(values: Values, job: JobRef) -> Note | None:
        found = get_text(values)
        if found is None:
            return None
        text, author, date = as_text(found), get_author(values), get_date(values)
        if date is None:
            raise Misread(f"{where}.date is absent")
        name = hashlib.sha256("\0".join((job.pack, job.key, text)).encode()).hexdigest()[:20]
        return Note(id=f"note-{name}", author=author, date=date, source=BuyerSeller.SELLER, text=text)

    return build
