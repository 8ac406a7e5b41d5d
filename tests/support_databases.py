"""PostgreSQL databases of a test's own, and what is said to a server past the bridge."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from bridge.localenv.postgres import asyncpg_url
from bridge.localenv.process import run_async


@contextmanager
def own_database(server: str, prefix: str) -> Iterator[str]:
    """Make an empty database, give its URL, and drop it afterwards. `server` is the URL of any other one there."""
    name = f"{prefix}_{uuid.uuid4().hex}"
    execute(server, f'CREATE DATABASE "{name}"')
    try:
        yield server.partition("?")[0].rpartition("/")[0] + f"/{name}"
    finally:
        execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def execute(url: str, *statements: str) -> None:
    """Run statements one after the other, each in a transaction of its own."""
    run_async(lambda: executed(url, *statements))


async def executed(url: str, *statements: str) -> None:
    """Run them beside what else this loop has to do."""
    connection = await asyncpg.connect(asyncpg_url(url))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
