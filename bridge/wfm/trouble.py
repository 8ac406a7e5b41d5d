"""Why RabbitMQ cannot be used, in one line: what is wrong, and what mends it. No line has a password in it."""

import asyncio
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from aiormq.connection import SSLContextProvider
from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelInvalidStateError,
    ConnectionClosed,
    ProbableAuthenticationError,
    ProtocolSyntaxError,
)
from yarl import URL

from bridge.errors import PermanentError
from bridge.wfm.connection import CandidConnection

PORTS: Final = {"amqp": 5672, "amqps": 5671}

GONE: Final = (AMQPError, ChannelInvalidStateError, OSError)
"""What the library raises where a connection or a channel is lost, or RabbitMQ closes it with what it refuses."""

LOCAL: Final = ("localhost", "127.0.0.1", "::1")

RIGHTS: Final = "docs/configuration.md says which rights it needs"


async def trouble(url: URL, timeout_s: float) -> str | None:
    """Connect once for a moment; say what keeps us from it, None if nothing does.

    Raises `PermanentError` where RabbitMQ refuses the user or the password: waiting would not make them right, and to
    try again and again may lock the user out.
    """
    connection = CandidConnection(url)
    try:
        async with asyncio.timeout(timeout_s):
            await connection.connect()
            await connection.close()
    except (AuthenticationError, ProbableAuthenticationError) as refused:
        raise PermanentError(explained(url, refused)) from None
    except Exception as failed:  # noqa: BLE001 - of every kind: what answers there may be anything
        return await _explained(url, connection, failed, timeout_s)
    return None


async def _explained(url: URL, connection: CandidConnection, failed: BaseException, timeout_s: float) -> str:
    """Say what it means that connecting failed so.

    Where the server said nothing, it may have expected TLS, or in TLS another certificate of ours.
    """
    if (known := _known(url, failed)) is not None:
        return known
    if url.scheme == "amqps" and (alert := await _alert(connection, timeout_s)) is not None:
        return explained(url, alert)
    if url.scheme == "amqp" and await _speaks_tls(url, timeout_s):
        return f"RabbitMQ at {_where(url)} speaks TLS; begin broker.url with amqps://"
    return explained(url, failed)


def explained(url: URL, failed: BaseException) -> str:
    """Say what it means that connecting, or what is done on the connection, failed so."""
    if (known := _known(url, failed)) is not None:
        return known
    where, said = _where(url), str(failed) or type(failed).__name__
    if isinstance(failed, TimeoutError):
        return f"{where} does not answer in time; is RabbitMQ there, or a firewall in between?"
    if isinstance(failed, ProtocolSyntaxError):
        return f"what answers at {where} does not seem to be RabbitMQ: {said}"
    return f"the connection to {where} was closed: {said}"


def _where(url: URL) -> str:
    return f"{url.host}:{url.port or PORTS[url.scheme]}"


def _known(url: URL, failed: BaseException) -> str | None:
    where = _where(url)
    return _refused(url, where, failed) or _unreachable(where, failed) or _about_tls(where, failed)


def _refused(url: URL, where: str, failed: BaseException) -> str | None:
    """RabbitMQ has said why."""
    user = url.user or "guest"
    if isinstance(failed, AuthenticationError):
        return f"RabbitMQ at {where} offers no login by user and password: {failed!r}"
    if isinstance(failed, ProbableAuthenticationError):
        remote = "; it lets guest in from its own machine only" if user == "guest" and url.host not in LOCAL else ""
        return f"RabbitMQ at {where} refuses the user {user!r} or its password (broker.url){remote}"
    if isinstance(failed, ChannelAccessRefused):
        return f"RabbitMQ at {where} does not allow user {user!r} what the bridge needs: {failed}; {RIGHTS}"
    if not isinstance(failed, ConnectionClosed):
        return None
    said = str(failed.args[1] if len(failed.args) > 1 else failed)
    vhost = url.path[1:].replace("%2F", "/") or "/"
    if re.search(r"vhost .* not found", said):
        return f"RabbitMQ at {where} has no virtual host {vhost!r} (broker.url): rabbitmqctl add_vhost {vhost!r}"
    if re.search(r"access to vhost .* refused for user '[^']*'$", said):
        return f"RabbitMQ at {where} does not let user {user!r} into the virtual host {vhost!r}; {RIGHTS}"
    return f"RabbitMQ at {where} closed the connection: {said}"


