"""Items of a list in a message: which of them are meant, what is taken of each, and the fields that each has."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Protocol, TypeVar

from bridge.mapping import document
from bridge.mapping.formats.paths import MISSING, compile_path
from bridge.mapping.formats.values import Misread, Unfit, as_items, decimal_number, readable_text, what_came
from bridge.mapping.reading.cells import raw_test
from bridge.mapping.reading.messages import Message
from bridge.mapping.reading.scope import FieldVersions, Scope

Item = Mapping[str, object]
T = TypeVar("T")

MOST_ITEMS: Final = 1_000  # of one list; no job has so many of anything
_EXPLAINED = 20  # items; an explanation is kept with every message
_ITSELF = "$"


class ItemField(Protocol):
    """A compiled field of an item."""

    @property
    def name(self) -> str:
        """What it is called in the pack."""

    def read(self, scope: Scope) -> object:
        """Read and type the value, None where absent. Raises `Misread`."""


@dataclass(frozen=True, slots=True)
class _Items:
    """Reads the items of one list. `takes_any`: an item may be something else than an object."""

    name: str
    fields: Sequence[ItemField]
    fits: Callable[[object], bool]
    takes_any: bool

    def read(self, raws: Sequence[object], scope: Scope) -> Iterable[Item]:
        """Read the items that are meant, one after the other."""
        explained: dict[str, object] = {}
        scope.explained[self.name]["items"] = explained
        for index, raw in enumerate(raws):
            if self.fits(raw):
                own = _of_item(raw, scope, tolerant=scope.tolerant)
                place = f"item [{index}]"
                if len(explained) < _EXPLAINED:
                    explained[place] = own.explained
                yield self._item(f"field {self.name}, {place}", raw, own, scope)

    def _item(self, place: str, raw: object, own: Scope, scope: Scope) -> Item:
        if not self.takes_any and not isinstance(raw, dict):
            raise Misread(f"{place}: expected an object; {what_came(raw)}")
        try:
            for field in self.fields:
                own.values[field.name] = field.read(own)
        except Misread as misread:
            raise Misread(f"{place}: {misread}") from misread
        for sentence in own.missing.values():
            scope.missing.setdefault(self.name, f"{place}: {sentence}")
        return {field.name: own.values[field.name] for field in self.fields}


def items_converter(
    name: str, spec: document.FieldSpec, inside: Sequence[ItemField]
) -> Callable[[object, Scope], tuple[Item, ...]]:
    """Make a function that reads a list of items. It raises `Unfit`, or `Misread` of one item."""
    takes_any = any(_ITSELF in (one.path or ()) for one in spec.fields.values())
    reader = _Items(name, inside, item_test(spec.where), takes_any)
    distinct, limit, order = spec.distinct, spec.limit, spec.sort_by

    def convert(raw: object, scope: Scope) -> tuple[Item, ...]:
        raw = as_items(raw)
        if not isinstance(raw, list) or len(raw) > MOST_ITEMS:
            raise Unfit(f"a list of at most {MOST_ITEMS} items")
        items = tuple(reader.read(raw, scope))
        if order is not None:
            items = tuple(_sorted(items, lambda item: item[order], descending=spec.descending))
        return (_distinct(items) if distinct else items)[:limit]

    return convert


@dataclass(frozen=True, slots=True)
class ItemMerger:
    """Puts the raw items of a message onto the known ones of the same key, member by member.

    Each item has an age of its own, and so has the list as a whole: what a complete message says of it leaves no other
    item but those that a later message has told. An item without a readable key is like no other.
    """

    name: str
    key: ItemField

    def keep(self, versions: FieldVersions) -> None:
        """Note that all items stay as they are."""
        for name in versions.job.field_versions:
            if name == self._whole or name.startswith(f"{self.name}/"):
                versions.keep(name)

    def put(self, raw: object, known: object, scope: Scope, *, is_whole: bool) -> object:
        """Give the items that are known after the message; what is no list that can be read, as it stands."""
        known, raw = as_items(known), as_items(raw)
        if not isinstance(raw, list) or len(raw) > MOST_ITEMS:
            return raw
        versions, items = scope.versions, self._by_key(known if isinstance(known, list) else [], scope)
        if versions.is_overtaken(self._whole):  # of the time before a later message told the whole list
            self.keep(versions)
            return known if isinstance(known, list) else []
        if versions.is_known(self._whole):
            versions.keep(self._whole)
        if is_whole:
            versions.write_item(self._whole)
            items = {one: item for one, item in items.items() if self._is_overtaken(one, versions)}
        for one, item in self._by_key(raw, scope).items():
            before = items.get(one)
            if before is not None and self._is_overtaken(one, versions):
                items[one] = _over(item, before)
            else:
                items[one] = _over(before, item)
                versions.write_item(self._item(one))
        for one in filter(versions.is_known, map(self._item, items)):
            versions.keep(one)
        return [*items.values()]

    @property
    def _whole(self) -> str:
        return f"{self.name}!"

    def _item(self, one: object) -> str:
        return f"{self.name}/{one}"

    def _is_overtaken(self, one: object, versions: FieldVersions) -> bool:
        name = self._item(one)
        return versions.is_overtaken(name if versions.is_known(name) else self.name)

    def _by_key(self, items: Sequence[object], scope: Scope) -> dict[object, object]:
        found: dict[object, object] = {}
        for item in items:
            one = self._key(item, scope)
            found[one] = _over(found.get(one), item)
        return found

    def _key(self, item: object, scope: Scope) -> object:
        try:
            return self.key.read(_of_item(item, scope, tolerant=False))
        except Misread:
            return object()


def _over(below: object, item: object) -> object:
    """Put the members of an item over those of the same one."""
    return {**below, **item} if isinstance(below, dict) and isinstance(item, dict) else item


def _of_item(raw: object, scope: Scope, *, tolerant: bool) -> Scope:
    """Give what an item is read from and into: its own content, and what was read of the message before."""
    message = Message(raw, scope.message.routing_key, scope.message.headers)
    return Scope(message, scope.job, scope.versions, values={**scope.values}, remarks=scope.remarks, tolerant=tolerant)


def _distinct(items: Sequence[Item]) -> tuple[Item, ...]:
    first: dict[tuple[object, ...], Item] = {}
    for item in items:
        first.setdefault(tuple(item.values()), item)
    return tuple(first.values())


Chooser = Callable[[list[object]], list[object]]


def item_test(where: Mapping[str, document.Cell]) -> Callable[[object], bool]:
    """Make a test that an item passes if all its cells fit."""
    tests = [(compile_path(path), raw_test(cell)) for path, cell in where.items()]
    return lambda item: all(test(find(item)) for find, test in tests)


def item_chooser(spec: document.FieldSpec) -> Chooser:
    """Make a function from all items to what is taken of those that are meant; absent members say nothing."""
    if not spec.where and spec.item is None and spec.sort_by is None:
        return list
    fits, descending = item_test(spec.where), spec.descending
    find = compile_path(spec.item) if spec.item is not None else None
    rank = _raw_rank(spec.sort_by) if spec.sort_by is not None else None

    def choose(items: list[object]) -> list[object]:
        meant = [item for item in items if fits(item)]
        if rank is not None:
            meant = _sorted(meant, rank, descending=descending)
        if find is None:
            return meant
        return [raw for item in meant if (raw := find(item)) is not MISSING and raw is not None]

    return choose


def _sorted(items: Iterable[T], rank: Callable[[T], Any], *, descending: bool) -> list[T]:
    """Sort by what each item has; those without it (None) stay last, in their order."""
    ranked = [(rank(item), item) for item in items]
    there = sorted((one for one in ranked if one[0] is not None), key=itemgetter(0), reverse=descending)
    return [item for _, item in (*there, *(one for one in ranked if one[0] is None))]


def _raw_rank(path: str) -> Callable[[object], tuple[object, ...] | None]:
    """Rank raw items by a number or a text: numbers by their size, and before texts."""
    find = compile_path(path)

    def rank(item: object) -> tuple[object, ...] | None:
        raw = find(item)
        if (number := decimal_number(raw)) is not None:
            return (0, number)
        return (1, text) if (text := readable_text(raw)) else None

    return rank
