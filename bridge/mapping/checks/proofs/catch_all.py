"""A last rule that takes whatever the others leave: with it no gaps are to be seen, and perhaps too little waits."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.mapping.checks.proofs.boxes import left_over
from bridge.mapping.checks.proofs.early import Early
from bridge.mapping.checks.proofs.gaps import gaps_in_words
from bridge.mapping.checks.proofs.situations import Space, space_of
from bridge.mapping.document import PackDocument


@dataclass(frozen=True, slots=True)
class CatchAll:
    """The rule. `parks_early`: it parks deltas that would wait for their job without it, or with what this says.

    That is empty where it has no other message.
    """

    rule: str
    parks_early: str | None = None


def catch_all_of(document: PackDocument) -> CatchAll | None:
    """Find the rule; None where the last one asks for more than that something is there which always is."""
    last = document.rules[-1]
    if not last.when:
        return CatchAll(last.rule, _remedy(document) if last.then.park is not None else None)
    if any(cell.present is not True for cell in last.when.values()):
        return None
    space = space_of(document)
    return CatchAll(last.rule) if space.rules[-1] == space.full else None


def _remedy(document: PackDocument) -> str | None:
    """Let the rule ask for what every job has told and rules ask for: a delta that does not tell it waits then."""
    fields = document.fields
    asked = [column.partition(".")[0] for rule in document.rules for column in rule.when]
    told = [name for name in asked if name in fields and fields[name].required and fields[name].remember]
    told = [name for name in told if fields[name].path is not None]
    if not told or not Early(document).decides(len(document.rules) - 1):
        return None
    space = space_of(document)
    return f"when: {{{told[0]}: {{present: true}}}}" if left_over([space.full], space.rules[:-1]) else ""


def only_caught(document: PackDocument) -> Sequence[str]:
    """Say what only the last rule takes, the shortest first. Raises `TooLarge`."""
    space = space_of(document)
    return gaps_in_words(Space(space.variables, space.rules[:-1]))
