"""PostgreSQL: whether what answers there will do. What is wrong is one line, with what to do.

A pooler such as PgBouncer gives each transaction another connection of the server's, where no prepared statement of
ours is known. It shows itself: the process number that it tells a client is not that of the server's process. So all
that goes beyond a transaction is left out there: statements have no names, nothing is listened for, and no lock is held
for longer.
"""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]

from bridge.errors import BridgeError, PermanentError, StoreUnavailable
from bridge.store.postgres_url import ODD_PASSWORD, Postgres
from bridge.store.trouble import ours, said_by_postgres, words_for

OLDEST_VERSION: Final = 13
ENCODING: Final = "UTF8"
HANG_UP_TIMEOUT_S: Final = 2.0

_FACTS = """
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_number,
       current_setting('server_encoding') AS encoding, current_database()::text AS database, pg_backend_pid() AS process
"""

# Why the server does not let us in, by its SQLSTATE, where somebody has to mend something; {says} are its own words.
_REFUSALS: Final[Mapping[str, str]] = {
    "28P01": "PostgreSQL at {place} refuses the password of user {user!r}: mend database.url; " + ODD_PASSWORD,
    "28000": "PostgreSQL at {place} does not let us in: {says}: mend the user in database.url, make it, or let it in "
    "(pg_hba.conf)",
    "3D000": "PostgreSQL at {place} has no such database: {says}: CREATE DATABASE … ENCODING 'UTF8', or mend "
    "database.url",
    "42501": "PostgreSQL at {place} does not let us in: {says}: GRANT CONNECT ON DATABASE …",
    "42704": "PostgreSQL at {place} refuses a parameter of database.url: {says}",
    "22023": "PostgreSQL at {place} refuses a parameter of database.url: {says}",
}
_ANY_CURE: Final = "name the file of its CA as sslrootcert in database.url, or mend the certificate"
_CURES: Final = {
    "mismatch": "name the host in database.url as the certificate does",
    "expired": "it must be renewed there",
    "self-signed": "name its own file, or that of its CA, as sslrootcert in database.url",
    "local issuer": "name the file of its CA as sslrootcert in database.url",
}
_CLOSED: Final = ("08003", "08006")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server said of itself. `pooled`: something like PgBouncer stands between it and us."""

    pooled: bool
    version: str
    encoding: str


async def connect(server: Postgres, *, cached_statements: bool) -> Any:
    """Open a connection for a bridge that is at work: whatever is wrong is `StoreUnavailable`, and may pass."""
    try:
        return await server.connect(cached_statements=cached_statements)
    except Exception as failure:  # noqa: BLE001 - of every kind, as below
        raise StoreUnavailable(str(_no_connection(server, failure))) from None


async def look_at(server: Postgres) -> Facts:
    """Connect once, and see whether it will do.

    Raises `StoreUnavailable` where what is wrong may pass, `PermanentError` where somebody has to mend something.
    """
    try:
        connection = await server.connect(cached_statements=False)
    except Exception as failure:  # noqa: BLE001 - of every kind: sockets, TLS, files, the driver, the server
        raise _no_connection(server, failure) from None
    process = connection.get_server_pid()
    try:
        async with connection.transaction():
            facts = await connection.fetchrow(_FACTS)
    except Exception as failure:  # noqa: BLE001 - whatever a driver raises
        raise _no_transaction(failure) from None
    finally:
        await _hang_up(connection)
    _check(server, facts)
    return Facts(facts["process"] != process, facts["version"], facts["encoding"])


def _check(server: Postgres, facts: Mapping[str, Any]) -> None:
    if facts["version_number"] < OLDEST_VERSION * 10_000:
        raise PermanentError(
            f"PostgreSQL at {server.place} is version {facts['version']}: mef-bridge needs {OLDEST_VERSION} or newer"
        )
    if facts["encoding"] != ENCODING:
        raise PermanentError(
            f"the database {facts['database']!r} at {server.place} is encoded in {facts['encoding']}, which cannot "
            f"hold every text: move it into one that is made with ENCODING '{ENCODING}' TEMPLATE template0, and name "
            "that in database.url"
        )


async def _hang_up(connection: Any) -> None:
    try:
        await connection.close(timeout=HANG_UP_TIMEOUT_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection.terminate()


# Why there is no connection


def _no_connection(server: Postgres, failure: Exception) -> BridgeError:
    match failure:
        case asyncpg.PostgresError():
            return _refused(server, failure)
        case asyncpg.TargetServerAttributeNotMatched():
            wanted = server.query.get("target_session_attrs")
            return StoreUnavailable(f"none of {server.place} is {wanted} now (target_session_attrs in database.url)")
        case asyncpg.ClientConfigurationError():
            hint = ": name it as sslrootcert" if "root certificate" in str(failure) else ""
            return PermanentError(f"database.url: {_line(failure)}{hint}")
        case ssl.SSLError():
            return _no_tls(server, failure)
        case UnicodeError():  # of the codec for host names: they come no further
            return PermanentError(f"there cannot be a host {', '.join(server.hosts)}: mend it in database.url")
        case OSError():
            return _no_answer(server, failure)
        case asyncpg.InterfaceError() | asyncpg.InternalClientError():
            return PermanentError(
                f"what answers at {server.place} is no PostgreSQL: mend host and port in database.url"
            )
        case _:
            return ours(failure)


def _refused(server: Postgres, error: asyncpg.PostgresError) -> BridgeError:
    """Read what the server said instead of letting us in."""
    state, says = error.sqlstate or "", said_by_postgres(error)
    if state in _REFUSALS:
        return PermanentError(_REFUSALS[state].format(place=server.place, user=server.user, says=says))
    if state in _CLOSED:
        return StoreUnavailable(f"what answers at {server.place} closed the connection: see that it is a PostgreSQL")
    if state.startswith("08"):
        return StoreUnavailable(f"what answers at {server.place} does not let us in: {says}: see it, and database.url")
    return StoreUnavailable(f"PostgreSQL at {server.place}: {ours(error)}")


def _no_tls(server: Postgres, failure: ssl.SSLError) -> PermanentError:
    if isinstance(failure, ssl.SSLCertVerificationError):
        why = failure.verify_message.rstrip(".")
        cure = next((cure for what, cure in _CURES.items() if what in why), _ANY_CURE)
        return PermanentError(f"the certificate of PostgreSQL at {server.place} is not accepted ({why}): {cure}")
    reason = failure.reason or failure.strerror or words_for(failure)
    return PermanentError(
        f"no TLS with PostgreSQL at {server.place} ({reason}): look at the parameters ssl… in database.url"
    )


def _no_answer(server: Postgres, failure: OSError) -> BridgeError:
    if isinstance(failure, socket.gaierror):
        hosts = ", ".join(server.hosts)
        return StoreUnavailable(f"the host {hosts} is not known: mend it in database.url, or the name service")
    if isinstance(failure, TimeoutError):
        return StoreUnavailable(
            f"no answer from {server.place} within {server.connect_timeout_s:g} s: see that a PostgreSQL runs there, "
            "that no firewall is in the way, and that database.url names the right host and port"
        )
    if "rejected SSL upgrade" in str(failure):
        return PermanentError(
            f"what answers at {server.place} is no PostgreSQL, or one without TLS though sslmode demands it: mend "
            "database.url"
        )
    if isinstance(failure, ConnectionRefusedError) or "refused" in str(failure).lower():
        return StoreUnavailable(
            f"nothing listens at {server.place}: see that PostgreSQL runs there, and that database.url names the right "
            "host and port"
        )
    why = failure.strerror or "the connection was closed at once"
    return StoreUnavailable(f"no connection to {server.place} ({why}): see that PostgreSQL runs there")


def _no_transaction(failure: Exception) -> BridgeError:
    if isinstance(failure, asyncpg.PostgresError) and "statement pooling" in str(failure):
        return PermanentError(
            "a pooler in statement mode knows no transactions: set pool_mode of PgBouncer to transaction or session"
        )
    return ours(failure)


def _line(failure: Exception) -> str:
    return " ".join(str(failure.args[0]).split()) if failure.args else words_for(failure)
