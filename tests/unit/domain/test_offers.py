"""What a Buyer is shown of the windows a WFM offers (R13, R14)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.model import Offered, OfferedSlot
from bridge.domain.offers import available
from bridge.mef.models import TimePeriod
from tests.unit.domain.builders import AFTERNOON, MORNING, NEXT_DAY, a_slot, a_window

WHOLE_DAY = a_window(6, 0, 24)
WEEK = a_window(5, 0, 7 * 24)


def shown(
    slots: Sequence[OfferedSlot], requested: Sequence[TimePeriod], shortest: timedelta | None = None
) -> tuple[OfferedSlot, ...]:
    return available([Offered(tuple(slots), shortest)], requested)


def test_offers_within_a_requested_period_are_shown() -> None:
    assert shown([a_slot(MORNING), a_slot(NEXT_DAY)], [WHOLE_DAY]) == (a_slot(MORNING),)


def test_an_offer_that_is_exactly_the_requested_period_is_shown() -> None:
    assert shown([a_slot(MORNING)], [MORNING]) == (a_slot(MORNING),)


def test_an_offer_that_reaches_beyond_the_period_is_not_shown() -> None:
    """R14: an appointment that falls within the requestedTimeSlot."""
    assert shown([a_slot(a_window(6, 6)), a_slot(a_window(6, 10))], [MORNING]) == ()


def test_nothing_offered_is_an_empty_list() -> None:
    """R13."""
    assert shown([], [WEEK]) == ()


def test_an_offer_across_two_requested_periods_falls_within_neither() -> None:
    halves: list[TimePeriod] = [a_window(6, 8, 2), a_window(6, 10, 2)]
    assert shown([a_slot(MORNING)], halves) == ()


def test_overlapping_periods_show_an_offer_once() -> None:
    assert shown([a_slot(MORNING)], [WHOLE_DAY, WEEK]) == (a_slot(MORNING),)


def test_equal_windows_of_several_technicians_are_one_slot_the_first() -> None:
    offers = [a_slot(MORNING, "S-1"), a_slot(MORNING, "S-2")]
    assert shown(offers, [WHOLE_DAY]) == (a_slot(MORNING, "S-1"),)


def test_slots_come_earliest_first_and_the_shorter_of_two_first() -> None:
    short = a_window(6, 8, 2)
    offers = [a_slot(NEXT_DAY), a_slot(AFTERNOON), a_slot(MORNING), a_slot(short)]
    assert [slot.window for slot in shown(offers, [WEEK])] == [short, MORNING, AFTERNOON, NEXT_DAY]


def ranked(rank: float | None, token: str, window: TimePeriod = MORNING) -> OfferedSlot:
    return replace(a_slot(window, token), rank=rank)


@pytest.mark.parametrize(
    ("ranks", "kept"), [((2, 1, 3), 1), ((1, 1), 0), ((None, 5), 1), ((-1.5, None), 0), ((None, None), 0), ((0, -1), 1)]
)
def test_of_equal_windows_the_lowest_rank_is_kept_and_of_equal_ranks_the_first(
    ranks: tuple[float | None, ...], kept: int
) -> None:
    offers = [ranked(rank, f"S-{number}") for number, rank in enumerate(ranks)]
    assert shown(offers, [WHOLE_DAY]) == (offers[kept],)


def test_ranks_count_across_answers() -> None:
    answers = [Offered((ranked(2, "S-1"),)), Offered((ranked(1, "S-2"),)), Offered((a_slot(MORNING, "held"),))]
    assert available(answers, [WHOLE_DAY]) == (ranked(1, "S-2"),)


@pytest.mark.parametrize(
    ("period", "piece"),
    [
        (a_window(6, 6, 4), a_window(6, 8, 2)),
        (a_window(6, 10, 12), a_window(6, 10, 2)),
        (a_window(6, 9, 2), a_window(6, 9, 2)),
        (a_window(6, 11, 2), None),  # one hour
        (a_window(6, 12, 4), None),  # it only touches
        (a_window(6, 14, 4), None),
    ],
)
def test_a_window_is_cut_to_the_period_if_enough_of_it_is_left(period: TimePeriod, piece: TimePeriod | None) -> None:
    slots = shown([a_slot(MORNING)], [period], timedelta(minutes=61))
    assert [slot.window for slot in slots] == ([] if piece is None else [piece])


def test_a_cut_window_keeps_its_token_and_one_that_is_whole_may_be_short() -> None:
    brief = a_window(6, 9, 1)
    slots = shown([a_slot(MORNING, "S-1"), a_slot(brief, "S-2")], [a_window(6, 8, 3)], timedelta(hours=2))
    assert slots == (a_slot(a_window(6, 8, 3), "S-1"), a_slot(brief, "S-2"))


def test_a_window_may_have_a_piece_in_each_of_several_periods() -> None:
    periods = [a_window(6, 6, 3), a_window(6, 10, 12), WEEK]
    slots = shown([a_slot(MORNING)], periods, timedelta())
    assert [slot.window for slot in slots] == [a_window(6, 8, 1), MORNING, a_window(6, 10, 2)]


def test_pieces_of_several_windows_that_are_equal_are_one_slot() -> None:
    offers = [ranked(2, "S-1"), ranked(1, "S-2", a_window(6, 6, 6))]
    (slot,) = shown(offers, [a_window(6, 8, 2)], timedelta())
    assert slot.token == ranked(1, "S-2").token
