"""Pages from templates; what they show of the world is escaped. Without scripts nothing moves, and all can be read."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import aiohttp_jinja2
import jinja2
from aiohttp import web

from bridge.console.access import SESSION, USER

BASE: Final = "/console"
NAV: Final = (
    ("/", "Now"),
    ("/work-orders", "WorkOrders"),
    ("/parked", "Parked"),
    ("/packs", "Packs"),
    ("/deliveries", "Deliveries"),
    ("/listeners", "Listeners"),
    ("/commands", "Commands"),
    ("/outbox", "Outbox"),
    ("/audit", "Audit"),
)
"""The pages that each page leads to."""
STATIC: Final = Path(__file__).with_name("static")
HTML: Final = "text/html"


def set_up(app: web.Application) -> None:
    """Let an application render our templates."""
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("bridge.console"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(base=BASE, asset=asset, nav=NAV)
    environment.filters.update(moment=moment, said_moment=said_moment, ago=ago, count=count)


def page(request: web.Request, template: str, status: int = 200, **facts: object) -> web.Response:
    """Render a whole page, or a part of one."""
    session = request.get(SESSION)
    known: Mapping[str, Any] = {
        "user": request.get(USER),
        "csrf": "" if session is None else session.csrf,
        "path": request.path,
    }
    return aiohttp_jinja2.render_template(template, request, {**known, **facts}, status=status)


def see(location: str) -> web.Response:
    """Lead a browser to another page. It is no exception: the server makes the Buyers' errors of those."""
    return web.Response(status=303, headers={"Location": location})


@cache
def asset(name: str) -> str:
    """Give the path of a static file; it changes with its content, so that browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{BASE}/static/{name}?{digest}"


def moment(at: datetime | None) -> str:
    """Write a moment for people: UTC, to the second."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def said_moment(text: str | None) -> str:
    """Write a moment that is a text already."""
    return "" if text is None else moment(datetime.fromisoformat(text))


def ago(seconds: float) -> str:
    """Write a span for people."""
    whole = max(0, int(seconds))
    for size, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // below} {small}"
    return f"{whole} s"


def count(number: float) -> str:
    """Write a number with thin spaces between thousands."""
    return f"{number:,.0f}".replace(",", "\u202f")
