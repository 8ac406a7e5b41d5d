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
from bridge.mef.openapi.page import html, page

_HTML: Final = "text/html;charset=utf-8"
# The pages have a style of their own and nothing else: no scripts, nothing from elsewhere.
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document and the path it is served below, seller prefix included. It is made when somebody asks for it."""

    path: str
    title: str
    make: Callable[[], dict[str, Any]]


def documents(operations: Sequence[Route], config: ApiConfig) -> tuple[Document, ...]:
    """All documents: for each reference point both APIs, and the notifications of both."""
    return tuple(_documents(operations, config))


def _documents(operations: Sequence[Route], config: ApiConfig) -> Iterator[Document]:
    for irp in Irp:
        for api in Api:
            path = api_path(irp, api)
            make = partial(api_document, api, irp, config.root + path, _served(operations, api))
            yield Document(config.path + path, api_title(api, irp), make)
        for api in Api:
            path = f"/mefApi/{irp.value}/{api.value}Notification/v2"
            yield Document(config.path + path, listener_title(api, irp), partial(listener_document, api, irp))


def _served(operations: Sequence[Route], api: Api) -> list[Served]:
    mine = (route for route in operations if route.api is api)
    return [Served(route.method, route.path, route.filters, route.keyed) for route in mine]


def document_routes(operations: Sequence[Route], config: ApiConfig) -> Iterator[web.RouteDef]:
    """The routes of all documents and pages."""
    made = documents(operations, config)
    yield web.get(f"{config.path}/docs", _serve(lambda: _index(made).encode(), _HTML, _PAGE_HEADERS))
    for document in made:
        yield web.get(f"{document.path}/openapi.json", _serve(partial(_json_of, document), CONTENT_TYPE, {}))
        yield web.get(f"{document.path}/", _serve(partial(_page_of, document), _HTML, _PAGE_HEADERS))
        yield web.get(document.path, _to(f"{document.path}/"))


def _json_of(document: Document) -> bytes:
    return orjson.dumps(document.make())


def _page_of(document: Document) -> bytes:
    return page(document.make()).encode()


def _serve(make: Callable[[], bytes], content_type: str, headers: dict[str, str]) -> Handler:
    once = cache(make)

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=once(), headers={"Content-Type": content_type, **headers})

    return handle


def _to(path: str) -> Handler:
    """The links of a page are relative, so its path must end with a slash."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(status=308, headers={"Location": path})

    return handle


def _index(made: Iterable[Document]) -> str:
    links = [
        f"<li><a href='{escape(document.path)}/'>{escape(document.title)}</a> "
        f"(<a href='{escape(document.path)}/openapi.json'>openapi.json</a>)</li>"
        for document in made
    ]
    main = ("<h1>What is served here</h1><p>The APIs of MEF 137, and what a Buyer's listener must take.</p><ul>",)
    return html("mef-bridge", (), (*main, *links, "</ul>"))
