"""Contacts that a Buyer sees: fixed ones, and ones looked up for a message."""

from collections.abc import Callable, Mapping

from bridge.mapping import document
from bridge.mapping.sources import Lookups, optional_text_getter, text_getter
from bridge.mapping.values import Values
from bridge.mef.models import RelatedContactInformation

GetContact = Callable[[Values], RelatedContactInformation | None]

REQUIRED = ("name", "number", "email_address")
OPTIONAL = ("number_extension", "organization")  # left out where absent: the standard does without


def contact_getter(where: str, person: document.Person, role: str, lookups: Lookups) -> GetContact:
    """Make a function that builds the contact, None where its `if_present` field is absent."""
    given = {name: value for name in (*REQUIRED, *OPTIONAL) if (value := getattr(person, name)) is not None}
    if person.if_present is None and all(value.literal is not None for value in given.values()):
        fixed = _contact(role, {name: str(value.literal) for name, value in given.items()})
        return lambda _: fixed
    getters = {
        name: optional_text_getter(value, lookups)
        if name in OPTIONAL
        else text_getter(f"{where}.{name}", value, lookups)
        for name, value in given.items()
    }
    guard = person.if_present

    def get(values: Values) -> RelatedContactInformation | None:
        if guard is not None and values[guard] is None:
            return None
        return _contact(role, {name: getter(values) for name, getter in getters.items()})

    return get


def fixed_contact(person: document.FixedPerson, role: str) -> RelatedContactInformation:
    """Build a contact that is always the same."""
    return _contact(role, person.model_dump(exclude_none=True))


def _contact(role: str, attributes: Mapping[str, str | None]) -> RelatedContactInformation:
    return RelatedContactInformation(role=role, **attributes)
