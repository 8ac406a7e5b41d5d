"""From pydantic's JSON Schema (2020-12) to the schemas of OpenAPI 3.0, under the standard's names.

OpenAPI 3.0 has no `const`, no `$defs` and no type `null`. An optional property of ours is one that may be left out:
null is refused (and never sent), so nothing is `nullable`.
"""

from collections.abc import Iterable
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from bridge.mef.models import MefModel
from bridge.mef.openapi import Json, words

PREFIX: Final = "#/components/schemas/"
PLACE: Final = "RelatedPlaceRefOrValue"

# Our class -> the standard's type, where they differ.
_NAMES: Final = {
    "AppointmentCreate": "Appointment_Create",
    "AppointmentFind": "Appointment_Find",
    "AppointmentStatus": "AppointmentStatusType",
    "AppointmentUpdate": "Appointment_Update",
    "BuyerSeller": "MEFBuyerSellerType",
    "MefByteSize": "MEFByteSize",
    "MefGeographicPoint": "MEFGeographicPoint",
    "MefSubUnit": "MEFSubUnit",
    "SearchTimeSlotCreate": "SearchTimeSlot_Create",
    "WorkOrderFind": "WorkOrder_Find",
    "WorkOrderState": "WorkOrderStateType",
}
_DROPPED: Final = frozenset({"title", "const"})


def standard_name(ours: str) -> str:
    """The standard's name of one of our classes."""
    return _NAMES.get(ours, ours)


def reference(model: type[MefModel]) -> Json:
    """A reference to the schema of a model."""
    return {"$ref": PREFIX + standard_name(model.__name__)}


def schemas_of(models: Iterable[type[MefModel]]) -> Json:
    """The schemas of some models and of all they are made of, by the standard's names in alphabetical order."""
    _, generated = models_json_schema([(model, "validation") for model in models], by_alias=True)
    found = {standard_name(name): _convert(schema) for name, schema in generated.get("$defs", {}).items()}
    places = [schema for schema in _nodes(generated) if "discriminator" in schema]
    if places:
        found[PLACE] = {key: _convert(places[0][key]) for key in ("oneOf", "discriminator")}
    return {name: _described(name, found[name]) for name in sorted(found)}


def _nodes(node: object) -> Iterable[Json]:
    children: Iterable[object] = ()
    if isinstance(node, dict):
        yield node
        children = node.values()
    elif isinstance(node, list):
        children = node
    for child in children:
        yield from _nodes(child)


def _convert(node: Any) -> Any:
    if isinstance(node, list):
        return [_convert(item) for item in node]
    if isinstance(node, str):
        return PREFIX + standard_name(node.removeprefix("#/$defs/")) if node.startswith("#/$defs/") else node
    return _convert_schema(node) if isinstance(node, dict) else node


def _convert_schema(schema: Json) -> Json:
    if "discriminator" in schema:
        return {"$ref": PREFIX + PLACE}
    if "anyOf" in schema:
        (schema,) = (choice for choice in schema["anyOf"] if choice != {"type": "null"})
        return _convert_schema(schema)
    converted = {
        key: _convert_properties(value) if key == "properties" else _convert(value)
        for key, value in schema.items()
        if key not in _DROPPED
    }
    if "const" in schema:
        converted = {"type": "string", "enum": [schema["const"]]}
    return _with_tags_required(converted)


def _convert_properties(properties: Json) -> Json:
    return {name: _convert_schema(schema) for name, schema in properties.items()}


def _with_tags_required(schema: Json) -> Json:
    """A property with one possible value tells types apart (`@type`, an error's `code`): it must be there."""
    properties = schema.get("properties", {})
    tags = [name for name, value in properties.items() if len(value.get("enum", ())) == 1]
    required = [name for name in properties if name in schema.get("required", ()) or name in tags]
    return {**schema, "required": required} if required else schema


def _described(name: str, schema: Json) -> Json:
    """Put our own words on a type and on its properties; a `$ref` can bear none in OpenAPI 3.0."""
    properties = {
        key: value if "$ref" in value else {**value, **words.of_property(name, key)}
        for key, value in schema.get("properties", {}).items()
    }
    described = {**schema, **words.of_type(name)}
    return {**described, "properties": properties} if properties else described
