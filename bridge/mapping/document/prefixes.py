"""Names for the beginnings of long paths: `paths: {payload: $.data.payload}`, and then `$payload.Status`.

They are put in before anything else is made of a pack, wherever a text begins with one: in keys, which are paths of
cells, and in values.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

_BEGINNING: Final = re.compile(r"\$([A-Za-z_]\w*)(?=[.\[]|$)")


def expanded(data: dict[str, Any]) -> dict[str, Any]:
    """Put the beginnings of paths in, as far as they are such; what is no mapping of texts is left as it is."""
    paths = data.get("paths")
    if not isinstance(paths, dict):
        return data
    known: dict[str, str] = {}
    for name, path in paths.items():
        if isinstance(path, str):
            known[str(name)] = with_beginning(path, known)  # one may begin with another above it
    return {**{key: _put(value, known) for key, value in data.items() if key != "paths"}, "paths": {**paths, **known}}


def _put(data: Any, known: Mapping[str, str]) -> Any:
    if isinstance(data, str):
        return with_beginning(data, known)
    if isinstance(data, dict):
        return {_put(key, known): _put(value, known) for key, value in data.items()}
    return [_put(item, known) for item in data] if isinstance(data, list) else data


def with_beginning(text: str, known: Mapping[str, str]) -> str:
    """Put the beginning of one path in, where it begins with a name that is known."""
    found = _BEGINNING.match(text) if text.startswith("$") else None
    return known[found[1]] + text[found.end() :] if found is not None and found[1] in known else text
