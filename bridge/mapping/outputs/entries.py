"""Entries of a list that the Buyer sees: one as it is written, one for each item of a field, or none.

What an entry is built of, and whether it is built, is decided here; what it becomes is the business of its kind.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from bridge.domain.model import Job
from bridge.mapping import document
from bridge.mapping.formats.values import Misread, Values
from bridge.mapping.reading.cells import Test, cell_test
from bridge.mapping.reading.columns import Column, Lookups, column_getter, field_lookups

T = TypeVar("T")
Build = Callable[[Values, Job], T | None]
Entries = Callable[[Values, Job], tuple[T, ...]]

_PRESENT = document.Cell(present=True)


def entries_getter(
    entry: document.Entry, pack: document.PackDocument, make: Callable[[Lookups], Build[T]]
) -> Entries[T]:
    """Make a function that gives what becomes of one entry. `make` compiles its kind, which may give nothing."""
    each = entry.each if isinstance(entry, document.Item) else None
    lookups = field_lookups(pack if each is None else pack.of_item(each))
    one = _one(make(lookups), _conditions(entry, lookups))
    return one if each is None else _for_each(each, one)


def _one(build: Build[T], conditions: Sequence[tuple[Column, Test]]) -> Entries[T]:
    def get(values: Values, job: Job) -> tuple[T, ...]:
        for column, test in conditions:
            if not test(column(values, job)):
                return ()
        built = build(values, job)
        return () if built is None else (built,)

    return get


def _for_each(name: str, one: Entries[T]) -> Entries[T]:
    def get(values: Values, job: Job) -> tuple[T, ...]:
        items = values[name]
        if not isinstance(items, tuple):
            return ()
        return tuple(built for item in items for built in one({**values, **item}, job))

    return get


def _conditions(entry: document.Entry, lookups: Lookups) -> list[tuple[Column, Test]]:
    """Compile `if_present` and `when`."""
    cells = [*entry.when.items(), *([(entry.if_present, _PRESENT)] if entry.if_present is not None else [])]
    return [(column_getter(name, lookups), cell_test(cell)) for name, cell in cells]


def list_getter(
    where: str, entries: Sequence[Entries[T]], known: Callable[[Job], Sequence[T]], key: Callable[[T], Hashable]
) -> Entries[T]:
    """Make a function that builds a list that the standard wants at least one entry of: the known ones, and the told.

    Known ones of a key that is told anew are replaced by all that is told of it. The function raises `Misread`.
    """

    def get(values: Values, job: Job) -> tuple[T, ...]:
        told = [one for entry in entries for one in entry(values, job)]
        stay = known(job)
        built = _merged(stay, told, key) if stay else tuple(told)
        if not built:
            raise Misread(f"{where}: at least one entry is required, and all are left out")
        return built

    return get


def _merged(known: Sequence[T], told: Sequence[T], key: Callable[[T], Hashable]) -> tuple[T, ...]:
    groups = _grouped(known, key) | _grouped(told, key)
    return tuple(entry for entries in groups.values() for entry in entries)


def _grouped(entries: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, list[T]]:
    groups: dict[Hashable, list[T]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups
