"""The shapes that names may have, in words instead of a pattern, and what was perhaps meant in the right one."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple


class _Shape(NamedTuple):
    """A shape; `between` joins the words of a name."""

    words: str
    between: str


_SHAPES: Final[Mapping[str, _Shape]] = {
    r"^[a-z][a-z0-9_]*$": _Shape("a name of lower-case letters, digits and _", "_"),
    r"^[a-z0-9][a-z0-9-]*$": _Shape("a name of lower-case letters, digits and -", "-"),
    r"^[a-z][a-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)?$": _Shape("a field, or a column of its table (field.column)", "_"),
}


def shape_of(pattern: str) -> str:
    """Say what a text of this pattern is."""
    known = _SHAPES.get(pattern)
    return known.words if known is not None else f"text that matches {pattern}"


def in_shape(text: str, pattern: str) -> str:
    """Give `; write 'x'` for a name that is only spelled otherwise, or nothing."""
    known = _SHAPES.get(pattern)
    if known is None:
        return ""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).lower())
    name = known.between.join(words)
    return f"; write '{name}'" if re.fullmatch(pattern, name) else ""
