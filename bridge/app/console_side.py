"""Puts together the operators' console: who may enter, and what it stands on."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from bridge.api.identity import KeySet, TokenIdentity
from bridge.api.identity.claims import scopes_in
from bridge.app.buyer_side import checks
from bridge.app.callers import token_rules, way_out
from bridge.app.listener_access import ping_listener
from bridge.app.pack_activations import PackActivations
from bridge.app.pack_drafts import PackDrafts
from bridge.app.pack_usage import usage_of
from bridge.app.packs import places_of
from bridge.app.parts import Parts
from bridge.app.process import now
from bridge.app.wfm_side import WfmSide
from bridge.console.access import Door
from bridge.console.acts import Acts
from bridge.console.hands import Hands
from bridge.console.logins import AtIssuer, Logins
from bridge.console.pulse import Pulse
from bridge.console.services import Services
from bridge.console.sessions import EndedSessions, Endings, Sessions
from bridge.console.users import Grants, KnownToken, Role, User, Users, Values
from bridge.errors import PermanentError
from bridge.flows.following import Following
from bridge.oidc import Client, Issuer, granted
from bridge.secret import FileSecret
from bridge.settings import CONSOLE_KEYS, AdminSettings, AdminUser, Mode, OidcSettings, Settings, TokenAlgorithm

HINT = "In this laboratory: operator-key, or viewer-key."
NOBODY = "Nobody can log in yet: list somebody in admin.users (docs/console.md)."


def build_door(settings: Settings, keys: KeySet | None, ended: EndedSessions, issuer: Issuer | None) -> Door:
    """Say who may enter. `issuer` is asked by those who log in there.

    Raises `PermanentError` for a file that cannot be read.
    """
    admin, oidc = settings.admin, settings.oidc
    users, key = users_of(settings, keys), session_key(admin)
    is_secure = (admin.base_url or "").startswith("https://")
    base_url = admin.base_url.rstrip("/") if admin.base_url else None
    at_issuer = None
    if issuer is not None:
        name = oidc.name or urlsplit(oidc.issuer).hostname or ""
        at_issuer = AtIssuer(name, issuer, Logins(key, is_secure=is_secure))
    return Door(
        users,
        Sessions(key, users, is_secure=is_secure),
        Endings(ended),
        base_url,
        only_loopback=admin.is_loopback and base_url is None,
        at_issuer=at_issuer,
    )


def open_issuer(chosen: OidcSettings) -> Issuer | None:
    """Say at whom people log in; None if by tokens only. Raises `PermanentError` for a file that cannot be read."""
    if not chosen.issuer:
        return None
    try:
        secret = None if chosen.client_secret_file is None else FileSecret(chosen.client_secret_file)
    except PermanentError as trouble:
        raise PermanentError(f"oidc.client_secret_file: {trouble}") from None
    client = Client(
        issuer=chosen.issuer,
        client_id=chosen.client_id,
        secret=secret,
        scopes=chosen.scopes,
        algorithms=frozenset(algorithm.value for algorithm in TokenAlgorithm),
    )
    return Issuer(client, way_out(chosen.proxy_url, chosen.ca_file))


def build_services(
    parts: Parts,
    wfm_side: WfmSide,
    keys: KeySet | None,
    activations: PackActivations,
    pulse: Pulse,
    warnings: Callable[[], Sequence[str]],
) -> Services:
    """Say what the console stands on."""
    store = parts.store
    return Services(
        acts=Acts(store.audit, now),
        audit=store.audit,
        checks=partial(checks, parts, wfm_side),
        clock=now,
        pulse=pulse,
        warnings=warnings,
        traces=store.traces,
        following=Following(store.traces),
        journal=store.journal,
        search=store.search,
        job_updates=wfm_side.job_updates,
        packs=parts.packs,
        drafts=PackDrafts(store, parts.packs, places_of(parts.settings, parts.packs), wfm_side.workshop),
        activations=activations,
        hands=_hands(parts),
        login_hint=_hint(parts.settings, keys),
    )


def _hands(parts: Parts) -> Hands:
    store = parts.store
    return Hands(
        acts=Acts(store.audit, now),
        clock=now,
        backlog=store.backlog,
        listeners=store.listeners,
        commands=store.commands,
        outbox=store.outbox,
        ping_listener=partial(ping_listener, parts.settings),
        usage=partial(usage_of, store, now),
    )


def is_laboratory(settings: Settings) -> bool:
    """Tell whether the development keys open the console: where nobody else could reach it or is to use it."""
    others = settings.admin.users or settings.oidc.issuer
    return settings.mode is Mode.DEVELOPMENT and settings.admin.is_loopback and not others


def _hint(settings: Settings, keys: KeySet | None) -> str:
    if is_laboratory(settings):
        return HINT
    return "" if settings.admin.users or settings.oidc.issuer or keys is not None else NOBODY


def users_of(settings: Settings, keys: KeySet | None) -> Users:
    """Say who is known, and by what. Raises `PermanentError` for a file that cannot be read."""
    admin, oidc = settings.admin, settings.oidc
    known = _of_laboratory() if is_laboratory(settings) else [_tokens_of(user) for user in admin.users]
    read = None if keys is None else TokenIdentity((), keys, token_rules(settings)).verified
    by_token = Grants(
        key=f"token {settings.identity.issuer}",
        issuer=settings.identity.issuer,
        values=partial(_scopes, settings.identity.scope_claims),
        roles={admin.operator_scope: Role.OPERATOR, admin.viewer_scope: Role.VIEWER},
    )
    by_login = Grants(
        key=f"login {oidc.issuer} {oidc.client_id}",
        issuer=oidc.issuer,
        values=partial(_granted, oidc.role_claims),
        roles=dict.fromkeys(oidc.operators, Role.OPERATOR) | dict.fromkeys(oidc.viewers, Role.VIEWER),
    )
    tokens = [token for each in known for token in each]
    return Users(tokens, read, by_token if read else None, by_login if oidc.issuer else None)


def _scopes(names: Iterable[str], claims: Mapping[str, Any]) -> Values:
    return {name: scopes_in(claims, [name]) for name in names}


def _granted(names: Iterable[str], claims: Mapping[str, Any]) -> Values:
    return granted(claims, names)


def _of_laboratory() -> list[list[KnownToken]]:
    return [
        [KnownToken(bytes.fromhex(digest), User(key.removesuffix("-key"), Role(key.removesuffix("-key"))))]
        for digest, key in CONSOLE_KEYS.items()
    ]


def _tokens_of(configured: AdminUser) -> list[KnownToken]:
    user = User(configured.name, Role(configured.role.value))
    digests = [bytes.fromhex(digest) for digest in configured.token_sha256]
    if configured.token_file is not None:
        try:
            text = FileSecret(configured.token_file).reveal()
        except PermanentError as trouble:
            raise PermanentError(f"admin.users: {configured.name}: token_file: {trouble}") from None
        digests.append(hashlib.sha256(text.encode()).digest())
    return [KnownToken(digest, user) for digest in digests]


def session_key(admin: AdminSettings) -> str:
    """Give what signs cookies. Raises `PermanentError` for a file that cannot be read."""
    if admin.session_key_file is None:
        return secrets.token_hex(32)
    try:
        return FileSecret(admin.session_key_file, _long).reveal()
    except PermanentError as trouble:
        raise PermanentError(f"admin.session_key_file: {trouble}") from None


def _long(text: str) -> None:
    if len(text) < 32:
        raise PermanentError("expected at least 32 characters: openssl rand -hex 32")
