"""Every check there is, in the order of the standard."""

from typing import Final

from bridge.conformance.check import Check
from bridge.conformance.checks import (
    agreed_visits,
    appointment_life,
    appointment_lists,
    appointments,
    booking,
    cancelling,
    endpoints,
    notifications,
    pages,
    parties,
    patching,
    payloads,
    time_slots,
    work_order_life,
    work_orders,
)
from bridge.conformance.requirements import order_of

_DURING: Final[tuple[Check, ...]] = (
    *endpoints.CHECKS,
    *notifications.CHECKS,
    *parties.CHECKS,
    *payloads.CHECKS,
    *time_slots.CHECKS,
    *booking.CHECKS,
    *appointment_life.CHECKS,
    *appointment_lists.CHECKS,
    *appointments.CHECKS,
    *patching.CHECKS,
    *cancelling.CHECKS,
    *work_orders.CHECKS,
    *work_order_life.CHECKS,
    *pages.CHECKS,
    *agreed_visits.CHECKS,
)

CHECKS: Final[tuple[Check, ...]] = tuple(sorted(_DURING, key=lambda check: order_of(check.requirement)))

AFTERWARDS: Final[tuple[Check, ...]] = (
    *payloads.AFTERWARDS,
    *notifications.AFTERWARDS,
    *appointment_life.AFTERWARDS,
    *work_order_life.AFTERWARDS,
)
"""They look back at the whole run, so they come last."""
