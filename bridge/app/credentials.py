"""Where RabbitMQ and the database are, with the password and certificates that stand in files of their own.

They are read at the start: what is wrong with one is one line then, and a new password needs a restart.
"""

import ssl
from pathlib import Path
from urllib.parse import quote

from bridge.errors import PermanentError
from bridge.settings import BrokerSettings, DatabaseSettings


def broker_url(broker: BrokerSettings) -> str:
    """Give the URL of RabbitMQ with all that is needed to get in. Raises `PermanentError`."""
    text = _with_password(broker.url.get_secret_value(), broker.password_file, "broker")
    files = {"cafile": broker.ca_file, "certfile": broker.certificate_file, "keyfile": broker.key_file}
    named = {name: str(path) for name, path in files.items() if path is not None}
    if not named:
        return text
    if not text.startswith("amqps://"):
        raise PermanentError("broker.url: must begin with amqps:// where certificates are given: else there is no TLS")
    from yarl import URL  # not before it is needed: commands that only read the database go without

    _check_certificates(broker)
    return str(URL(text).update_query(named))


def database_url(database: DatabaseSettings) -> str:
    """Give the URL of the database with its password. Raises `PermanentError`."""
    return _with_password(database.url.get_secret_value(), database.password_file, "database")


def _with_password(url: str, file: Path | None, section: str) -> str:
    """Put the password of a file behind the user of a URL."""
    if file is None:
        return url
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    if not at or not user or ":" in user or "/" in user:
        raise PermanentError(
            f"{section}.url: with {section}.password_file it must name a user, and no password: {scheme}://user@host/…"
        )
    from bridge.secret import FileSecret  # as above

    try:
        password = FileSecret(file).reveal()
    except PermanentError as trouble:
        raise PermanentError(f"{section}.password_file: {trouble}") from None
    return f"{scheme}://{user}:{quote(password, safe='')}@{place}"


def _check_certificates(broker: BrokerSettings) -> None:
    """Load them once, as the library will: it would try for ever."""
    if (broker.certificate_file is None) != (broker.key_file is None):
        raise PermanentError("broker.certificate_file and broker.key_file: give both, or none")
    context = ssl.create_default_context()
    if broker.ca_file is not None:
        try:
            context.load_verify_locations(cafile=broker.ca_file)
        except (OSError, ssl.SSLError) as failure:
            raise PermanentError(f"broker.ca_file: {broker.ca_file}: {_why(failure)}") from None
    if broker.certificate_file is not None and broker.key_file is not None:
        try:
            context.load_cert_chain(broker.certificate_file, broker.key_file, password=_no_password)
        except (OSError, ssl.SSLError, ValueError) as failure:
            places = f"{broker.certificate_file}, {broker.key_file}"
            raise PermanentError(f"broker.certificate_file, broker.key_file: {places}: {_why(failure)}") from None


def _no_password() -> str:
    """Keep OpenSSL from asking at the terminal."""
    raise ValueError("the key must have no password")


def _why(failure: Exception) -> str:
    if isinstance(failure, ssl.SSLError):
        return "is no certificate, no key, or they do not belong together (PEM)"
    return getattr(failure, "strerror", None) or str(failure)
