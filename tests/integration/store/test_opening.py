"""A database is looked at before it is used. What is wrong is one line, with its cause and what to do; what may pass is
told from what somebody has to mend.
"""

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from yarl import URL

from bridge.errors import BridgeError, PermanentError, StoreUnavailable
from bridge.store import SqlStore, new_store, open_existing, open_store
from bridge.store.engine import open_engine
from bridge.store.migration import _VERSION
from tests.integration.store.values import job, load, save
from tests.support_databases import execute
from tests.support_postgres import NO_PGBOUNCER, pgbouncer, turn_away
from tests.unit.delivery.certificates import Authority

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Listen = Callable[[Serve], Awaitable[int]]

INTEGRATION = pytest.mark.integration


async def opened(url: str) -> SqlStore:
    return await open_store(url, new_id=lambda: "ev")


async def trouble(url: str, kind: type[BridgeError]) -> str:
    """What is said of a database that cannot be opened: one line, of exactly this kind."""
    with pytest.raises(kind) as said:
        await opened(url)
    assert type(said.value) is kind
    assert "\n" not in str(said.value)
    return str(said.value)


# SQLite


async def test_a_sqlite_file_that_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "b.sqlite3").mkdir()
    said = await trouble(f"sqlite:///{tmp_path}/b.sqlite3", PermanentError)
    assert (
        said == f"the SQLite file {tmp_path}/b.sqlite3 (database.url) cannot be opened: it is a directory; name a file"
    )


async def test_a_file_whose_name_is_too_long(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{'x' * 300}"
    assert (await trouble(url, PermanentError)).endswith("cannot be opened: File name too long; name another file")
    with pytest.raises(PermanentError, match="there is no database"):
        await open_existing(url, new_id=str)


async def test_a_file_whose_name_has_a_nul(tmp_path: Path) -> None:
    said = await trouble(f"sqlite:///{tmp_path}/a%00b", PermanentError)
    assert said == "database.url: SQLite needs a file, and nothing else: sqlite:///path"


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    said = await trouble(f"sqlite:///{tmp_path}/taken/b.sqlite3", PermanentError)
    assert said.startswith(
        f"database.url: the directory {tmp_path}/taken of the SQLite file cannot be made (File exists)"
    )


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("dear diary, " * 100)
    said = await trouble(f"sqlite:///{tmp_path}/notes", PermanentError)
    assert said == f"{tmp_path}/notes (database.url) is no SQLite database: name another file, or move this one away"


async def test_a_file_that_somebody_else_has_locked_is_waited_for(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.store.opening.BUSY_TIMEOUT_S", 0.001)
    file = sqlite_url.partition("///")[2]
    await (await opened(sqlite_url)).close()
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await trouble(sqlite_url, StoreUnavailable) == (
            f"the SQLite file {file} (database.url) is locked by another program: end that"
        )
    other.close()
    await (await opened(sqlite_url)).close()


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (sqlite3.SQLITE_FULL, StoreUnavailable, "is full: make room"),
        (sqlite3.SQLITE_IOERR_WRITE, StoreUnavailable, "cannot be used: odd"),
        (sqlite3.SQLITE_READONLY, PermanentError, "cannot be written: give this user the right"),
        (sqlite3.SQLITE_CORRUPT, PermanentError, "is damaged: take it back from a backup"),
        (sqlite3.SQLITE_CANTOPEN, PermanentError, "see that files can be made in"),
    ],
)
async def test_what_else_sqlite_may_say(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[BridgeError], says: str
) -> None:
    """Disks that are full, broken or read-only cannot be had by everybody who runs tests."""

    async def fail(*_: object, **__: object) -> None:
        error = sqlite3.OperationalError("odd")
        error.sqlite_errorcode = code
        raise error

    monkeypatch.setattr("bridge.store.sqlite.connect", fail)
    assert says in await trouble(sqlite_url, kind)


async def test_a_python_with_an_old_sqlite(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.store.sqlite.sqlite3.sqlite_version_info", (3, 34, 1))
    assert "mef-bridge needs 3.35.0 or newer" in await trouble(sqlite_url, PermanentError)


# PostgreSQL: what answers, and whether it lets us in


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Listens on a port of its own with what a test serves there."""
    servers: list[asyncio.Server] = []

    async def start(serve: Serve) -> int:
        servers.append(await asyncio.start_server(serve, "127.0.0.1", 0))
        port: int = servers[-1].sockets[0].getsockname()[1]
        return port

    yield start
    for server in servers:
        server.close()


async def test_nobody_listens() -> None:
    said = await trouble("postgresql://u:s3cret@127.0.0.1:1/bridge", StoreUnavailable)
    assert said.startswith("nothing listens at 127.0.0.1:1: see that PostgreSQL runs there")


async def test_the_host_is_not_known() -> None:
    said = await trouble("postgresql://u:s3cret@no-such-host.invalid/bridge", StoreUnavailable)
    assert said == "the host no-such-host.invalid is not known: mend it in database.url, or the name service"


@pytest.mark.parametrize("host", ["a..b", "h" * 64])
async def test_there_cannot_be_such_a_host(host: str) -> None:
    said = await trouble(f"postgresql://u:s3cret@{host}/bridge", PermanentError)
    assert said == f"there cannot be a host {host}: mend it in database.url"


async def test_nobody_answers(listen: Listen) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    port = await listen(say_nothing)
    said = await trouble(f"postgresql://u@127.0.0.1:{port}/bridge?connect_timeout=1", StoreUnavailable)
    assert said.startswith(f"no answer from 127.0.0.1:{port} within 1 s: ")


async def test_what_answers_is_no_postgresql(listen: Listen) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    port = await listen(greet)
    said = await trouble(f"postgresql://u@127.0.0.1:{port}/bridge", PermanentError)
    assert said.startswith(f"what answers at 127.0.0.1:{port} is no PostgreSQL")


@pytest.mark.parametrize(
    ("sqlstate", "message", "kind", "says"),
    [
        ("28P01", 'password authentication failed for user "u"', PermanentError, "refuses the password of user 'u'"),
        ("28000", 'no pg_hba.conf entry for host "::1"', PermanentError, "or let it in (pg_hba.conf)"),
        ("3D000", 'database "bridge" does not exist', PermanentError, "CREATE DATABASE"),
        ("42501", 'permission denied for database "bridge"', PermanentError, "GRANT CONNECT ON DATABASE"),
        ("42704", 'unrecognized configuration parameter "x"', PermanentError, "refuses a parameter of database.url"),
        ("57P03", "the database system is starting up", StoreUnavailable, "is starting, stopping or recovering"),
        ("53300", "sorry, too many clients already", StoreUnavailable, "no free connections"),
        (
            "08P01",
            "server login has been failing",
            StoreUnavailable,
            "does not let us in: server login has been failing",
        ),
        ("XX000", "odd", StoreUnavailable, "the database failed: odd (XX000)"),
    ],
)
async def test_it_does_not_let_us_in(
    listen: Listen, sqlstate: str, message: str, kind: type[BridgeError], says: str
) -> None:
    port = await listen(partial(turn_away, sqlstate=sqlstate, message=message))
    said = await trouble(f"postgresql://u:s3cret@127.0.0.1:{port}/bridge", kind)
    assert f"127.0.0.1:{port}" in said
    assert says in said
    assert "s3cret" not in said


async def test_tls_is_demanded_and_not_had(listen: Listen) -> None:
    port = await listen(partial(turn_away, sqlstate="57P03", message=""))
    said = await trouble(f"postgresql://u@127.0.0.1:{port}/bridge?sslmode=require", PermanentError)
    assert "without TLS though sslmode demands it" in said


async def test_a_certificate_that_is_not_accepted(listen: Listen, tmp_path: Path) -> None:
    ours, others = Authority(tmp_path, "ours"), Authority(tmp_path, "others")
    serve = partial(turn_away, sqlstate="57P03", message="", tls=others.server("localhost", "127.0.0.1"))
    url = f"postgresql://u@localhost:{await listen(serve)}/bridge?sslmode=verify-full&sslrootcert="
    said = await trouble(url + str(ours.certificate), PermanentError)
    assert "the certificate of PostgreSQL at localhost:" in said
    assert "name the file of its CA as sslrootcert in database.url" in said
    assert "is starting, stopping or recovering" in await trouble(url + str(others.certificate), StoreUnavailable)


async def test_a_certificate_of_another_host(listen: Listen, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    serve = partial(turn_away, sqlstate="57P03", message="", tls=authority.server("other.test"))
    url = f"postgresql://u@localhost:{await listen(serve)}/bridge?sslrootcert={authority.certificate}&sslmode="
    assert "Hostname mismatch" in await trouble(url + "verify-full", PermanentError)
    assert "is starting, stopping or recovering" in await trouble(url + "verify-ca", StoreUnavailable)


async def test_a_file_of_a_ca_that_is_none(tmp_path: Path, listen: Listen) -> None:
    (tmp_path / "ca.pem").write_text("dear diary")
    port = await listen(partial(turn_away, sqlstate="57P03", message=""))
    url = f"postgresql://u@127.0.0.1:{port}/bridge?sslmode=verify-ca&sslrootcert={tmp_path}/ca.pem"
    assert "look at the parameters ssl… in database.url" in await trouble(url, PermanentError)


async def test_a_word_for_tls_that_nobody_knows() -> None:
    said = await trouble("postgresql://u@127.0.0.1/bridge?sslmode=perhaps", PermanentError)
    assert said.startswith("database.url: `sslmode` parameter must be one of: disable, ")


# PostgreSQL: the database itself


@pytest.fixture
def latin1_url(postgres_url: str) -> Iterator[str]:
    """A database that cannot hold every text."""
    name = f"latin_{uuid.uuid4().hex}"
    execute(postgres_url, f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    yield str(URL(postgres_url).with_path(f"/{name}"))
    execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@INTEGRATION
async def test_a_database_that_cannot_hold_every_text_is_refused(latin1_url: str) -> None:
    """Else one message whose text it cannot hold would hold up all that come after it."""
    said = await trouble(latin1_url, PermanentError)
    assert "is encoded in LATIN1, which cannot hold every text" in said
    assert "ENCODING 'UTF8'" in said


@INTEGRATION
async def test_an_old_postgresql_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.store.postgres.OLDEST_VERSION", 999)
    assert "mef-bridge needs 999 or newer" in await trouble(database_url, PermanentError)


@INTEGRATION
async def test_a_database_of_somebody_else_is_left_alone(database_url: str) -> None:
    execute(database_url, "CREATE TABLE journal (x int)")
    assert "has a table 'journal' already" in await trouble(database_url, PermanentError)


async def test_so_is_a_sqlite_file_of_somebody_else(sqlite_url: str) -> None:
    with sqlite3.connect(sqlite_url.partition("///")[2]) as other:
        other.execute("CREATE TABLE journal (x int)")
    other.close()
    assert "has a table 'journal' already" in await trouble(sqlite_url, PermanentError)


@pytest.mark.parametrize("url_of", ["sqlite_url", pytest.param("database_url", marks=INTEGRATION)])
async def test_the_tables_of_a_newer_bridge_are_left_alone(request: pytest.FixtureRequest, url_of: str) -> None:
    url: str = request.getfixturevalue(url_of)
    await (await opened(url)).close()
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.execute(_VERSION.update().values(version_num="9999"))
    await engine.dispose()
    assert "the database is at schema 9999" in await trouble(url, PermanentError)


@pytest.fixture
def guest_url(database_url: str) -> Iterator[str]:
    """The same database, for a user without any rights in it but to come in."""
    name = f"guest_{uuid.uuid4().hex}"
    database = URL(database_url).path.strip("/")
    execute(
        database_url,
        f"CREATE ROLE {name} LOGIN",
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {database} TO {name}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )
    yield str(URL(database_url).with_user(name))
    execute(database_url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


@INTEGRATION
async def test_a_user_who_may_not_make_tables_is_told_the_grant(database_url: str, guest_url: str) -> None:
    said = await trouble(guest_url, PermanentError)
    assert "has no right to make tables in schema 'public': GRANT USAGE, CREATE ON SCHEMA" in said
    execute(database_url, f'GRANT CREATE ON SCHEMA public TO "{URL(guest_url).user}"')
    await (await opened(guest_url)).close()


@INTEGRATION
async def test_a_user_who_may_not_use_the_tables_is_told_the_grant(database_url: str, guest_url: str) -> None:
    """Rights to the tables are enough to run; rights to make some are needed once."""
    guest = URL(guest_url).user
    await (await opened(database_url)).close()
    assert "lacks SELECT on table 'alembic_version': GRANT" in await trouble(guest_url, PermanentError)
    execute(database_url, f'GRANT SELECT ON alembic_version TO "{guest}"')
    assert "lacks DELETE, INSERT, SELECT, UPDATE on table 'activations' and" in await trouble(guest_url, PermanentError)
    execute(database_url, f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{guest}"')
    assert "lacks USAGE of its sequence on table 'attempts' and" in await trouble(guest_url, PermanentError)
    execute(database_url, f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{guest}"')
    store = await opened(guest_url)
    saved = job()
    await save(store, saved)
    assert await load(store, saved.ref) == saved
    await store.close()


@INTEGRATION
async def test_a_user_who_only_looks_needs_but_the_right_to_look(database_url: str, guest_url: str) -> None:
    await (await opened(database_url)).close()
    execute(database_url, f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{URL(guest_url).user}"')
    looking = await open_existing(guest_url, new_id=lambda: "ev", read_only=True)
    assert await looking.journal.latest() == []
    await looking.close()
    with pytest.raises(PermanentError, match="lacks DELETE, INSERT, UPDATE on table"):
        await open_existing(guest_url, new_id=lambda: "ev")


@INTEGRATION
async def test_a_schema_that_is_not_there(database_url: str) -> None:
    said = await trouble(f"{database_url}?search_path=nowhere", PermanentError)
    assert "may use no schema of its search_path" in said


@INTEGRATION
async def test_a_read_only_database_with_our_tables_is_opened_and_read(database_url: str) -> None:
    """It may be a standby for a while; a bridge that starts then can answer Buyers who only look."""
    await (await opened(database_url)).close()
    execute(database_url, f"ALTER DATABASE {URL(database_url).path[1:]} SET default_transaction_read_only = on")
    store = await opened(database_url)
    assert await store.journal.latest() == []
    with pytest.raises(StoreUnavailable, match="read-only"):
        await save(store, job())
    assert "read-only" in (store.problem or "")
    execute(
        database_url,
        "SET default_transaction_read_only = off",
        f"ALTER DATABASE {URL(database_url).path[1:]} RESET default_transaction_read_only",
    )
    await save(store, job())  # on a new connection: those that are open stay as they were
    assert store.problem is None
    await store.close()


@INTEGRATION
async def test_a_read_only_database_without_tables_is_waited_for(database_url: str) -> None:
    execute(database_url, f"ALTER DATABASE {URL(database_url).path[1:]} SET default_transaction_read_only = on")
    assert "the database is read-only" in await trouble(database_url, StoreUnavailable)


# not open yet


async def test_a_store_that_is_not_open_yet_is_not_available_and_can_be_opened_again(tmp_path: Path) -> None:
    store = new_store(f"sqlite:///{tmp_path}/b.sqlite3", new_id=lambda: "ev")
    assert store.problem == "the database is not open yet"
    with pytest.raises(StoreUnavailable, match="not open yet"):
        await store.journal.latest()
    with pytest.raises(StoreUnavailable, match="not open yet"):
        await save(store, job())
    await store.open()
    await store.open()
    assert store.problem is None
    assert await store.journal.latest() == []
    await store.close()


async def test_what_keeps_it_from_being_opened_is_told() -> None:
    store = new_store("postgresql://u@127.0.0.1:1/bridge", new_id=lambda: "ev")
    with pytest.raises(StoreUnavailable):
        await store.open()
    assert (store.problem or "").startswith("nothing listens at 127.0.0.1:1")
    await store.close()


# PgBouncer


@INTEGRATION
@pytest.mark.skipif(NO_PGBOUNCER is not None, reason=str(NO_PGBOUNCER))
async def test_a_pooler_that_changes_connections_between_transactions_is_found_out_and_suited(
    database_url: str,
) -> None:
    with pgbouncer(database_url, "transaction") as url:
        store = await opened(url)
        jobs = [job() for _ in range(40)]
        await asyncio.gather(*(save(store, each) for each in jobs))
        loaded = await asyncio.gather(*(load(store, each.ref) for each in jobs))
        assert loaded == jobs
        await store.close()


@INTEGRATION
@pytest.mark.skipif(NO_PGBOUNCER is not None, reason=str(NO_PGBOUNCER))
async def test_a_pooler_that_knows_no_transactions_is_refused(database_url: str) -> None:
    with pgbouncer(database_url, "statement") as url:
        assert "set pool_mode of PgBouncer to transaction or session" in await trouble(url, PermanentError)
