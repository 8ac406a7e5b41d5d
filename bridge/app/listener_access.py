"""How the Buyers' listeners are called: made of the `listeners` section of the buyers file."""

from pathlib import Path

import structlog

from bridge.app.process import now
from bridge.delivery.access import Access, TlsFiles
from bridge.delivery.access_tokens import TokenRequest
from bridge.delivery.reachability import ping
from bridge.delivery.sender import open_sender
from bridge.delivery.signing import read_key
from bridge.domain.model import BuyerId
from bridge.errors import PermanentError
from bridge.flows.ports.subscription import Subscription
from bridge.flows.ports.webhook_delivery import Attempt
from bridge.listener_settings import (
    BearerAuthentication,
    ClientCredentials,
    ClientTls,
    ListenerSettings,
    SecretFile,
    SecretSource,
)
from bridge.secret import FileSecret, Secret
from bridge.settings import Settings, buyers_of

log = structlog.get_logger(__name__)


def load_access(settings: Settings) -> dict[BuyerId, Access]:
    """Load how the listeners of each Buyer that is listed are called.

    Raises `PermanentError` for a file that cannot be read, and for a signing key that is none.
    """
    if settings.delivery.proxy_resolves:
        log.warning(
            "delivery.proxy_resolves",
            warning="listeners' names are resolved by the proxy and not judged by the bridge: the proxy must refuse "
            "private, loopback, link-local and metadata addresses",
        )
    listed = buyers_of(settings).listeners
    return {BuyerId(each.buyer): _access(each, settings.delivery.ca_file) for each in listed}


async def ping_listener(settings: Settings, listener: Subscription) -> Attempt:
    """Ask whether a listener can be reached, by a client of its own: nothing is mixed up with the deliveries."""
    async with open_sender(settings.delivery, now, load_access(settings)) as sender:
        return await ping(sender, listener, now, settings.delivery.guide_listener_buyers)


def _access(listed: ListenerSettings, ca_file: Path | None) -> Access:
    try:
        chosen = listed.authentication
        return Access(
            hosts=frozenset(listed.hosts),
            bearer=_secret(chosen.token) if isinstance(chosen, BearerAuthentication) else None,
            oauth2=_token_request(chosen) if isinstance(chosen, ClientCredentials) else None,
            keys=tuple(map(_signing_key, listed.signing)),
            tls=_tls(listed.tls, ca_file),
        )
    except PermanentError as wrong:
        raise PermanentError(f"listeners of {listed.buyer}: {wrong}") from wrong


def _token_request(chosen: ClientCredentials) -> TokenRequest:
    return TokenRequest(
        url=chosen.token_url,
        client_id=chosen.client_id,
        client_secret=_secret(chosen.client_secret),
        scope=chosen.scope,
        audience=chosen.audience,
        client_authentication=chosen.client_authentication,
    )


def _signing_key(source: SecretSource) -> Secret:
    if isinstance(source, SecretFile):
        return FileSecret(source.file, read_key)
    read_key(_secret(source).reveal())
    return _secret(source)


def _secret(source: SecretSource) -> Secret:
    return FileSecret(source.file) if isinstance(source, SecretFile) else Secret(source.get_secret_value())


def _tls(chosen: ClientTls, ca_file: Path | None) -> TlsFiles | None:
    if chosen == ClientTls():
        return None
    password = None if chosen.key_password is None else _secret(chosen.key_password)
    authorities = [path for path in (ca_file, chosen.ca) if path is not None]
    return TlsFiles(authorities, chosen.certificate, chosen.key, password)
