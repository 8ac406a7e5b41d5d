"""Reading a Buyer's body.

A body that is not JSON, or no JSON object, is a 400 `invalidBody`; one whose attributes are wrong is a 422 with all
problems, each with a JSON Pointer. It is checked as JSON first, then against the standard's type.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

import orjson
from aiohttp import web
from pydantic import ValidationError

from bridge.api.failures import CLOSE, invalid_body, plain, unknown_coding
from bridge.api.pointers import Step, pointer
from bridge.api.refused import SAID
from bridge.api.violations import NOTHING, Expected, got, violations
from bridge.domain.model import Problem
from bridge.flows.refusals import Rejected
from bridge.mef.enums import Error422Code
from bridge.mef.error_bodies import shorten
from bridge.mef.models import MefModel

Model = TypeVar("Model", bound=MefModel)

MAX_DEPTH: Final = 32  # levels; the standard's own types need 6
MAX_VALUES: Final = 20_000  # in one body; keeps a hostile one from holding the event loop for seconds
MAX_PROBLEMS: Final = 50  # a 422 with more helps nobody, and a hostile body could have a hundred thousand


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object as sent, and as parsed."""

    raw: bytes
    value: dict[str, Any]


async def read_object(request: web.Request) -> Body:
    """Read a JSON object; anything else is a 400, a 413 or a 415."""
    _demand_json(request)
    raw = await read_raw(request)
    value = request[SAID] = parse_object(raw)
    return Body(raw, value)


CODINGS: Final = frozenset({"", "identity", "gzip", "deflate"})
BODY_SECONDS: Final = web.AppKey("body_seconds", float)


async def read_raw(request: web.Request) -> bytes:
    """Read the bytes of a body, in the time that a body may take."""
    _demand_known_coding(request)
    seconds = request.config_dict[BODY_SECONDS]
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError as error:
        raise plain(HTTPStatus.REQUEST_TIMEOUT, f"The body did not come within {seconds:g} s.", CLOSE) from error
    except web.RequestPayloadError as error:  # broken compression or chunks
        raise invalid_body("The body does not come in the encoding that the headers tell of.") from error


def _demand_known_coding(request: web.Request) -> None:
    """Refuse what was packed in a way that is not unpacked here: its bytes are not the JSON (RFC 9110, 8.4)."""
    sent = ", ".join(request.headers.getall("Content-Encoding", ()))
    if sent.strip().lower() not in CODINGS:
        raise unknown_coding(shorten(sent))


def _demand_json(request: web.Request) -> None:
    """The standard knows `application/json;charset=utf-8` and nothing else."""
    charset = (request.charset or "utf-8").lower()
    if request.content_type != "application/json" or charset != "utf-8":
        sent = request.headers.get("Content-Type", "no Content-Type")
        raise plain(415, f"The body must be application/json;charset=utf-8; got {sent}.")


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object strictly (RFC 8259): no NaN, no equal names, no half surrogates, bounded depth and size."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise invalid_body(f"The body is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise invalid_body(f"The body must be a JSON object; got {got(value)}.")
    _demand_modest(value)
    # orjson keeps the last of equal names; the standard library is slower, and lets us see them.
    json.loads(raw, object_pairs_hook=_refuse_duplicates)
    return value


def _demand_modest(value: object) -> None:
    """Refuse a body that is too deep or has too many values, without recursion."""
    depth, count, level = 0, 0, [value]
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH:
            raise invalid_body(f"The body is nested more than {MAX_DEPTH} levels deep.")
        if count > MAX_VALUES:
            raise invalid_body(f"The body has more than {MAX_VALUES} values.")
        level = [child for node in level for _, child in _children(node)]


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise invalid_body(f"The property '{shorten(name, 60)}' is given twice in the same object.")
        names.add(name)


def _children(node: object) -> Iterator[tuple[Step, object]]:
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, list):
        yield from enumerate(node)


def read_model(body: Body, model: type[Model], elsewhere: Mapping[str, str] = NOTHING) -> Model:
    """Make the standard's type of a body; raise `Rejected` with all problems.

    `elsewhere` says of properties that the type has not where the standard has what they are for.
    """
    problems = {problem.path: problem for problem in _inspect(body.value)}
    try:
        parsed = model.model_validate_json(body.raw, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        # What the inspection says of a property is said better than pydantic could.
        expected = Expected([field.alias or name for name, field in model.model_fields.items()], elsewhere)
        problems = {problem.path: problem for problem in violations(error, body.value, expected)} | problems
        raise _rejected(problems) from error
    if problems:
        raise _rejected(problems)
    return parsed


def _rejected(problems: dict[str | None, Problem]) -> Rejected:
    return Rejected(*list(problems.values())[:MAX_PROBLEMS])


def _inspect(value: dict[str, Any]) -> Iterator[Problem]:
    """Find what pydantic lets pass: nulls, and strings no database can keep."""
    nodes: list[tuple[tuple[Step, ...], object]] = [((), value)]
    while nodes:
        steps, node = nodes.pop()
        problem = _inspect_leaf(steps, node)
        if problem:
            yield problem
        nodes.extend(((*steps, step), child) for step, child in _children(node))


def _inspect_leaf(steps: tuple[Step, ...], node: object) -> Problem | None:
    if node is None:
        reason = "null is not allowed here; leave the property out (none that a Buyer may patch can be removed)."
        return Problem(Error422Code.INVALID_VALUE, reason, pointer(steps))
    if not isinstance(node, str):
        return None
    if "\0" in node:
        return Problem(Error422Code.INVALID_VALUE, "The character U+0000 is not allowed.", pointer(steps))
    return None
