"""JSON Pointers (RFC 6901) into a Buyer's body."""

from collections.abc import Sequence
from typing import Final

MAX_POINTER: Final = 1000  # characters; a longer one comes from a hostile property name, and helps nobody

Step = str | int


def pointer(steps: Sequence[Step]) -> str | None:
    """Write a pointer; None if it would be absurdly long. The whole body is the empty pointer."""
    text = "".join(f"/{_escape(step)}" for step in steps)
    return text if len(text) <= MAX_POINTER else None


def _escape(step: Step) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


def steps_in(body: object, location: Sequence[Step]) -> tuple[Step, ...]:
    """Turn pydantic's location into steps of the body itself.

    Inside a place, pydantic names the kind (`@type`) that it chose as a step of its own, which is never the last one;
    the body has no such step.
    """
    steps: list[Step] = []
    here, kind_named = body, False
    for index, step in enumerate(location):
        kind_named = not kind_named and index < len(location) - 1 and _names_kind(here, step)
        if not kind_named:
            steps.append(step)
            here = _child(here, step)
    return tuple(steps)


def _names_kind(here: object, step: Step) -> bool:
    return isinstance(here, dict) and here.get("@type") == step


def _child(parent: object, step: Step) -> object:
    if isinstance(parent, dict):
        return parent.get(step)
    if isinstance(parent, list) and isinstance(step, int) and step < len(parent):
        return parent[step]
    return None
