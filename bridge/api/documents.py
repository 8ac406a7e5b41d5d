"""Serves what describes the API: for generators as OpenAPI, for people as a page. Open to everybody, like the standard.

`<base of the API>/openapi.json` and `<base of the API>/`; the same for the notifications that a Buyer's listener takes,
and `/docs`, which leads to all of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from html import escape
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from bridge.api.config import ApiConfig
from bridge.api.operations import Route
from bridge.api.presenter import api_path
from bridge.api.responses import CONTENT_TYPE
from bridge.mef.enums import Api, Irp
from bridge.mef.openapi.document import Served, api_document, api_title, listener_document, listener_title
from bridge.mef.openapi.journey import journey, reliance
from bridge.mef.openapi.page import html, page
from bridge.mef.openapi.postman import collection
from bridge.mef.openapi.trying import SCRIPT

_HTML: Final = "text/html;charset=utf-8"
_SCRIPT: Final = "text/javascript;charset=utf-8"
# The pages have a style of their own, and the one script that we serve, which may ask us; nothing from elsewhere.
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document and the path it is served below, seller prefix included. It is made when somebody asks for it.

    `is_served` says that it is of what the bridge serves, and not a Buyer.
    """

    path: str
    title: str
    make: Callable[[], dict[str, Any]]
    is_served: bool


def documents(operations: Sequence[Route], config: ApiConfig) -> tuple[Document, ...]:
    """All documents: for each reference point both APIs, and the notifications of both."""
    return tuple(_documents(operations, config))


def _documents(operations: Sequence[Route], config: ApiConfig) -> Iterator[Document]:
    for irp in Irp:
        for api in Api:
            path = api_path(irp, api)
            make = partial(api_document, api, irp, config.root + path, _served(operations, api))
            yield Document(config.path + path, api_title(api, irp), make, is_served=True)
        for api in Api:
            path = f"/mefApi/{irp.value}/{api.value}Notification/v2"
            make = partial(listener_document, api, irp)
            yield Document(config.path + path, listener_title(api, irp), make, is_served=False)


def _served(operations: Sequence[Route], api: Api) -> list[Served]:
    mine = (route for route in operations if route.api is api)
    return [Served(route.method, route.path, route.filters, route.keyed) for route in mine]


def document_routes(operations: Sequence[Route], config: ApiConfig) -> Iterator[web.RouteDef]:
    """The routes of all documents and pages."""
    made = documents(operations, config)
    script = f"{config.path}/docs/try.js"
    yield web.get(f"{config.path}/docs", _serve(lambda: _index(made, config).encode(), _HTML, _PAGE_HEADERS))
    yield web.get(f"{config.path}/docs/postman.json", _serve(partial(_postman_of, made, config), CONTENT_TYPE, {}))
    yield web.get(script, _serve(SCRIPT.encode, _SCRIPT, {"X-Content-Type-Options": "nosniff"}))
    for door in dict.fromkeys(("/", f"{config.path}/")):
        yield web.get(door, _to(f"{config.path}/docs", 302))
    for document in made:
        yield web.get(f"{document.path}/openapi.json", _serve(partial(_json_of, document), CONTENT_TYPE, {}))
        yield web.get(f"{document.path}/", _serve(partial(_page_of, document, script), _HTML, _PAGE_HEADERS))
        yield web.get(document.path, _to(f"{document.path}/"))


def _json_of(document: Document) -> bytes:
    return orjson.dumps(document.make())


def _page_of(document: Document, script: str) -> bytes:
    return page(document.make(), script).encode()


def _postman_of(made: Iterable[Document], config: ApiConfig) -> bytes:
    return orjson.dumps(collection((each.make() for each in made if each.is_served), config.root))


def _serve(make: Callable[[], bytes], content_type: str, headers: dict[str, str]) -> Handler:
    once = cache(make)

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=once(), headers={"Content-Type": content_type, **headers})

    return handle


def _to(path: str, status: int = 308) -> Handler:
    """Lead to a path. The links of a page are relative, so its path must end with a slash."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": path})

    return handle


def _index(made: Iterable[Document], config: ApiConfig) -> str:
    links = [
        f"<li><a href='{escape(document.path)}/'>{escape(document.title)}</a> "
        f"(<a href='{escape(document.path)}/openapi.json'>openapi.json</a>)</li>"
        for document in made
    ]
    main = [
        "<h1>What is served here</h1><p>The APIs of MEF 137, and what a Buyer's listener must take.</p><ul>",
        *links,
        f"</ul><p><a href='{escape(config.path)}/docs/postman.json'>All requests for Postman, Bruno, Insomnia</a></p>",
        *journey(config.root),
        *reliance(),
    ]
    return html("mef-bridge", _CONTENTS, main)


_CONTENTS: Final = (
    "<ul><li><a href='#journey'>A visit, to copy</a></li>",
    "<li><a href='#notifications'>What your listener can rely on</a></li></ul>",
)
