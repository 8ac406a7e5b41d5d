"""The slots of a WFM's reply, however deep they lie: found, joined with what is said of them elsewhere, and read.

A slot that cannot be read is left out and remarked on, so that the Buyer can book the others. Where none of them can
be read, the reply cannot.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from bridge.domain.model import Offered, OfferedSlot
from bridge.mapping import document
from bridge.mapping.commands.windows import Lookups, ReadWindow, Recalled, ReplyScope, window_reader
from bridge.mapping.formats.paths import MISSING, Find, compile_path
from bridge.mapping.formats.values import Misread, as_items, readable_number, readable_text, what_came
from bridge.mapping.reading.items import item_test

MOST_SLOTS = 10_000
MOST_ITEMS = 100_000  # looked at in all lists together: a path through `parent` walks one list again and again
_NAMED = 20  # slots that are left out, each with its reason

ReadSlots = Callable[[object, ReplyScope], Offered]
"""Reads a reply's slots, and remarks on those that it leaves out. Raises `Misread`."""

_Join = Callable[[object, str], object]
_ReadRank = Callable[[object, str], float | None]


class _Level(NamedTuple):
    """A list of the reply: the slots, or one around them."""

    path: str
    find: Find
    fits: Callable[[object], bool]


class _Found(NamedTuple):
    """What should be a slot; `trouble` where no list of slots was found in its place.

    `place` counts from 0 in the list, after those of what it lies in: `0.2.5`.
    """

    place: str
    item: object
    trouble: Misread | None = None


@dataclass(frozen=True, slots=True)
class _Slot:
    """How one slot is read."""

    window: ReadWindow
    token: Mapping[str, Find]
    rank: _ReadRank

    def read(self, found: _Found, join: _Join, scope: ReplyScope) -> OfferedSlot:
        if found.trouble is not None:
            raise found.trouble
        where = f"slot {found.place}"
        item = join(found.item, where)
        window = self.window(item, where, scope)
        if window is None:
            raise Misread(f"{where}: it has no window")
        token = {name: _token(where, name, find(item)) for name, find in self.token.items()}
        return OfferedSlot(window, token, self.rank(item, where))


def slots_reader(
    slots: document.Slots,
    pack: document.PackDocument,
    lookups: Lookups,
    fields: Mapping[str, Recalled],
    *,
    in_xml: bool,
) -> ReadSlots:
    """Make the reader of a reply's slots; `lookups` and `fields` are as in `compile_reply`."""
    levels = (
        *(_Level(around.list, _list_finder(around.list, in_xml), item_test(around.where)) for around in slots.within),
        _Level(slots.each, _list_finder(slots.each, in_xml), item_test(slots.where)),
    )
    joiner = _joiner(slots.dictionary, in_xml)
    slot = _Slot(
        window=window_reader(slots, pack, lookups, fields),
        token={name: compile_path(path) for name, path in slots.token.items()},
        rank=_rank(slots.prefer),
    )
    shortest = timedelta(minutes=slots.shortest or 0) if slots.partly == "clip" else None

    def read(data: object, scope: ReplyScope) -> Offered:
        found = list(islice(_Walk(levels).found(data), MOST_SLOTS + 1))
        if len(found) > MOST_SLOTS:
            raise Misread(f"slots ({slots.each}): more than {MOST_SLOTS}")
        return Offered(_read_all(found, slot, joiner(data), scope), shortest)

    return read


def _list_finder(path: str, in_xml: bool) -> Find:
    """XML has no empty lists: where there is no element, there is nothing in the list. One object is a list of one."""
    find = compile_path(path)

    def find_any(data: object) -> object:
        found = find(data)
        return [] if found is MISSING and in_xml else as_items(found)

    return find_any


