"""One document put over another: what the upper one says stands, and everything keeps the place it was written at."""

from collections.abc import Mapping

from bridge.yaml_source.document import Node, YamlSource
from bridge.yaml_source.problems import Path


def overlaid(upper: YamlSource, lower: YamlSource, keyed: Mapping[Path, str], first: Mapping[Path, str]) -> YamlSource:
    """Put a document over another. Mappings are merged key by key, and `null` takes a key away; the rest is replaced.

    Lists at the locations in `keyed` and `first` are merged by the member that these name: an item of the same name is
    replaced in its place; new ones follow, or for `first` lead.
    """
    merge = _Merge({**keyed, **first}, frozenset(first))
    root = merge.nodes((), _tagged(upper), _tagged(lower))
    return YamlSource(root.data, upper.file, root)


def with_value(source: YamlSource, loc: Path, value: Node) -> YamlSource:
    """Put a value into a document, under mappings that are there."""
    return YamlSource(*_rooted(_put(_tagged(source), loc, value), source.file))


def _rooted(root: Node, file: str) -> tuple[dict[str, object], str, Node]:
    return root.data, file, root


def _put(node: Node, loc: Path, value: Node) -> Node:
    name, *rest = loc
    below = _put(node.items[name], tuple(rest), value) if rest else value
    return _mapping(node, {**node.items, name: below}, node.keys)


def _tagged(source: YamlSource) -> Node:
    return source.root if source.root.file else _in_file(source.root, source.file)


def _in_file(node: Node, file: str) -> Node:
    items = {name: _in_file(item, file) for name, item in node.items.items()}
    return Node(node.data, node.line, node.column, items, node.keys, node.size, file)


def _mapping(like: Node, items: dict[str | int, Node], keys: dict[str, tuple[int, int]]) -> Node:
    data = {name: item.data for name, item in items.items()}
    return Node(data, like.line, like.column, items, keys, like.size, like.file)


class _Merge:
    """Merges two trees of nodes."""

    def __init__(self, keyed: Mapping[Path, str], first: frozenset[Path]) -> None:
        self._keyed = keyed
        self._first = first

    def nodes(self, loc: Path, upper: Node, lower: Node) -> Node:
        if isinstance(upper.data, dict) and isinstance(lower.data, dict):
            return self._mappings(loc, upper, lower)
        if loc in self._keyed and isinstance(upper.data, list) and isinstance(lower.data, list):
            return self._lists(loc, upper, lower)
        return upper

    def _mappings(self, loc: Path, upper: Node, lower: Node) -> Node:
        items = dict(lower.items)
        for name, item in upper.items.items():
            items[name] = self.nodes((*loc, name), item, lower.items[name]) if name in lower.items else item
        kept = {name: item for name, item in items.items() if item.data is not None}
        return _mapping(upper, kept, {**lower.keys, **upper.keys})

    def _lists(self, loc: Path, upper: Node, lower: Node) -> Node:
        member = self._keyed[loc]
        names = {_name(item, member) for item in lower.items.values()} - {None}
        fresh = {_name(item, member): item for item in upper.items.values() if _name(item, member) in names}
        old = [fresh.get(_name(item, member), item) for item in lower.items.values()]
        new = [item for item in upper.items.values() if _name(item, member) not in names]
        both = [*new, *old] if loc in self._first else [*old, *new]
        data = [item.data for item in both]
        return Node(data, upper.line, upper.column, dict(enumerate(both)), {}, upper.size, upper.file)


def _name(item: Node, member: str) -> str | None:
    name = item.data.get(member) if isinstance(item.data, dict) else None
    return name if isinstance(name, str) else None
