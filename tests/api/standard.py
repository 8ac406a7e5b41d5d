"""Checks bodies against the standard's own OpenAPI files, where they are at hand (`../shared/mef137/openapi`).

OAS 3.0 ignores what stands beside a `$ref`, and so does JSON Schema draft 7, which is used here. A discriminator
becomes a chain of if/then on `@type`.
"""

import copy
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT7
from ruamel.yaml import YAML

DIRECTORY = Path(__file__).parents[3] / "shared" / "mef137" / "openapi"
FILES = {
    "appointment/v2": "appointmentManagement.api.yaml",
    "workOrderManagement/v2": "workorderManagement.api.yaml",
    "appointmentNotification/v2": "appointmentNotification.api.yaml",
    "workOrderNotification/v2": "workorderNotification.api.yaml",
}
# Answers that the files leave out have the shape of the generic error, or of a server's failure.
UNDOCUMENTED = {405: "Error", 409: "Error", 413: "Error", 415: "Error", 429: "Error", 503: "Error500", 504: "Error500"}

# What we serve beside the standard's operations.
DOCUMENTATION = ("/", "/openapi.json")

formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    shape = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    return bool(re.fullmatch(shape, value)) and bool(datetime.fromisoformat(value))


def available() -> bool:
    return all((DIRECTORY / name).is_file() for name in FILES.values())


@cache
def document(base: str) -> dict[str, Any]:
    """One file of the standard, its discriminators spelled out."""
    loaded: dict[str, Any] = YAML(typ="safe").load(DIRECTORY / FILES[base])
    schemas = loaded["components"]["schemas"]
    for name, schema in list(schemas.items()):
        if "discriminator" in schema:
            _spell_out(schemas, name)
    return loaded


def _spell_out(schemas: dict[str, Any], name: str) -> None:
    base = copy.deepcopy(schemas[name])
    discriminator = base.pop("discriminator")
    key, mapping = discriminator["propertyName"], discriminator["mapping"]
    schemas[f"{name}_Base"] = base
    for target in mapping.values():
        first = schemas[target.rsplit("/", 1)[1]]["allOf"][0]
        assert first["$ref"].endswith(name)
        first["$ref"] += "_Base"
    schemas[name] = {
        "allOf": [
            {"$ref": f"#/components/schemas/{name}_Base"},
            {"properties": {key: {"enum": list(mapping)}}},
            *({"if": {"properties": {key: {"const": kind}}}, "then": {"$ref": ref}} for kind, ref in mapping.items()),
        ]
    }


def complaints(base: str, schema: dict[str, Any], value: object) -> list[str]:
    """What is wrong with a value, by a schema of one of the files."""
    uri = f"urn:mef137:{base.replace('/', ':')}"
    registry: Registry[Any] = Registry().with_resource(uri, DRAFT7.create_resource(document(base)))
    absolute = _absolute(schema, uri)
    validator = Draft7Validator(absolute, registry=registry, format_checker=formats)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def _absolute(schema: dict[str, Any], uri: str) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": uri + schema["$ref"]}
    return {**schema, "items": _absolute(schema["items"], uri)} if "items" in schema else schema


def named(base: str, name: str, value: object) -> list[str]:
    """What is wrong with a value of a named schema."""
    return complaints(base, {"$ref": f"#/components/schemas/{name}"}, value)


def response_complaints(method: str, path: str, status: int, value: object) -> list[str]:
    """What is wrong with an answer of the bridge. Paths outside of the two APIs are not the standard's business."""
    match = re.search(r"/mefApi/(?:sonata|cantata)/(appointment/v2|workOrderManagement/v2)(/.*)", path)
    if not match or match[2] in DOCUMENTATION:
        return []
    base = match[1]
    operation = _operation(base, method, match[2])
    answers = operation["responses"] if operation else {}
    if (status in UNDOCUMENTED and str(status) not in answers) or not operation:
        return named(base, UNDOCUMENTED.get(status, "Error404"), value)
    if str(status) not in answers:
        return [f"{method} {path}: the standard has no answer {status} here"]
    return list(_body_complaints(base, operation, answers[str(status)], value))


def request_complaints(path: str, value: object) -> list[str]:
    """What is wrong with a notification that the bridge posts to a listener."""
    match = re.search(r"/mefApi/(?:sonata|cantata)/(appointmentNotification/v2|workOrderNotification/v2)(/.*)", path)
    operation = _operation(match[1], "POST", match[2]) if match else None
    if not match or not operation:
        return ["the standard knows no such listener"]
    return complaints(match[1], operation["requestBody"]["content"]["application/json;charset=utf-8"]["schema"], value)


def _operation(base: str, method: str, path: str) -> dict[str, Any] | None:
    # The files have /workorder, and one object where the guide has a list.
    spelled = re.sub("^/workOrder(?=/|$)", "/workorder", path)
    for template, item in document(base)["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), spelled):
            found: dict[str, Any] | None = item.get(method.lower())
            return found
    return None


def _body_complaints(base: str, operation: dict[str, Any], answer: dict[str, Any], value: object) -> Iterator[str]:
    content = answer.get("content")
    if content is None:
        if value is not None:
            yield "a body where the standard has none"
        return
    schema = content["application/json;charset=utf-8"]["schema"]
    if operation["operationId"] == "listWorkOrder" and "WorkOrder_Find" in schema.get("$ref", ""):
        schema = {"type": "array", "items": schema}
    yield from complaints(base, schema, value)
