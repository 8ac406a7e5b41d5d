"""Which database a URL names."""

import pytest

from bridge.errors import PermanentError
from bridge.store.engine import database_url


@pytest.mark.parametrize(
    ("url", "driver", "database"),
    [
        ("sqlite:///var/bridge.sqlite3", "sqlite+aiosqlite", "var/bridge.sqlite3"),
        ("sqlite:////var/bridge.sqlite3", "sqlite+aiosqlite", "/var/bridge.sqlite3"),
        ("sqlite+aiosqlite:///bridge.sqlite3", "sqlite+aiosqlite", "bridge.sqlite3"),
        ("postgresql://u:p@db:5433/bridge", "postgresql+asyncpg", "bridge"),
        ("postgresql+asyncpg://u@db/bridge", "postgresql+asyncpg", "bridge"),
        ("postgres://u@db/bridge", "postgresql+asyncpg", "bridge"),
    ],
)
def test_a_url_names_its_asynchronous_driver(url: str, driver: str, database: str) -> None:
    found = database_url(url)
    assert (found.drivername, found.database) == (driver, database)


def test_a_password_survives() -> None:
    assert database_url("postgresql://u:p%40ss@db/bridge").password == "p@ss"


def test_libpqs_name_for_tls_is_understood() -> None:
    assert database_url("postgresql://u@db/bridge?sslmode=require").query == {"ssl": "require"}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_sqlite_without_a_file_is_refused(url: str) -> None:
    """Each connection would have a database of its own."""
    with pytest.raises(PermanentError, match="needs a file"):
        database_url(url)


@pytest.mark.parametrize("url", ["mysql://u@db/bridge", "oracle://u@db/bridge"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(PermanentError, match="not supported"):
        database_url(url)


def test_what_is_no_url_is_refused_without_repeating_it() -> None:
    """It may hold a password."""
    with pytest.raises(PermanentError, match="not a database URL") as refused:
        database_url("u:secret@db/bridge")
    assert "secret" not in str(refused.value)
