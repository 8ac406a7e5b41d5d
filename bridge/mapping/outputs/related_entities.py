"""What a WorkOrder is about, such as a trouble ticket (7.2.2.1)."""

from bridge.domain.model import Job
from bridge.mapping import document
from bridge.mapping.formats.values import Values
from bridge.mapping.outputs.entries import Build, Entries, entries_getter
from bridge.mapping.outputs.sources import text_getter
from bridge.mapping.reading.columns import Lookups
from bridge.mef.models import RelatedEntity


def related_entities_getter(where: str, entity: document.Entity, pack: document.PackDocument) -> Entries[RelatedEntity]:
    """Make a function that builds the related entities of one entry."""
    return entries_getter(entity, pack, lambda lookups: _builder(where, entity, lookups))


def _builder(where: str, entity: document.Entity, lookups: Lookups) -> Build[RelatedEntity]:
    get_id = text_getter(f"{where}.id", entity.id, lookups)
    role = text_getter(f"{where}.role", entity.role, lookups)
    referred_type = text_getter(f"{where}.referred_type", entity.referred_type, lookups)

    def build(values: Values, _: Job) -> RelatedEntity:
        return RelatedEntity(id=get_id(values), role=role(values), referred_type=referred_type(values))

    return build
