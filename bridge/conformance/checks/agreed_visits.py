"""What holds of a visit that the Seller has agreed by himself, by phone perhaps, and no Buyer has booked.

The standard speaks of what a Buyer begins; nearly all of it is said of the Appointment, whoever made it. So the checks
are the same ones, and only what they call a booking is another: the Seller agrees the visit, and the Buyer sees it.
"""

from typing import Final

from bridge.conformance.check import Check
from bridge.conformance.checks import (
    appointment_life,
    appointment_lists,
    appointments,
    booking,
    cancelling,
    patching,
    work_order_life,
    work_orders,
)
from bridge.conformance.scene import Scene

_HOLD_TOO: Final = (
    *("R18-complete", "R19-confirmed", "R20-second_booking", "R20-second_booking_later", "R22-referred"),
    *("R23-not_required", "R24-planned", "R25-ticket", "R26-completes", "R26-fails", "R26-missed", "R26-cancelled"),
    *("R27-moved", "R28-each_step_notified", "R28-cancel_notified", "R28-no_show_notified"),
    *("R29-sellers_change_notified", "R30-attributes", "R31-overlapping", "R32-by_id", "R33-others", "R33-others_list"),
    *("R34-attributes", "R35-extras", "R36-extras", "R36-own_contacts", "R36-new_window", "R37-place"),
    *("R37-other_attributes",),
    *("R38-sellers_contact", "R40-cancelled", "R40-started", "R40-finished", "R41-backwards", "R41-past", "R42-nobody"),
    *("R43-notes", "R44-attachments", "R46-twice", "R46-finished", "R47-work_order_started", "R48-required_again"),
    *("R49-open_again", "R49-booked_again", "R50-status", "R53-technician", "R54-optional", "R55-cancelled_planned"),
    *("R55-opened_again", "R57-steps_notified", "R57-reopening_notified", "R58-need_notified_again"),
    *("O3-by_status", "O3-by_work_order", "O3-by_site_or_address", "O3-outside_left_out"),
)
_ALL: Final = (
    *booking.CHECKS,
    *appointment_life.CHECKS,
    *appointment_lists.CHECKS,
    *appointments.CHECKS,
    *patching.CHECKS,
    *cancelling.CHECKS,
    *work_orders.CHECKS,
    *work_order_life.CHECKS,
)


def _agreed(check: Check) -> Check:
    async def run(scene: Scene) -> None:
        scene.seller_agrees = True
        await check.run(scene)

    run.__name__ = f"agreed_{check.id.partition('-')[2]}"
    return Check(check.requirement, f"of a visit that the Seller agreed: {check.title}", run)


_BY_ID: Final = {check.id: check for check in _ALL}
CHECKS: Final = tuple(_agreed(_BY_ID[each]) for each in _HOLD_TOO)
