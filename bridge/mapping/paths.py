"""JSONPath (RFC 9535) for packs: singular queries only, compiled to closures.

A library parses the syntax; we walk the value ourselves. Filters and functions are refused: `match()` and `search()`
hang on hostile patterns, and a query for several nodes has no single answer.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.segments import JSONPathChildSegment, JSONPathSegment
from jsonpath.selectors import IndexSelector, NameSelector


class Missing(Enum):
    """Tells a member that is not there from one that is `null`."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING

Find = Callable[[object], object]

_ENVIRONMENT = JSONPathEnvironment(strict=True)


def compile_path(path: str) -> Find:
    """Make a function that finds the one value at `path`, or `MISSING`. Raises `ValueError` with a sentence."""
    steps = path_steps(path)
    if len(steps) == 1 and isinstance(steps[0], str):
        return _member(steps[0])
    return _walk(steps)


def check_path(path: str) -> str:
    """Return the path when it can be compiled. Raises `ValueError` with a sentence."""
    compile_path(path)
    return path


def path_steps(path: str) -> tuple[str | int, ...]:
    """Give the names and indexes of a path. Raises `ValueError` with a sentence."""
    if not path.startswith("$"):
        raise ValueError(f"'{path}' is not a JSONPath; it starts with $, such as $.STAT")
    try:
        query = _ENVIRONMENT.compile(path)
    except JSONPathError as error:
        problem = str(error).splitlines()[0]
        raise ValueError(f"'{path}' is not a JSONPath such as $.STAT ({problem})") from error
    if not isinstance(query, JSONPath):
        raise ValueError(f"'{path}' joins several paths; write one")
    return tuple(_step(path, segment) for segment in query.segments)


def _step(path: str, segment: JSONPathSegment) -> str | int:
    if isinstance(segment, JSONPathChildSegment) and len(segment.selectors) == 1:
        selector = segment.selectors[0]
        if isinstance(selector, NameSelector):
            return selector.name
        if isinstance(selector, IndexSelector):
            return selector.index
    raise ValueError(
        f"'{path}' may find several values; write a path of names and indexes only, such as $.visit[0].from"
    )


def _member(name: str) -> Find:
    def find(data: object) -> object:
        return data.get(name, MISSING) if isinstance(data, dict) else MISSING

    return find


def _walk(steps: tuple[str | int, ...]) -> Find:
    def find(data: object) -> object:
        for step in steps:
            data = _child(data, step)
            if data is MISSING:
                break
        return data

    return find


def _child(data: object, step: str | int) -> object:
    if isinstance(step, str):
        return data.get(step, MISSING) if isinstance(data, dict) else MISSING
    if isinstance(data, list) and -len(data) <= step < len(data):
        return data[step]
    return MISSING
