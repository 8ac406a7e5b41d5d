"""The values of a field that a proof looks at: at least one for each way in which a pack's tests tell values apart.

All of them may really come in a message. Of free texts it is enough to look at those that cells name, and for each
piece (`starts_with: no`) at one that has it and as little else as possible: whatever another text with the piece fits,
is fitted by the witness of one of its pieces.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

from bridge.mapping.checks.reference_types import always_there
from bridge.mapping.document import Cell, FieldSpec, ReasonTest, Table, Words
from bridge.mapping.formats.datetimes import resolution
from bridge.mapping.formats.values import as_text, briefly, is_clean, whole_number
from bridge.mapping.reading.references import known_codes, takes_any


@dataclass(frozen=True, slots=True)
class Sample:
    """A value that stands for others like it: what they are, in words, and one of them."""

    words: str
    value: object


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a value: cells, the tests of attribution if it is a reason, and what made fields can read."""

    cells: tuple[Cell, ...] = ()
    reasons: tuple[ReasonTest, ...] | None = None
    spellings: tuple[str, ...] = ()


def value_of(witness: object) -> object:
    """Give the value itself."""
    return witness.value if isinstance(witness, Sample) else witness


def witnesses(spec: FieldSpec, table: Table | None, asked: Asked) -> list[object]:
    """List the values to look at; None is an absent one."""
    return [*_present(spec, table, asked), *([] if always_there(spec) else [None])]


def _present(spec: FieldSpec, table: Table | None, asked: Asked) -> list[object]:
    match spec.type:
        case "code":
            return _codes(spec, table, asked)
        case "boolean":
            return [True, False]
        case "integer":
            return _numbers(asked)
        case "datetime":
            return _moments(spec, asked)
        case "text":
            return _texts(spec, asked, "any other text")
        case _ if _asks_if_empty(asked):
            return [Sample("an empty list", ()), Sample("a list with something in it", (_ITEM,))]
        case _:
            return [Sample("any value", ())]


_ITEM = "item"


def _asks_if_empty(asked: Asked) -> bool:
    return any(cell.empty is not None for cell in asked.cells)


def _codes(spec: FieldSpec, table: Table | None, asked: Asked) -> list[object]:
    known = dict.fromkeys(known_codes(spec, table))
    if not takes_any(spec, table):
        return [*known]
    return [*known, *(one for one in _texts(spec, asked, "any other code") if one not in known)]


def _numbers(asked: Asked) -> list[object]:
    named = [scalar for scalar in _scalars(asked) if isinstance(scalar, int)]
    near = {number + step for number in named for step in (-1, 0, 1)}
    return [*sorted(number for number in near if whole_number(number) is not None)] or [Sample("any value", 0)]


def _moments(spec: FieldSpec, asked: Asked) -> list[object]:
    """Take the moments around each that is named, as far apart as the format tells them."""
    step = resolution(spec.format)
    named = [scalar for scalar in _scalars(asked) if isinstance(scalar, datetime)]
    near = {moment for one in named for moment in _around(one, step)}
    return [*sorted(near)] or [Sample("any value", _EPOCH)]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _around(moment: datetime, step: timedelta) -> Iterator[datetime]:
    for change in (-step, timedelta(0), step):
        try:
            yield moment - (moment - _EPOCH) % step + change
        except OverflowError:  # the calendar ends here
            continue


@dataclass(frozen=True, slots=True)
class _Piece:
    """A test of free text for one piece; `kind` is the key of its test."""

    kind: str
    text: str

    def words(self) -> str:
        return f"{self.kind.replace('_', ' ')} {briefly(self.text)}"


def _texts(spec: FieldSpec, asked: Asked, others: str) -> list[object]:
    cells, reasons = _pieces(asked.cells), _pieces(asked.reasons or ())
    reason_codes = [as_text(one.code) for one in asked.reasons or () if one.code is not None]
    named = dict.fromkeys([*(one for one in _scalars(asked) if isinstance(one, str)), *asked.spellings, *reason_codes])
    letter, sign = _strange([*named, *(piece.text for piece in (*cells, *reasons))])
    built = [_built(pieces, letter, sign) for pieces in _together(cells, reasons)]
    # Attribution takes no notice of blanks around a reason, cells do.
    blank = [
        *(_behind_a_blank(code) for code in reason_codes),
        *(_behind_a_blank(_text([p], letter, sign)) for p in reasons),
    ]
    empty = [Sample("an empty text", "")] if asked.reasons is not None or _asks_if_empty(asked) else []
    every = [*named, *built, *blank, *empty, Sample(others, letter)]
    return [one for one in every if _may_come(value_of(one), spec)]


def _may_come(text: object, spec: FieldSpec) -> bool:
    return isinstance(text, str) and is_clean(text) and not (text == "" and spec.empty is not None)


def _pieces(tests: Iterable[Words]) -> list[_Piece]:
    kinds = ("starts_with", "ends_with", "contains_word")
    return [_Piece(kind, text) for test in tests for kind in kinds for text in getattr(test, kind) or ()]


def _together(cells: Sequence[_Piece], reasons: Sequence[_Piece]) -> Iterator[tuple[_Piece, ...]]:
    """Take each piece alone, and one of a rule with one of attribution: they may both matter to one message."""
    yield from ((piece,) for piece in dict.fromkeys((*cells, *reasons)))
    for one, other in product(cells, reasons):
        if one.kind != other.kind or one.kind == "contains_word":
            yield (one, other)


def _built(pieces: Sequence[_Piece], letter: str, sign: str) -> Sample:
    return Sample(f"a text that {' and '.join(piece.words() for piece in pieces)}", _text(pieces, letter, sign))


def _text(pieces: Sequence[_Piece], letter: str, sign: str) -> str:
    """Write a text with these pieces: a strange letter beside one keeps its end from being the end of a word."""
    start = "".join(piece.text for piece in pieces if piece.kind == "starts_with")
    inside = "".join(f"{sign}{piece.text}{sign}" for piece in pieces if piece.kind == "contains_word")
    end = "".join(piece.text for piece in pieces if piece.kind == "ends_with")
    return f"{start}{letter}{inside}{letter}{end}"


def _behind_a_blank(text: str) -> Sample:
    return Sample(f"{briefly(text)} with a blank before it", f" {text}")


def _strange(texts: Sequence[str]) -> tuple[str, str]:
    """Find a letter, which has no upper case, and a sign (of private use) that none of the texts has."""
    used = set("".join(texts))
    return (
        next(letter for letter in map(chr, range(0x4E00, 0x9FFF)) if letter not in used),
        next(sign for sign in map(chr, range(0xE000, 0xF8FF)) if sign not in used),
    )


def _scalars(asked: Asked) -> list[object]:
    """List the plain values that cells compare with."""
    cells = asked.cells
    bounds = [getattr(cell, name) for cell in cells for name in ("at_least", "above", "at_most", "below")]
    named = [scalar for cell in cells for scalar in (*(cell.any or ()), *(cell.not_ or ()))]
    return [one for one in (*named, *bounds) if one is not None and not isinstance(one, bool)]
