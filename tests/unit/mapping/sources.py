"""Sources of packs that are given as data, without the way over YAML, which takes most of the time of a small test.

Each key and value stands on a line of its own, in the order of the data, as in YAML that is written so.
"""

from itertools import count
from typing import Any

from bridge.yaml_source import YamlSource
from bridge.yaml_source.document import Node


def source_of(data: dict[str, Any], file: str) -> YamlSource:
    """The source of plain data, as YAML with the same data has it."""
    return YamlSource(data, file, _node(data, count(1)))


def _node(data: object, lines: "count[int]") -> Node:
    node = Node(data, next(lines), 1)
    if isinstance(data, dict):
        for key, value in data.items():
            node.keys[key] = (next(lines), 1)
            node.items[key] = _node(value, lines)
    elif isinstance(data, list):
        node.items.update((index, _node(value, lines)) for index, value in enumerate(data))
    node.size += sum(item.size for item in node.items.values())
    return node
