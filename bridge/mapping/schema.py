"""The JSON Schema of a pack file, for editors: drawn from the same declaration that the checker goes by.

The declaration knows the long forms; where the loader widens a short one first, the schema allows both.
"""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from bridge.mapping import document

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

Json = dict[str, Any]

_SCALAR: Final[Json] = {"type": ["string", "integer", "boolean"]}
_SHORT_FORMS: Final[dict[str, tuple[Json, ...]]] = {
    "Value": (_SCALAR,),
    "Cell": (_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}),
    "ReasonTest": (_SCALAR,),
}
"""What may stand in place of the mapping, by the name of its model."""


def pack_schema() -> Json:
    """Give the schema of `pack.yaml`."""
    schema = document.PackDocument.model_json_schema()
    for model in _models():
        own = schema["$defs"].get(model.__name__, schema if model is document.PackDocument else {})
        for name, field in model.model_fields.items():
            wire = field.alias or name
            if wire in own.get("properties", {}) and (_widens(field) or model.__name__ in _SHORT_FORMS):
                own["properties"][wire] = _or_one(own["properties"][wire])
    for name, forms in _SHORT_FORMS.items():
        if name in schema["$defs"]:
            schema["$defs"][name] = {"anyOf": [*forms, schema["$defs"][name]]}
    return {"$schema": DRAFT, **schema, "title": "A pack of mef-bridge"}


def _models() -> Iterator[type[BaseModel]]:
    for one in vars(document).values():
        if isinstance(one, type) and issubclass(one, document.Strict):
            yield one


def _widens(field: FieldInfo) -> bool:
    """Tell whether one item may stand for a list of it."""
    annotations = [field.annotation, *getattr(field.annotation, "__args__", ())]
    metadata = [*field.metadata, *(each for one in annotations for each in getattr(one, "__metadata__", ()))]
    return any(isinstance(one, BeforeValidator) for one in metadata)


def _or_one(schema: Json) -> Json:
    """Allow an item in place of every list at the top of a schema."""
    branches = schema.get("anyOf", [schema])
    items = [branch["items"] for branch in branches if branch.get("type") == "array" and "items" in branch]
    if not items:
        return schema
    kept = {key: value for key, value in schema.items() if key in ("default", "title", "description")}
    return {**kept, "anyOf": [*branches, *items]}
