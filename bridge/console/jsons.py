"""JSON in and out of the admin API."""

from typing import Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bridge.console.query import number_in

JSON: Final = "application/json"
MOST: Final = 1000

Body = TypeVar("Body", bound=BaseModel)


async def body_of(request: web.Request, shape: type[Body]) -> Body:
    """Read what was sent; raises `HTTPBadRequest` with what is wrong with it."""
    try:
        return shape.model_validate_json(await request.read())
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc'])) or 'the body'}: {one['msg']}" for one in error.errors()]
        raise web.HTTPBadRequest(text="; ".join(wrong)) from None


def limit_of(request: web.Request) -> int:
    """Read how many are wanted at most."""
    return min(number_in(request, "limit") or 100, MOST)


def answer(body: BaseModel, status: int = 200) -> web.Response:
    """Give an answer."""
    return web.Response(status=status, text=text_of(body), content_type=JSON)


def text_of(body: BaseModel) -> str:
    """Write JSON, in one line."""
    return body.model_dump_json(by_alias=True)
