"""Users and virtual hosts, on a RabbitMQ of the tests' own: what is missing is said in one line, and waited for."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import AMQPError, ChannelInvalidStateError
from structlog.testing import capture_logs
from yarl import URL

from bridge.errors import NotAllowed, NotRouted, PermanentError
from bridge.localenv.rabbitmq import Node
from bridge.wfm import link as link_module
from bridge.wfm.instance import InstanceMark
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology
from tests.integration.wfm.conftest import MakeBus, MakeLink
from tests.integration.wfm.test_consumer import EVENTS, Gate, new_consumer
from tests.integration.wfm.test_gateway import COMMANDS, command
from tests.integration.wfm.test_link import new_replies, nothing
from tests.support import PATIENCE_S, eventually

pytestmark = pytest.mark.integration

PASSWORD = "p@ss/w#r?d:%+é[1]"
PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
OURS = r"^mef-bridge\."
NONE = "^$"


@pytest.fixture
def rabbitmq_url(private_rabbitmq: Node) -> str:
    return private_rabbitmq.url


@pytest.fixture(scope="module")
def user(private_rabbitmq: Node) -> Iterator[URL]:
    """The address of RabbitMQ for a user whose rights are what each test gives him."""
    private_rabbitmq.control("add_user", "bridge", PASSWORD)
    yield URL(private_rabbitmq.url).with_user("bridge").with_password(PASSWORD)
    private_rabbitmq.control("delete_user", "bridge")


Allow = Callable[[str, str, str], None]


@pytest.fixture
def allow(private_rabbitmq: Node, topology: Topology, user: URL) -> Allow:
    """Gives the user rights, as patterns of names without the test's namespace: to configure, write and read."""
    named = re.escape(topology.namespace)

    def give(*patterns: str) -> None:
        rights = [re.sub(r"\^(?=mef|acme)", f"^{named}", pattern) for pattern in patterns]
        private_rabbitmq.control("set_permissions", "--vhost", "/", str(user.user), *rights)

    return give


def rights_of_the_page() -> list[str]:
    """The rights that docs/configuration.md says are enough: to configure, write and read."""
    (line,) = re.findall(r"^rabbitmqctl set_permissions .*$", PAGE.read_text(), re.MULTILINE)
    return re.findall(r"'([^']*)'", line)


async def test_a_virtual_host_that_is_not_there_is_named_and_waited_for(private_rabbitmq: Node) -> None:
    link = RabbitLink(str(URL(private_rabbitmq.url).with_path("/later")))
    with capture_logs() as logs:
        starting = asyncio.create_task(link.start())
        await eventually(lambda: logs)
        assert link.problem == logs[0]["problem"]
        assert "has no virtual host 'later' (broker.url): rabbitmqctl add_vhost 'later'" in logs[0]["problem"]
        private_rabbitmq.control("add_vhost", "later")
        await eventually(lambda: len(logs) > 1)
        assert "does not let user 'guest' into the virtual host 'later'" in logs[1]["problem"]
        private_rabbitmq.control("set_permissions", "--vhost", "later", "guest", ".*", ".*", ".*")
        await asyncio.wait_for(starting, PATIENCE_S)
    assert link.problem is None
    assert len(logs) == 2
    await link.stop()
    private_rabbitmq.control("delete_vhost", "later")


async def test_the_rights_that_the_page_names_are_enough(
    make_link: MakeLink, make_bus: MakeBus, topology: Topology, user: URL, channel: AbstractChannel, allow: Allow
) -> None:
    """With a password of odd characters, percent-encoded in the address."""
    events = await channel.declare_exchange(topology.exchange_name(EVENTS), "topic", durable=True)
    commands = await channel.declare_exchange(topology.exchange_name(COMMANDS), "topic", durable=True)
    queue = await channel.declare_queue(topology.exchange_name(COMMANDS), durable=True)
    await queue.bind(commands, "cmd.#")
    allow(*rights_of_the_page())
    link, gate = await make_link(str(user)), Gate()
    gate.open.set()
    await InstanceMark(link, topology).take()
    replies, inbound = new_replies(link, topology, gate), new_consumer(link, topology, gate)
    await replies.start()
    await inbound.start()
    await asyncio.wait_for(inbound.wait_bound(), PATIENCE_S)
    await events.publish(aio_pika.Message(b"event"), "job.new")
    await eventually(lambda: gate.seen)
    bus = await make_bus(link)
    await bus.publish(command())
    await bus.pass_on(b"reply", "C-1@main", "main")
    await eventually(lambda: len(gate.seen) == 2)
    await inbound.stop()
    await replies.stop()