def _read_all(found: Sequence[_Found], slot: _Slot, join: _Join, scope: ReplyScope) -> tuple[OfferedSlot, ...]:
    read: list[OfferedSlot] = []
    unread: list[str] = []
    for one in found:
        try:
            read.append(slot.read(one, join, scope))
        except Misread as misread:
            unread.append(str(misread))
    if unread and not read:
        raise Misread(unread[0] + (f"; the other {len(unread) - 1} cannot be read either" if unread[1:] else ""))
    scope.remarks.extend(f"left out: {reason}" for reason in unread[:_NAMED])
    if unread[_NAMED:]:
        scope.remarks.append(f"left out: {len(unread) - _NAMED} more slots that cannot be read")
    return tuple(read)


class _Walk:
    """Goes through the lists of one reply, level by level; local to that reply."""

    def __init__(self, levels: Sequence[_Level]) -> None:
        self._levels = levels
        self._seen = 0

    def found(self, data: object) -> Iterator[_Found]:
        """Give what lies at the last level. Raises `Misread` where the reply has no list, or too much in its lists."""
        outermost = self._levels[0]
        items = outermost.find(data)
        if not isinstance(items, list):
            raise Misread(f"slots ({outermost.path}): expected a list; {what_came(items)}")
        for number, item in enumerate(items):
            yield from self._in_one(_Found(str(number), _within(item, data)), self._levels)

    def _in_one(self, found: _Found, levels: Sequence[_Level]) -> Iterator[_Found]:
        """Give an item of the first level, or what lies in it."""
        level, *inner = levels
        self._count(level)
        if not level.fits(found.item):
            return
        if not inner:
            yield found
            return
        items = inner[0].find(found.item)
        if not isinstance(items, list):
            trouble = Misread(f"slots of {found.place} ({inner[0].path}): expected a list; {what_came(items)}")
            yield found._replace(trouble=trouble)
            return
        for number, item in enumerate(items):
            yield from self._in_one(_Found(f"{found.place}.{number}", _within(item, found.item)), inner)

    def _count(self, level: _Level) -> None:
        self._seen += 1
        if self._seen > MOST_ITEMS:
            expected = f"expected at most {MOST_ITEMS} items in this list and those around it together"
            raise Misread(f"slots ({level.path}): {expected}; came more")


def _within(item: object, parent: object) -> object:
    return {**item, "parent": parent} if isinstance(item, dict) else item


def _joiner(dictionary: document.Dictionary | None, in_xml: bool) -> Callable[[object], _Join]:
    """Make a function from a reply to one that gives a slot its entry. Both raise `Misread`."""
    if dictionary is None:
        return lambda _: lambda item, _: item
    find_list = _list_finder(dictionary.list, in_xml)
    find_key, find_by = map(compile_path, (dictionary.key, dictionary.by))
    list_path, by_path = dictionary.list, dictionary.by

    def joiner(data: object) -> _Join:
        entries = find_list(data)
        if not isinstance(entries, list):
            raise Misread(f"slots ({list_path}): expected a list; {what_came(entries)}")
        known = {key: entry for entry in entries if (key := readable_text(find_key(entry))) is not None}

        def join(item: object, where: str) -> object:
            raw = find_by(item)
            entry = known.get(readable_text(raw) or "")
            if entry is None:
                raise Misread(f"{where} ({by_path}): nothing in {list_path} has this name; {what_came(raw)}")
            return {**item, "entry": entry} if isinstance(item, dict) else item

        return join

    return joiner


def _rank(prefer: document.Prefer | None) -> _ReadRank:
    if prefer is None:
        return lambda _, __: None
    find, path = compile_path(prefer.path), prefer.path
    sign = 1 if prefer.order == "lowest" else -1

    def rank(item: object, where: str) -> float:
        raw = find(item)
        number = readable_number(raw)
        if number is None:
            raise Misread(f"{where} ({path}): expected a number; {what_came(raw)}")
        return sign * number

    return rank


def _token(where: str, name: str, raw: object) -> str | int:
    """A token is remembered and sent back; only what survives that unchanged is taken."""
    text = readable_text(raw)
    if text is None:
        raise Misread(f"{where}: expected text or a whole number as {name}; {what_came(raw)}")
    return raw if isinstance(raw, int) else text
