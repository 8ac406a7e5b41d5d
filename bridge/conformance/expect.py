"""What the checks demand of an answer. Each raises `Failed` with the exchange that shows the opposite."""

from typing import Any, Final

from bridge.conformance.exchange import Exchange
from bridge.conformance.findings import Evidence, Failed
from bridge.conformance.schemas import TYPES
from bridge.conformance.shapes import complaints

SHOWN: Final = 5  # problems of one body in a finding


def that(condition: object, sentence: str, *evidence: Evidence) -> None:
    """Demand anything."""
    if not condition:
        raise Failed(sentence, *evidence)


def status(exchange: Exchange, *allowed: int) -> Exchange:
    """Demand one of some HTTP statuses."""
    wanted = " or ".join(map(str, allowed))
    that(exchange.status in allowed, f"{wanted} is wanted, {exchange.status} came", exchange)
    return exchange


def shape(exchange: Exchange, expected: str) -> Any:
    """Demand a body of a type of the standard (`Type` or `[Type]`), sent as JSON; return it."""
    content_type = exchange.headers.get("content-type", "")
    that(content_type.startswith("application/json"), f"the body is sent as {content_type or 'nothing'}", exchange)
    value = exchange.json
    shaped(expected, value, exchange)
    return value


def shaped(expected: str, value: object, *evidence: Evidence) -> None:
    """Demand that a value is of a type of the standard."""
    found = complaints(expected, value)
    that(not found, "; ".join(found[:SHOWN]), *evidence)


def error(exchange: Exchange, *allowed: int) -> Any:
    """Demand an error with its status and body (7.1.1); a 422 is a list that is not empty."""
    status(exchange, *allowed)
    expected = "[Error422]+" if exchange.status == 422 else f"Error{exchange.status}"
    return shape(exchange, expected if expected.strip("[]+") in TYPES else "Error500")


def empty(exchange: Exchange) -> None:
    """Demand 204, which has no body."""
    status(exchange, 204)
    that(not exchange.received, "204 has no body", exchange)
