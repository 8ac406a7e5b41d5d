"""What the console stands on; the use cases and the store fit these."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.console.acts import Acts
from bridge.flows.ports import RecordedAct


class AuditReader(Protocol):
    """The audit log, as it is read."""

    async def latest(self, limit: int = 100, before: int | None = None) -> Sequence[RecordedAct]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All of it. `login_hint` says on the login page how one gets in, if that is no secret."""

    acts: Acts
    audit: AuditReader
    checks: Callable[[], Mapping[str, bool | str]]
    login_hint: str = ""
