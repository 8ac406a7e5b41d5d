"""Logs people in at an issuer: OpenID Connect Core 1.0 by the authorization code flow, with PKCE (RFC 7636).

The bridge asks for nothing but an ID token, reads it once, and keeps no token: neither here nor in the browser.
"""

from bridge.oidc.asked import Asked, is_answer, newly_asked
from bridge.oidc.id_token import granted
from bridge.oidc.issuer import Client, Issuer
from bridge.oidc.metadata import Metadata, parse_metadata, well_known
from bridge.oidc.trouble import IssuerUnavailable, IssuerWrong, LoginRefused

__all__ = [
    "Asked",
    "Client",
    "Issuer",
    "IssuerUnavailable",
    "IssuerWrong",
    "LoginRefused",
    "Metadata",
    "granted",
    "is_answer",
    "newly_asked",
    "parse_metadata",
    "well_known",
]
