"""Conditions on one value: cells of the decision table, tests of free text, and the reasons of `attribution`.

A test takes any value: what cannot be compared does not fit. Free text is tested for literal pieces only.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from operator import ge, gt, is_, is_not, le, lt
from typing import Any

from bridge.mapping import document
from bridge.mapping.document import BOUNDS, Cell, Words
from bridge.mapping.formats.datetimes import iso_moment
from bridge.mapping.formats.paths import MISSING
from bridge.mapping.formats.values import as_text, briefly, readable_text, whole_number

Test = Callable[[object], bool]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"at_least": ge, "above": gt, "at_most": le, "below": lt}


def raw_test(cell: Cell) -> Test:
    """Make the test of a cell for what stands in a message; a list or an object is present or empty, and nothing else.

    A number is the same as its text, for XML knows only texts, and a moment is an ISO 8601 text with its offset.
    """
    test, asks_if_present, empty = _text_or_number_test(cell), cell.present is True, cell.empty

    def fits(raw: object) -> bool:
        if isinstance(raw, list | dict):
            return asks_if_present if empty is None else empty == (not raw)
        return test(None if raw is MISSING else raw)

    return fits


def cell_test(cell: Cell) -> Test:
    """Make the test of a cell. `not` also holds for an absent value; a range and a test of text never do."""
    if cell.any is not None:
        return frozenset(cell.any).__contains__
    if cell.not_ is not None:
        unwanted = frozenset(cell.not_)
        return lambda value: value not in unwanted
    if cell.present is not None:
        return partial(is_not if cell.present else is_, None)
    if cell.empty is not None:
        empty = cell.empty
        return lambda value: (value is None or value in ("", ())) == empty
    bounds = _bounds(cell)
    return _within(bounds) if bounds else words_test(cell)


def _text_or_number_test(cell: Cell) -> Test:
    if (scalars := cell.any or cell.not_) is not None:
        named, wanted = frozenset(map(as_text, scalars)), cell.any is not None
        return lambda value: (_raw_text(value) in named) == wanted
    test, bounds = cell_test(cell), _bounds(cell)
    if not bounds:
        return test
    read = iso_moment if any(isinstance(bound, datetime) for bound in bounds.values()) else whole_number
    return lambda value: test(read(value))


def _raw_text(value: object) -> str | None:
    return as_text(value) if isinstance(value, bool) else readable_text(value)


def cell_text(cell: Cell) -> str:
    """Write a cell for people."""
    if cell.any is not None:
        return " or ".join(briefly(value) for value in cell.any)
    if cell.not_ is not None:
        return "not " + " or ".join(briefly(value) for value in cell.not_)
    if cell.present is not None:
        return "present" if cell.present else "absent"
    if cell.empty is not None:
        return "empty" if cell.empty else "not empty"
    bounds = [f"{name.replace('_', ' ')} {briefly(bound)}" for name, bound in _bounds(cell).items()]
    return " and ".join(bounds) or words_text(cell)


def words_test(words: Words) -> Test:
    """Make a test of free text. Upper and lower case are the same; a word ends where no letter or digit follows."""
    starts, ends, inside = _folded(words.starts_with), _folded(words.ends_with), _folded(words.contains_word)

    def test(value: object) -> bool:
        if not isinstance(value, str):
            return False
        text = value.casefold()
        return text.startswith(starts) or text.endswith(ends) or any(_has_word(text, word) for word in inside)

    return test


def words_text(words: Words) -> str:
    """Write a test of free text for people."""
    return " or ".join(
        f"{name.replace('_', ' ')} {briefly(piece)}"
        for name in ("starts_with", "ends_with", "contains_word")
        for piece in getattr(words, name) or ()
    )


def _folded(pieces: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(piece.casefold() for piece in pieces or ())


def _has_word(text: str, word: str) -> bool:
    return any(_stands_alone(text, start, start + len(word)) for start in _occurrences(text, word))


def _occurrences(text: str, word: str) -> Iterator[int]:
    start = text.find(word)
    while start >= 0:
        yield start
        start = text.find(word, start + 1)


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum()


def _bounds(cell: Cell) -> dict[str, int | datetime]:
    return {name: bound for name in BOUNDS if (bound := getattr(cell, name)) is not None}


def _within(bounds: dict[str, int | datetime]) -> Test:
    tests = [(_COMPARISONS[name], bound) for name, bound in bounds.items()]

    def test(value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | datetime):
            return False
        return all(
            isinstance(value, datetime) == isinstance(bound, datetime) and holds(value, bound) for holds, bound in tests
        )

    return test


def reason_text(value: object) -> str:
    """Write a reason as attribution compares it: trimmed, whatever the case of the letters."""
    return as_text(value).strip().casefold()


Attribute = Callable[[Sequence[object]], str]
PARTIES = ("buyer", "seller", "neutral")


def compile_attribution(section: document.Attribution) -> Attribute:
    """Make a function from the reasons of a message to the party at fault; the first attributed one of them counts.

    No product says by itself whose fault it is that a visit failed, so a pack lists its reasons, and says what holds
    for those that it does not list.
    """
    codes = {reason_text(one.code): party for party, one in _entries(section) if one.code is not None}
    tests = [(words_test(one), party) for party, one in _entries(section) if one.code is None]

    def attribute(reasons: Sequence[object]) -> str:
        texts = [reason_text(reason) for reason in reasons if reason is not None]
        if not any(texts):
            return section.absent
        for reason in texts:
            if reason in codes:
                return codes[reason]
            party = next((party for fits, party in tests if fits(reason)), None)
            if party is not None:
                return party
        return section.unknown

    return attribute


def _entries(section: document.Attribution) -> list[tuple[str, document.ReasonTest]]:
    return [(party, one) for party in PARTIES for one in getattr(section, party)]
