"""HTTP answers: exact bytes of the standard's types as `application/json;charset=utf-8`."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson
from aiohttp import web

from bridge.api.failures import NO_HEADERS, RequestFailed
from bridge.api.filters import PageRequest
from bridge.api.views import Json
from bridge.mef.models import MefModel

CONTENT_TYPE: Final = "application/json;charset=utf-8"


Body = MefModel | Sequence[MefModel] | Json | Sequence[Json]
"""A value of the standard or a list of them; as plain JSON it has the standard's names already."""


def encode(value: Body) -> bytes:
    """Write a value, or a list of values, with the standard's names; what is None is left out."""
    if isinstance(value, dict | list):
        return orjson.dumps(value)
    if isinstance(value, MefModel):
        return value.model_dump_json(by_alias=True, exclude_none=True).encode()
    return b"[" + b",".join(encode(item) for item in value) + b"]"


def answer(status: int, value: Body, headers: Mapping[str, str] = NO_HEADERS) -> web.Response:
    """Answer with a body."""
    return web.Response(status=status, body=encode(value), headers={"Content-Type": CONTENT_TYPE, **headers})


def created(value: MefModel, location: str) -> web.Response:
    """201 for a new resource that lives at `location`."""
    return answer(201, value, {"Location": location})


def no_content() -> web.Response:
    """204."""
    return web.Response(status=204)


def page(items: Sequence[Json], total: int, request: PageRequest) -> web.Response:
    """A page of a list. `X-Pagination-Throttled` says that it is the server's maximum that cut the page short (R64)."""
    throttled = request.capped and request.offset + len(items) < total
    headers = {
        "X-Total-Count": str(total),
        "X-Result-Count": str(len(items)),
        "X-Pagination-Throttled": "true" if throttled else "false",
    }
    return answer(200, items, headers)


def failure(failed: RequestFailed) -> web.Response:
    """Answer with an error, and close the connection if its headers say so."""
    response = answer(failed.status, failed.body, failed.headers)
    if failed.headers.get("Connection") == "close":
        response.force_close()
    return response
