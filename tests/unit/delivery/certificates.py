"""Certificates to test with: an authority of one's own, and whom it vouches for."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM: the certificate, and its private key."""

    certificate: Path
    key: Path


class Authority:
    """Vouches for servers and clients. `certificate` is what trusts it."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._made = self._sign(self._name, self._key.public_key(), x509.BasicConstraints(True, None))
        self.certificate = directory / f"{name}.pem"
        self.certificate.write_bytes(self._made.public_bytes(serialization.Encoding.PEM))

    def issue(self, *hosts: str) -> Certificate:
        """Make a certificate for names or addresses; the first one names the files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        made = self._sign(subject, key.public_key(), x509.SubjectAlternativeName([_general_name(h) for h in hosts]))
        files = Certificate(self._directory / f"{hosts[0]}.pem", self._directory / f"{hosts[0]}.key.pem")
        files.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files

    def server(self, *hosts: str, asks_for_certificates: bool = False) -> ssl.SSLContext:
        """Make what a server at these hosts needs; it may insist on certificates of this authority."""
        files = self.issue(*hosts)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        if asks_for_certificates:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.certificate)
        return context

    def trust(self) -> ssl.SSLContext:
        """Make what a client needs that trusts this authority and nobody else."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
