"""What stands between the bridge and a PostgreSQL in tests: a server that turns everybody away, and PgBouncer."""

import asyncio
import os
import pwd
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from yarl import URL

from bridge.localenv.process import LOOPBACK, await_ready, free_port, start_child
from tests.integration.wfm.conftest import Wire

PLAIN_REQUESTS = (80877103, 80877104)  # for TLS and for GSSAPI, before the startup message


async def turn_away(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    sqlstate: str,
    message: str,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Speak PostgreSQL's protocol just as far as it takes to refuse a client."""
    while int.from_bytes((await _packet(reader))[:4]) in PLAIN_REQUESTS:
        writer.write(b"N" if tls is None else b"S")
        if tls is not None:
            try:
                await writer.start_tls(tls)
            except (OSError, asyncio.CancelledError):  # the client has seen enough
                return
    fields = f"SFATAL\0VFATAL\0C{sqlstate}\0M{message}\0\0".encode()
    writer.write(b"E" + (len(fields) + 4).to_bytes(4) + fields)
    await writer.drain()
    writer.close()


async def _packet(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(4))
    return await reader.readexactly(length - 4)


class TurningAway(Wire):
    """A wire to a PostgreSQL whose server turns everybody away as long as the wire is cut."""

    sqlstate = "57P03"
    message = "the database system is starting up"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.open:
            await super().serve(reader, writer)
            return
        self.refused += 1
        await turn_away(reader, writer, self.sqlstate, self.message)


PGBOUNCER = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
NO_PGBOUNCER = None if Path(PGBOUNCER).exists() else "pgbouncer is not installed (apt-get install pgbouncer)"

_CONFIG = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = {address}
listen_port = {listening}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
default_pool_size = 3
"""


@contextmanager
def pgbouncer(url: str, mode: str) -> Iterator[str]:
    """Put a PgBouncer in front of a PostgreSQL, with few connections; give the URL through it."""
    server = URL(url)
    user = "postgres" if os.geteuid() == 0 else None
    with TemporaryDirectory(prefix="bridge-pgbouncer-") as made:
        directory, listening = Path(made), free_port()
        users = directory / "users"
        users.write_text(f'"{server.user}" "{server.password or ""}"\n')
        config = directory / "pgbouncer.ini"
        config.write_text(
            _CONFIG.format(
                host=server.host,
                port=server.port or 5432,
                address=LOOPBACK,
                listening=listening,
                users=users,
                mode=mode,
            )
        )
        if user is not None:
            for path in (directory, users, config):
                os.chown(path, pwd.getpwnam(user).pw_uid, -1)
        child = start_child([PGBOUNCER, str(config)], directory=directory, name="pgbouncer", user=user)
        try:
            await_ready(lambda: "process up" in child.last_words(), what="PgBouncer", deadline_s=30, child=child)
            yield str(server.with_host(LOOPBACK).with_port(listening))
        finally:
            child.stop()
