"""What an issuer says of itself: OpenID Connect Discovery 1.0, as far as a login needs it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bridge.oidc.trouble import IssuerWrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Where what is asked, and how.

    `takes_basic` tells how a client shows its secret: by HTTP Basic, or else in the body. `names_itself`: each answer
    says whose it is (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    takes_basic: bool
    names_itself: bool


def well_known(issuer: str) -> str:
    """Say where an issuer publishes it (Discovery 1.0, 4)."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def parse_metadata(raw: bytes, issuer: str) -> Metadata:
    """Read it. Raises `IssuerWrong` for another issuer's, or an incomplete one."""
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise IssuerWrong(f"{well_known(issuer)}: expected a JSON object")
    if said.get("issuer") != issuer:
        raise IssuerWrong(
            f"{well_known(issuer)}: is of the issuer {str(said.get('issuer'))[:200]!r}, not of {issuer!r}: oidc.issuer "
            "must be the same, to the last slash"
        )
    methods = said.get("token_endpoint_auth_methods_supported")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_endpoint(said, issuer, "authorization_endpoint"),
        token_endpoint=_endpoint(said, issuer, "token_endpoint"),
        jwks_uri=_endpoint(said, issuer, "jwks_uri"),
        end_session_endpoint=_endpoint(said, issuer, "end_session_endpoint")
        if said.get("end_session_endpoint")
        else None,
        takes_basic=not isinstance(methods, list) or "client_secret_basic" in methods,
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(said: Mapping[str, Any], issuer: str, name: str) -> str:
    """Give an endpoint, which is by TLS where the issuer is."""
    url = said.get(name)
    scheme = urlsplit(issuer).scheme
    try:
        good = isinstance(url, str) and urlsplit(url).scheme in ("https", scheme) and bool(urlsplit(url).hostname)
    except ValueError:
        good = False
    if not good:
        raise IssuerWrong(f"{well_known(issuer)}: {name}: expected a URL that begins with {scheme}://")
    return str(url)
