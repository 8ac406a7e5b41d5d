"""Sets of situations as boxes: for each variable the classes of values it may have, as the bits of a whole number.

A rule fits one box; what no rule fits is what is left of the whole space when all their boxes are taken away. The
arithmetic is exact; `TooLarge` says when it would take too long.
"""

from collections.abc import Iterable, Iterator, Sequence

from bridge.errors import PermanentError

Box = tuple[int, ...]

MOST_BOXES = 20_000  # about a second of work; a table that needs more has far more columns than anybody can read

MOST_PIECES = 1_000_000  # of one question; a few seconds of work


class TooLarge(PermanentError):
    """The decision table has too many combinations to be proven."""


def meet(one: Box, other: Box) -> Box | None:
    """Give what two boxes share, None where they share nothing."""
    shared = tuple(a & b for a, b in zip(one, other, strict=True))
    return shared if all(shared) else None


def _meets(one: Box, other: Box) -> bool:
    for a, b in zip(one, other, strict=True):  # noqa: SIM110 - all() takes three times as long
        if not a & b:
            return False
    return True


def _without(box: Box, taken: Box) -> Iterator[Box]:
    """Split what is left of a box, which shares something with what is taken, into boxes that share nothing."""
    rest = list(box)
    for index, mask in enumerate(taken):
        outside = rest[index] & ~mask
        if outside:
            yield (*rest[:index], outside, *rest[index + 1 :])
        rest[index] &= mask


def left_over(start: Iterable[Box], taken: Iterable[Box]) -> list[Box]:
    """Take boxes away from others. Raises `TooLarge`."""
    whole = list(start)
    left = whole
    for box in taken:
        if not any(_meets(one, box) for one in whole):
            continue
        apart: list[Box] = []
        for one in left:
            if _meets(one, box):
                apart += _without(one, box)
            else:
                apart.append(one)
        left = apart
        if len(left) > MOST_BOXES:
            raise TooLarge
    return left


def is_left(box: Box, taken: Sequence[Box]) -> bool:
    """Tell whether anything remains of a box. It stops at the first piece that does. Raises `TooLarge`."""
    pieces, looked_at = [(box, 0)], 0
    while pieces:
        piece, at = pieces.pop()
        while at < len(taken) and not _meets(piece, taken[at]):
            at += 1
        if at == len(taken):
            return True
        pieces += [(rest, at + 1) for rest in _without(piece, taken[at])]
        looked_at += 1
        if looked_at > MOST_PIECES:
            raise TooLarge
    return False


def widened(box: Box, full: Box, taken: Sequence[Box]) -> Box:
    """Grow a box as far as it shares nothing with the taken ones: the shortest way to say where it lies."""
    wide = list(box)
    for index, mask in enumerate(full):
        wide[index] |= mask & ~_barred(wide, index, taken)
    return tuple(wide)


def _barred(box: Sequence[int], index: int, taken: Iterable[Box]) -> int:
    """Give the classes of a variable that belong to a taken box which the box meets in all other variables."""
    barred = 0
    for one in taken:
        for other, mask in enumerate(one):
            if other != index and not mask & box[other]:
                break
        else:
            barred |= one[index]
    return barred
