"""Puts together the operators' console: who may enter, and what it stands on."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from bridge.api.identity import KeySet, TokenIdentity
from bridge.api.identity.claims import scopes_in
from bridge.app.buyer_side import checks
from bridge.app.callers import token_rules
from bridge.app.drafts import PackDrafts
from bridge.app.listener_access import ping_listener
from bridge.app.pack_reload import Reload
from bridge.app.pack_usage import usage_of
from bridge.app.packs import directories
from bridge.app.parts import Parts
from bridge.app.process import now
from bridge.app.wfm_side import WfmSide
from bridge.console.access import Door
from bridge.console.acts import Acts
from bridge.console.hands import Hands
from bridge.console.pulse import Pulse
from bridge.console.services import Services
from bridge.console.sessions import Sessions
from bridge.console.users import KnownToken, Role, User, Users
from bridge.errors import PermanentError
from bridge.flows.following import Following
from bridge.secret import FileSecret
from bridge.settings import CONSOLE_KEYS, AdminSettings, AdminUser, Mode, Settings

HINT = "In this laboratory: operator-key, or viewer-key."
NOBODY = "Nobody can log in yet: list somebody in admin.users (docs/console.md)."


def build_door(settings: Settings, keys: KeySet | None) -> Door:
    """Say who may enter. Raises `PermanentError` for a file that cannot be read."""
    admin = settings.admin
    users = _users(settings, keys)
    is_secure = (admin.base_url or "").startswith("https://")
    sessions = Sessions(_session_key(admin), users, is_secure=is_secure)
    base_url = admin.base_url.rstrip("/") if admin.base_url else None
    return Door(users, sessions, base_url, only_loopback=admin.is_loopback and base_url is None)


def build_services(
    parts: Parts,
    wfm_side: WfmSide,
    keys: KeySet | None,
    reload: Reload,
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
        drafts=PackDrafts(store, parts.packs, directories(parts.settings), wfm_side.workshop, reload),
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
    return settings.mode is Mode.DEVELOPMENT and settings.admin.is_loopback and not settings.admin.users


def _hint(settings: Settings, keys: KeySet | None) -> str:
    if is_laboratory(settings):
        return HINT
    return "" if settings.admin.users or keys is not None else NOBODY


def _users(settings: Settings, keys: KeySet | None) -> Users:
    admin = settings.admin
    known = _of_laboratory() if is_laboratory(settings) else [_tokens_of(user) for user in admin.users]
    read = None if keys is None else TokenIdentity((), keys, token_rules(settings)).verified
    scopes = partial(_scopes, settings.identity.scope_claims)
    roles = {admin.operator_scope: Role.OPERATOR, admin.viewer_scope: Role.VIEWER}
    tokens = [token for each in known for token in each]
    return Users(tokens, read, scopes, roles)


def _scopes(names: Iterable[str], claims: Mapping[str, Any]) -> frozenset[str]:
    return scopes_in(claims, names)


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


def _session_key(admin: AdminSettings) -> str:
    if admin.session_key_file is None:
        return secrets.token_hex(32)
    try:
        return FileSecret(admin.session_key_file, _long).reveal()
    except PermanentError as trouble:
        raise PermanentError(f"admin.session_key_file: {trouble}") from None


def _long(text: str) -> None:
    if len(text) < 32:
        raise PermanentError("expected at least 32 characters: openssl rand -hex 32")
