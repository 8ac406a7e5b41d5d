"""Contacts that a Buyer sees: fixed ones, and ones looked up for a message."""

from collections.abc import Mapping

from bridge.domain.model import Job
from bridge.mapping import document
from bridge.mapping.formats.values import Values, as_text
from bridge.mapping.outputs.entries import Build, Entries, entries_getter
from bridge.mapping.outputs.sources import optional_text_getter, text_getter
from bridge.mapping.reading.columns import Lookups
from bridge.mef.models import RelatedContactInformation

Contacts = Entries[RelatedContactInformation]

REQUIRED = ("name", "number", "email_address")
OPTIONAL = ("number_extension", "organization")  # left out where absent: the standard does without


def contacts_getter(where: str, person: document.Person, role: str, pack: document.PackDocument) -> Contacts:
    """Make a function that builds the contacts of one entry."""
    return entries_getter(person, pack, lambda lookups: _builder(where, person, role, lookups))


def _builder(where: str, person: document.Person, role: str, lookups: Lookups) -> Build[RelatedContactInformation]:
    given = {name: value for name in (*REQUIRED, *OPTIONAL) if (value := getattr(person, name)) is not None}
    if all(value.literal is not None for value in given.values()):
        fixed = _contact(role, {name: as_text(value.literal) for name, value in given.items()})
        return lambda _, __: fixed
    getters = {
        name: optional_text_getter(value, lookups)
        if name in OPTIONAL
        else text_getter(f"{where}.{name}", value, lookups)
        for name, value in given.items()
    }

    def build(values: Values, _: Job) -> RelatedContactInformation:
        return _contact(role, {name: getter(values) for name, getter in getters.items()})

    return build


def fixed_contact(person: document.FixedPerson, role: str) -> RelatedContactInformation:
    """Build a contact that is always the same."""
    return _contact(role, person.model_dump(exclude_none=True))


def _contact(role: str, attributes: Mapping[str, str | None]) -> RelatedContactInformation:
    return RelatedContactInformation(role=role, **attributes)
