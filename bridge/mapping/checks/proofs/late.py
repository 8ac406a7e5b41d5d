"""Which rules lose their goal where a delta comes late: those that rest on what only their own message says.

Of a late delta the fields are put in their place among the others, and the rules decide on what is known then. What is
remembered of no message can't be: a goal that rests on it counts as long as no later message has named a state.
"""

from dataclasses import dataclass

from bridge.mapping.document import PackDocument
from bridge.mapping.grounds import asked_by


@dataclass(frozen=True, slots=True)
class LateRule:
    """A rule, and what it rests on that is not remembered; nothing is the message itself."""

    rule: str
    rests_on: tuple[str, ...]

    @property
    def why(self) -> str:
        """Say it in words."""
        return f"rests on {', '.join(self.rests_on)}" if self.rests_on else "rests on no field that a message tells"


def late_rules(document: PackDocument) -> tuple[LateRule, ...]:
    """List them, in the order of the rules; none where no message can be late, or a late one is stale as a whole."""
    inbound = document.inbound
    if not inbound.deltas or (inbound.version is None and not inbound.versions):
        return ()
    naming = {rule.rule: asked_by(rule, document) for rule in document.rules if rule.then.names_state}
    return tuple(
        LateRule(rule, tuple(name for name in asked.names if name not in asked.kept))
        for rule, asked in naming.items()
        if asked.own or not asked.kept
    )
