"""What pydantic found wrong in a body: the standard's codes, and sentences that say what was expected and what came."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bridge.api.pointers import pointer, steps_in
from bridge.domain.model import Problem
from bridge.mef.enums import Error422Code
from bridge.mef.error_bodies import shorten
from bridge.mef.moments import ERROR_TYPE as WRONG_MOMENT
from bridge.mef.moments import EXPECTED

_SHOWN: Final = 60  # characters of a Buyer's own value that are quoted back to him

_Context = Mapping[str, Any]
_Say = Callable[[_Context], str]

# pydantic's error type -> the standard's code, and what was expected.
_RULES: Final[Mapping[str, tuple[Error422Code, _Say]]] = {
    "string_type": (Error422Code.INVALID_FORMAT, lambda _: "a string"),
    "int_type": (Error422Code.INVALID_FORMAT, lambda _: "an integer"),
    "float_type": (Error422Code.INVALID_FORMAT, lambda _: "a number"),
    "tuple_type": (Error422Code.INVALID_FORMAT, lambda _: "a list"),
    "model_type": (Error422Code.INVALID_FORMAT, lambda _: "an object"),
    "dict_type": (Error422Code.INVALID_FORMAT, lambda _: "an object"),
    WRONG_MOMENT: (Error422Code.INVALID_FORMAT, lambda _: EXPECTED),
    "uri": (Error422Code.INVALID_FORMAT, lambda _: "an absolute URI (RFC 3986)"),
    "enum": (Error422Code.INVALID_VALUE, lambda context: f"one of {context['expected']}"),
    "string_too_short": (Error422Code.INVALID_VALUE, lambda _: "a text that is not empty"),
    "too_short": (Error422Code.INVALID_VALUE, lambda context: f"at least {context['min_length']} item"),
    "union_tag_invalid": (Error422Code.INVALID_VALUE, lambda context: f"one of {context['expected_tags']}"),
}


NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Expected:
    """The properties that a body may have; `elsewhere` says of others where the standard has what they are for."""

    properties: Collection[str] = ()
    elsewhere: Mapping[str, str] = field(default_factory=lambda: NOTHING)


def violations(error: ValidationError, body: Mapping[str, Any], expected: Expected) -> Iterator[Problem]:
    """Give one problem for each thing that pydantic found."""
    return (_problem(detail, body, expected) for detail in error.errors(include_url=False) if not _follows(detail))


def _follows(detail: ErrorDetails) -> bool:
    """Tell whether a list is only called too short because pydantic does not count its wrong items."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _problem(detail: ErrorDetails, body: Mapping[str, Any], expected: Expected) -> Problem:
    kind, steps = detail["type"], steps_in(body, detail["loc"])
    match kind:
        case "missing":
            return Problem(Error422Code.MISSING_PROPERTY, f"The property '{steps[-1]}' is required.", pointer(steps))
        case "union_tag_not_found":
            reason = "The property '@type' is required; it tells the kind of place."
            return Problem(Error422Code.MISSING_PROPERTY, reason, pointer((*steps, "@type")))
        case "extra_forbidden":
            reason = _unexpected(str(steps[-1]), expected if len(steps) == 1 else Expected())
            return Problem(Error422Code.UNEXPECTED_PROPERTY, reason, pointer(steps))
        case "union_tag_invalid":
            steps = (*steps, "@type")
            return _expected(detail, detail["input"].get("@type"), pointer(steps))
    return _expected(detail, detail["input"], pointer(steps))


def _unexpected(name: str, expected: Expected) -> str:
    if name in expected.elsewhere:
        return expected.elsewhere[name]
    close = get_close_matches(name[:_SHOWN], expected.properties, n=1)
    hint = f"did you mean '{close[0]}'?" if close else "is it misspelt?"
    return f"The standard knows no property '{shorten(name, _SHOWN)}' here; {hint}"


def _expected(detail: ErrorDetails, came: object, path: str | None) -> Problem:
    rule = _RULES.get(detail["type"])
    if rule is None:
        return Problem(Error422Code.INVALID_VALUE, _sentence(detail["msg"]), path)
    code, say = rule
    return Problem(code, f"Expected {say(detail.get('ctx', {}))}; got {got(came)}.", path)


def _sentence(message: str) -> str:
    """Make a sentence of a model's own complaint."""
    plain = message.removeprefix("Value error, ")
    return f"{plain[:1].upper()}{plain[1:]}."


def got(value: object) -> str:
    """Name what came, briefly: a kind for containers, the value itself for the rest."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an empty list" if not value else "a list"
    return shorten(json.dumps(value, ensure_ascii=False), _SHOWN)
