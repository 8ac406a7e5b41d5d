"""Draws the state machines from their tables, as Mermaid state diagrams and as the page `docs/state-machines.md`.

The page is generated, so that it cannot say anything else than the tables do:
`python -c "from bridge.domain.diagram import page; print(page(), end='')" > docs/state-machines.md`
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from bridge.domain import appointment, work_order
from bridge.mef.enums import AppointmentStatus, WorkOrderState

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


def mermaid(table: Mapping[tuple[State, Event], State], initial: State, terminal: Collection[State]) -> str:
    """Return a Mermaid `stateDiagram-v2` of a transition table: one line a transition, labelled with its event."""
    hops = [f"    {source} --> {target}: {event}" for (source, event), target in table.items()]
    ends = [f"    {state} --> [*]" for state in sorted(terminal)]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {initial}", *hops, *ends])


def page() -> str:
    """Return the text of `docs/state-machines.md`."""
    return _PAGE.format(
        work_order=mermaid(work_order.TRANSITIONS, WorkOrderState.OPEN, work_order.TERMINAL),
        appointment=mermaid(appointment.TRANSITIONS, AppointmentStatus.CONFIRMED, appointment.TERMINAL),
    )


_PAGE = """\
# State machines

Generated from the transition tables in `bridge/domain/work_order.py` and `bridge/domain/appointment.py`; a test keeps
this page equal to them. A transition that is not drawn is illegal: it is never stored and never notified.

A WFM skips states. The bridge then takes the shortest way through these diagrams, and each hop is a transition of its
own with its own notification, the Appointment's before the WorkOrder's, as in Figure 5 of the MEF 137 guide.

## WorkOrder

MEF 137 Figure 17, with the way back from `planned` to `open` of R49, which the figure leaves out.

```mermaid
{work_order}
```

## Appointment

MEF 137 Figure 11. `missed` (the Seller's side) and `failed` (the Buyer's side) are reached through `inProgress` only.

```mermaid
{appointment}
```
"""
