"""An act of a person, as the audit log keeps it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An act of a person: who did what with which thing, when, and why (`note`).

    `outcome` is what came of it; empty where it was begun and nobody knows, since the process ended.
    """

    at: datetime
    who: str
    role: str
    act: str
    thing: str
    note: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class RecordedAct:
    """An act with its number in the audit log, ascending."""

    number: int
    entry: AuditEntry
