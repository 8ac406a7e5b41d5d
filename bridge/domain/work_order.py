"""The WorkOrder state machine of MEF 137 (Figure 17, R49, R55) as one table: state × event → state.

A pair that is not in the table is illegal. Everything else about WorkOrders (planning, rules, docs) reads this table.
"""

from collections.abc import Mapping
from enum import StrEnum

from bridge.mef.enums import WorkOrderState as S


class WorkOrderEvent(StrEnum):
    """What can happen to a WorkOrder."""

    PLAN = "plan"
    START = "start"
    COMPLETE = "complete"
    GIVE_UP = "giveUp"
    CANCEL = "cancel"
    REOPEN = "reopen"


E = WorkOrderEvent

TRANSITIONS: Mapping[tuple[S, E], S] = {
    (S.OPEN, E.PLAN): S.PLANNED,
    (S.OPEN, E.START): S.IN_PROGRESS,
    (S.OPEN, E.CANCEL): S.CANCELLED,
    (S.PLANNED, E.START): S.IN_PROGRESS,
    (S.PLANNED, E.CANCEL): S.CANCELLED,
    (S.PLANNED, E.REOPEN): S.OPEN,  # R49; the figure leaves it out
    (S.IN_PROGRESS, E.COMPLETE): S.COMPLETED,
    (S.IN_PROGRESS, E.GIVE_UP): S.UNABLE_TO_COMPLETE,
}

HOPS = frozenset((source, target) for (source, _), target in TRANSITIONS.items())
"""From where to where one transition leads."""

TERMINAL = frozenset({S.COMPLETED, S.CANCELLED, S.UNABLE_TO_COMPLETE})
