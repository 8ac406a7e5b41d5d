"""The documents: one for each API that the bridge serves, and one for each listener that a Buyer serves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.mef import error_bodies
from bridge.mef.enums import Api, Irp
from bridge.mef.models import Event, MefModel
from bridge.mef.openapi import Json, parameters
from bridge.mef.openapi.examples import with_examples
from bridge.mef.openapi.operations import DESCRIBED, EVENTS, Described
from bridge.mef.openapi.schemas import PREFIX, reference, schemas_of
from bridge.mef.openapi.words import of_type

OPENAPI: Final = "3.0.3"
VERSION: Final = "2.0.0"  # of the APIs, as the standard's own files have it
MEDIA_TYPE: Final = "application/json;charset=utf-8"
_PARTIES: Final = ("buyerId", "sellerId")

_TITLES: Final = {Api.APPOINTMENT: "Appointment Management", Api.WORK_ORDER: "WorkOrder Management"}
_ABOUT: Final = {
    Api.APPOINTMENT: "Search time slots, and book, change and cancel visits of a Seller's technician.",
    Api.WORK_ORDER: "See the jobs that a Seller does for you.",
}
_STANDARD: Final = "Implements MEF 137 (LSO Sonata and Cantata). All moments are RFC 3339 with seconds and an offset."
_LISTENER: Final = "What a Buyer's listener must offer, below the callback that he registers with the hub."

_ERRORS: Final[dict[int, tuple[type[MefModel], str]]] = {
    400: (error_bodies.Error400, "The query or the body cannot be understood."),
    401: (error_bodies.Error401, "The caller is not known."),
    403: (error_bodies.Error403, "The caller may not do this."),
    404: (error_bodies.Error404, "There is no such object, or it belongs to somebody else."),
    408: (error_bodies.Error408, "It took too long."),
    409: (error_bodies.Error409, "Somebody else changed it at the same time."),
    413: (error_bodies.Error, "The body is too large."),
    415: (error_bodies.Error, "The body is not application/json in UTF-8."),
    422: (error_bodies.Error422, "Rules are violated; the list has all of them."),
    429: (error_bodies.Error, "The caller asks too often."),
    500: (error_bodies.Error500, "The server failed."),
    503: (error_bodies.Error500, "Something the server needs is away; try again."),
    504: (error_bodies.Error500, "The Seller's system did not answer in time; nothing was done."),
}
_RESPONSE_HEADERS: Final[dict[str, Json]] = {
    "X-Correlation-ID": {"description": "Of the request, or made for it.", "schema": {"type": "string"}},
    "X-Total-Count": {
        "description": "How many satisfy the filters; of more than 1,000, a second ago for each 50,000 at most.",
        "schema": {"type": "integer"},
    },
    "X-Result-Count": {"description": "How many are on this page.", "schema": {"type": "integer"}},
    "X-Pagination-Throttled": {
        "description": "True if the server's own limit cut the page short.",
        "schema": {"type": "boolean"},
    },
    "Idempotency-Replayed": {
        "description": "True if this is the answer to an earlier request with the same Idempotency-Key.",
        "schema": {"type": "boolean"},
    },
    "Location": {"description": "The URL of the new object.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "What to send (RFC 7235).", "schema": {"type": "string"}},
    "Retry-After": {"description": "When to try again, in seconds.", "schema": {"type": "integer"}},
}
REPLAYED: Final = "Idempotency-Replayed"
_PAGE: Final = ("X-Total-Count", "X-Result-Count", "X-Pagination-Throttled")
_OF_STATUS: Final = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}

_SECURITY_SCHEMES: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An OAuth 2.0 access token (JWT), or an API key, as 'Authorization: Bearer …'.",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key, as 'X-API-Key: …'."},
}


@dataclass(frozen=True, slots=True)
class Served:
    """An operation as the API serves it: `path` is below the API's base, `filters` are its own query parameters.

    `keyed` says that an Idempotency-Key counts.
    """

    method: str
    path: str
    filters: frozenset[str] = frozenset()
    keyed: bool = False


def api_title(api: Api, irp: Irp) -> str:
    """The title of the document of an API."""
    return f"{_TITLES[api]} ({irp.value.capitalize()})"


def listener_title(api: Api, irp: Irp) -> str:
    """The title of the document of a listener."""
    return f"{_TITLES[api]} Notification ({irp.value.capitalize()})"


def api_document(api: Api, irp: Irp, url: str, served: Sequence[Served]) -> Json:
    """The document of one API; `url` is its absolute base. Raises KeyError for an operation that nobody described."""
    described = [(one, DESCRIBED[api][one.method, one.path]) for one in served]
    models = [model for _, each in described for model in (each.request, each.response) if model]
    models += [_ERRORS[status][0] for _, each in described for status in each.errors]
    document = {
        "openapi": OPENAPI,
        "info": _info(api_title(api, irp), f"{_ABOUT[api]} {_STANDARD}"),
        "servers": [{"url": url, "description": f"LSO {irp.value.capitalize()}"}],
        "tags": [{"name": name} for name in dict.fromkeys(each.tag for _, each in described)],
        "security": [{name: []} for name in _SECURITY_SCHEMES],
        "paths": _paths((one.path, one.method, _operation(one, each)) for one, each in described),
        "components": {"schemas": schemas_of(models), "securitySchemes": _SECURITY_SCHEMES},
    }
    return with_examples(document, api)


def _info(title: str, description: str) -> Json:
    return {"title": title, "version": VERSION, "description": description}


def _paths(operations: Iterable[tuple[str, str, Json]]) -> Json:
    paths: Json = {}
    for path, method, operation in operations:
        paths.setdefault(path, {})[method.lower()] = operation
    return paths


def _operation(served: Served, described: Described) -> Json:
    header_names = [parameters.CORRELATION_ID]
    if served.keyed:
        header_names.insert(0, parameters.IDEMPOTENCY_KEY)
    operation = {
        "operationId": described.operation_id,
        "tags": [described.tag],
        "summary": described.summary,
        "description": described.description,
        "parameters": [
            *parameters.path(served.path),
            *parameters.query({*served.filters, *_PARTIES}),
            *parameters.headers(*header_names),
        ],
        "responses": _responses(served, described),
    }
    return operation | _request_body(described.request)


def _request_body(model: type[MefModel] | None) -> Json:
    return {} if model is None else {"requestBody": {"required": True, **_content(reference(model))}}


def _content(schema: Json) -> Json:
    return {"content": {MEDIA_TYPE: {"schema": schema}}}


def _list_of(schema: Json) -> Json:
    return {"type": "array", "items": schema}


def _responses(served: Served, described: Described) -> Json:
    answers = {described.success: _success(served, described)}
    answers |= {status: _error(status) | _headers(*_OF_STATUS.get(status, ())) for status in described.errors}
    if served.keyed:
        answers[409] = _UNDER_WAY | _headers("Retry-After")
    return {str(status): answers[status] for status in sorted(answers)}


def _success(served: Served, described: Described) -> Json:
    success: Json = {"description": described.says}
    if described.response is not None:
        schema = reference(described.response)
        success |= _content(_list_of(schema) if described.many else schema)
    names = [*(_PAGE if described.many else ())]
    names += ["Location"] if described.location else []
    names += [REPLAYED] if served.keyed else []
    return success | _headers(*names)


_UNDER_WAY: Final[Json] = {
    "description": "A request with the same Idempotency-Key is still under way.",
    **_content(reference(error_bodies.Error)),
}


def _headers(*names: str) -> Json:
    return {"headers": {name: _RESPONSE_HEADERS[name] for name in (*names, parameters.CORRELATION_ID)}}


def _error(status: int) -> Json:
    model, description = _ERRORS[status]
    schema = reference(model)
    return {"description": description, **_content(_list_of(schema) if model is error_bodies.Error422 else schema)}


def listener_document(api: Api, irp: Irp) -> Json:
    """The document of the listener that a Buyer offers for one API's notifications."""
    name = "AppointmentEvent" if api is Api.APPOINTMENT else "WorkOrderEvent"
    url = f"{{callback}}/mefApi/{irp.value}/{api.value}Notification/v2"
    callback = {"default": "https://buyer.example.com", "description": "The callback of the registered listener."}
    document = {
        "openapi": OPENAPI,
        "info": _info(listener_title(api, irp), f"{_LISTENER} {_STANDARD}"),
        "servers": [{"url": url, "variables": {"callback": callback}}],
        "tags": [{"name": "Notification listeners"}],
        "paths": _paths(
            (f"/listener/{kind}", "post", _listener(kind, says, name)) for kind, says in EVENTS[api].items()
        ),
        "components": {"schemas": _event_schemas(api, name)},
    }
    return with_examples(document, api)


