"""JSONPath (RFC 9535) for packs: queries for one value only, compiled to closures.

A library parses the syntax; we walk the value ourselves. A filter finds the first item of a list that it fits: members
that are equal to a text, a number, true or false, or that are not, or are there, joined by `&&`; the path of a member
may have filters of its own. Functions are refused: `match()` and `search()` hang on hostile patterns; and a query for
several nodes has no single answer.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Final, NamedTuple

from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.filter import (
    BaseExpression,
    BooleanLiteral,
    InfixExpression,
    IntegerLiteral,
    PrefixExpression,
    RelativeFilterQuery,
    StringLiteral,
)
from jsonpath.segments import JSONPathChildSegment, JSONPathSegment
from jsonpath.selectors import Filter, IndexSelector, NameSelector


class Missing(Enum):
    """Tells a member that is not there from one that is `null`."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING

Find = Callable[[object], object]


class Having(NamedTuple):
    """A step to the first item that fits all these conditions."""

    conditions: tuple["Condition", ...]


class Condition(NamedTuple):
    """What a member of an item must be; `value` is None where it must only be there."""

    member: tuple["Step", ...]
    value: str | None
    wanted: bool = True


Step = str | int | Having

_ENVIRONMENT = JSONPathEnvironment(strict=True)
_PART = re.compile(r"""[./]*(?:([@\w:-]+)|(\[(?:[0-9]+|'[^'\\]+')\]))""")
_NAMED_BEGINNING = re.compile(r"\$([A-Za-z_]\w*)")
_PLAIN = re.compile(r"[A-Za-z_]\w*")
_NOT_COMPARED = (
    "what may find several values cannot be compared; write names and indexes, or the comparison inside, "
    "such as [?@.tags[?@.name == 'x']]"
)


def compile_path(path: str) -> Find:
    """Make a function that finds the one value at `path`, or `MISSING`. Raises `ValueError` with a sentence."""
    return compile_steps(path_steps(path))


def compile_steps(steps: tuple[Step, ...]) -> Find:
    """As `compile_path`, for the steps of one."""
    if len(steps) == 1 and isinstance(steps[0], str):
        return _member(steps[0])
    return _walk(steps)


def compile_first(paths: Sequence[str]) -> Find:
    """Make a function that finds the first value that says something; if none does, what stands at the last path."""
    finds = [compile_path(path) for path in paths]
    if len(finds) == 1:
        return finds[0]

    def find(data: object) -> object:
        raw: object = MISSING
        for one in finds:
            raw = one(data)
            if raw not in (MISSING, None, ""):
                break
        return raw

    return find


def check_path(path: str) -> str:
    """Return the path when it can be compiled. Raises `ValueError` with a sentence."""
    compile_path(path)
    return path


def path_steps(path: str) -> tuple[Step, ...]:
    """Give the names and indexes of a path. Raises `ValueError` with a sentence."""
    if not path.startswith("$"):
        raise ValueError(f"'{path}' is not a JSONPath; it starts with ${_meant(path) or ', such as $.STAT'}")
    if (found := _NAMED_BEGINNING.match(path)) is not None:
        meant = f"$.{found[1]}{path[found.end() :]}"
        raise ValueError(f"'{path}' begins with {found[0]}, which is none of paths; write {meant}, or name it there")
    try:
        query = _ENVIRONMENT.compile(path)
    except JSONPathError as error:
        problem = str(error).splitlines()[0]
        if problem.startswith("non-singular query"):
            raise ValueError(f"'{path}': {_NOT_COMPARED}") from error
        hint = _meant(path) or f" such as $.STAT ({problem})"
        raise ValueError(f"'{path}' is not a JSONPath{hint}") from error
    if not isinstance(query, JSONPath):
        raise ValueError(f"'{path}' joins several paths; write one")
    return tuple(_step(path, segment) for segment in query.segments)


