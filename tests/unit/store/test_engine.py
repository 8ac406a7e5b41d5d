"""Which database a URL names; what is wrong with one is said in one line, and its password never."""

from pathlib import Path

import pytest

from bridge.errors import PermanentError
from bridge.store.engine import target_of
from bridge.store.postgres_url import CONNECT_TIMEOUT_S, Postgres, read_url


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/bridge.sqlite3", "var/bridge.sqlite3"),
        ("sqlite:////var/bridge.sqlite3", "/var/bridge.sqlite3"),
        ("sqlite+aiosqlite:///bridge.sqlite3", "bridge.sqlite3"),
    ],
)
def test_a_url_names_a_file_of_sqlite(url: str, path: str) -> None:
    assert target_of(url) == Path(path)


@pytest.mark.parametrize(
    ("url", "place", "user", "password", "database"),
    [
        ("postgresql://u:p@db:5433/bridge", "db:5433", "u", "p", "bridge"),
        ("postgresql+asyncpg://u@db/bridge", "db:5432", "u", None, "bridge"),
        ("postgres://u@db/bridge", "db:5432", "u", None, "bridge"),
        ("postgresql://u:p%40s%3A%2F%3F%23%25%20@db/my%20bridge", "db:5432", "u", "p@s:/?#% ", "my bridge"),
        ("postgresql://u:p/s:w#o r?d%@db/bridge", "db:5432", "u", "p/s:w#o r?d%", "bridge"),
        ("postgresql://u@[::1]:5433/bridge", "[::1]:5433", "u", None, "bridge"),
        ("postgresql://u@one:1,two,three:3/bridge", "one:1, two:5432, three:3", "u", None, "bridge"),
        ("postgresql://u@/bridge?host=/run/postgresql", "/run/postgresql", "u", None, "bridge"),
        ("postgresql:///bridge", "this machine", None, None, "bridge"),
        ("postgresql://db", "db:5432", None, None, None),
    ],
)
def test_a_url_names_a_database_of_postgresql(
    url: str, place: str, user: str | None, password: str | None, database: str | None
) -> None:
    found = target_of(url)
    assert isinstance(found, Postgres)
    assert (found.place, found.user, found.password, found.database) == (place, user, password, database)


def test_libpqs_parameters_are_understood() -> None:
    found = read_url("postgresql://u@db/bridge?sslmode=require&application_name=me&connect_timeout=3")
    assert found.query == {"sslmode": "require", "application_name": "me"}
    assert found.connect_timeout_s == 3.0


def test_the_drivers_own_name_for_tls_is_understood_too() -> None:
    assert read_url("postgresql://u@db/bridge?ssl=require").query == {"sslmode": "require"}


@pytest.mark.parametrize("timeout", ["", "0"])
def test_a_connect_timeout_of_as_long_as_it_takes_is_our_own(timeout: str) -> None:
    assert read_url(f"postgresql://db/x?connect_timeout={timeout}").connect_timeout_s == CONNECT_TIMEOUT_S


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite://host/file", "sqlite:///file?mode=ro"])
def test_sqlite_without_a_file_is_refused(url: str) -> None:
    """Each connection would have a database of its own; and parameters are for the driver, which is ours."""
    with pytest.raises(PermanentError, match="needs a file"):
        target_of(url)


@pytest.mark.parametrize("url", ["mysql://u:s3cret@db/bridge", "oracle://u:s3cret@db/bridge"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(PermanentError, match="not supported") as refused:
        target_of(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("u:s3cret@db/bridge", "not a database URL"),
        ("postgresql://u:a@b:s3cret@localhost/db", "write that as %40"),
        ("postgresql://u:s3@cret@localhost/db", "write that as %40"),
        ("postgresql://u:s3cret@db:port/bridge", "host and port cannot be told"),
        ("postgresql://u:s3cret@db:99999/bridge", "there is no port 99999"),
        ("postgresql://u:s3cret@[::1/bridge", "host and port cannot be told"),
        ("postgresql://u:s3cret@db/bridge?connect_timeout=soon", "connect_timeout must be a whole number of seconds"),
        ("postgresql://u:s3cret@db/bridge?channel_binding=require", "channel_binding is not supported"),
        ("postgresql://u:s3cret@db/b?sslrootcert=/no/ca.pem", "sslrootcert names the file /no/ca.pem, which cannot be"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_without_the_password(url: str, says: str) -> None:
    with pytest.raises(PermanentError, match=r"^database\.url: ") as refused:
        target_of(url)
    said = str(refused.value)
    assert says in said
    assert "\n" not in said
    assert "s3" not in said


def test_neither_is_the_password_in_what_is_printed_of_a_server() -> None:
    assert "s3cret" not in repr(read_url("postgresql://u:s3cret@db/bridge?sslpassword=s3cret"))
