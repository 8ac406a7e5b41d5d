"""Who is asking: API keys, OAuth2 tokens, client certificates, or, in a laboratory, nobody in particular."""

from bridge.api.identity.api_keys import ApiKeyIdentity
from bridge.api.identity.certificates import CertificateIdentity, TrustedProxies
from bridge.api.identity.credentials import CredentialsIdentity
from bridge.api.identity.key_set import KeySet, KeysUnavailable
from bridge.api.identity.key_source import DEVELOPMENT_KID, reader
from bridge.api.identity.nobody import NoIdentity
from bridge.api.identity.presented import API_KEY_HEADER, presented
from bridge.api.identity.principal import Identity, Principal, RequestingEntity, Unauthenticated
from bridge.api.identity.tokens import TokenIdentity, TokenRules

__all__ = [
    "API_KEY_HEADER",
    "DEVELOPMENT_KID",
    "ApiKeyIdentity",
    "CertificateIdentity",
    "CredentialsIdentity",
    "Identity",
    "KeySet",
    "KeysUnavailable",
    "NoIdentity",
    "Principal",
    "RequestingEntity",
    "TokenIdentity",
    "TokenRules",
    "TrustedProxies",
    "Unauthenticated",
    "presented",
    "reader",
]
