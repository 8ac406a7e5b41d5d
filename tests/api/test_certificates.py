"""mTLS by header: it counts from a trusted proxy, in each form that proxies have, and from nobody else."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from bridge.api.identity import (
    ApiKeyIdentity,
    CertificateIdentity,
    KeySet,
    RequestingEntity,
    TokenIdentity,
    TokenRules,
    TrustedProxies,
    Unauthenticated,
)
from bridge.settings import Settings, load_buyers
from bridge.yaml_source import InvalidDocument
from tests.api.conftest import ENTITIES, Serve
from tests.api.fakes import ACME
from tests.api.tokens import AUDIENCE, ISSUER, jwk, key_set, token
from tests.support import NEVER_S

PROXY = "10.0.0.5"
NETWORKS = Settings(
    identity={"certificate_header": "ssl-client-cert", "trusted_proxies": ["10.0.0.0/24", "fd00::1"]}
).identity.trusted_proxies
LIST = "/mefApi/sonata/workOrderManagement/v2/workOrder"


@cache
def certificate(name: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    return made.sign(key, hashes.SHA256())


def digest(name: str) -> str:
    return hashlib.sha256(certificate(name).public_bytes(Encoding.DER)).hexdigest()


def pem(name: str) -> str:
    return certificate(name).public_bytes(Encoding.PEM).decode()


def der(name: str) -> str:
    return base64.b64encode(certificate(name).public_bytes(Encoding.DER)).decode()


def identity(header: str) -> CertificateIdentity:
    entity = RequestingEntity(name="by certificate", certificates_sha256=(digest("acme"),), buyers=(ACME,))
    proxies = TrustedProxies(header, tuple(map(ip_network, NETWORKS)))
    return CertificateIdentity([entity], proxies, ApiKeyIdentity(ENTITIES))


async def known(header: str, value: str, peer: str | None = PROXY, **more: str) -> str:
    return (await identity(header).authenticate({header: value, **more}, peer)).name


FORMS = [
    ("X-Forwarded-Client-Cert", lambda name: f"Hash={digest(name)}"),
    ("X-Forwarded-Client-Cert", lambda name: f'By=spiffe://a/b;Hash={digest(name).upper()};Subject="CN=x;y,z\\"";URI='),
    ("X-Forwarded-Client-Cert", lambda name: f'By=x;Cert="{quote(pem(name), safe="")}"'),
    ("ssl-client-cert", lambda name: quote(pem(name), safe="")),
    ("ssl-client-cert", lambda name: quote(pem(name), safe="+=/")),
    ("X-SSL-Cert", lambda name: pem(name).replace("\n", " ")),
    ("X-SSL-Cert", lambda name: pem(name).replace("\n", "\t")),
    ("Client-Cert", lambda name: f":{der(name)}:"),
]


@pytest.mark.parametrize("number", range(len(FORMS)))
async def test_a_certificate_is_known_in_every_form_that_proxies_send(number: int) -> None:
    header, write = FORMS[number]
    assert await known(header, write("acme")) == "by certificate"
    with pytest.raises(Unauthenticated, match="nobody's who is known here"):
        await known(header, write("stranger"))


@pytest.mark.parametrize("peer", ["10.0.0.255", "::ffff:10.0.0.1", "fd00::1"])
async def test_it_counts_from_the_addresses_of_the_settings(peer: str) -> None:
    assert await known("ssl-client-cert", quote(pem("acme")), peer) == "by certificate"


@pytest.mark.parametrize("peer", ["10.0.1.5", "127.0.0.1", "::ffff:10.0.1.1", "fd00::2", "", None, "unix"])
async def test_from_anybody_else_it_is_ignored_and_that_is_said(peer: str | None) -> None:
    with capture_logs() as logs:
        with pytest.raises(Unauthenticated) as refused:
            await known("ssl-client-cert", quote(pem("acme")), peer)
        assert await known("ssl-client-cert", "nonsense", peer, **{"X-API-Key": "other-key"}) == "other"
    assert refused.value.code == "missingCredentials"
    assert [(log["event"], log["peer"]) for log in logs] == [("identity.certificate_ignored", peer)] * 2


async def test_over_a_connection_that_address_counts_and_no_forwarded_header(serve: Serve) -> None:
    buyer = await serve(identity=identity("ssl-client-cert"))
    buyer.headers = {"ssl-client-cert": quote(pem("acme")), "X-Forwarded-For": PROXY, "Forwarded": f"for={PROXY}"}
    assert (await buyer.get(LIST)).status == 401


async def test_of_several_proxies_the_one_next_to_us_counts() -> None:
    """What is before the last comma may have been sent by anybody."""
    forged, own = f"Hash={digest('acme')}", f"Hash={digest('stranger')}"
    assert await known("X-Forwarded-Client-Cert", f"{own},{forged}") == "by certificate"
    with pytest.raises(Unauthenticated):
        await known("X-Forwarded-Client-Cert", f"{forged},{own}")


async def test_a_certificate_that_the_proxy_did_not_verify_does_not_count() -> None:
    good = quote(pem("acme"))
    assert await known("ssl-client-cert", good, **{"ssl-client-verify": "SUCCESS"}) == "by certificate"
    for found in ("FAILED:self signed certificate", "NONE", ""):
        with pytest.raises(Unauthenticated, match="was not verified"):
            await known("ssl-client-cert", good, **{"ssl-client-verify": found})


async def test_other_credentials_come_first() -> None:
    assert await known("ssl-client-cert", quote(pem("acme")), **{"X-API-Key": "other-key"}) == "other"
    with pytest.raises(Unauthenticated):
        await known("ssl-client-cert", quote(pem("acme")), Authorization="Bearer wrong")


def thumbprint(name: str) -> str:
    """As RFC 8705, 3.1, has it in a token."""
    return base64.urlsafe_b64encode(bytes.fromhex(digest(name))).rstrip(b"=").decode()


async def bearer(cnf: object, peer: str = PROXY, **certificate: str) -> str:
    """Who it is that comes with such a token, by way of the proxy."""

    async def published() -> bytes:
        return key_set(jwk("EC", "k1"))

    keys = KeySet(published, refresh_s=NEVER_S, floor_s=NEVER_S)
    rules = TokenRules(issuer=ISSUER, audience=AUDIENCE, algorithms=frozenset({"ES256"}), scopes={})
    tokens = TokenIdentity([RequestingEntity(name="acme", buyers=(ACME,))], keys, rules)
    proxies = TrustedProxies("ssl-client-cert", tuple(map(ip_network, NETWORKS)))
    headers = {"Authorization": f"Bearer {token(cnf=cnf)}", **certificate}
    try:
        return (await CertificateIdentity([], proxies, tokens).authenticate(headers, peer)).name
    finally:
        await keys.close()


async def test_a_token_that_is_bound_to_a_certificate_is_taken_with_that_one_alone() -> None:
    bound = {"x5t#S256": thumbprint("acme")}
    shown = {name: quote(pem(name)) for name in ("acme", "thief")}
    assert await bearer(bound, **{"ssl-client-cert": shown["acme"]}) == "acme"
    assert await bearer(None) == "acme"
    assert await bearer({"jkt": "a key, not a certificate"}) == "acme"
    for certificate in ({}, {"ssl-client-cert": shown["thief"]}):
        with pytest.raises(Unauthenticated, match="bound to a client certificate, which was not shown"):
            await bearer(bound, **certificate)
    with pytest.raises(Unauthenticated, match="not shown"):  # told of by somebody else than the proxy
        await bearer(bound, "10.9.9.9", **{"ssl-client-cert": shown["acme"]})
    with pytest.raises(Unauthenticated, match="was not verified"):
        await bearer(bound, **{"ssl-client-cert": shown["acme"], "ssl-client-verify": "FAILED"})


UNREADABLE = ["", "short", "0f" * 32, 7, [], "A" * 43 + "==", "A" * 42 + "+"]


@pytest.mark.parametrize("cnf", [*({"x5t#S256": written} for written in UNREADABLE), "x", [], 7, True])
async def test_a_binding_that_cannot_be_read_lets_nobody_in(cnf: object) -> None:
    with pytest.raises(Unauthenticated, match="bound to a certificate in a way that cannot be read"):
        await bearer(cnf, **{"ssl-client-cert": quote(pem("acme"))})


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ssl-client-cert", ""),
        ("ssl-client-cert", "(null)"),
        ("ssl-client-cert", "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----"),
        ("ssl-client-cert", "%"),
        ("Client-Cert", ":AAAA:"),
        ("Client-Cert", ":\xe4:"),
        ("X-Forwarded-Client-Cert", ""),
        ("X-Forwarded-Client-Cert", "By=x"),
        ("X-Forwarded-Client-Cert", "Hash=" + "0" * 63),
        ("X-Forwarded-Client-Cert", 'Cert="'),
        ("X-Forwarded-Client-Cert", ";;;" * 2000),
        ("X-Forwarded-Client-Cert", 'A="' + "\\" * 8000),
    ],
)
async def test_nonsense_is_nobodys(header: str, value: str) -> None:
    with pytest.raises(Unauthenticated):
        await known(header, value)


async def test_two_certificates_in_one_request_are_refused() -> None:
    with pytest.raises(Unauthenticated):
        await known("ssl-client-cert", quote(pem("acme") + pem("stranger")))


def test_the_settings_demand_to_know_the_proxies_and_a_certificate_to_be_one_entitys(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match="needs trusted_proxies"):
        Settings(identity={"certificate_header": "X"})
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/24"):
        Settings(identity={"certificate_header": "X", "trusted_proxies": ["10.0.0.5/24"]})
    file = tmp_path / "buyers.yaml"
    entry = "  - {name: %s, certificates_sha256: [" + "a" * 64 + "], buyers: [b]}\n"
    file.write_text("requesting_entities:\n" + entry % "one" + entry % "two")
    with pytest.raises(InvalidDocument, match="this certificate is in use already"):
        load_buyers(file)
