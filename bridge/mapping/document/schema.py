"""The JSON Schema of a pack file, for editors: drawn from the same declaration that the checker goes by.

The declaration knows the long forms; where the loader widens a short one first, the schema allows both. Where a pack
extends another, nothing but its own name has to be there, and `null` may stand for every key.
"""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from bridge.mapping import document
from bridge.mapping.document.commands import Repeated, TemplateValue
from bridge.mapping.document.descriptions import descriptions

DRAFT: Final = "http://json-schema.org/draft-07/schema#"  # the newest that VS Code's YAML extension knows

_REF: Final = "#/definitions/{model}"
_ENTRY: Final = _REF.format(model="TemplateValue")
_REPEATED: Final = _REF.format(model="Repeated")
_TEMPLATE: Final = _REF.format(model="Template")
_SHOWN: Final = ("default", "title", "description")  # what editors show
_NAMED: Final = ("pack", "version", "rule")  # keys that say of what the rest is told
Json = dict[str, Any]


class _WithoutTitles(GenerateJsonSchema):
    """Editors show what a key means; its name again would only stand in the way."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def pack_schema() -> Json:
    """Give the schema of `pack.yaml`."""
    definitions = _definitions()
    return {
        "$schema": DRAFT,
        "title": "A pack of mef-bridge",
        "if": {"required": ["extends"]},
        "then": {"$ref": _REF.format(model="Extending.PackDocument")},
        "else": {"$ref": _REF.format(model="PackDocument")},
        "definitions": definitions | {f"Extending.{name}": _extending(one) for name, one in definitions.items()},
    }


def _definitions() -> Json:
    schema = document.PackDocument.model_json_schema(ref_template=_REF, schema_generator=_WithoutTitles)
    definitions = {**schema.pop("$defs"), "PackDocument": schema}
    for model in _models():
        own = definitions.get(model.__name__, {})
        _describe(model, own)
        for name, field in model.model_fields.items():
            wire = field.alias or name
            if wire in own.get("properties", {}) and (_widenings(field) or _widened_key(model) is not None):
                own["properties"][wire] = _with_short_form(own["properties"][wire], _widenings(field))
    for model in _models():
        key = _widened_key(model)
        if key is not None and model.__name__ in definitions:
            long_form = definitions[model.__name__]
            definitions[model.__name__] = _beside(long_form, [long_form["properties"][key], long_form])
    definitions["Table"] |= {"required": ["key"], "anyOf": [{"required": ["rows"]}, {"required": ["file"]}]}
    definitions["CommandSpec"]["properties"]["body"]["additionalProperties"] = {"$ref": _TEMPLATE}
    return definitions | _templates()


def _describe(model: type[BaseModel], schema: Json) -> None:
    """Put beside each key what it means."""
    said = descriptions(model)
    for name, field in model.model_fields.items():
        wire = field.alias or name
        if wire in schema.get("properties", {}) and name in said:
            described = {**schema["properties"][wire], "description": said[name]}
            schema["properties"][wire] = dict(sorted(described.items()))  # as pydantic sorts them


def _extending(schema: Any) -> Any:
    """Make the schema of a part of a pack that extends another."""
    if isinstance(schema, list):
        return [_extending(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    loose = {key: _extending(value) for key, value in schema.items()}
    if "$ref" in schema:
        loose["$ref"] = schema["$ref"].replace("#/definitions/", "#/definitions/Extending.")
    if "properties" in schema:
        own = [name for name in schema.get("required", ()) if name in _NAMED]
        names = {name: _or_null(one) for name, one in loose["properties"].items()}
        loose = {key: one for key, one in loose.items() if key != "anyOf"} | {"properties": names, "required": own}
    return loose


def _or_null(schema: Json) -> Json:
    null = {"type": "null"}
    return schema if null in schema.get("anyOf", ()) else _beside(schema, [schema, null])


def _widened_key(model: type[BaseModel]) -> str | None:
    """Give the key that a plain value in place of the whole mapping stands for, None where none may stand there."""
    widen = getattr(model, "_short_form", None)
    widened = widen("x") if widen is not None else None
    return next(iter(widened), None) if isinstance(widened, dict) else None


def _models() -> Iterator[type[BaseModel]]:
    for one in vars(document).values():
        if isinstance(one, type) and issubclass(one, document.Strict):
            yield one


def _widenings(field: FieldInfo) -> list[object]:
    """Give what a plain text is widened to before it is validated."""
    annotations = [field.annotation, *getattr(field.annotation, "__args__", ())]
    metadata = [*field.metadata, *(each for one in annotations for each in getattr(one, "__metadata__", ()))]
    return [one.func("x") for one in metadata if isinstance(one, BeforeValidator)]  # type: ignore[call-arg]


def _with_short_form(schema: Json, widenings: list[object]) -> Json:
    if any(isinstance(widened, dict) for widened in widenings):
        return _beside(schema, [{"type": "string"}, schema])
    return _or_one(schema)


def _or_one(schema: Json) -> Json:
    """Allow an item in place of every list at the top of a schema."""
    branches = schema.get("anyOf", [schema])
    items = [branch["items"] for branch in branches if branch.get("type") == "array" and "items" in branch]
    if not items:
        return schema
    return _beside(schema, [*branches, *items])


def _beside(schema: Json, branches: list[Json]) -> Json:
    """Make a schema of alternatives; what editors show of the one it is made from stands beside them."""
    shown = {key: value for key, value in schema.items() if key in _SHOWN}
    rest = {key: value for key, value in schema.items() if key not in _SHOWN}
    return {**shown, "anyOf": [rest if one is schema else one for one in branches]}


def _templates() -> Json:
    """Give the definitions of what a command's body may hold: value entries wherever a mapping has the key `value`."""
    entry = TemplateValue.model_json_schema(schema_generator=_WithoutTitles)
    _describe(TemplateValue, entry)
    entry["properties"]["value"] = _or_one(entry["properties"]["value"])
    repeated = Repeated.model_json_schema(schema_generator=_WithoutTitles)
    _describe(Repeated, repeated)
    repeated["properties"]["item"] = repeated["properties"]["item"] | {"allOf": [{"$ref": _TEMPLATE}]}
    inner = {"additionalProperties": {"$ref": _TEMPLATE}, "items": {"$ref": _TEMPLATE}}
    with_value, with_each = ({"type": "object", "required": [key]} for key in ("value", "each"))
    other = {"if": with_each, "then": {"$ref": _REPEATED}, "else": inner}
    return {
        "TemplateValue": entry,
        "Repeated": repeated,
        "Template": {"if": with_value, "then": {"$ref": _ENTRY}, "else": other},
    }