def _meant(path: str) -> str:
    """Give `; write …` for a path with a name that needs quotes, or without its beginning; else nothing."""
    parts = path.removeprefix("$")
    if not parts or _PART.sub("", parts):
        return ""
    written = "$" + "".join(step or _named(name) for name, step in _PART.findall(parts))
    quoted = f'"{written}"' if "[" in written else written  # a bracket needs them in YAML
    return f"; write {quoted}"


def _named(name: str) -> str:
    return f".{name}" if _PLAIN.fullmatch(name) else f"['{name}']"


def _step(path: str, segment: JSONPathSegment) -> Step:
    if isinstance(segment, JSONPathChildSegment) and len(segment.selectors) == 1:
        selector = segment.selectors[0]
        if isinstance(selector, NameSelector):
            return selector.name
        if isinstance(selector, IndexSelector):
            return selector.index
        if isinstance(selector, Filter):
            return Having(tuple(_conditions(path, selector.expression.expression)))
    raise ValueError(
        f"'{path}' may find several values; write a path of names and indexes only, such as $.visit[0].from, "
        "or [?@.name == 'x'] for the first item that has this member"
    )


def _conditions(path: str, expression: BaseExpression) -> Iterator[Condition]:
    """Take a filter apart. Raises `ValueError` with a sentence that says what of it cannot be taken."""
    if isinstance(expression, InfixExpression) and expression.operator == "&&":
        yield from _conditions(path, expression.left)
        yield from _conditions(path, expression.right)
    elif isinstance(expression, RelativeFilterQuery):
        yield Condition(_member_steps(path, expression), None)
    elif isinstance(expression, PrefixExpression) and isinstance(expression.right, RelativeFilterQuery):
        yield Condition(_member_steps(path, expression.right), None, wanted=False)
    elif isinstance(expression, InfixExpression) and expression.operator in ("==", "!="):
        member, literal = expression.left, expression.right
        if not isinstance(member, RelativeFilterQuery):
            member, literal = literal, member
        if not isinstance(member, RelativeFilterQuery) or not isinstance(literal, _LITERALS):
            raise _refused(path, expression, "a member is compared with a text, a whole number, true or false")
        yield Condition(_member_steps(path, member), _literal(literal.value), wanted=expression.operator == "==")
    else:
        raise _refused(
            path, expression, "a filter asks if a member is there, equals (==) or does not (!=), joined by &&"
        )


_LITERALS = (StringLiteral, IntegerLiteral, BooleanLiteral)


def _member_steps(path: str, query: RelativeFilterQuery) -> tuple[Step, ...]:
    return tuple(_step(path, segment) for segment in query.path.segments)


def _literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refused(path: str, expression: BaseExpression, may_be: str) -> ValueError:
    return ValueError(f"'{path}': {expression} cannot be asked for; {may_be}")


def _member(name: str) -> Find:
    def find(data: object) -> object:
        return data.get(name, MISSING) if isinstance(data, dict) else MISSING

    return find


def _walk(steps: tuple[Step, ...]) -> Find:
    def find(data: object) -> object:
        for step in steps:
            data = _child(data, step)
            if data is MISSING:
                break
        return data

    return find


def _child(data: object, step: Step) -> object:
    if isinstance(step, str):
        return data.get(step, MISSING) if isinstance(data, dict) else MISSING
    if isinstance(step, Having):
        return _having(data, step)
    if isinstance(data, list) and -len(data) <= step < len(data):
        return data[step]
    return data if isinstance(data, dict) and step in (0, -1) else MISSING  # a single object is a list of one


def _having(data: object, step: Having) -> object:
    items = data if isinstance(data, list) else (data,) if isinstance(data, dict) else ()
    return next((item for item in items if all(_fits(item, condition) for condition in step.conditions)), MISSING)


def _fits(item: object, condition: Condition) -> bool:
    """Text and number are the same here, "17" is 17; a member that is not there is equal to nothing."""
    found = item
    for step in condition.member:
        found = _child(found, step)
    if condition.value is None:
        return (found is not MISSING) == condition.wanted
    is_scalar = isinstance(found, str | int)
    return (is_scalar and _literal(found) == condition.value) == condition.wanted
