"""Who may call: made of the settings and the file of Buyers."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr

from bridge.api.identity import (
    ApiKeyIdentity,
    CertificateIdentity,
    CredentialsIdentity,
    Identity,
    KeySet,
    NoIdentity,
    Principal,
    RequestingEntity,
    TokenIdentity,
    TokenRules,
    TrustedProxies,
    reader,
)
from bridge.delivery.access import TlsFiles
from bridge.delivery.egress import proxy_options
from bridge.domain.model import BuyerId
from bridge.mef.enums import Api
from bridge.settings import IdentityMode, IdentitySettings, Mode, Settings, buyers_of

log = structlog.get_logger(__name__)


def load_entities(settings: Settings) -> list[RequestingEntity]:
    """Load who may call the API."""
    return [
        RequestingEntity(
            name=entity.name,
            client_id=entity.client_id,
            api_key_sha256=entity.api_keys_sha256,
            certificates_sha256=entity.certificates_sha256,
            buyers=tuple(BuyerId(buyer) for buyer in entity.buyers),
        )
        for entity in buyers_of(settings).requesting_entities
    ]


def open_identity(settings: Settings, entities: Sequence[RequestingEntity], keys: KeySet | None) -> Identity:
    """Say how callers are told apart."""
    chosen = settings.identity
    if chosen.mode is IdentityMode.NONE:
        log.warning(
            "identity.none",
            warning=f"EVERYBODY on this machine is taken for the Buyer {chosen.buyer}; no credentials are asked for",
            host=settings.http.host,
        )
        return NoIdentity(Principal("anybody", (BuyerId(chosen.buyer),)))
    others = _with_credentials(settings, entities, keys)
    if not chosen.certificate_header:
        return others
    networks = tuple(map(ip_network, chosen.trusted_proxies))
    return CertificateIdentity(entities, TrustedProxies(chosen.certificate_header, networks), others)


def _with_credentials(settings: Settings, entities: Sequence[RequestingEntity], keys: KeySet | None) -> Identity:
    api_keys = ApiKeyIdentity(entities)
    if keys is None:
        return api_keys
    return CredentialsIdentity(api_keys, TokenIdentity(entities, keys, token_rules(settings)))


async def open_keys(settings: Settings, stack: AsyncExitStack) -> KeySet | None:
    """Read the keys of the tokens' issuer, if there is one. Raises `PermanentError` for a file that cannot be read."""
    chosen = settings.identity
    if not chosen.jwks:
        return None
    keys = KeySet(
        reader(chosen.jwks, production=settings.mode is Mode.PRODUCTION, options=way_to_keys(chosen)),
        refresh_s=chosen.jwks_refresh_minutes * 60,
        floor_s=chosen.jwks_floor_seconds,
    )
    stack.push_async_callback(keys.close)
    await keys.load()
    return keys


def way_to_keys(chosen: IdentitySettings) -> Mapping[str, Any]:
    """Say through what proxy the keys are fetched, and which authorities vouch for their server."""
    return way_out(chosen.jwks_proxy_url, chosen.jwks_ca_file)


def way_out(proxy: SecretStr | None, ca_file: Path | None) -> Mapping[str, Any]:
    """Give what the HTTP client is told of a proxy and of trusted authorities. Raises `PermanentError` for a file."""
    trust = {} if ca_file is None else {"ssl": TlsFiles([ca_file]).context}
    return {**proxy_options(None if proxy is None else proxy.get_secret_value()), **trust}


def token_rules(settings: Settings) -> TokenRules:
    """Say what a token must be."""
    chosen = settings.identity
    return TokenRules(
        issuer=chosen.issuer,
        audience=chosen.audience,
        algorithms=frozenset(algorithm.value for algorithm in chosen.algorithms),
        scopes={Api.APPOINTMENT: chosen.appointment_scope, Api.WORK_ORDER: chosen.work_order_scope},
        entity_claim=chosen.entity_claim,
        scope_claims=chosen.scope_claims,
        leeway=timedelta(seconds=chosen.leeway_seconds),
    )
