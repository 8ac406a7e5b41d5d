"""What a Buyer is shown of the windows a WFM offers (R13, R14)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bridge.domain.model import Appointment, Offered, OfferedSlot, WorkOrder
from bridge.mef.enums import WorkOrderState
from bridge.mef.models import TimePeriod


def available(offers: Iterable[Offered], requested: Sequence[TimePeriod]) -> tuple[OfferedSlot, ...]:
    """Keep what falls within a requested period, one slot for each window, earliest first.

    Equal windows of several technicians are one slot: a MEF TimeSlot says when somebody comes, not who. It is the one
    of the lowest rank, of several such the first.
    """
    by_window: dict[tuple[datetime, datetime], OfferedSlot] = {}
    for offered in offers:
        for slot in _shown(offered, requested):
            rival = by_window.setdefault(_order(slot), slot)
            if _rank(slot) < _rank(rival):
                by_window[_order(slot)] = slot
    return tuple(sorted(by_window.values(), key=_order))


def moved_offer(work_order: WorkOrder, latest: Appointment | None) -> Offered:
    """Offer the window to which the Seller moved the visit (R27): it is taken, but by this job's own visit."""
    if work_order.state is not WorkOrderState.OPEN or latest is None or latest.moved_window is None:
        return Offered(())
    return Offered((OfferedSlot(latest.moved_window, {}),))


def _shown(offered: Offered, requested: Sequence[TimePeriod]) -> Iterator[OfferedSlot]:
    """Give the slots as they lie within the periods; one may have a piece in each of several."""
    for slot in offered.slots:
        pieces = (_piece(slot.window, period, offered.shortest) for period in requested)
        yield from (replace(slot, window=piece) for piece in pieces if piece is not None)


def _piece(window: TimePeriod, period: TimePeriod, shortest: timedelta | None) -> TimePeriod | None:
    start = max(window.start_date_time, period.start_date_time)
    end = min(window.end_date_time, period.end_date_time)
    if (start, end) == (window.start_date_time, window.end_date_time):
        return window
    if shortest is None or start >= end or end - start < shortest:
        return None
    return TimePeriod(start_date_time=start, end_date_time=end)


def _order(slot: OfferedSlot) -> tuple[datetime, datetime]:
    return slot.window.start_date_time, slot.window.end_date_time


def _rank(slot: OfferedSlot) -> tuple[bool, float]:
    return (slot.rank is None, slot.rank or 0)
