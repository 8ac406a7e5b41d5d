"""Callers known by a client certificate (mTLS) that a proxy in front has seen.

The bridge ends no TLS itself. The proxy does, demands the certificate, and tells of it in a header: Envoy's
`X-Forwarded-Client-Cert`, `ssl-client-cert` of nginx (a PEM in URL escapes, or as it is), or `Client-Cert` (RFC 9440).
Anybody could send such a header, so it counts only where the connection comes from an address of the settings.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import unquote

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from multidict import CIMultiDict, CIMultiDictProxy

from bridge.api.identity.presented import API_KEY_HEADER
from bridge.api.identity.principal import Identity, Principal, RequestingEntity, invalid

XFCC: Final = "x-forwarded-client-cert"
VERIFIED: Final = "ssl-client-verify"
"""What nginx found: anything but SUCCESS is a certificate that nobody vouches for."""

_PAIR: Final = re.compile(r'\s*([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;,"]*)\s*([;,]|$)')
_HASH: Final = re.compile(r"[0-9a-fA-F]{64}")

log = structlog.get_logger(__name__)

Headers = Mapping[str, str] | CIMultiDictProxy[str] | CIMultiDict[str]


class Unreadable(ValueError):
    """The header is none that we know."""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Which header tells of the certificate, and who may send it."""

    header: str
    networks: tuple[IPv4Network | IPv6Network, ...]

    def trusts(self, peer: str | None) -> bool:
        """Tell whether a connection comes from such a proxy."""
        try:
            address = ip_address((peer or "").partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self.networks)


class CertificateIdentity:
    """Knows callers by their certificate, where they send no other credentials; all else is asked of `others`.

    What they know a caller by may be bound to a certificate: then that one must be there, too.
    """

    def __init__(self, entities: Iterable[RequestingEntity], proxies: TrustedProxies, others: Identity) -> None:
        self._principals = {digest: entity.principal() for entity in entities for digest in entity.certificates_sha256}
        self._proxies = proxies
        self._others = others

    async def authenticate(self, headers: Mapping[str, str], peer: str | None = None) -> Principal:
        """Give the entity whose certificate the proxy has seen, or whose credentials were sent."""
        sent = _all(headers, self._proxies.header)
        if sent and not self._proxies.trusts(peer):
            log.warning("identity.certificate_ignored", header=self._proxies.header, peer=peer)
            sent = []
        if not sent or "Authorization" in headers or API_KEY_HEADER in headers:
            principal = await self._others.authenticate(headers, peer)
            self._demand_binding(principal, sent, headers)
            return principal
        return self._identify(sent, headers)

    def _demand_binding(self, principal: Principal, sent: list[str], headers: Mapping[str, str]) -> None:
        """Take a token that is bound to a certificate with that certificate alone (RFC 8705, 3)."""
        if principal.bound_to is None:
            return
        if not sent or not hmac.compare_digest(self._digest(sent, headers), principal.bound_to):
            raise invalid("The token is bound to a client certificate, which was not shown.")

    def _digest(self, sent: list[str], headers: Mapping[str, str]) -> str:
        if headers.get(VERIFIED, "SUCCESS") != "SUCCESS":
            raise invalid("The client certificate was not verified.")
        try:
            return fingerprint(self._proxies.header, sent)
        except Unreadable as error:
            raise invalid("The client certificate that the proxy tells of cannot be read.") from error

    def _identify(self, sent: list[str], headers: Mapping[str, str]) -> Principal:
        principal = self._principals.get(self._digest(sent, headers))
        if principal is None:
            raise invalid("The client certificate is nobody's who is known here.")
        return principal


def _all(headers: Headers, name: str) -> list[str]:
    if isinstance(headers, CIMultiDictProxy | CIMultiDict):
        return list(headers.getall(name, ()))
    return [headers[name]] if name in headers else []


def fingerprint(header: str, values: list[str]) -> str:
    """Give the SHA-256 of the certificate that a header tells of, in lower-case hex; raises `Unreadable`.

    Of several elements of an `X-Forwarded-Client-Cert` the last one counts: the proxy next to us has added it, what is
    before it may have come from anybody. Any other header must be there once.
    """
    if header.lower() == XFCC:
        return _of_xfcc(",".join(values))
    if len(values) > 1:
        raise Unreadable("more than one header")
    value = values[0].strip()
    if value.startswith(":"):
        return _of_der(value.strip(":"))
    return _of_pem(value)


def _of_xfcc(text: str) -> str:
    last: dict[str, str] = {}
    position, ended = 0, True
    while position < len(text):
        pair = _PAIR.match(text, position)
        if pair is None:
            raise Unreadable("not key=value")
        last = {} if ended else last
        last[pair[1].lower()] = pair[2].strip('"')
        position, ended = pair.end(), pair[3] == ","
    if _HASH.fullmatch(last.get("hash", "")):
        return last["hash"].lower()
    if "cert" in last:
        return _of_pem(last["cert"])
    raise Unreadable("neither Hash nor Cert")


def _of_pem(text: str) -> str:
    pem = unquote(text)
    inner = re.fullmatch(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*", pem)
    if inner is None:
        raise Unreadable("not one certificate as PEM")
    return _of_der("".join(inner[1].split()))


def _of_der(text: str) -> str:
    try:
        der = base64.b64decode(text, validate=True)
        certificate = x509.load_der_x509_certificate(der)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("not a certificate") from error
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
