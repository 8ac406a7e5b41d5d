"""Places of a WorkOrder, in the six kinds of the standard (7.2.3.16)."""

from collections.abc import Mapping
from typing import Final

from bridge.domain.model import Job
from bridge.mapping import document
from bridge.mapping.formats.values import Values
from bridge.mapping.outputs.entries import Build, Entries, entries_getter
from bridge.mapping.outputs.sources import optional_text_getter, text_getter
from bridge.mapping.reading.columns import Lookups
from bridge.mef.models import (
    FieldedAddress,
    FormattedAddress,
    GeographicAddressLabel,
    GeographicAddressRef,
    GeographicSiteRef,
    MefGeographicPoint,
    Place,
    PlaceBase,
)

KINDS: Final[Mapping[str, type[Place]]] = {
    "FieldedAddress": FieldedAddress,
    "FormattedAddress": FormattedAddress,
    "GeographicAddressLabel": GeographicAddressLabel,
    "GeographicAddressRef": GeographicAddressRef,
    "GeographicSiteRef": GeographicSiteRef,
    "MEFGeographicPoint": MefGeographicPoint,
}
_NOT_FROM_A_PACK = frozenset({"type_", "role", "schema_location", "geographic_sub_address"})


def attributes(kind: str) -> dict[str, bool]:
    """Give the attributes a pack may fill for a kind of place, and whether the standard requires each."""
    model: type[PlaceBase] = KINDS[kind]
    return {name: field.is_required() for name, field in model.model_fields.items() if name not in _NOT_FROM_A_PACK}


def places_getter(where: str, place: document.Place, pack: document.PackDocument) -> Entries[Place]:
    """Make a function that builds the places of one entry."""
    return entries_getter(place, pack, lambda lookups: _builder(where, place, lookups))


def _builder(where: str, place: document.Place, lookups: Lookups) -> Build[Place]:
    kind, required = KINDS[place.type], attributes(place.type)
    getters = {
        name: text_getter(f"{where}.{name}", value, lookups) if required[name] else optional_text_getter(value, lookups)
        for name, value in place.attributes.items()
    }
    getters["role"] = text_getter(f"{where}.role", place.role, lookups)

    def build(values: Values, _: Job) -> Place:
        return kind(**{name: getter(values) for name, getter in getters.items()})

    return build
