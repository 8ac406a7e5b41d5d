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
from bridge.console import hands_shapes, shapes

REFERENCE: Final = "#/components/schemas/{model}"
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "integer", "minimum": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. `query` gives the schema of each parameter.

    `streams` is what the data of each event is, where it answers server-sent events, too.
    """

    method: str
    path: str
    summary: str
    answers: type[BaseModel]
    takes: type[BaseModel] | None = None
    streams: type[BaseModel] | None = None
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


WHICH: Final = {"outcome": TEXT, "pack": TEXT, "rule": TEXT, "reason": TEXT, "about": TEXT}

_NOTE: Final = hands_shapes.Note
_HANDS: Final = (
    Operation(
        method="get",
        path="/v1/deliveries",
        summary="Notifications on their way, newest first",
        answers=hands_shapes.Deliveries,
        query={"state": TEXT, "buyer": TEXT, "listener": TEXT, "type": TEXT, "since": TEXT, "limit": NUMBER},
    ),
    Operation(
        method="get",
        path="/v1/deliveries/{number}",
        summary="One with every attempt",
        answers=hands_shapes.WholeDelivery,
    ),
    Operation(
        method="post",
        path="/v1/deliveries/retry",
        summary="Try notifications now",
        answers=hands_shapes.Retries,
        takes=hands_shapes.RetryDeliveries,
    ),
    Operation(method="get", path="/v1/listeners", summary="The Buyers' listeners", answers=hands_shapes.Listeners),
    Operation(method="get", path="/v1/listeners/{id}", summary="One listener", answers=hands_shapes.Listener),
    Operation(
        method="post",
        path="/v1/listeners/{id}/pause",
        summary="Send it nothing until it is resumed",
        answers=hands_shapes.Done,
        takes=_NOTE,
    ),
    Operation(
        method="post",
        path="/v1/listeners/{id}/resume",
        summary="Send it what was kept",
        answers=hands_shapes.Done,
        takes=_NOTE,
    ),
    Operation(
        method="post",
        path="/v1/listeners/{id}/remove",
        summary="Remove it for good",
        answers=hands_shapes.Done,
        takes=_NOTE,
    ),
    Operation(
        method="post",
        path="/v1/listeners/{id}/ping",
        summary="Ask whether it can be reached, without an event",
        answers=hands_shapes.Attempt,
        takes=_NOTE,
    ),
    Operation(
        method="get",
        path="/v1/commands",
        summary="Commands in flight; of a state, or with `all`, others too",
        answers=hands_shapes.Commands,
        query={"state": TEXT, "buyer": TEXT, "all": TEXT, "limit": NUMBER},
    ),
    Operation(
        method="get",
        path="/v1/commands/{id}",
        summary="One command with the WFM's replies",
        answers=hands_shapes.WholeCommand,
    ),
    Operation(
        method="get",
        path="/v1/outbox",
        summary="Messages for the WFM: those to be sent, unless a state is asked for",
        answers=hands_shapes.Outbox,
        query={"state": TEXT, "pack": TEXT, "limit": NUMBER},
    ),
    Operation(
        method="get", path="/v1/outbox/{number}", summary="One with its body", answers=hands_shapes.WholeOutgoing
    ),
    Operation(
        method="post",
        path="/v1/outbox/retry",
        summary="Try messages for the WFM now",
        answers=hands_shapes.Retries,
        takes=hands_shapes.RetryOutbox,
    ),
    Operation(
        method="get",
        path="/v1/packs/{name}",
        summary="How a pack was used",
        answers=hands_shapes.PackUsage,
        query={"days": NUMBER},
    ),
    Operation(
        method="post",
        path="/v1/packs/{name}/take-back",
        summary="Take an activated draft back: all processes go by the deployed files again",
        answers=hands_shapes.Done,
        takes=_NOTE,
    ),
)

OPERATIONS: Final = (
    Operation(method="get", path="/v1/now", summary="How the bridge is", answers=shapes.Now),
    Operation(
        method="get",
        path="/v1/work-orders",
        summary="WorkOrders by any id, Buyer and state, newest first; `before` is the id of the one to go on behind",
        answers=shapes.WorkOrders,
        query={"q": TEXT, "buyer": TEXT, "state": TEXT, "before": TEXT, "limit": NUMBER},
    ),
    Operation(
        method="get",
        path="/v1/trace/{id}",
        summary="All that is on record of what an id means; as `text/event-stream`, of one job, and it goes on",
        answers=shapes.Stories,
        streams=shapes.Story,
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
    *_HANDS,
)


def routes() -> Iterable[web.RouteDef]:
    """Give the route of the document."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(document(), option=orjson.OPT_INDENT_2), content_type="application/json")

    return [web.get("/openapi.json", show)]


@cache
def document() -> dict[str, Any]:
    """Write the document."""
    named = [model for one in OPERATIONS for model in (one.answers, one.takes, one.streams)]
    used = {model for model in named if model is not None} | {shapes.Problem}
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
            "200": {"description": "Done", "content": {**_json(one.answers), **_events(one.streams)}},
            "default": {"description": "Not done", "content": _json(shapes.Problem, "application/problem+json")},
        },
    }


def _words(path: str) -> str:
    return "".join(part.strip("{}").replace("-", " ").title().replace(" ", "") for part in path.split("/")[2:])


def _events(model: type[BaseModel] | None) -> dict[str, Any]:
    """Describe server-sent events, for which OpenAPI 3.1 has no words of its own."""
    if model is None:
        return {}
    told = (
        f"Server-sent events named `{model.__name__.lower()}`; the data of each is a `{model.__name__}` as JSON: the "
        "first with all steps, each further one with those that are new or changed. Lines that begin with a colon say "
        "only that the stream lasts. It ends after an hour; ask anew."
    )
    return {"text/event-stream": {"schema": {**TEXT, "description": told}}}


def _json(model: type[BaseModel], kind: str = "application/json") -> dict[str, Any]:
    return {kind: {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}}
