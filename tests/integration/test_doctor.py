"""The doctor, on a set-up that is right and on the ways in which one is broken: each is told, and nothing else.

RabbitMQ and PostgreSQL are real; each test has names, and a database, of its own.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import asyncpg
import pytest
from aio_pika.abc import AbstractChannel
from aiohttp import web
from pydantic import SecretStr
from typer.testing import CliRunner
from yarl import URL

from bridge.app.doctor import Verdict, examine
from bridge.app.doctor import database as database_module
from bridge.app.process import now
from bridge.cli.doctor import _diagnoses
from bridge.cli.main import app
from bridge.flows.operator import Activation
from bridge.flows.partitioning import Partitioning
from bridge.localenv.process import free_port
from bridge.localenv.rabbitmq import Node
from bridge.mapping.loader import load_pack
from bridge.settings import (
    AdminRole,
    AdminSettings,
    AdminUser,
    BrokerSettings,
    DatabaseSettings,
    HttpSettings,
    IdentityMode,
    Mode,
    QueueType,
    Settings,
)
from bridge.simulator.wfm import COMMANDS_EXCHANGE, EVENTS_EXCHANGE
from bridge.store import open_store
from bridge.wfm.topology import Topology
from tests.integration.store.values import NOW, subscription
from tests.support_databases import executed
from tests.support_issuer import open_issuer
from tests.unit.delivery.certificates import Authority

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
Found = dict[str, tuple[str, str]]


@pytest.fixture
def namespace() -> str:
    return f"doctor-{uuid4().hex[:12]}."


@pytest.fixture
async def channel(rabbitmq_url: str, namespace: str) -> AsyncIterator[AbstractChannel]:
    """The WFM's side: its exchanges are there."""
    async with await aio_pika.connect(rabbitmq_url) as connection:
        channel = await connection.channel()
        for name in (EVENTS_EXCHANGE, COMMANDS_EXCHANGE):
            await channel.declare_exchange(f"{namespace}{name}", "topic", durable=True)
        yield channel
        rest = await connection.channel()
        for name in (EVENTS_EXCHANGE, COMMANDS_EXCHANGE):
            await rest.exchange_delete(f"{namespace}{name}")


@pytest.fixture
def settings(rabbitmq_url: str, database_url: str, namespace: str, channel: AbstractChannel) -> Settings:
    """A set-up in which all is right."""
    del channel
    return Settings.model_construct(
        mode=Mode.DEVELOPMENT,
        packs=(ROOT / "mappings" / "acme-wfm",),
        buyers=ROOT / "config" / "buyers.yaml",
        http=HttpSettings(port=free_port()),
        admin=AdminSettings(port=free_port()),
        broker=BrokerSettings(url=SecretStr(rabbitmq_url), namespace=namespace, queue_type=QueueType.CLASSIC),
        database=DatabaseSettings(url=SecretStr(database_url)),
    )


async def found(settings: Settings) -> Found:
    return {each.what: (each.verdict.value, each.says) async for each in examine(settings, "http://127.0.0.1:1")}


async def wrong(settings: Settings) -> dict[str, str]:
    return {what: says for what, (verdict, says) in (await found(settings)).items() if verdict == Verdict.WRONG}


def changed(settings: Settings, **sections: Any) -> Settings:
    """The same with some settings otherwise; `section=dict(key=value)` changes one of a section's."""
    made = {
        name: getattr(settings, name).model_copy(update=value) if isinstance(value, dict) else value
        for name, value in sections.items()
    }
    return settings.model_copy(update=made)


async def make_tables(settings: Settings) -> None:
    await (await open_store(settings.database.url.get_secret_value(), new_id=lambda: str(uuid4()))).close()


async def test_nothing_is_wrong_before_the_first_start_and_nothing_is_made(
    settings: Settings, database_url: str, channel: AbstractChannel, namespace: str
) -> None:
    diagnoses = await found(settings)
    assert [what for what, (verdict, _) in diagnoses.items() if verdict == Verdict.WRONG] == []
    assert diagnoses["database.tables"][1] == "no tables yet: mef-bridge serve makes them"
    assert diagnoses["database.rights"][1] == "enough to make the tables"
    assert diagnoses["broker.queues"][1] == "2 are to be made by mef-bridge serve; no bridge runs as bridge-1"
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()
    inbound = Topology(namespace=namespace).inbound_queue("acme-wfm").name
    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
        await channel.declare_queue(inbound, passive=True)


