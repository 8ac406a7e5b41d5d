"""Sample values of a schema, for somebody to look at."""

from typing import Any, Final

from bridge.mef.openapi import Json
from bridge.mef.openapi.schemas import PREFIX
from bridge.mef.openapi.words import SAMPLES

_MOMENTS: Final = {"startDateTime": "2036-03-06T08:00:00.000Z", "endDateTime": "2036-03-06T12:00:00.000Z"}
_MOMENT: Final = "2036-03-05T14:20:00.000Z"
# A sample shows what must be there, and of the rest what one nearly always wants to see.
_WORTH_SHOWING: Final = frozenset({"href", "note", "propertyPath", "query", "plannedExecutionDate", "appointment"})
_PLACE: Final = "GeographicSiteRef"


def sample(document: Json, schema: Json, kind: str = "", name: str = "") -> Any:
    """Make a value of a schema; `kind` and `name` are the type and the property that it is for."""
    if "$ref" in schema:
        kind = schema["$ref"].removeprefix(PREFIX)
        return sample(document, document["components"]["schemas"][kind], kind, name)
    if "oneOf" in schema:
        return sample(document, {"$ref": PREFIX + _PLACE})
    if schema.get("type") == "array":
        return [sample(document, schema["items"], kind, name)]
    if schema.get("type") == "object":
        return _of_object(document, schema, kind)
    return _of_leaf(schema, kind, name)


def _of_object(document: Json, schema: Json, kind: str) -> Json:
    required = schema.get("required", ())
    shown = {name: value for name, value in schema["properties"].items() if name in required or name in _WORTH_SHOWING}
    return {name: sample(document, value, kind, name) for name, value in (shown or schema["properties"]).items()}


def _of_leaf(schema: Json, kind: str, name: str) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return _MOMENTS.get(name, _MOMENT)
    fallback = {"string": "…", "integer": 1, "number": 1.0, "boolean": True}[schema["type"]]
    return SAMPLES.get(f"{kind}.{name}", SAMPLES.get(name, fallback))
