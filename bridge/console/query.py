"""What a query of the console or of the admin API says."""

from enum import StrEnum
from typing import TypeVar

from aiohttp import web

Choice = TypeVar("Choice", bound=StrEnum)


def number_in(request: web.Request, name: str) -> int | None:
    """Read a number; None if it is not given. Raises `HTTPBadRequest`."""
    text = request.query.get(name, "").strip()
    if not text:
        return None
    if not is_number(text):
        raise web.HTTPBadRequest(text=f"{name}: expected a number, got {text!r}")
    return int(text)


def is_number(text: str) -> bool:
    """Tell whether a text is a number that the database has room for."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def text_in(request: web.Request, name: str) -> str | None:
    """Read a text; None if it is not given, or empty."""
    return request.query.get(name, "").strip() or None


def choice_in(request: web.Request, name: str, kind: type[Choice]) -> Choice | None:
    """Read one of several values; None if it is not given, or empty. Raises `HTTPBadRequest`."""
    text = text_in(request, name)
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(each.value for each in kind)
        raise web.HTTPBadRequest(text=f"{name}: expected one of {known}; got {text!r}") from None
