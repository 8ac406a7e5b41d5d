"""A PostgreSQL on which the tests may create and drop databases."""

import asyncio
import getpass
import os
from collections.abc import Mapping
from contextlib import ExitStack

import asyncpg  # type: ignore[import-untyped]

from bridge.localenv.apt import apt_install
from bridge.localenv.docker import start_container
from bridge.localenv.postgresql import start_postgresql
from bridge.localenv.process import run_async
from bridge.localenv.service import NotHere, Service, Step, first_that_works
from bridge.localenv.steps import in_container, named, private

Postgres = Service[str]

NAME = "PostgreSQL"
URL_VARIABLE = "BRIDGE_TEST_DATABASE_URL"
IMAGE = "postgres:17-alpine"
PORT = 5432
LOCALHOST_TIMEOUT_S = 2.0
NAMED_TIMEOUT_S = 10.0
MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"


def find_postgres(environ: Mapping[str, str] = os.environ) -> Postgres:
    """Find or start a PostgreSQL; use as a context manager. `url` is `postgresql+asyncpg://…`, for SQLAlchemy.

    Raises `Unavailable` when BRIDGE_TEST_DATABASE_URL does not answer, or when every step failed.
    """
    finders = {
        Step.ENV: lambda: _named(environ),
        Step.LOCALHOST: _localhost,
        Step.CONTAINER: _container,
        Step.CHILD: _child,
        Step.APT: _installed_now,
    }
    return first_that_works(NAME, finders, environ)


def asyncpg_url(url: str) -> str:
    """Give the address in the form that asyncpg itself takes."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


def postgres_trouble(url: str, timeout_s: float = LOCALHOST_TIMEOUT_S) -> str | None:
    """Log in at `url`; give None when that user may create databases, or else what is wrong, in one line."""
    return run_async(lambda: _login(asyncpg_url(url), timeout_s))


async def _login(url: str, timeout_s: float) -> str | None:
    try:
        async with asyncio.timeout(timeout_s):
            connection = await asyncpg.connect(url)
            try:
                return None if await connection.fetchval(MAY_CREATE) else "this user may not create databases"
            finally:
                await connection.close()
    except TimeoutError:
        return f"no answer within {timeout_s:.0f} s"
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as failure:
        return f"{type(failure).__name__}: {' '.join(str(failure).split())}"


def _named(environ: Mapping[str, str]) -> Postgres:
    return named(NAME, URL_VARIABLE, environ, lambda url: postgres_trouble(url, NAMED_TIMEOUT_S))


def _localhost() -> Postgres:
    for user in dict.fromkeys((getpass.getuser(), "postgres")):
        url = f"postgresql+asyncpg://{user}@localhost:{PORT}/postgres"
        if answers(url):
            return Service(url, Step.LOCALHOST, f"{NAME} on localhost:{PORT}, as {user}")
    raise NotHere(f"no {NAME} on localhost:{PORT} lets us create databases without a password")


def _container() -> Postgres:
    return in_container(NAME, IMAGE, _start_container, answers)


def _start_container(stack: ExitStack) -> str:
    host, port = start_container(stack, IMAGE, PORT, {"POSTGRES_HOST_AUTH_METHOD": "trust"})
    return f"postgresql+asyncpg://postgres@{host}:{port}/postgres"


def _child() -> Postgres:
    return private(NAME, "the installed programs", lambda stack: start_postgresql(stack, answers).url)


def _installed_now() -> Postgres:
    apt_install("postgresql")
    return private(NAME, "programs installed just now with apt-get", lambda stack: start_postgresql(stack, answers).url)


def answers(url: str) -> bool:
    """Tell whether a PostgreSQL lets us create databases there."""
    return postgres_trouble(url) is None
