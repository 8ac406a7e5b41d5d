"""A piece of YAML on one line, cut where it would be long; `…` stands for what is left out."""

import json
from collections.abc import Iterable
from functools import cache

from bridge.yaml_source import InvalidDocument, parse_yaml

MOST = 70  # characters
_CUTS = ((99, 99), (3, 99), (3, 1), (2, 1), (1, 1), (1, 0))
"""How many members of a mapping or list are shown, and down to which depth: from all to hardly any."""


def flow(key: str, value: object) -> str:
    """Write `key: value`, in full where that is short enough."""
    texts = [f"{key}: {_piece(value, members, depth)}" for members, depth in _CUTS]
    return next((text for text in texts if len(text) <= MOST), texts[-1])


def scalar(value: object) -> str:
    """Write a scalar, in quotes where it needs them."""
    if not isinstance(value, str):
        return json.dumps(value)
    return value if _is_plain(value) else json.dumps(value, ensure_ascii=False)


def _piece(value: object, members: int, depth: int) -> str:
    if isinstance(value, dict):
        pairs = ((f"{scalar(key)}: ", item) for key, item in value.items())
        return "{" + _members(pairs, len(value), members, depth) + "}"
    if isinstance(value, list):
        return "[" + _members((("", item) for item in value), len(value), members, depth) + "]"
    return scalar(value)


def _members(pairs: Iterable[tuple[str, object]], count: int, members: int, depth: int) -> str:
    if depth < 0:
        return "…"
    shown = [before + _piece(item, members, depth - 1) for before, item in pairs][:members]
    return ", ".join([*shown, "…"] if count > members else shown)


@cache
def _is_plain(text: str) -> bool:
    try:
        return bool(parse_yaml(f"a: [{text}]", "scalar").data == {"a": [text]})
    except InvalidDocument:
        return False
