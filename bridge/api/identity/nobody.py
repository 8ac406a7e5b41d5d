"""No identity at all."""

from collections.abc import Mapping

from bridge.api.identity.principal import Principal


class NoIdentity:
    """Takes everybody for the same principal. For a lab on a loopback address only; the settings see to that."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    async def authenticate(self, headers: Mapping[str, str], peer: str | None = None) -> Principal:
        """Ask for nothing."""
        del headers
        return self._principal
