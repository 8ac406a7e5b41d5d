"""What a Buyer is shown of the windows a WFM offers (R13, R14)."""

from bridge.domain.time_slots import available
from bridge.mef.models import TimePeriod
from tests.unit.domain.builders import AFTERNOON, MORNING, NEXT_DAY, a_slot, a_window

WHOLE_DAY = a_window(6, 0, 24)
WEEK = a_window(5, 0, 7 * 24)


def test_offers_within_a_requested_period_are_shown() -> None:
    assert available([a_slot(MORNING), a_slot(NEXT_DAY)], [WHOLE_DAY]) == (a_slot(MORNING),)


def test_an_offer_that_is_exactly_the_requested_period_is_shown() -> None:
    assert available([a_slot(MORNING)], [MORNING]) == (a_slot(MORNING),)


def test_an_offer_that_reaches_beyond_the_period_is_not_shown() -> None:
    """R14: an appointment that falls within the requestedTimeSlot."""
    assert available([a_slot(a_window(6, 6)), a_slot(a_window(6, 10))], [MORNING]) == ()


def test_nothing_offered_is_an_empty_list() -> None:
    """R13."""
    assert available([], [WEEK]) == ()


def test_an_offer_across_two_requested_periods_falls_within_neither() -> None:
    halves: list[TimePeriod] = [a_window(6, 8, 2), a_window(6, 10, 2)]
    assert available([a_slot(MORNING)], halves) == ()


def test_overlapping_periods_show_an_offer_once() -> None:
    assert available([a_slot(MORNING)], [WHOLE_DAY, WEEK]) == (a_slot(MORNING),)


def test_equal_windows_of_several_technicians_are_one_slot_the_first() -> None:
    offers = [a_slot(MORNING, "S-1"), a_slot(MORNING, "S-2")]
    assert available(offers, [WHOLE_DAY]) == (a_slot(MORNING, "S-1"),)


def test_slots_come_earliest_first_and_the_shorter_of_two_first() -> None:
    short = a_window(6, 8, 2)
    offers = [a_slot(NEXT_DAY), a_slot(AFTERNOON), a_slot(MORNING), a_slot(short)]
    assert [slot.window for slot in available(offers, [WEEK])] == [short, MORNING, AFTERNOON, NEXT_DAY]
