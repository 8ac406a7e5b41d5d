"""Deltas that come before their job: a required field may be absent in them, and the rules decide all the same.

Such a delta waits for its job where no rule fits, and where one fits that only has a goal. A rule that parks or
ignores decides it at once: it may have no other message; and one that parks whatever comes parks what would have
waited.
"""

from functools import cached_property

from bridge.mapping.checks.proofs.boxes import Box, left_over, meet
from bridge.mapping.checks.proofs.situations import Space, space_of, view_of
from bridge.mapping.document import FieldSpec, PackDocument, Rule

_UNKNOWN = view_of((None, None))


class Early:
    """The situations of deltas whose job is not known yet; there are none where messages are complete."""

    def __init__(self, document: PackDocument) -> None:
        self._document = document

    @cached_property
    def _space(self) -> Space | None:
        """They are drawn when they are first asked for: few packs ask."""
        document = self._document
        if document.inbound.deltas and any(spec.required for spec in document.fields.values()):
            return space_of(tolerant(document))
        return None

    def decides(self, index: int) -> bool:
        """Tell whether a rule parks or ignores some of them."""
        rule = self._document.rules[index]
        if not _decides_at_once(rule) or (space := self._space) is None:
            return False
        start = meet(_unknown(space), space.rules[index])
        return start is not None and bool(left_over([start], space.rules[:index]))


def _decides_at_once(rule: Rule) -> bool:
    return rule.then.park is not None or rule.then.ignore is not None


def tolerant(document: PackDocument) -> PackDocument:
    """Take the document as it is for these messages."""
    fields = {
        name: spec if _looks_around(spec) else spec.model_copy(update={"required": False})
        for name, spec in document.fields.items()
    }
    return document.model_copy(update={"fields": fields})


def _looks_around(spec: FieldSpec) -> bool:
    """Tell a field that has a value whatever the message tells."""
    return bool(spec.asked or spec.changed or spec.writes or spec.empties or spec.attribution)


def _unknown(space: Space) -> Box:
    return tuple(variable.mask_where(_UNKNOWN) for variable in space.variables)
