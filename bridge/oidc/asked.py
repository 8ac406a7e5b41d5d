"""What a login is begun with and what must come back: the request to the issuer, and its answer."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from bridge.oidc.metadata import Metadata
from bridge.oidc.trouble import LoginRefused, refused_login


class Asked(NamedTuple):
    """What nobody can guess, and binds an answer to the browser that asked.

    `state` comes back with the answer, `nonce` in the ID token, and `verifier` is shown to the token endpoint alone.
    """

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """What the issuer is told of `verifier` beforehand (RFC 7636, 4.2: S256)."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")


def newly_asked() -> Asked:
    """Draw one."""
    return Asked(secrets.token_urlsafe(), secrets.token_urlsafe(), secrets.token_urlsafe(48))


def request_url(metadata: Metadata, client_id: str, scopes: Sequence[str], redirect_uri: str, asked: Asked) -> str:
    """Write where a browser is sent to log in (Core 1.0, 3.1.2.1)."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": asked.state,
        "nonce": asked.nonce,
        "code_challenge": asked.challenge,
        "code_challenge_method": "S256",
    }
    return with_query(metadata.authorization_endpoint, query)


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Add to the query of an endpoint, which may have one already (RFC 6749, 3.1)."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def is_answer(answer: Mapping[str, str], asked: Asked) -> bool:
    """Tell whether an answer is one to what this browser asked."""
    return hmac.compare_digest(answer.get("state", "").encode("utf-8", "replace"), asked.state.encode())


def code_in(answer: Mapping[str, str], metadata: Metadata) -> str:
    """Give the code of an answer. Raises `LoginRefused`, or `IssuerWrong` where the settings are to blame."""
    issuer = answer.get("iss")
    if issuer != metadata.issuer and (issuer is not None or metadata.names_itself):  # RFC 9207, 2.4
        raise LoginRefused("The answer is of another issuer than the one that was asked. Log in again.")
    if "error" in answer:
        raise refused_login(answer["error"])
    code = answer.get("code")
    if not code:
        raise LoginRefused("The issuer's answer has neither a code nor an error. Log in again.")
    return code
