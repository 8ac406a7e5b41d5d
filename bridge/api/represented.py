"""For whom a request is made (R5 to R8). Who stands for one party must not name it; who stands for several must."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from bridge.api.failures import access_denied, bad_request, invalid_query
from bridge.api.query import Query
from bridge.domain.model import BuyerId
from bridge.mef.error_bodies import Error400Code

PARAMETERS: Final = frozenset({"buyerId", "sellerId"})


@dataclass(frozen=True, slots=True)
class Represented:
    """The Buyer of a request, and both parameters as they were given (notifications must repeat them, R9)."""

    buyer: BuyerId
    buyer_param: str | None
    seller_param: str | None

    @property
    def buyers(self) -> frozenset[BuyerId]:
        """Whose objects the request may see."""
        return frozenset({self.buyer})


def represented(query: Query, buyers: tuple[BuyerId, ...], sellers: tuple[str, ...]) -> Represented:
    """Read `buyerId` and `sellerId` against what the caller and the bridge represent."""
    buyer_param = _named(query, "buyerId", "Buyer", buyers)
    seller_param = _named(query, "sellerId", "Seller", sellers)
    return Represented(buyers[0] if buyer_param is None else BuyerId(buyer_param), buyer_param, seller_param)


def _named(query: Query, parameter: str, party: str, allowed: Collection[str]) -> str | None:
    given = query.text(parameter)
    if len(allowed) <= 1:
        if given is not None:
            raise invalid_query(f"{parameter} must not be given: there is only one {party} here.")
        return None
    if given is None:
        reason = f"{parameter} is required: there are several {party}s here."
        raise bad_request(Error400Code.MISSING_QUERY_PARAMETER, reason)
    if given not in allowed:
        raise access_denied(f"You do not represent the {party} named by {parameter}.")
    return given