def _unreachable(where: str, failed: BaseException) -> str | None:
    for cause in _causes(failed):
        if isinstance(cause, socket.gaierror):
            return f"the host of {where} is not known (broker.url): {cause.strerror}"
        if isinstance(cause, ConnectionRefusedError) or "Connection refused" in str(cause):
            return f"nothing listens at {where} (broker.url): is RabbitMQ running there?"
        if isinstance(cause, FileNotFoundError | PermissionError | IsADirectoryError):
            return f"a file that the query of broker.url names cannot be read: {cause.strerror}"
    return None


def _about_tls(where: str, failed: BaseException) -> str | None:
    for cause in _causes(failed):
        if isinstance(cause, ssl.SSLCertVerificationError):
            how = next((how for what, how in _CURES.items() if what in cause.verify_message), "")
            return f"the certificate of RabbitMQ at {where} is not accepted: {cause.verify_message.rstrip('.')}{how}"
        if isinstance(cause, ssl.SSLError) and cause.reason in _PLAIN:
            return f"RabbitMQ at {where} does not speak TLS; begin broker.url with amqp://, or name its port for TLS"
        if isinstance(cause, ssl.SSLError) and cause.reason in _DEMANDED:
            return f"RabbitMQ at {where} demands a certificate of the bridge's own (broker.certificate_file)"
        if isinstance(cause, ssl.SSLError) and "_ALERT_" in (cause.reason or ""):
            return (
                f"RabbitMQ at {where} does not accept the bridge's side of TLS: {cause.reason}; see that it trusts the "
                "authority of broker.certificate_file; its log says more"
            )
        if isinstance(cause, ssl.SSLError):
            return f"TLS with RabbitMQ at {where} failed: {cause.reason or cause}"
    return None


_CURES: Final = {
    "mismatch": "; name the host in broker.url as the certificate does",
    "expired": "; it must be renewed there",
    "self-signed": "; give it, or its authority's, as broker.ca_file",
    "local issuer": "; give that of its authority as broker.ca_file",
}
_DEMANDED: Final = ("TLSV13_ALERT_CERTIFICATE_REQUIRED",)
_PLAIN: Final = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")


def _causes(failed: BaseException) -> Iterator[BaseException]:
    """The library hides what the operating system said in the cause of its own exception."""
    seen: set[int] = set()
    cause: BaseException | None = failed
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__


async def _alert(connection: CandidConnection, timeout_s: float) -> ssl.SSLError | None:
    """Find out why a server closed a connection after its TLS was made: from 1.3 on it judges our certificate then.

    Whoever writes at once, as AMQP does, loses its alert to the reset of the connection. So nothing is written here.
    """
    url = connection.url
    try:
        context = await SSLContextProvider(
            ssl_context=connection.ssl_context, ssl_certs=connection.ssl_certs, loop=connection.loop
        ).get_context()
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(url.host, url.port or PORTS[url.scheme], ssl=context)
            try:
                await reader.read(1)
            finally:
                writer.close()
    except ssl.SSLError as alert:
        return alert
    except (OSError, TimeoutError):
        return None
    return None


async def _speaks_tls(url: URL, timeout_s: float) -> bool:
    """Find out whether a server that closed a plain connection wanted TLS; whatever its certificate is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(url.host, url.port or PORTS[url.scheme], ssl=context)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(timeout_s):
            await writer.wait_closed()
    return True
