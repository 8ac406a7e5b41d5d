"""The commands as processes: how they begin, what they say when they can't, and how they end."""

import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from tests.support import eventually
from tests.system.conftest import MakeLaboratory
from tests.system.processes import REPOSITORY, run

pytestmark = pytest.mark.system

SIGNALS = [signal.SIGTERM, signal.SIGINT]

Command = Callable[..., Popen[bytes]]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


@pytest.fixture
def command(log: Path) -> Iterator[Command]:
    """Starts `mef-bridge` with arguments and environment variables; what is left at the end is killed."""
    started: list[Popen[bytes]] = []

    def start(*arguments: str, **environ: str) -> Popen[bytes]:
        started.append(run("-m", "bridge", *arguments, environ=environ, log=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
    print(said(log))  # noqa: T201 - pytest shows it beside a failure


def said(log: Path) -> str:
    return log.read_text() if log.exists() else ""


async def exit_code(process: Popen[bytes]) -> int:
    await eventually(lambda: process.poll() is not None)
    return process.wait()


@pytest.mark.integration
async def test_the_demo_holds_on_a_real_rabbitmq(command: Command, log: Path, rabbitmq_url: str) -> None:
    assert await exit_code(command("demo", BRIDGE_BROKER_URL=rabbitmq_url)) == 0
    assert "BRIDGE_BROKER_URL" in said(log)
    assert ": all held." in said(log)


async def test_the_demo_holds_without_any_rabbitmq(command: Command, log: Path) -> None:
    assert await exit_code(command("demo", BRIDGE_LOCALENV="memory")) == 0
    assert "in-memory" in said(log)
    assert ": all held." in said(log)


def free(*ports: int) -> bool:
    try:
        for port in ports:
            socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not free(8137, 8138, 8139, 8140), reason="somebody uses the demo's ports: 8137 to 8140")
async def test_a_demo_that_stays_can_be_acted_on_and_ends_well_when_it_is_asked_to(
    command: Command, log: Path, tmp_path: Path
) -> None:
    process = command("demo", "--stay", BRIDGE_LOCALENV="memory")
    await eventually(lambda: "is made anew by the next one" in said(log))
    (config,) = re.findall(r"export BRIDGE_CONFIG=(\S+)", said(log))
    (job,) = re.findall(r"mef-bridge trace (\S+)", said(log))
    story = tmp_path / "story"
    assert await exit_code(run("-m", "bridge", "trace", job, environ={"BRIDGE_CONFIG": config}, log=story)) == 0
    assert f"job {job} of acme-wfm" in said(story)
    process.send_signal(signal.SIGINT)
    assert await exit_code(process) == 0
    assert "Traceback" not in said(log)


@pytest.mark.integration
@pytest.mark.parametrize("number", SIGNALS)
async def test_the_bridge_ends_well_when_it_is_asked_to(
    make_laboratory: MakeLaboratory, sqlite_url: str, number: signal.Signals
) -> None:
    lab = await make_laboratory(sqlite_url)
    await lab.bridge.start_ready()
    assert await lab.bridge.stop(number) == 0
    told = re.findall(r"bridge\.\w+(?= )", lab.bridge.said)
    assert [each for each in told if each in ("bridge.ready", "bridge.stopping", "bridge.stopped")] == [
        "bridge.ready",
        "bridge.stopping",
        "bridge.stopped",
    ]
    assert re.search(r"packs=\['acme-wfm@[0-9.]+\+[0-9a-f]{8}'\]", lab.bridge.said)
    assert "Traceback" not in lab.bridge.said
    assert "[error" not in lab.bridge.said


@pytest.mark.integration
@pytest.mark.parametrize("number", SIGNALS)
async def test_a_bridge_that_is_not_ready_yet_ends_well_when_it_is_asked_to(
    make_laboratory: MakeLaboratory, number: signal.Signals
) -> None:
    lab = await make_laboratory("postgresql://nobody@127.0.0.1:9/nothing")  # nothing answers there
    lab.bridge.start()
    await eventually(lambda: "database.waiting" in lab.bridge.said)
    assert await lab.bridge.stop(number) == 0
    told = re.findall(r"bridge\.(?:ready|stopped)(?= )", lab.bridge.said)
    assert told == ["bridge.stopped"]
    assert "Traceback" not in lab.bridge.said


@pytest.mark.integration
async def test_a_queue_with_other_properties_is_one_clear_line(
    make_laboratory: MakeLaboratory, sqlite_url: str
) -> None:
    """Only the operator may delete a queue that could hold messages."""
    lab = await make_laboratory(sqlite_url)
    await lab.bridge.start_ready()
    await lab.bridge.stop()
    lab.bridge.log.unlink()
    lab.bridge.environ["BRIDGE_BROKER_QUEUE_TYPE"] = "classic"
    lab.bridge.start()
    assert await lab.bridge.ended() == 1
    assert "a queue or exchange of ours exists in RabbitMQ with other properties" in lab.bridge.said
    assert "Traceback" not in lab.bridge.said


@pytest.mark.integration
async def test_a_port_that_is_taken_is_one_clear_line(make_laboratory: MakeLaboratory, sqlite_url: str) -> None:
    lab = await make_laboratory(sqlite_url)
    with socket.create_server(("127.0.0.1", lab.bridge.port)):
        lab.bridge.start()
        assert await lab.bridge.ended() == 1
    assert f"127.0.0.1:{lab.bridge.port} (http.host, http.port): Address already in use" in lab.bridge.said
    assert "Traceback" not in lab.bridge.said


async def test_all_problems_of_the_settings_are_told_at_once(command: Command, log: Path, tmp_path: Path) -> None:
    """Each with its line, or with the variable it came from."""
    settings = tmp_path / "bridge.yaml"
    settings.write_text("mode: devlopment\nhttp:\n  port: 99999\n  prot: 1\n")
    process = command("serve", "--config", str(settings), BRIDGE_DELIVERY_JITTER="2", BRIDGE_HTTP_PROT="1")
    assert await exit_code(process) == 1
    assert [line for line in (1, 3, 4) if f"{settings}:{line}:" in said(log)] == [1, 3, 4]
    assert re.search(r"^BRIDGE_DELIVERY_JITTER: ", said(log), re.MULTILINE)
    assert re.search(r"^BRIDGE_HTTP_PROT: .*did you mean", said(log), re.MULTILINE)
    assert "Traceback" not in said(log)


async def test_all_problems_of_a_pack_are_told_at_once(command: Command, log: Path, tmp_path: Path) -> None:
    text = (REPOSITORY / "mappings/acme-wfm/pack.yaml").read_text()
    (tmp_path / "pack.yaml").write_text(text.replace("work_order: planned", "work_order: plannd", 1) + "\nextra: 1\n")
    process = command("serve", BRIDGE_PACKS=str(tmp_path), BRIDGE_MODE="development")
    assert await exit_code(process) == 1
    assert len(re.findall(rf"^{tmp_path}/pack.yaml:\d+:\d+: ", said(log), re.MULTILINE)) == 2
    assert "plannd" in said(log)
    assert "extra" in said(log)
    assert "Traceback" not in said(log)


async def test_the_development_keys_are_refused_in_production(command: Command, log: Path) -> None:
    """The shipped buyers.yaml is for development, and production is the default."""
    assert await exit_code(command("serve")) == 1
    assert re.findall(r"^config/buyers.yaml:\d+:\d+: development-key: ", said(log), re.MULTILINE) != []
    assert said(log).count("development-key: ") == 2
    assert "Traceback" not in said(log)


@pytest.mark.integration
async def test_a_second_process_of_an_instance_ends_and_says_why(
    make_laboratory: MakeLaboratory, sqlite_url: str, command: Command, log: Path, tmp_path: Path
) -> None:
    """It waits for the heartbeats of the first, which may have died; the first goes on as if nothing was."""
    lab = await make_laboratory(sqlite_url)
    await lab.bridge.start_ready()
    own = {
        "BRIDGE_HTTP_PORT": "0",
        "BRIDGE_ADMIN_PORT": "0",
        "BRIDGE_DATABASE_URL": f"sqlite:///{tmp_path}/second.sqlite3",
    }
    assert await exit_code(command("serve", **(lab.bridge.environ | own))) == 1
    assert "another process runs as instance" in said(log).splitlines()[-1]
    assert (await lab.bridge.health() or {})["http"] == 200
