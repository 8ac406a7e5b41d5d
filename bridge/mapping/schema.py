"""The JSON Schema of a pack file, for editors: drawn from the same declaration that the checker goes by.

The declaration knows the long forms; where the loader widens a short one first, the schema allows both.
"""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from bridge.mapping import document
from bridge.mapping.template_document import TemplateValue

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_ENTRY: Final = "#/$defs/TemplateValue"
_TEMPLATE: Final = "#/$defs/Template"

Json = dict[str, Any]


def pack_schema() -> Json:
    """Give the schema of `pack.yaml`."""
    schema = document.PackDocument.model_json_schema()
    definitions = schema["$defs"]
    for model in _models():
        own = definitions.get(model.__name__, schema if model is document.PackDocument else {})
        for name, field in model.model_fields.items():
            wire = field.alias or name
            if wire in own.get("properties", {}) and (_widenings(field) or _widened_key(model) is not None):
                own["properties"][wire] = _with_short_form(own["properties"][wire], _widenings(field))
    for model in _models():
        key = _widened_key(model)
        if key is not None and model.__name__ in definitions:
            long_form = definitions[model.__name__]
            definitions[model.__name__] = _beside(long_form, [long_form["properties"][key], long_form])
    definitions |= _templates()
    definitions["CommandSpec"]["properties"]["body"]["additionalProperties"] = {"$ref": _TEMPLATE}
    return {"$schema": DRAFT, **schema, "title": "A pack of mef-bridge"}


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
    return {**{key: schema[key] for key in ("default", "title", "description") if key in schema}, "anyOf": branches}


def _templates() -> Json:
    """Give the definitions of what a command's body may hold: value entries wherever a mapping has the key `value`."""
    entry = TemplateValue.model_json_schema()
    entry["properties"]["value"] = _or_one(entry["properties"]["value"])
    inner = {"additionalProperties": {"$ref": _TEMPLATE}, "items": {"$ref": _TEMPLATE}}
    is_entry = {"type": "object", "required": ["value"]}
    return {"TemplateValue": entry, "Template": {"if": is_entry, "then": {"$ref": _ENTRY}, "else": inner}}
