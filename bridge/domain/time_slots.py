"""What a Buyer is shown of the windows a WFM offers (R13, R14)."""

from collections.abc import Iterable, Sequence

from bridge.domain.model import OfferedSlot
from bridge.mef.models import TimePeriod


def available(offered: Iterable[OfferedSlot], requested: Sequence[TimePeriod]) -> tuple[OfferedSlot, ...]:
    """Keep the offers that fall within a requested period, one for each window (the first), earliest first.

    Equal windows of several technicians are one slot: a MEF TimeSlot says when somebody comes, not who.
    """
    by_window: dict[tuple[object, object], OfferedSlot] = {}
    for slot in offered:
        if any(_within(slot.window, period) for period in requested):
            by_window.setdefault((slot.window.start_date_time, slot.window.end_date_time), slot)
    return tuple(sorted(by_window.values(), key=lambda slot: (slot.window.start_date_time, slot.window.end_date_time)))


def _within(window: TimePeriod, period: TimePeriod) -> bool:
    return period.start_date_time <= window.start_date_time and window.end_date_time <= period.end_date_time
