"""The Appointment state machine of MEF 137 (Figure 11, Table 9, R26) as one table: status × event → status.

A pair that is not in the table is illegal. `missed` and `failed` are reached through `inProgress` only.
"""

from collections.abc import Mapping
from enum import StrEnum

from bridge.mef.enums import AppointmentStatus as S


class AppointmentEvent(StrEnum):
    """What can happen to an Appointment."""

    RESCHEDULE = "reschedule"
    START = "start"
    COMPLETE = "complete"
    MISS = "miss"
    FAIL = "fail"
    CANCEL = "cancel"


E = AppointmentEvent

TRANSITIONS: Mapping[tuple[S, E], S] = {
    (S.CONFIRMED, E.RESCHEDULE): S.CONFIRMED,
    (S.CONFIRMED, E.START): S.IN_PROGRESS,
    (S.CONFIRMED, E.CANCEL): S.CANCELLED,
    (S.IN_PROGRESS, E.COMPLETE): S.COMPLETED,
    (S.IN_PROGRESS, E.MISS): S.MISSED,
    (S.IN_PROGRESS, E.FAIL): S.FAILED,
}

HOPS = frozenset((source, target) for (source, _), target in TRANSITIONS.items())
"""From where to where one transition leads."""

OPEN = frozenset({S.CONFIRMED, S.IN_PROGRESS})
TERMINAL = frozenset({S.CANCELLED, S.COMPLETED, S.MISSED, S.FAILED})
