"""The slots of a WFM's answer, however deep they lie: found, joined with what is said of them elsewhere, and chosen."""

from collections.abc import Callable, Iterable, Iterator

from bridge.mapping import document
from bridge.mapping.items import item_test
from bridge.mapping.paths import Find, compile_path
from bridge.mapping.values import Misread, came, readable_text

FindSlots = Callable[[object], Iterable[object]]

MOST_SLOTS = 10_000


def slot_finder(slots: document.Slots) -> FindSlots:
    """Make a function from an answer to its slots. It raises `Misread`."""
    finds = [(path, compile_path(path)) for path in (*slots.within, slots.each)]
    fits = item_test(slots.where)
    look_up = _dictionary(slots.dictionary) if slots.dictionary is not None else None

    def find(data: object) -> Iterable[object]:
        items = list(_items(data, finds))
        if len(items) > MOST_SLOTS:
            raise Misread(f"slots ({slots.each}): more than {MOST_SLOTS}")
        chosen = [item for item in items if fits(item)]
        return look_up(data, chosen) if look_up is not None else chosen

    return find


def _items(data: object, finds: list[tuple[str, Find]]) -> Iterator[object]:
    """An item of an inner list has what it lies in as its `parent`."""
    (path, find), *inner = finds
    items = find(data)
    if not isinstance(items, list):
        raise Misread(f"slots ({path}): expected a list; {came(items)}")
    for item in items:
        if inner:
            yield from (_within(one, item) for one in _items(item, inner))
        else:
            yield item


def _within(item: object, parent: object) -> object:
    if not isinstance(item, dict):
        return item
    above = item.get("parent")
    return {**item, "parent": _within(above, parent) if isinstance(above, dict) else parent}


def _dictionary(spec: document.Dictionary) -> Callable[[object, list[object]], Iterable[object]]:
    find_list, find_key, find_by = compile_path(spec.list), compile_path(spec.key), compile_path(spec.by)

    def look_up(data: object, items: list[object]) -> Iterable[object]:
        entries = find_list(data)
        if not isinstance(entries, list):
            raise Misread(f"slots ({spec.list}): expected a list; {came(entries)}")
        known = {key: entry for entry in entries if (key := readable_text(find_key(entry))) is not None}
        for item in items:
            entry = known.get(readable_text(find_by(item)) or "")
            if entry is None:
                raise Misread(f"slots ({spec.by}): nothing in {spec.list} has this name; {came(find_by(item))}")
            yield {**item, "entry": entry} if isinstance(item, dict) else item

    return look_up
