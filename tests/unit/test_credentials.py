"""Passwords and certificates from files: put where they belong, never shown, and what is wrong is one line."""

from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from bridge.app.credentials import broker_url, database_url
from bridge.errors import PermanentError
from bridge.settings import BrokerSettings, DatabaseSettings
from bridge.store.postgres_url import read_url
from tests.unit.delivery.certificates import Authority

ODD = "p@ss:w/o?r#d% ż"


def broker(**given: Any) -> BrokerSettings:
    return BrokerSettings(**{"url": "amqps://bridge@rabbit.example.com/mef%2Fone", **given})


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_password_comes_from_a_file_whatever_is_in_it_and_without_its_newline(tmp_path: Path, end: str) -> None:
    file = tmp_path / "password"
    file.write_bytes((ODD + end).encode())
    url = URL(broker_url(broker(password_file=file)))
    assert (url.user, url.password, url.host, url.raw_path) == ("bridge", ODD, "rabbit.example.com", "/mef%2Fone")
    server = read_url(
        database_url(DatabaseSettings(url="postgresql://us%40er@a:1,b:2/db?sslmode=require", password_file=file))
    )
    assert (server.user, server.password, server.hosts, server.database) == ("us@er", ODD, ("a", "b"), "db")


def test_without_a_file_the_url_is_as_it_is() -> None:
    assert broker_url(broker(url="amqp://a:b@c/")) == "amqp://a:b@c/"
    assert database_url(DatabaseSettings()) == "sqlite:///var/mef-bridge.sqlite3"


@pytest.mark.parametrize(
    "url", ["amqp://bridge:s3cret@host/", "amqp://host/", "amqp://@host/", "amqp://a:s3@b:cret@h/"]
)
def test_a_password_in_the_url_as_well_or_no_user_is_refused_without_showing_it(tmp_path: Path, url: str) -> None:
    file = tmp_path / "password"
    file.write_text("other")
    with pytest.raises(PermanentError) as refused:
        broker_url(broker(url=url, password_file=file))
    assert str(refused.value).startswith("broker.url: with broker.password_file it must name a user, and no password")
    assert "cret" not in str(refused.value)


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as refused:
        database_url(DatabaseSettings(url="postgresql://bridge@db/bridge", password_file=tmp_path / "none"))
    assert str(refused.value) == f"database.password_file: {tmp_path / 'none'}: No such file or directory"


def test_certificates_are_given_to_the_library_and_need_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    shown = authority.issue("bridge")
    files = {"ca_file": authority.certificate, "certificate_file": shown.certificate, "key_file": shown.key}
    assert dict(URL(broker_url(broker(**files))).query) == {
        "cafile": str(authority.certificate),
        "certfile": str(shown.certificate),
        "keyfile": str(shown.key),
    }
    with pytest.raises(PermanentError, match="must begin with amqps://"):
        broker_url(broker(url="amqp://a:b@c/", **files))
    with pytest.raises(PermanentError, match="give both, or none"):
        broker_url(broker(**files | {"key_file": None}))
    with pytest.raises(PermanentError, match="they do not belong together"):
        broker_url(broker(**files | {"key_file": authority.issue("other").key}))
    with pytest.raises(PermanentError, match=r"broker.ca_file: .*none: No such file or directory"):
        broker_url(broker(**files | {"ca_file": tmp_path / "none"}))
