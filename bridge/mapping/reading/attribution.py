"""Whose fault it is that a visit failed: reasons of the WFM attributed to the Buyer, the Seller or nobody.

No product says it by itself, so a pack lists its reasons, and says what holds for those that it does not list.
"""

from collections.abc import Callable, Sequence

from bridge.mapping import document
from bridge.mapping.reading.cells import reason_text, words_test

Attribute = Callable[[Sequence[object]], str]
PARTIES = ("buyer", "seller", "neutral")


def compile_attribution(section: document.Attribution) -> Attribute:
    """Make a function from the reasons of a message to a party; of several reasons the first attributed one counts."""
    codes = {reason_text(one.code): party for party, one in _entries(section) if one.code is not None}
    texts = [(words_test(one), party) for party, one in _entries(section) if one.code is None]

    def attribute(reasons: Sequence[object]) -> str:
        given = [reason_text(reason) for reason in reasons if reason is not None]
        if not any(given):
            return section.absent
        for reason in given:
            if reason in codes:
                return codes[reason]
            party = next((party for fits, party in texts if fits(reason)), None)
            if party is not None:
                return party
        return section.unknown

    return attribute


def _entries(section: document.Attribution) -> list[tuple[str, document.ReasonTest]]:
    return [(party, one) for party in PARTIES for one in getattr(section, party)]
