"""All values of a message with their paths."""

import re
from collections.abc import Iterator

from bridge.mapping.formats.paths import check_path

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def leaves(data: object, path: str = "$") -> Iterator[tuple[str, object]]:
    """Give every value that is no object and no list of objects with its path; of such a list, the first item's."""
    for found, value in values(data, path):
        if not isinstance(value, dict) and not is_list_of_objects(value):
            yield found, value


def values(data: object, path: str = "$") -> Iterator[tuple[str, object]]:
    """As `leaves`, with the objects and lists on the way; what has a name that no path can have is left out."""
    yield path, data
    if isinstance(data, dict):
        for key, value in data.items():
            found = member_path(path, key)
            if found is not None:
                yield from values(value, found)
    elif isinstance(data, list) and is_list_of_objects(data):
        yield from values(data[0], f"{path}[0]")


def is_list_of_objects(value: object) -> bool:
    """Tell a list of which each item has members of its own, by its first."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def member_path(path: str, key: str) -> str | None:
    """Give the path of a member; None where no path can name it."""
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    found = f"{path}.{key}" if _PLAIN.fullmatch(key) else f"{path}['{quoted}']"
    try:
        return check_path(found)
    except ValueError:
        return None
