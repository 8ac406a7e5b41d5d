"""One document put over another: what the upper one says stands, and everything keeps the place it was written at."""

from collections import defaultdict
from collections.abc import Mapping

from bridge.yaml_source.document import Node, YamlSource
from bridge.yaml_source.problems import Path


def overlaid(upper: YamlSource, lower: YamlSource, keyed: Mapping[Path, str], first: Mapping[Path, str]) -> YamlSource:
    """Put a document over another. Mappings are merged key by key, and `null` takes a key away; the rest is replaced.

    New keys stand before that key of the lower one before which they are written, else at the end. Lists at the
    locations in `keyed` and `first` are merged by the member that these name: an item of the same name is replaced in
    its place; new ones follow, or for `first` lead.
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
        items: dict[str | int, Node] = {}
        for name in _in_order(upper, lower):
            item, below = upper.items.get(name), lower.items.get(name)
            if item is None or below is None:
                items[name] = item or lower.items[name]
            else:
                items[name] = self.nodes((*loc, name), item, below)
        taken = {name for name, item in upper.items.items() if item.data is None}
        kept = {name: item for name, item in items.items() if name not in taken}
        return _mapping(upper, kept, {**lower.keys, **upper.keys})

    def _lists(self, loc: Path, upper: Node, lower: Node) -> Node:
        member = self._keyed[loc]
        names = {_name(item, member) for item in lower.items.values()} - {None}
        new = [item for item in upper.items.values() if _name(item, member) not in names]
        fresh: dict[str | None, list[Node]] = defaultdict(list)
        for item in upper.items.values():
            if (name := _name(item, member)) in names:
                fresh[name].append(item)
        # All that are called so stand there, even where there are several by mistake: the checks must see them.
        old = [one for item in lower.items.values() for one in fresh.pop(_name(item, member), [item])]
        both = [*new, *old] if loc in self._first else [*old, *new]
        data = [item.data for item in both]
        return Node(data, upper.line, upper.column, dict(enumerate(both)), {}, upper.size, upper.file)


def _in_order(upper: Node, lower: Node) -> list[str | int]:
    """Order the keys as below; new ones stand before that one before which they were written, or at the end."""
    order: list[str | int] = []
    leading: dict[str | int, list[str | int]] = {}
    new: list[str | int] = []
    for name in upper.items:
        if name in lower.items:
            leading[name], new = new, []
        else:
            new.append(name)
    for name in lower.items:
        order += [*leading.get(name, ()), name]
    return [*order, *new]


def _name(item: Node, member: str) -> str | None:
    name = item.data.get(member) if isinstance(item.data, dict) else None
    return name if isinstance(name, str) else None
