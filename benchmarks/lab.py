"""What the benchmarks have in common: databases, RabbitMQ names and processes of a run's own, gone when it ends."""

import asyncio
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

import aio_pika
import asyncpg  # type: ignore[import-untyped]
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelNotFoundEntity
from aiohttp import ClientError, ClientSession

from bridge.localenv.broker import find_broker
from bridge.localenv.postgres import asyncpg_url, find_postgres
from bridge.localenv.process import free_port

ROOT: Final = Path(__file__).parents[1]
PACK: Final = "acme-wfm"
DATABASES: Final = ("sqlite", "postgresql")
UP_WITHIN_S: Final = 30.0
DOWN_WITHIN_S: Final = 15.0

Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class Lab:
    """One run: a database, a RabbitMQ and a prefix for every name in it."""

    broker_url: str
    database_url: str
    directory: Path
    namespace: str = field(default_factory=lambda: f"bench-{uuid4().hex[:12]}.")
    http_port: int = field(default_factory=free_port)
    wfm_port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        """Where the bridge is reached."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def wfm_url(self) -> str:
        """Where the simulated WFM is reached."""
        return f"http://127.0.0.1:{self.wfm_port}"

    @property
    def inbound_queue(self) -> str:
        """The bridge's queue for the WFM's events."""
        return f"{self.namespace}mef-bridge.{PACK}.inbound.v2"

    @asynccontextmanager
    async def bridge(self, *options: str, **settings: str) -> AsyncIterator[subprocess.Popen[bytes]]:
        """Run `python -m bridge serve`, with these environment variables besides, and wait until it is ready."""
        environ = {
            "BRIDGE_MODE": "development",
            "BRIDGE_HTTP_PORT": str(self.http_port),
            "BRIDGE_ADMIN_PORT": "0",
            "BRIDGE_BROKER_URL": self.broker_url,
            "BRIDGE_BROKER_NAMESPACE": self.namespace,
            "BRIDGE_DATABASE_URL": self.database_url,
            "BRIDGE_LOG_LEVEL": "warning",
            **settings,
        }
        with self._process("serve", *options, environ=environ) as process:
            await answers(f"{self.url}/health/ready", process)
            await is_consumed(self.broker_url, self.inbound_queue)
            yield process

    @asynccontextmanager
    async def wfm(self, reply_delay_s: float) -> AsyncIterator[None]:
        """Run the simulated WFM, which answers commands after `reply_delay_s`."""
        arguments = ("--broker", self.broker_url, "--namespace", self.namespace, "--reply-delay", str(reply_delay_s))
        with self._process("simulate", "wfm", "--port", str(self.wfm_port), *arguments) as process:
            await answers(f"{self.wfm_url}/health", process)
            yield

    @contextmanager
    def _process(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
        log = self.directory / f"{arguments[0]}.log"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "bridge", *arguments],
                cwd=ROOT,
                env=clean | dict(environ or {}),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(DOWN_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def answers(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a process answers 200."""

    async def up() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            async with session.get(url) as response:
                return response.status == 200
        except ClientError:
            return False

    async with ClientSession() as session:
        await until(up, UP_WITHIN_S)


async def is_consumed(broker_url: str, queue: str) -> None:
    """Wait until somebody consumes a queue, which need not be there yet."""

    async def consumed() -> bool:
        async with channel(broker_url) as own:
            with suppress(ChannelNotFoundEntity):
                declared = await own.declare_queue(queue, passive=True)
                return bool(declared.declaration_result.consumer_count)
        return False

    await until(consumed, UP_WITHIN_S)


def cpu_seconds(process: "subprocess.Popen[bytes]") -> float:
    """What a process has used of a core so far (Linux): unlike wall time, much the same on a busy machine."""
    return cpu_seconds_of(process.pid)


def cpu_seconds_of(pid: int) -> float:
    """Tell the same of a process by its id."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc(5): utime, stime


async def until(condition: Callable[[], Awaitable[bool]], deadline_s: float, every_s: float = 0.05) -> None:
    """Wait for a condition; raises `TimeoutError` at the deadline."""
    async with asyncio.timeout(deadline_s):
        while not await condition():  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(every_s)


@asynccontextmanager
async def lab(kind: str) -> AsyncIterator[Lab]:
    """Give a lab on an empty database, and remove all of it afterwards. Prints what failed processes said."""
    with find_broker(allow_memory=False) as broker, tempfile.TemporaryDirectory(prefix="bench-") as directory:
        async with database(kind, Path(directory)) as url:
            made = Lab(broker.url or "", url, Path(directory))
            try:
                yield made
            except BaseException:
                for log in sorted(made.directory.glob("*.log")):
                    print(f"--- {log.name}", log.read_text()[-4000:], sep="\n", file=sys.stderr)
                raise
            finally:
                await _remove_names(made)


@asynccontextmanager
async def database(kind: str, directory: Path) -> AsyncIterator[str]:
    """Make an empty database, give its URL, and drop it afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{directory / 'bench.sqlite3'}"
        return
    name = f"bench_{uuid4().hex}"
    with find_postgres() as server:
        base = server.url.partition("?")[0]
        await _execute(base, f'CREATE DATABASE "{name}"')
        try:
            yield base.rpartition("/")[0] + f"/{name}"
        finally:
            await _execute(base, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(server: str, statement: str) -> None:
    connection = await asyncpg.connect(asyncpg_url(server))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _remove_names(made: Lab) -> None:
    """Delete every queue and exchange a run may have declared."""
    replies = f"{made.namespace}mef-bridge.bridge-1.replies"
    dead = f"{made.namespace}mef-bridge.dead-letter"
    commands = f"{made.namespace}acme.wfm.commands"
    async with channel(made.broker_url) as open_channel:
        for queue in (made.inbound_queue, replies, dead, commands, f"{made.namespace}bare"):
            await open_channel.queue_delete(queue)
        for exchange in (dead, f"{made.namespace}mef-bridge.canaries", commands, f"{made.namespace}acme.wfm.events"):
            await open_channel.exchange_delete(exchange)


@asynccontextmanager
async def channel(url: str) -> AsyncIterator[AbstractChannel]:
    """Open a channel without confirms."""
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel(publisher_confirms=False)


async def publish(to: AbstractChannel, exchange: str, messages: Iterable[tuple[str, bytes]]) -> None:
    """Publish persistent messages (routing key, body), in their order."""
    target = await to.get_exchange(exchange, ensure=False) if exchange else to.default_exchange
    for routing_key, body in messages:
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await target.publish(message, routing_key, mandatory=False)


# Reports


def facts() -> str:
    """What the figures depend on."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load {load:.1f} at the start, Python {platform.python_version()}"


def table(title: str, heads: Row, rows: Sequence[Row]) -> None:
    """Print a Markdown table."""
    print(f"\n### {title} ({facts()})\n")
    for row in (heads, ["---"] * len(heads), *rows):
        print("| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row) + " |")
    sys.stdout.flush()


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent of the values do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Give a function that tells the seconds since the start."""
    begun = time.perf_counter()
    yield lambda: time.perf_counter() - begun
