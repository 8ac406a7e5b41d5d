"""What a query of the console or of the admin API says."""

from aiohttp import web


def number_in(request: web.Request, name: str) -> int | None:
    """Read a number; None if it is not given. Raises `HTTPBadRequest`."""
    text = request.query.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise web.HTTPBadRequest(text=f"{name}: expected a number, got {text!r}")
    return int(text)


def text_in(request: web.Request, name: str) -> str | None:
    """Read a text; None if it is not given, or empty."""
    return request.query.get(name, "").strip() or None
