"""The standard's own files as schemathesis is to read them: as they are, but for the exceptions listed here.

Also examples of what the bridge knows, so that not only refusals are seen.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from tests.api import standard

Json = dict[str, Any]
MEDIA_TYPE = "application/json;charset=utf-8"


@dataclass(frozen=True)
class FileException:
    """A change to the standard's files without which a right answer would be called wrong."""

    why: str
    change: Callable[[Json], None]


def _list_of_work_orders(document: Json) -> None:
    operation = document["paths"].get("/workorder", {}).get("get")
    if operation:
        content = operation["responses"]["200"]["content"][MEDIA_TYPE]
        content["schema"] = {"type": "array", "items": content["schema"]}


def _answers_of_http(document: Json) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, name in standard.UNDOCUMENTED.items():
                schema = {"$ref": f"#/components/schemas/{name}"}
                answer = {"description": name, "content": {MEDIA_TYPE: {"schema": schema}}}
                operation["responses"].setdefault(str(status), answer)


def _one_party_each(document: Json) -> None:
    for parameters in _parameters(document):
        parameters[:] = [each for each in parameters if each["name"] not in ("buyerId", "sellerId")]


def _no_empty_values(document: Json) -> None:
    for parameters in _parameters(document):
        for parameter in parameters:
            if parameter["in"] == "query" and parameter["schema"] == {"type": "string"}:
                parameter["schema"] |= {"minLength": 1, "pattern": r"\S"}


def _parameters(document: Json) -> Iterator[list[Json]]:
    for methods in document["paths"].values():
        for operation in methods.values():
            yield operation.get("parameters", [])


def _nothing_before_the_beginning(document: Json) -> None:
    for parameters in _parameters(document):
        for parameter in parameters:
            if parameter["name"] in ("offset", "limit"):
                parameter["schema"]["minimum"] = 0


def _keys(document: Json) -> None:
    document["components"]["securitySchemes"] = {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
    document["security"] = [{"key": []}]


def _closed(document: Json) -> None:
    """Types that others are made of by allOf must stay open: what is closed there would shut out the other part."""
    schemas = document["components"]["schemas"]
    bases = {part.get("$ref", "").rpartition("/")[2] for schema in schemas.values() for part in schema.get("allOf", ())}
    for name, schema in schemas.items():
        if "properties" in schema and name not in bases:
            schema["additionalProperties"] = False


EXCEPTIONS = (
    FileException("What the standard does not know is refused (unexpectedProperty); the files leave it open.", _closed),
    FileException("The files name no security scheme; with one it is tested that nobody comes in without it.", _keys),
    FileException("R6, R8: who stands for one Buyer must not name it, nor the one Seller.", _one_party_each),
    FileException("A query parameter without a value is a 400 missingQueryValue (7.1.1.3).", _no_empty_values),
    FileException("Nothing lies before the beginning of a list.", _nothing_before_the_beginning),
    FileException("A list of WorkOrders is a list, as the guide says; the file has one object.", _list_of_work_orders),
    FileException(
        "The files leave out what HTTP has of its own (405, 413, 415), and a WFM or database that is away (503, 504).",
        _answers_of_http,
    ),
)


def prepared(base: str, examples: Json, exceptions: Sequence[FileException] | None = None) -> Json:
    """One file with the exceptions (all unless told), and `examples` (by operationId: path ids, or bodies)."""
    document: Json = copy.deepcopy(YAML(typ="safe").load(standard.DIRECTORY / standard.FILES[base]))
    for exception in EXCEPTIONS if exceptions is None else exceptions:
        exception.change(document)
    for methods in document["paths"].values():
        for operation in methods.values():
            _exemplify(operation, examples.get(operation["operationId"], {}))
    return document


def _exemplify(operation: Json, examples: Json) -> None:
    named = {f"known {number}": {"value": value} for number, value in enumerate(examples.get("ids", ()))}
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and named:
            parameter["examples"] = named
    bodies = {f"known {number}": {"value": value} for number, value in enumerate(examples.get("bodies", ()))}
    if bodies:
        operation["requestBody"]["content"][MEDIA_TYPE]["examples"] = bodies
