"""What the URL of a PostgreSQL means: read as libpq reads it, several hosts and its parameters for TLS included.

What is wrong with one is said in one line, without the password: where the parts of a URL cannot be told apart, none of
them is shown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl, unquote, urlencode

import asyncpg  # type: ignore[import-untyped]

from bridge.errors import PermanentError

CACHED_STATEMENTS: Final = 300
"""Statements that a connection keeps prepared: more than there are, with all ways in which inserts go together."""
CONNECT_TIMEOUT_S: Final = 10.0
"""How long to wait for a connection, unless the URL says otherwise (`connect_timeout`)."""
COMMAND_TIMEOUT_S: Final = 60.0
"""How long to wait for one statement; a healthy one takes milliseconds."""
DEFAULT_PORT: Final = 5432
HIGHEST_PORT: Final = 65535
ODD_PASSWORD: Final = "if the password has one of @ : / ? # % in it, write that as %40 %3A %2F %3F %23 %25"  # noqa: S105

_URL = re.compile(
    r"postgres(?:ql)?(?:\+\w+)?://(?:(?P<user>[^:/?@]*)(?::(?P<password>[^@]*))?@)?"
    r"(?P<hosts>[^/?]*)(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_HOST = re.compile(r"(?P<host>\[[^\[\]]+\]|[^:@\[\]]*)(?::(?P<port>\d{1,5})?)?")
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
# What libpq knows and the driver does not. To leave such a one out in silence could leave out a safeguard.
_LIBPQ_ONLY = frozenset(
    [
        "channel_binding",
        "client_encoding",
        "fallback_application_name",
        "gssdelegation",
        "gssencmode",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "load_balance_hosts",
        "replication",
        "require_auth",
        "requirepeer",
        "requiressl",
        "sslcertmode",
        "sslcompression",
        "sslcrldir",
        "sslsni",
        "tcp_user_timeout",
    ]
)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server and a database, as a URL names them. `query` is what the URL's parameters say beside that."""

    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    query: Mapping[str, str] = field(repr=False)
    connect_timeout_s: float = CONNECT_TIMEOUT_S

    @property
    def place(self) -> str:
        """Where it is, for messages: `db.example:5432`."""
        named = [f"{_bracketed(host)}:{port}" for host, port in zip(self.hosts, self.ports, strict=True)]
        return ", ".join(named) or self.query.get("host") or "this machine"

    async def connect(self, *, cached_statements: bool) -> Any:
        """Open a connection of the driver's; raises what the driver does."""
        given: dict[str, Any] = {"host": list(self.hosts), "port": list(self.ports)} if self.hosts else {}
        return await asyncpg.connect(
            "postgresql://?" + urlencode(self.query),
            user=self.user,
            password=self.password,
            database=self.database,
            timeout=self.connect_timeout_s,
            command_timeout=COMMAND_TIMEOUT_S,
            **given,
            statement_cache_size=CACHED_STATEMENTS if cached_statements else 0,
        )


def read_url(url: str) -> Postgres:
    """Read `postgresql://[user[:password]@][host[:port][,…]][/database][?parameter=value&…]`.

    Raises `PermanentError`.
    """
    found = _URL.fullmatch(url)
    if found is None:
        _refuse("not a URL of the form postgresql://user:password@host/database")
    hosts, ports = _hosts(found["hosts"])
    query = dict(parse_qsl(found["query"] or "", keep_blank_values=True))
    for name in _LIBPQ_ONLY & query.keys():
        _refuse(f"the parameter {name} is not supported; leave it out")
    for name in query.keys() & _FILES:
        _check_file(name, query[name])
    if "ssl" in query:  # the driver's own name for it
        query.setdefault("sslmode", query.pop("ssl"))
    return Postgres(
        hosts=hosts,
        ports=ports,
        user=_text(found["user"]),
        password=_text(found["password"]),
        database=_text(found["database"]),
        connect_timeout_s=_seconds(query.pop("connect_timeout", "")),
        query=query,
    )


def _hosts(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Read `host:port,host:port`."""
    if not text:
        return (), ()
    found = [_HOST.fullmatch(part) for part in text.split(",")]
    if not all(found):
        _refuse(f"host and port cannot be told; {ODD_PASSWORD}")
    matched = [each for each in found if each is not None]
    hosts = tuple(unquote(each["host"].strip("[]")) or "localhost" for each in matched)
    ports = tuple(int(each["port"] or DEFAULT_PORT) for each in matched)
    if max(ports) > HIGHEST_PORT:
        _refuse(f"there is no port {max(ports)}")
    return hosts, ports


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _text(text: str | None) -> str | None:
    return unquote(text) if text else None


def _seconds(text: str) -> float:
    """Read libpq's `connect_timeout`: whole seconds, and 0 or nothing is as long as it takes, which is ours."""
    if not re.fullmatch(r"\d{0,6}", text):
        _refuse("connect_timeout must be a whole number of seconds")
    return float(text or 0) or CONNECT_TIMEOUT_S


def _check_file(name: str, path: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as failure:
        _refuse(f"{name} names the file {path}, which cannot be read: {failure.strerror}")


def _refuse(why: str) -> NoReturn:
    raise PermanentError(f"database.url: {why}")
