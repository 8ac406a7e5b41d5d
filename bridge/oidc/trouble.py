"""What can go wrong at an issuer. No message repeats a code, a token or a text of somebody else's."""

import re
from collections.abc import Mapping
from typing import Any, Final

from bridge.errors import BridgeError, PermanentError, TransientError


class LoginRefused(BridgeError):
    """The issuer let nobody in."""


class IssuerUnavailable(TransientError):
    """The issuer cannot be reached."""


class IssuerWrong(PermanentError):
    """The issuer, or what the settings say of it, is wrong: somebody must mend it."""


_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,60}")
_SETTINGS: Final = "see oidc.client_id, oidc.client_secret_file, oidc.scopes, and the redirect URI that it knows"
_AT_LOGIN: Final[Mapping[str, str]] = {
    "access_denied": "The issuer did not let you in, or you turned back (access_denied).",
    "login_required": "The issuer does not know you any more (login_required). Log in again.",
    "temporarily_unavailable": "The issuer has too much to do (temporarily_unavailable). Try again in a while.",
    "server_error": "The issuer has trouble of its own (server_error). Try again in a while.",
}
_OF_US: Final = frozenset({"invalid_client", "invalid_request", "invalid_scope", "unauthorized_client"})


def error_code(said: Any) -> str:
    """Give an error code (RFC 6749, 4.1.2.1 and 5.2) and nothing else: the rest may repeat what was sent."""
    return said if isinstance(said, str) and _CODE.fullmatch(said) else "an error that cannot be read"


def refused_login(said: str) -> BridgeError:
    """Say what an issuer answers instead of a code."""
    code = error_code(said)
    if code in _OF_US:
        return IssuerWrong(f"The issuer does not accept how the bridge asks ({code}): {_SETTINGS}.")
    return LoginRefused(_AT_LOGIN.get(code, f"The issuer did not let you in: {code}."))


def refused_code(said: Any) -> BridgeError:
    """Say what an issuer answers instead of an ID token."""
    code = error_code(said)
    if code == "invalid_grant":
        return LoginRefused("The issuer does not take this login any more: it was used, or is too old. Log in again.")
    if code in _OF_US:
        return IssuerWrong(f"The issuer does not accept the bridge as its client ({code}): {_SETTINGS}.")
    return IssuerWrong(f"The issuer gave no ID token: {code}.")
