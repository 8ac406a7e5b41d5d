"""The OpenAPI document of the admin API, made of its shapes. A test holds that it names every route there is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from bridge import __version__
from bridge.console import shapes

REFERENCE: Final = "#/components/schemas/{model}"
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "integer", "minimum": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. `query` gives the schema of each parameter."""

    method: str
    path: str
    summary: str
    answers: type[BaseModel]
    takes: type[BaseModel] | None = None
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


WHICH: Final = {"outcome": TEXT, "pack": TEXT, "rule": TEXT, "reason": TEXT, "about": TEXT}

OPERATIONS: Final = (
    Operation(method="get", path="/v1/now", summary="How the bridge is", answers=shapes.Now),
    Operation(
        method="get",
        path="/v1/work-orders",
        summary="WorkOrders by any id, Buyer and state",
        answers=shapes.WorkOrders,
        query={"q": TEXT, "buyer": TEXT, "state": TEXT, "limit": NUMBER},
    ),
    Operation(
        method="get",
        path="/v1/trace/{id}",
        summary="All that is on record of what an id means",
        answers=shapes.Stories,
    ),
    Operation(
        method="get",
        path="/v1/messages",
        summary="Messages of the WFM, newest first",
        answers=shapes.Messages,
        query={**WHICH, "limit": NUMBER},
    ),
    Operation(
        method="get",
        path="/v1/message-groups",
        summary="How many messages came to what, most first",
        answers=shapes.MessageGroups,
        query=WHICH,
    ),
    Operation(method="get", path="/v1/messages/{number}", summary="One message in full", answers=shapes.WholeMessage),
    Operation(
        method="post",
        path="/v1/messages/replay",
        summary="Apply parked messages anew, oldest first; for operators",
        answers=shapes.Fates,
        takes=shapes.Replay,
    ),
    Operation(
        method="post",
        path="/v1/messages/discard",
        summary="Set parked messages aside for good; for operators",
        answers=shapes.Discarded,
        takes=shapes.Discard,
    ),
    Operation(
        method="get",
        path="/v1/audit",
        summary="What people did, newest first",
        answers=shapes.AuditLog,
        query={"limit": NUMBER, "before": NUMBER},
    ),
)


def routes() -> Iterable[web.RouteDef]:
    """Give the route of the document."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(document(), option=orjson.OPT_INDENT_2), content_type="application/json")

    return [web.get("/openapi.json", show)]


@cache
def document() -> dict[str, Any]:
    """Write the document."""
    used = {model for one in OPERATIONS for model in (one.answers, one.takes) if model is not None} | {shapes.Problem}
    by_name = sorted(used, key=lambda model: model.__name__)
    taken = {one.takes for one in OPERATIONS}
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "validation" if model in taken else "serialization") for model in by_name
    ]
    _, schemas = models_json_schema(modes, ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mef-bridge admin API",
            "version": __version__,
            "description": "For operators and their programs, on the admin port; see docs/console.md.",
        },
        "servers": [{"url": "/api"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Operation) -> dict[str, Any]:
    in_path = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in in_path]
    parameters += [{"name": name, "in": "query", "schema": dict(schema)} for name, schema in one.query.items()]
    body = {} if one.takes is None else {"requestBody": {"required": True, "content": _json(one.takes)}}
    return {
        "operationId": f"{one.method}{_words(one.path)}",
        "summary": one.summary,
        "parameters": parameters,
        **body,
        "responses": {
            "200": {"description": "Done", "content": _json(one.answers)},
            "default": {"description": "Not done", "content": _json(shapes.Problem, "application/problem+json")},
        },
    }


def _words(path: str) -> str:
    return "".join(part.strip("{}").replace("-", " ").title().replace(" ", "") for part in path.split("/")[2:])


def _json(model: type[BaseModel], kind: str = "application/json") -> dict[str, Any]:
    return {kind: {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}}
