"""What stands in files: packs, Buyers, and the keys and certificates that these and the settings name."""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import ClientError

from bridge.api.identity.jwks import InvalidKeySet, parse_key_set
from bridge.api.identity.key_source import fetch, reader
from bridge.app.callers import way_out, way_to_keys
from bridge.app.console_side import is_laboratory, open_issuer, session_key, users_of
from bridge.app.doctor.diagnosis import Unseen
from bridge.app.listener_access import load_access
from bridge.app.packs import check_reply_queues, check_sellers, load_packs
from bridge.console.pages.issuer import CALLBACK
from bridge.errors import PermanentError
from bridge.mapping.pack import Pack
from bridge.oidc import IssuerUnavailable
from bridge.settings import AdminRole, Mode, Settings, buyers_of
from bridge.yaml_source import InvalidDocument

_SHOWN: Final = 3


class Packs:
    """The packs; `loaded` are they once they are examined, None where they are wrong."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.loaded: Mapping[str, Pack] | None = None

    async def examine(self) -> str:
        """Load all packs, as `serve` does."""
        try:
            loaded = await asyncio.to_thread(load_packs, self._settings)
        except InvalidDocument as invalid:
            raise PermanentError(_shortened(invalid)) from None
        self.loaded = loaded
        check_sellers(self._settings, loaded)
        check_reply_queues(loaded)
        return ", ".join(f"{pack.name} {pack.version}" for pack in loaded.values())


async def buyers(settings: Settings) -> str:
    """Load who may call."""
    entities = buyers_of(settings).requesting_entities
    keys = sum(len(entity.api_keys_sha256) for entity in entities)
    represented = {buyer for entity in entities for buyer in entity.buyers}
    of = f"{_count(len(entities), 'caller')} for {_count(len(represented), 'Buyer')}, {_count(keys, 'API key')}"
    without = [e.name for e in entities if not (e.api_keys_sha256 or e.certificates_sha256 or settings.identity.jwks)]
    if without:
        raise PermanentError(
            f"{settings.buyers}: {', '.join(without)}: nobody can call as this entity: it has no API key and no "
            "certificate, and identity.jwks is not set"
        )
    known = "; mode: development, in which the well-known keys work" if settings.mode is Mode.DEVELOPMENT else ""
    return of + known


async def listeners(settings: Settings) -> str:
    """Load how listeners are called, with the secrets and certificates that are in files."""
    try:
        buyers_of(settings)
    except InvalidDocument:
        raise Unseen("the buyers file is wrong") from None
    access = await asyncio.to_thread(load_access, settings)
    if not access:
        return "no Buyer's listeners need credentials or certificates of ours"
    signed = sum(bool(each.keys) for each in access.values())
    secured = sum(each.tls is not None for each in access.values())
    of = _count(len(access), "Buyer")
    return f"listeners of {of}: signed for {signed}, with certificates of their own for {secured}"


async def operators(settings: Settings) -> str:
    """See who may use the console, with the tokens and the session key that are in files."""
    admin = settings.admin
    users_of(settings, None)
    session_key(admin)
    roles = [user.role for user in admin.users]
    if is_laboratory(settings):
        return "operator-key and viewer-key open the console, on this machine only (mode: development)"
    if not roles and not settings.identity.jwks and not settings.oidc.issuer:
        raise Unseen("nobody can log in to the console: list somebody in admin.users (docs/console.md)")
    tokens = f", and tokens of the issuer with {admin.operator_scope}" if settings.identity.jwks else ""
    some, others = (roles.count(role) for role in (AdminRole.OPERATOR, AdminRole.VIEWER))
    return f"{_count(some, 'operator')}, {_count(others, 'viewer')}{tokens}"


async def jwks(settings: Settings) -> str:
    """Get the keys of the tokens' issuer."""
    place = settings.identity.jwks
    if not place:
        raise Unseen("not set: no tokens are taken")
    read = reader(place, production=settings.mode is Mode.PRODUCTION, options=way_to_keys(settings.identity))
    try:
        keys = parse_key_set(await read())
    except (ClientError, OSError, TimeoutError, InvalidKeySet) as failure:
        said = str(failure) or type(failure).__name__
        raise PermanentError(f"identity.jwks: {place} cannot be fetched: {said}") from None
    return f"{_count(len(keys), 'key')} of {settings.identity.issuer}"


async def issuer(settings: Settings) -> str:
    """Ask the issuer at whom people log in to the console what it says of itself, and for its keys."""
    chosen, admin = settings.oidc, settings.admin
    asked = open_issuer(chosen)
    if asked is None:
        raise Unseen("not set: people log in to the console by tokens")
    try:
        metadata = await asked.metadata()
        keys = parse_key_set(await fetch(metadata.jwks_uri, way_out(chosen.proxy_url, chosen.ca_file)))
    except IssuerUnavailable as failure:
        raise PermanentError(f"oidc.issuer: {failure}") from None
    except (ClientError, OSError, TimeoutError, InvalidKeySet) as failure:
        said = str(failure) or type(failure).__name__
        raise PermanentError(f"oidc.issuer: its keys at {metadata.jwks_uri} cannot be fetched: {said}") from None
    finally:
        await asked.close()
    ours = (admin.base_url or f"http://{admin.host}:{admin.port}").rstrip("/")
    return f"{_count(len(keys), 'key')} of {chosen.issuer}; it must lead back to {ours}{CALLBACK}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _shortened(invalid: InvalidDocument) -> str:
    lines = [str(finding) for finding in invalid.findings]
    more = len(lines) - _SHOWN
    if more > 0:
        lines[_SHOWN:] = [f"and {more} more: mef-bridge mapping check"]
    return "\n".join(lines)
