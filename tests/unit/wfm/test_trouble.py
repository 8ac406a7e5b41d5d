"""What keeps the bridge from RabbitMQ, said in one line: the cause, and what mends it."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiormq.exceptions import (
    AMQPConnectionError,
    ChannelAccessRefused,
    ConnectionClosed,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

from bridge.wfm.trouble import explained, trouble
from tests.support import PATIENCE_S
from tests.unit.delivery.certificates import Authority

ADDRESS = URL("amqp://me:hunter2@rabbit/the%2Fvhost?name=x")


def caused(cause: OSError) -> AMQPConnectionError:
    """The library's own exception, with the cause in it."""
    failure = AMQPConnectionError(*cause.args)
    failure.__cause__ = cause
    return failure


def of_tls(reason: str) -> ssl.SSLError:
    failure = ssl.SSLError(1, f"[SSL: {reason}] something (_ssl.c:1006)")
    failure.reason = reason
    return failure


def of_a_certificate(why: str) -> ssl.SSLCertVerificationError:
    failure = ssl.SSLCertVerificationError(1, f"certificate verify failed: {why}")
    failure.verify_message = why
    return failure


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (ConnectionClosed(530, "NOT_ALLOWED - vhost the/vhost not found"), "has no virtual host 'the/vhost'"),
        (
            ConnectionClosed(530, "NOT_ALLOWED - access to vhost 'the/vhost' refused for user 'me'"),
            "does not let user 'me' into the virtual host 'the/vhost'; docs/configuration.md says",
        ),
        (ConnectionClosed(530, "NOT_ALLOWED - vhost 'the/vhost' is down"), "NOT_ALLOWED - vhost 'the/vhost' is down"),
        (
            ConnectionClosed(
                530, "NOT_ALLOWED - access to vhost 'v' refused for user 'me': connection limit (1) reached"
            ),
            "connection limit (1) reached",
        ),
        (ProbableAuthenticationError("ACCESS_REFUSED"), "refuses the user 'me' or its password"),
        (ChannelAccessRefused("access to queue 'q' refused"), "does not allow user 'me' what the bridge needs: "),
        (caused(socket.gaierror(-2, "Name or service not known")), "the host of rabbit:5672 is not known"),
        (caused(ConnectionRefusedError(111, "Connect call failed")), "nothing listens at rabbit:5672"),
        (caused(OSError("Multiple exceptions: [Errno 111] Connection refused, …")), "nothing listens at rabbit:5672"),
        (caused(of_tls("WRONG_VERSION_NUMBER")), "rabbit:5672 does not speak TLS; begin broker.url with amqp://"),
        (caused(of_tls("NO_PROTOCOLS_AVAILABLE")), "TLS with RabbitMQ at rabbit:5672 failed: NO_PROTOCOLS_AVAILABLE"),
        (caused(of_tls("TLSV13_ALERT_CERTIFICATE_REQUIRED")), "demands a certificate of the bridge's own ("),
        (caused(of_tls("TLSV1_ALERT_UNKNOWN_CA")), "side of TLS: TLSV1_ALERT_UNKNOWN_CA; see that it"),
        (caused(of_a_certificate("unable to get local issuer certificate")), "its authority as broker.ca_file"),
        (caused(of_a_certificate("self-signed certificate")), "is not accepted: self-signed certificate; give it, or"),
        (caused(of_a_certificate("certificate has expired")), "certificate has expired; it must be renewed there"),
        (caused(of_a_certificate("Hostname mismatch, x.")), "Hostname mismatch, x; name the host in broker.url as"),
        (FileNotFoundError(2, "No such file or directory"), "a file that the query of broker.url names cannot be read"),
        (TimeoutError(), "rabbit:5672 does not answer in time"),
        (InvalidFrameError("HTTP/1.1"), "what answers at rabbit:5672 does not seem to be RabbitMQ"),
        (AMQPConnectionError("unexpectedly closed"), "the connection to rabbit:5672 was closed: unexpectedly closed"),
        (AMQPConnectionError(), "the connection to rabbit:5672 was closed: AMQPConnectionError"),
    ],
)
def test_what_failed_is_said_with_what_mends_it(failure: Exception, said: str) -> None:
    line = explained(ADDRESS, failure)
    assert said in line
    assert "\n" not in line
    assert "hunter2" not in line


@pytest.mark.parametrize(("host", "told"), [("localhost", False), ("rabbit", True)])
def test_guest_is_told_that_he_may_come_from_its_own_machine_only(host: str, told: bool) -> None:
    line = explained(URL(f"amqp://guest:guest@{host}/"), ProbableAuthenticationError("ACCESS_REFUSED"))
    assert ("from its own machine only" in line) is told


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of nobody's but its own, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    unencrypted = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
async def tls_port(certificate: Path) -> AsyncIterator[int]:
    """The port of a server that wants TLS, and says nothing then."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_server_that_wants_tls_is_recognised(tls_port: int) -> None:
    said = await trouble(URL(f"amqp://me:hunter2@127.0.0.1:{tls_port}/"), PATIENCE_S)
    assert said == f"RabbitMQ at 127.0.0.1:{tls_port} speaks TLS; begin broker.url with amqps://"


async def test_a_certificate_that_nobody_vouches_for_is_told(tls_port: int) -> None:
    said = await trouble(URL(f"amqps://me:hunter2@localhost:{tls_port}/"), PATIENCE_S)
    assert said is not None
    assert f"the certificate of RabbitMQ at localhost:{tls_port} is not accepted: self-signed certificate;" in said


async def test_a_certificate_of_another_name_is_told(tls_port: int, certificate: Path) -> None:
    said = await trouble(URL(f"amqps://127.0.0.1:{tls_port}/").with_query(cafile=str(certificate)), PATIENCE_S)
    assert said is not None
    assert "not valid for '127.0.0.1'; name the host in broker.url as the certificate does" in said


async def test_a_file_that_is_not_there_is_told(tls_port: int) -> None:
    said = await trouble(URL(f"amqps://localhost:{tls_port}/?cafile=/no/such.pem"), PATIENCE_S)
    assert said == "a file that the query of broker.url names cannot be read: No such file or directory"


async def test_an_alert_that_a_reset_has_swallowed_is_asked_for_again(tmp_path: Path) -> None:
    """From TLS 1.3 on, our certificate is judged when we already write, and a reset may take the alert along."""
    authority = Authority(tmp_path)
    demanding = authority.server("localhost", asks_for_certificates=True)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]

    def serve() -> None:
        """Reset the first connection; judge the second one (asyncio would keep its alert to itself)."""
        first, _ = listening.accept()
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        first.close()
        second, _ = listening.accept()
        with pytest.raises(ssl.SSLError, match="did not return a certificate"):
            demanding.wrap_socket(second, server_side=True)
        second.close()

    url = URL(f"amqps://localhost:{port}/").with_query(cafile=str(authority.certificate))
    with listening:
        said, _ = await asyncio.gather(trouble(url, PATIENCE_S), asyncio.to_thread(serve))
    assert said == f"RabbitMQ at localhost:{port} demands a certificate of the bridge's own (broker.certificate_file)"


async def test_what_is_no_rabbitmq_is_told() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    said = await trouble(URL(f"amqp://127.0.0.1:{port}/"), PATIENCE_S)
    server.close()
    assert said is not None
    assert said.startswith(f"the connection to 127.0.0.1:{port} was closed: ")
