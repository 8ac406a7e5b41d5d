"""In all that goes wrong, whatever the bridge says, in the log or in an error with its trace, no secret is in it."""

import asyncio
import io
import logging
import os
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from bridge.api.identity import ApiKeyIdentity, KeySet, TokenIdentity, TokenRules
from bridge.app.console_side import open_issuer
from bridge.app.credentials import broker_url, database_url
from bridge.secret import FileSecret
from bridge.settings import BrokerSettings, DatabaseSettings, OidcSettings, load_settings
from bridge.store import new_store
from bridge.telemetry import configure_logging
from bridge.wfm.link import RabbitLink
from tests.support import eventually

SECRET = "s3cr3t-c4n4ry"
Say = Callable[[Path, io.StringIO], Awaitable[None]]


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging(request.param, "debug", stream)
    yield stream
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not getattr(handler, "of_the_bridge", False)]
    structlog.reset_defaults()


async def wrong_settings(directory: Path, _: io.StringIO) -> None:
    os.environ["CANARY"] = SECRET
    file = directory / "bridge.yaml"
    file.write_text(
        "broker: {url: 'amq://u:${CANARY}@h', prefetch: '${CANARY}'}\n"
        "database: {url: '${CANARY}', prepared_statements: '${CANARY}'}\n"
        "delivery: {proxy_url: 'ftp://u:${CANARY}@h'}\n"
    )
    load_settings(file)


async def a_database_url_in_pieces(_: Path, __: io.StringIO) -> None:
    await new_store(f"postgresql://u:a@b:{SECRET}@localhost/db", new_id=str).open()


async def a_database_that_is_not_there(_: Path, __: io.StringIO) -> None:
    await new_store(f"postgresql://u:{SECRET}@127.0.0.1:1/db", new_id=str).open()


async def a_database_that_is_none(_: Path, __: io.StringIO) -> None:
    await new_store(f"mysql://u:{SECRET}@127.0.0.1/db", new_id=str).open()


async def a_broker_that_is_not_there(_: Path, log: io.StringIO) -> None:
    starting = asyncio.create_task(RabbitLink(f"amqp://u:{SECRET}@127.0.0.1:1/", connect_timeout_s=1).start())
    await eventually(lambda: "trying again" in log.getvalue())
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    raise ConnectionError(str(starting))


async def a_password_beside_its_file(directory: Path, __: io.StringIO) -> None:
    (directory / "password").write_text(SECRET)
    broker_url(BrokerSettings(url=f"amqp://u:{SECRET}@h/", password_file=directory / "password"))


async def a_password_for_nobody(directory: Path, __: io.StringIO) -> None:
    (directory / "password").write_text(SECRET)
    database_url(DatabaseSettings(url="postgresql://h/db", password_file=directory / "password"))


async def a_secret_that_is_none(directory: Path, __: io.StringIO) -> None:
    (directory / "secret").write_bytes(b"\xff" + SECRET.encode())
    FileSecret(directory / "secret")


async def a_key_of_nobody(_: Path, __: io.StringIO) -> None:
    await ApiKeyIdentity([]).authenticate({"Authorization": f"Bearer {SECRET}"})


async def a_token_of_nobody(_: Path, __: io.StringIO) -> None:
    async def read() -> bytes:
        raise OSError(f"https://u:{SECRET}@issuer.example.com is away")

    rules = TokenRules(issuer="i", audience="a", algorithms=frozenset({"ES256"}), scopes={})
    keys = KeySet(read, refresh_s=60, floor_s=0)
    header = "eyJhbGciOiJFUzI1NiJ9"
    await TokenIdentity([], keys, rules).authenticate({"Authorization": f"Bearer {header}.e30.{SECRET}"})


async def an_issuer_that_is_away(directory: Path, _: io.StringIO) -> None:
    (directory / "secret").write_text(SECRET)
    chosen = OidcSettings(
        issuer="https://issuer.example.com",
        client_id="c",
        client_secret_file=directory / "secret",
        viewers=("all",),
        proxy_url=SecretStr(f"http://u:{SECRET}@127.0.0.1:1"),
    )
    issuer = open_issuer(chosen)
    assert issuer is not None
    await issuer.metadata()


async def what_a_library_says(_: Path, __: io.StringIO) -> None:
    library, ours = logging.getLogger("library"), structlog.get_logger("ours")
    library.warning("GET https://u:%s@h/?password=%s", SECRET, SECRET)
    library.warning("sent %s", {"Authorization": f"Bearer {SECRET}"})
    ours.warning("sent", headers={"Authorization": f"bearer {SECRET}"}, places=[f"amqp://u:{SECRET}@h"])
    ours.warning("failed", error=ValueError(f"Basic {SECRET}"), deep={"a": [(f"//u:{SECRET}@h",)]})
    try:
        raise ValueError(f"no answer from https://u:{SECRET}@h")
    except ValueError:
        ours.exception("crashed")
    raise RuntimeError


FAILURES: list[Say] = [
    wrong_settings,
    a_database_url_in_pieces,
    a_database_that_is_not_there,
    a_database_that_is_none,
    a_broker_that_is_not_there,
    a_password_beside_its_file,
    a_password_for_nobody,
    a_secret_that_is_none,
    a_key_of_nobody,
    a_token_of_nobody,
    an_issuer_that_is_away,
    what_a_library_says,
]


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
async def test_a_failure_shows_no_secret(
    fail: Say, log: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("BRIDGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CANARY", "")
    said: Any = None
    try:
        await fail(tmp_path, log)
    except Exception as error:  # noqa: BLE001 - whatever it is
        said = error
        structlog.get_logger("test").exception("failed", error=error)
    assert said is not None
    assert "failed" in log.getvalue()
    assert SECRET not in log.getvalue()
    assert SECRET not in str(said) + repr(said)
    assert SECRET not in "".join(traceback.format_exception(said))