@pytest.mark.parametrize(("configure", "read", "named"), [(NONE, OURS, "dead-letter"), (OURS, NONE, "mef-bridge")])
async def test_a_right_that_is_missing_is_named_and_may_be_given_later(
    make_link: MakeLink, topology: Topology, user: URL, allow: Allow, configure: str, read: str, named: str
) -> None:
    allow(configure, OURS, read)
    replies = new_replies(await make_link(str(user)), topology, nothing)
    with pytest.raises(NotAllowed, match=rf"does not allow user 'bridge' .*{named}.*; docs/configuration\.md says"):
        await replies.start()
    allow(OURS, OURS, OURS)
    await eventually(lambda: allowed(replies.start))
    await replies.stop()


async def allowed(start: Callable[[], Awaitable[None]]) -> bool:
    """Try as the bridge does, which also waits for a connection that RabbitMQ closes with what it refuses."""
    try:
        await start()
    except (NotAllowed, AMQPError, ChannelInvalidStateError, OSError):
        return False
    return True


async def test_an_exchange_that_we_may_not_write_to_disturbs_no_other(
    make_link: MakeLink, make_bus: MakeBus, topology: Topology, user: URL, channel: AbstractChannel, allow: Allow
) -> None:
    for name in (COMMANDS, EVENTS):
        await channel.declare_exchange(topology.exchange_name(name), "topic", durable=True)
    queue = await channel.declare_queue(topology.exchange_name(COMMANDS), durable=True)
    await queue.bind(topology.exchange_name(COMMANDS), "cmd.#")
    allow(OURS, f"{OURS}|^{COMMANDS}$", OURS)
    bus = await make_bus(await make_link(str(user)))
    await bus.publish(command())
    outcomes = await asyncio.gather(
        *(bus.publish(command(exchange=EVENTS if number % 2 else COMMANDS)) for number in range(20)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), NotRouted] * 10
    assert "gives no right to write to exchange" in str(outcomes[1])


async def test_what_a_publisher_lacks_is_named_and_it_publishes_once_that_is_given(
    make_link: MakeLink, make_bus: MakeBus, topology: Topology, user: URL, allow: Allow
) -> None:
    allow(NONE, OURS, OURS)
    bus = await make_bus(await make_link(str(user)))
    assert topology.canaries in (bus.problem or "")
    allow(OURS, NONE, OURS)
    await eventually(lambda: topology.canaries in (bus.problem or ""))
    allow(OURS, OURS, OURS)
    await eventually(lambda: bus.problem is None)


async def test_a_password_that_was_changed_while_the_bridge_ran_is_told(
    make_link: MakeLink, user: URL, allow: Allow, private_rabbitmq: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "LOCKED_OUT_INTERVAL_S", 0.5)
    monkeypatch.setattr(link_module, "FIND_OUT_EVERY_S", 0.1)
    allow(OURS, OURS, OURS)
    link = await make_link(str(user))
    private_rabbitmq.control("change_password", str(user.user), "another one")
    private_rabbitmq.control("close_all_user_connections", str(user.user), "rotated")
    await eventually(lambda: "refuses the user 'bridge' or its password" in (link.problem or ""))
    with pytest.raises(PermanentError, match="refuses the user 'bridge'"):
        await RabbitLink(str(user)).start()
    private_rabbitmq.control("change_password", str(user.user), PASSWORD)
    await eventually(lambda: link.problem is None)
