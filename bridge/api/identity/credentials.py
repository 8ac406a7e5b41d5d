"""API keys and tokens side by side: what is sent is taken for what it looks like."""

from collections.abc import Mapping

from bridge.api.identity.api_keys import ApiKeyIdentity
from bridge.api.identity.presented import looks_like_token, presented
from bridge.api.identity.principal import Principal
from bridge.api.identity.tokens import TokenIdentity


class CredentialsIdentity:
    """Knows callers by their API key or by their token."""

    def __init__(self, api_keys: ApiKeyIdentity, tokens: TokenIdentity) -> None:
        self._api_keys = api_keys
        self._tokens = tokens

    async def authenticate(self, headers: Mapping[str, str], peer: str | None = None) -> Principal:
        """Give the entity that the credentials belong to."""
        credential = presented(headers)
        if looks_like_token(credential):
            return await self._tokens.identify(credential)
        return self._api_keys.identify(credential)
