"""An OpenAPI document as plain facts, `location: value`, so that two documents can be told apart line by line.

How a document is written makes no difference: `allOf` is merged, a type that a discriminator leads to has the one value
of the discriminating property that leads there, and words for people are left out.
"""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
Facts = dict[str, Any]

# What a schema says about values. The rest is for people, or says where things stand.
_ASSERTIONS = ("type", "format", "default", "additionalProperties", "minLength", "maxLength", "minItems", "minimum")


def facts_of(document: Json) -> Facts:
    """All facts of a document."""
    found: Facts = {"base": _base(document), "security": bool(document.get("security"))}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found |= {f"{method.upper()} {path}{where}": what for where, what in _operation(operation)}
    schemas = document["components"]["schemas"]
    for name in schemas:
        found |= {f"{name}{where}": what for where, what in _named(schemas, name)}
    return found


def _base(document: Json) -> str:
    url: str = document["servers"][0]["url"]
    return url[url.index("/mefApi") :].rstrip("/")


def _operation(operation: Json) -> Iterator[tuple[str, Any]]:
    yield "", operation["operationId"]
    for parameter in operation.get("parameters", ()):
        where = f" ?{parameter['name']}" if parameter["in"] == "query" else f" {parameter['in']} {parameter['name']}"
        yield where, "required" if parameter.get("required") else "optional"
        yield from ((f"{where}{deeper}", what) for deeper, what in _schema(parameter["schema"]))
    body = operation.get("requestBody")
    if body:
        yield " body", ("required" if body.get("required") else "optional", _content(body))
    for status, answer in operation["responses"].items():
        yield f" {status}", _content(answer)
        yield from ((f" {status} header {name}", header["schema"]["type"]) for name, header in _headers(answer))


def _headers(answer: Json) -> list[tuple[str, Json]]:
    return list(answer.get("headers", {}).items())


def _content(node: Json) -> str:
    """Media type and schema in a few words: `application/json;charset=utf-8 [Appointment_Find]`."""
    return ", ".join(f"{kind} {_short(content['schema'])}" for kind, content in node.get("content", {}).items())


def _short(schema: Json) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    return f"[{_short(schema['items'])}]" if "items" in schema else str(schema.get("type"))


def _named(schemas: Json, name: str) -> Iterator[tuple[str, Any]]:
    schema = merged(schemas, schemas[name])
    for kind, target in _leading_to(schemas, name):
        schema["properties"][kind] = {**schema["properties"][kind], "enum": [target]}
    discriminator = schema.get("discriminator")
    if discriminator:
        yield "", f"by {discriminator['propertyName']}"
        mapping = {kind: ref.rpartition("/")[2] for kind, ref in discriminator["mapping"].items()}
        yield from ((f" by {kind}", target) for kind, target in mapping.items())
    else:
        yield "", "type"
        yield from _schema(schema)


def _leading_to(schemas: Json, name: str) -> Iterator[tuple[str, str]]:
    for schema in schemas.values():
        discriminator = schema.get("discriminator", {})
        for kind, ref in discriminator.get("mapping", {}).items():
            if ref.rpartition("/")[2] == name:
                yield discriminator["propertyName"], kind


def merged(schemas: Json, schema: Json) -> Json:
    """The schema with the parts of its `allOf` taken in."""
    result: Json = {key: value for key, value in schema.items() if key not in ("allOf", "properties", "required")}
    result |= {"properties": {}, "required": []}
    parts = [merged(schemas, _resolved(schemas, part)) for part in schema.get("allOf", ())]
    for part in parts:
        result |= {key: value for key, value in part.items() if key in _ASSERTIONS}
    for part in (*parts, schema):
        result["properties"] |= part.get("properties", {})
        result["required"] += part.get("required", [])
    return result


def _resolved(schemas: Json, part: Json) -> Json:
    found: Json = schemas[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    return found


def _schema(schema: Json) -> Iterator[tuple[str, Any]]:
    if "$ref" in schema:
        yield " is", _short(schema)
        return
    yield from ((f" {key}", schema[key]) for key in _ASSERTIONS if key in schema)
    yield from ((f" value {value}", True) for value in schema.get("enum", ()))
    if "items" in schema:
        yield from ((f" item{where}", what) for where, what in _schema(schema["items"]))
    for name in schema.get("required", ()):
        yield f".{name} required", True
    for name, value in schema.get("properties", {}).items():
        yield from ((f".{name}{where}", what) for where, what in _schema(value))


def differences(theirs: Facts, ours: Facts) -> dict[str, tuple[Any, Any]]:
    """What is not the same: theirs and ours by location, None for what is not there. A missing operation or type counts
    once, not with all that it consists of."""
    different = {
        where: (theirs.get(where), ours.get(where))
        for where in theirs.keys() | ours.keys()
        if theirs.get(where) != ours.get(where)
    }
    return {where: pair for where, pair in different.items() if not _within_missing(where, theirs, ours)}


def _within_missing(where: str, theirs: Facts, ours: Facts) -> bool:
    return any((whole in theirs) != (whole in ours) for whole in _wholes(where))


def _wholes(where: str) -> Iterator[str]:
    """What a location lies in: the operation, parameter or answer, the type, the property."""
    for index, letter in enumerate(where):
        if letter in " .":
            yield where[:index]