async def test_partitions_are_queues_of_the_bridge(settings: Settings, channel: AbstractChannel) -> None:
    divided = changed(settings, wfm={"partitions": 2})
    assert (await found(divided))["broker.queues"][1].startswith("4 are to be made")
    name = Topology(namespace=settings.broker.namespace).partition("acme-wfm", 1, Partitioning(2)).name
    queue = await channel.declare_queue(name, durable=True, arguments={"x-max-length": 5})
    told = await wrong(divided)
    await queue.delete()
    assert told.keys() == {"broker.queues"}


async def test_nor_after_it(settings: Settings) -> None:
    await make_tables(settings)
    diagnoses = await found(settings)
    assert {verdict for verdict, _ in diagnoses.values()} == {"right", "unseen"}
    assert diagnoses["clock"] == ("right", "less than 2 s from the database's")


async def test_a_pack_that_is_wrong(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text("pack: x\nrulse: []\n")
    broken = await found(changed(settings, packs=(tmp_path,)))
    assert broken["packs"][0] == "wrong"
    assert f"{tmp_path}/pack.yaml:1:1: missing-key: " in broken["packs"][1]
    assert broken["packs"][1].endswith("more: mef-bridge mapping check")
    assert broken["broker.exchanges"] == ("unseen", "the packs are wrong, so nobody knows what is needed")


async def test_keys_of_development_in_production(settings: Settings) -> None:
    (told,) = (await wrong(changed(settings, mode=Mode.PRODUCTION))).items()
    assert told[0] == "buyers"
    assert "this is the well-known development key 'acme-buyer-key'" in told[1]


async def test_a_certificate_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    listed = f"listeners: [{{buyer: acme-buyer, tls: {{certificate: {tmp_path}/c.pem, key: {tmp_path}/k.pem}}}}]\n"
    buyers = tmp_path / "buyers.yaml"
    buyers.write_text((ROOT / "config" / "buyers.yaml").read_text() + listed)
    (told,) = (await wrong(changed(settings, buyers=buyers))).items()
    assert told[0] == "listeners.files"
    assert told[1].startswith(f"listeners of acme-buyer: {tmp_path}/c.pem: No such file or directory")


async def test_a_token_of_an_operator_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    user = AdminUser(name="ada", role=AdminRole.OPERATOR, token_file=tmp_path / "token")
    (told,) = (await wrong(changed(settings, admin={"users": (user,)}))).items()
    assert told == ("admin.users", f"admin.users: ada: token_file: {tmp_path}/token: No such file or directory")


async def test_keys_of_an_issuer_that_are_none(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text("{}")
    identity = {"jwks": str(tmp_path / "jwks.json"), "issuer": "i", "audience": "a", "mode": IdentityMode.CREDENTIALS}
    (told,) = (await wrong(changed(settings, identity=identity))).items()
    assert told[0] == "identity.jwks"
    assert told[1].startswith(f"identity.jwks: {tmp_path}/jwks.json: ")


async def test_an_issuer_at_whom_people_log_in(settings: Settings) -> None:
    async with open_issuer() as issuer:
        chosen = {"issuer": issuer.url, "client_id": "console", "operators": ("ops",)}
        ours = f"http://127.0.0.1:{settings.admin.port}/console/login/callback"
        told = (await found(changed(settings, oidc=chosen)))["oidc"]
        assert told == ("right", f"2 keys of {issuer.url}; it must lead back to {ours}")
        for changes, says in (
            ({"metadata": {"issuer": "https://other"}}, "oidc.issuer must be the same, to the last slash"),
            ({"broken": {"/.well-known/openid-configuration": 404}}, "answered 404: see oidc.issuer"),
            ({"broken": {"/.well-known/openid-configuration": 503}}, "answered 503"),
            (
                {"broken": {"/keys": 500}},
                f"its keys at {issuer.url}/keys cannot be fetched",
            ),
        ):
            issuer.metadata, issuer.broken = changes.get("metadata", {}), changes.get("broken", {})
            told = await wrong(changed(settings, oidc=chosen))
            assert told.keys() == {"oidc"}
            assert says in told["oidc"]
    away = await wrong(changed(settings, oidc=chosen))
    assert away["oidc"].startswith(f"oidc.issuer: The issuer cannot be reached: {issuer.url}/.well-known")


async def test_a_secret_for_the_issuer_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    chosen = {"issuer": "https://a.example", "client_secret_file": tmp_path / "secret"}
    told = await wrong(changed(settings, oidc=chosen))
    assert told == {"oidc": f"oidc.client_secret_file: {tmp_path}/secret: No such file or directory"}


async def test_a_port_that_another_program_has(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        server = asyncio.create_task(_hang_up(other))
        told = await wrong(changed(settings, http={"port": number}))
        server.cancel()
    where = f"127.0.0.1:{number} (http.host, http.port)"
    assert told == {"http": f"another program listens on {where}: end that, or choose another port"}


async def _hang_up(listening: socket.socket) -> None:
    listening.setblocking(False)
    with suppress(OSError):
        while True:
            accepted, _ = await asyncio.get_running_loop().sock_accept(listening)
            accepted.close()


async def test_a_bridge_that_is_not_ready(settings: Settings, aiohttp_server_of: Callable[..., Awaitable[int]]) -> None:
    async def probe(_: web.Request) -> web.Response:
        return web.json_response({"status": "not ready", "broker": "away"}, status=503)

    number = await aiohttp_server_of({"/health/ready": probe})
    told = await wrong(changed(settings, http={"port": number}))
    assert told.keys() == {"http"}
    assert '"broker": "away"' in told["http"]


@pytest.fixture
async def aiohttp_server_of() -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """Serves handlers by path on a free port."""
    runners: list[web.AppRunner] = []

    async def serve(handlers: dict[str, Any]) -> int:
        application = web.Application()
        for path, handler in handlers.items():
            application.router.add_get(path, handler)
        runners.append(web.AppRunner(application, access_log=None))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return int(runners[-1].addresses[0][1])

    yield serve
    for runner in runners:
        await runner.cleanup()


async def test_a_directory_that_cannot_be_made(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = await wrong(changed(settings, database={"url": SecretStr(f"sqlite:///{tmp_path}/file/bridge.sqlite3")}))
    assert told.keys() == {"database.rights"}
    assert f"cannot be made: give this user the right to write in {tmp_path}/file" in told["database.rights"]


async def test_a_file_whose_name_is_too_long(settings: Settings, tmp_path: Path) -> None:
    told = await wrong(changed(settings, database={"url": SecretStr(f"sqlite:///{tmp_path}/{'x' * 300}")}))
    assert told.keys() == {"database"}
    assert "cannot be opened: File name too long" in told["database"]


async def test_an_address_of_keys_shows_no_password(settings: Settings) -> None:
    place = "https://u:hunter2@127.0.0.1:1/keys?token=hunter2"
    (told,) = (await wrong(changed(settings, identity={"jwks": place, "issuer": "i", "audience": "a"}))).items()
    assert told[1].startswith("identity.jwks: https://u:***@127.0.0.1:1/keys?token=*** cannot be fetched: ")


@pytest.mark.parametrize("section", ["http", "admin"])
async def test_a_host_that_cannot_be(settings: Settings, section: str) -> None:
    told = await wrong(changed(settings, **{section: {"host": "a..b"}}))
    assert told.keys() == {section}
    assert told[section].startswith("can't listen on a..b:")


async def test_a_database_that_is_not_there(settings: Settings, database_url: str) -> None:
    nowhere = str(URL(database_url).with_path("/nowhere"))
    broken = await found(changed(settings, database={"url": SecretStr(nowhere)}))
    assert broken["database"][0] == "wrong"
    assert 'database "nowhere" does not exist' in broken["database"][1]
    assert broken["database.tables"] == broken["clock"] == ("unseen", "the database cannot be used")


async def test_tables_of_a_newer_bridge(settings: Settings, database_url: str) -> None:
    await make_tables(settings)
    await executed(database_url, "UPDATE alembic_version SET version_num = '9999'")
    told = await wrong(settings)
    assert told.keys() == {"database.tables", "database.rights"}
    assert told["database.tables"].startswith("the database is at schema 9999, this mef-bridge at ")


@pytest.fixture
async def guest(database_url: str) -> AsyncIterator[str]:
    """A user of PostgreSQL who may come in, and nothing else."""
    name = f"guest_{uuid4().hex}"
    await executed(database_url, f"CREATE ROLE {name} LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    yield name
    await executed(database_url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


async def test_a_right_that_postgresql_does_not_give(settings: Settings, database_url: str, guest: str) -> None:
    url = SecretStr(str(URL(database_url).with_user(guest)))
    told = await wrong(changed(settings, database={"url": url}))
    assert told.keys() == {"database.rights"}
    assert "GRANT USAGE, CREATE ON SCHEMA" in told["database.rights"]
    await make_tables(settings)
    told = await wrong(changed(settings, database={"url": url}))
    assert "lacks" in "".join(told.values())


async def test_a_database_that_takes_no_changes(settings: Settings, database_url: str) -> None:
    await make_tables(settings)
    name = URL(database_url).path.strip("/")
    await executed(database_url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    assert (await wrong(settings)).keys() == {"database.rights"}


async def test_a_clock_that_is_wrong(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "now", lambda: now() + timedelta(seconds=90))
    (told,) = (await wrong(settings)).items()
    assert told[0] == "clock"
    assert told[1].startswith("this machine's clock and the database's are 90 s apart")


async def test_a_virtual_host_that_is_not_there(settings: Settings, rabbitmq_url: str) -> None:
    broken = await found(changed(settings, broker={"url": SecretStr(str(URL(rabbitmq_url).with_path("/nowhere")))}))
    assert broken["broker"][0] == "wrong"
    assert "has no virtual host 'nowhere'" in broken["broker"][1]
    assert broken["broker.rights"] == ("unseen", "RabbitMQ cannot be used")


async def test_a_password_that_rabbitmq_refuses(settings: Settings, rabbitmq_url: str) -> None:
    told = await wrong(changed(settings, broker={"url": SecretStr(str(URL(rabbitmq_url).with_password("s3cret")))}))
    assert told.keys() == {"broker"}
    assert "or its password (broker.url)" in told["broker"]
    assert "s3cret" not in told["broker"]


async def test_an_exchange_of_the_wfm_that_is_not_there(
    settings: Settings, channel: AbstractChannel, namespace: str
) -> None:
    await channel.exchange_delete(f"{namespace}{COMMANDS_EXCHANGE}")
    told = await wrong(settings)
    assert told.keys() == {"broker.exchanges"}
    assert told["broker.exchanges"].startswith(f"RabbitMQ has no exchange '{namespace}{COMMANDS_EXCHANGE}'")


async def test_a_queue_of_ours_with_other_properties(
    settings: Settings, channel: AbstractChannel, namespace: str
) -> None:
    name = Topology(namespace=namespace).inbound_queue("acme-wfm").name
    queue = await channel.declare_queue(name, durable=True, arguments={"x-max-length": 5})
    told = await wrong(settings)
    await queue.delete()
    assert told.keys() == {"broker.queues"}
    assert "is there with other properties than the bridge gives it" in told["broker.queues"]


@pytest.fixture
def user(private_rabbitmq: Node) -> Iterator[Callable[..., str]]:
    """A user of RabbitMQ with the rights that a test gives him: to configure, write and read."""
    private_rabbitmq.control("add_user", "patient", "patient")

    def give(*patterns: str) -> str:
        private_rabbitmq.control("set_permissions", "--vhost", "/", "patient", *patterns)
        return str(URL(private_rabbitmq.url).with_user("patient").with_password("patient"))

    yield give
    private_rabbitmq.control("delete_user", "patient")


OURS = r"mef-bridge\."


@pytest.mark.parametrize(
    ("configure", "write", "read", "names"),
    [
        ("^$", ".*", ".*", "mef-bridge.doctor"),
        (OURS, OURS, ".*", COMMANDS_EXCHANGE),
        (OURS, ".*", OURS, EVENTS_EXCHANGE),
        (OURS, ".*", "^$", "mef-bridge.doctor"),
    ],
)
async def test_a_right_that_rabbitmq_does_not_give(
    settings: Settings,
    user: Callable[..., str],
    private_rabbitmq: Node,
    configure: str,
    write: str,
    read: str,
    names: str,
) -> None:
    async with await aio_pika.connect(private_rabbitmq.url) as connection:
        there = await connection.channel()
        for name in (EVENTS_EXCHANGE, COMMANDS_EXCHANGE):
            await there.declare_exchange(f"{settings.broker.namespace}{name}", "topic", durable=True)
        told = await wrong(changed(settings, broker={"url": SecretStr(user(configure, write, read))}))
        assert told.keys() == {"broker.rights"}
        assert names in told["broker.rights"]
        assert await wrong(changed(settings, broker={"url": SecretStr(user(OURS, ".*", ".*"))})) == {}
        for name in (EVENTS_EXCHANGE, COMMANDS_EXCHANGE):
            await there.exchange_delete(f"{settings.broker.namespace}{name}")


async def test_a_policy_that_loses_messages(
    settings: Settings, aiohttp_server_of: Callable[..., Awaitable[int]], namespace: str
) -> None:
    """RabbitMQ's management plugin is played: not every RabbitMQ has it."""
    asked: list[str] = []

    async def queue(request: web.Request) -> web.Response:
        asked.append(request.match_info["name"])
        return web.json_response({"policy": "short", "effective_policy_definition": {"message-ttl": 1000}})

    number = await aiohttp_server_of({"/api/queues/{vhost}/{name}": queue})
    diagnoses = {each.what: each async for each in examine(settings, f"http://127.0.0.1:{number}")}
    assert diagnoses["broker.policies"].is_wrong
    assert diagnoses["broker.policies"].says.startswith(f"the policy 'short' gives the queue {asked[0]!r} message-ttl")
    assert asked == [Topology(namespace=namespace).inbound_queue("acme-wfm").name]


async def test_a_listener_whose_certificate_is_not_accepted(settings: Settings, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = await asyncio.start_server(_leave, "localhost", 0, ssl=authority.server("localhost"))
    callback = f"https://localhost:{server.sockets[0].getsockname()[1]}/hook"
    store = await open_store(settings.database.url.get_secret_value(), new_id=lambda: str(uuid4()))
    await store.listeners.add(subscription(callback=callback))
    await store.close()
    lab = changed(settings, delivery={"allow_private_callbacks": True})
    (told,) = (await wrong(lab)).items()
    trusting = changed(settings, delivery={"allow_private_callbacks": True, "ca_file": authority.certificate})
    right = await found(trusting)
    server.close()
    assert told[0] == "listeners.acme-buyer"
    assert "its certificate is not accepted" in told[1]
    assert right["listeners.acme-buyer"] == ("right", f"{URL(callback).origin()}: TLS is made")


async def _leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_a_draft_that_was_activated_runs_over_the_files(settings: Settings, tmp_path: Path) -> None:
    store = await open_store(settings.database.url.get_secret_value(), new_id=lambda: str(uuid4()))
    text = (ROOT / "mappings" / "acme-wfm" / "pack.yaml").read_text().replace('"1.0"', '"1.1"', 1)
    (tmp_path / "pack.yaml").write_text(text)
    base, version = (load_pack(where).version for where in (ROOT / "mappings" / "acme-wfm", tmp_path))
    one = Activation(
        id="a-1", pack="acme-wfm", base=base, text=text, version=version, who="ada", note="LEFT is new", at=NOW
    )
    try:
        assert "packs.activated" not in await found(settings)
        await store.activations.activate(one, None)
        verdict, says = (await found(settings))["packs.activated"]
        assert (verdict, says.startswith(f"acme-wfm runs as {version}, a draft that ada activated on")) == (
            "right",
            True,
        )
        assert says.endswith(f"(LEFT is new), not as its files say ({base}): put it into your version control")
        await store.activations.activate(replace(one, id="a-2", base="1.0+other"), "a-1")
        _, says = (await found(settings))["packs.activated"]
        assert says.startswith(f"acme-wfm runs as its files say ({base}), not as {version}")
        await store.activations.activate(replace(one, id="a-3", version="1.0+other"), "a-2")
        assert list(await wrong(settings)) == ["packs.activated"]
    finally:
        await store.close()


def test_the_command_says_it_line_by_line_and_in_its_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_BROKER_URL", "amqp://localhost:1/")
    told = CliRunner().invoke(app, ["doctor", "--json"])
    lines = {line["what"]: line for line in map(json.loads, told.stdout.splitlines())}
    assert told.exit_code == 1
    assert lines["settings"]["says"] == f"there is no {tmp_path}/config/bridge.yaml: defaults, and variables"
    assert lines["broker"]["says"] == "nothing listens at localhost:1 (broker.url): is RabbitMQ running there?"
    shown = CliRunner().invoke(app, ["doctor"])
    assert "✗ broker " in shown.stdout
    assert "to be mended" in shown.stdout


async def test_settings_that_are_wrong_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "bridge.yaml"
    file.write_text("htpt: {}\nmode: test\n")
    (told,) = [each async for each in _diagnoses(file, None)]
    assert told.is_wrong
    assert told.says.count("\n") == 1
