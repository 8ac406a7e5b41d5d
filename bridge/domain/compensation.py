"""Takes a visit back that the WFM booked and the Buyer was told is not done: asked again until it is gone.

As long as the visit may stand, the booking that made it knows when the WFM is asked next. It is over once the WFM
agrees, knows no such visit (any more), or says that the visit was cancelled; and once the visit has begun, or the WFM
says that it never takes it back. Then the Buyer is shown it, as the WFM's truth wins (`booking.py`); where his
WorkOrder can take none, somebody at the Seller's must choose. Any other refusal may pass.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bridge.domain.booking import adopt, can_be_adopted
from bridge.domain.draft import Draft
from bridge.domain.model import (
    Accepted,
    CancelVisit,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    Decision,
    Ids,
    Job,
    Outcome,
    Refused,
    Visit,
)
from bridge.domain.work_order import TERMINAL
from bridge.mef.enums import Error422Code
from bridge.mef.models import RelatedContactInformation

TRIES = 8
"""After so many without success an operator must look; the WFM is asked on, slowly."""
SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)
SLOW_WAIT = timedelta(hours=1)


def begin(command: Command, now: datetime) -> tuple[Command, CancelVisit]:
    """Return the booking as one that is being taken back, and the effect that asks the WFM for the first time."""
    return _asked(replace(command, state=CommandState.COMPENSATED, tries=0), now)


def standing(job: Job, booking: CommandId) -> Command | None:
    """Return a booking whose visit may still stand in the WFM; None once it is known to be gone."""
    command = job.find_command(booking)
    return command if command is not None and command.try_again_at is not None else None


def ask_again(job: Job, command: Command, now: datetime) -> Decision:
    """Ask the WFM once more, unless that could hit a visit that the Buyer has booked since."""
    if _seen(job, command):
        return settled(job, command, "the Buyer sees this visit now")
    if _may_be_booked_again(job, command):
        wait = replace(command, try_again_at=now + SHORTEST_WAIT)
        return _decision(job, wait, "another booking is under way, which may be given the same visit")
    asked, effect = _asked(command, now)
    return replace(
        _decision(job, asked, f"the WFM is asked again to take the visit back (try {asked.tries})"), effects=(effect,)
    )


def replied(
    job: Job, command: Command, reply: Accepted | Refused, seller: RelatedContactInformation, ids: Ids, now: datetime
) -> Decision:
    """Decide on the WFM's reply; the visit of a refusal that may pass is asked for again at its time.

    `seller` stands in as sellerAppointmentContact where the visit is shown to the Buyer after all.
    """
    if isinstance(reply, Accepted):
        return settled(job, command, "the WFM took the visit back")
    if reply.code is Error422Code.REFERENCE_NOT_FOUND:
        return settled(job, command, "the WFM knows no such visit any more")
    if not reply.final:
        return _decision(job, command, f"the WFM did not take the visit back, and is asked again: {reply.reason}")
    return _stands(job, command, reply, seller, ids, now)


def _stands(
    job: Job, command: Command, reply: Refused, seller: RelatedContactInformation, ids: Ids, now: datetime
) -> Decision:
    """The WFM never takes the visit back: it is so, whatever the Buyer was told."""
    order = job.work_order
    if order is None or order.state in TERMINAL or _seen(job, command):
        return settled(job, command, f"nothing is left to be taken back: {reply.reason}")
    if can_be_adopted(job):
        draft = Draft(job, order, now)
        adopt(draft, command, Visit(ref=command.visit, window=command.window, contacts=(seller,)), ids)
        return draft.result(reason=f"the WFM does not take the visit back any more; it is adopted: {reply.reason}")
    reason = (
        f"the WFM does not take back the visit {command.visit or 'without a number'} of a booking that the Buyer was "
        f"told is not done, and his WorkOrder ({order.state}) can take no other: {reply.reason}; end it in the WFM, or "
        "let it take place: the Buyer sees what the WFM tells of the job"
    )
    return replace(settled(job, command, reason), outcome=Outcome.PARKED)


def settled(job: Job, command: Command, reason: str) -> Decision:
    """Nothing of the booking is left in the WFM."""
    return _decision(job, replace(command, try_again_at=None), reason)


def needs_operator(command: Command) -> bool:
    """Tell whether just now so many tries were in vain that somebody must look."""
    return command.tries == TRIES


def _asked(command: Command, now: datetime) -> tuple[Command, CancelVisit]:
    tries = command.tries + 1
    asked = replace(command, tries=tries, try_again_at=now + _wait(command, tries))
    return asked, CancelVisit(command.id, command.visit, command.window, command.work_order)


def _wait(command: Command, tries: int) -> timedelta:
    """The WFM has the time for its reply that it had for the booking's, then twice that, and so on."""
    if tries >= TRIES:
        return SLOW_WAIT
    first = max(command.expires_at - command.created_at, SHORTEST_WAIT)
    return min(first * float(2 ** (tries - 1)), LONGEST_WAIT)


def _seen(job: Job, command: Command) -> bool:
    current = job.open_appointment
    return current is not None and Visit(ref=command.visit, window=command.window).is_of(current)


def _may_be_booked_again(job: Job, command: Command) -> bool:
    return any(
        other.kind is CommandKind.BOOK
        and other.is_pending
        and (command.visit is None or other.window == command.window)
        for other in job.commands
    )


def _decision(job: Job, command: Command, reason: str) -> Decision:
    return Decision(outcome=Outcome.UNCHANGED, job=job.with_command(command), reason=reason)