_LISTENER_ERRORS: Final = (400, 401, 403, 408, 500)


def _listener(kind: str, says: str, name: str) -> Json:
    answers = {"204": {"description": "Taken."}} | {str(status): _error(status) for status in _LISTENER_ERRORS}
    return {
        "operationId": f"listenTo{kind[0].upper()}{kind[1:]}",
        "tags": ["Notification listeners"],
        "summary": says,
        "description": "The same event may come again, with the same eventId, until it is answered with 2xx.",
        "requestBody": {"required": True, **_content({"$ref": PREFIX + name})},
        "responses": answers,
    }


def _event_schemas(api: Api, name: str) -> Json:
    """The event of one API: the standard has a type of its own for each, which differ in what may have happened."""
    schemas = schemas_of([Event, *(_ERRORS[status][0] for status in _LISTENER_ERRORS)])
    event, payload = schemas.pop("Event"), schemas.pop("EventPayload")
    event["properties"] |= {
        "eventType": {"$ref": f"{PREFIX}{name}Type"},
        "event": {"$ref": f"{PREFIX}{name}Payload"},
    }
    kinds = {"type": "string", "enum": [kind.value for kind in EVENTS[api]]}
    schemas |= {
        name: event | of_type(name),
        f"{name}Payload": payload | of_type(f"{name}Payload"),
        f"{name}Type": kinds | of_type(f"{name}Type"),
    }
    return dict(sorted(schemas.items()))
