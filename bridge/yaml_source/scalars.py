"""What a plain scalar means: the core schema of YAML 1.2.2, section 10.3.2. `yes` and dates are text."""

import math
import re
from collections.abc import Callable
from typing import Any

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_OCT = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF = re.compile(r"[-+]?(\.inf|\.Inf|\.INF)")
_NAN = re.compile(r"\.nan|\.NaN|\.NAN")


def core_value(text: str) -> Any:
    """Resolve a plain scalar by the core schema (YAML 1.2.2, section 10.3.2)."""
    for pattern, make in _CORE:
        if pattern.fullmatch(text):
            return make(text)
    return text


def _whole_number(text: str) -> int | str:
    """Python refuses to read more than 4,300 digits; no number is that long, so it is text."""
    return int(text) if len(text) < 1000 else text


_CORE: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (_NULL, lambda _: None),
    (_TRUE, lambda _: True),
    (_FALSE, lambda _: False),
    (_INT, _whole_number),
    (_OCT, lambda text: int(text, 0)),
    (_HEX, lambda text: int(text, 0)),
    (_FLOAT, float),
    (_INF, lambda text: -math.inf if text[0] == "-" else math.inf),
    (_NAN, lambda _: math.nan),
)
