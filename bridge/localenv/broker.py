"""A RabbitMQ for the demo and the tests, or FastStream's in-memory broker where the caller can live with that."""

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import aio_pika
from aio_pika.exceptions import AMQPError

from bridge.localenv.apt import apt_install
from bridge.localenv.docker import start_container
from bridge.localenv.process import LOOPBACK, await_ready, keep, run_async
from bridge.localenv.rabbitmq import start_rabbitmq
from bridge.localenv.service import NotHere, Service, Step, Unavailable, first_that_works, without_secrets

Broker = Service[str | None]

NAME = "RabbitMQ"
URL_VARIABLE = "BRIDGE_BROKER_URL"
LOCALHOST_URL = f"amqp://guest:guest@{LOOPBACK}:5672/"
IMAGE = "rabbitmq:4-alpine"
AMQP_PORT = 5672
# Localhost answers in milliseconds or not at all; a named broker may be far away.
LOCALHOST_TIMEOUT_S = 2.0
NAMED_TIMEOUT_S = 10.0
CONTAINER_DEADLINE_S = 120.0


def find_broker(*, allow_memory: bool, environ: Mapping[str, str] = os.environ) -> Broker:
    """Find or start a RabbitMQ; use as a context manager. Blocks for up to some minutes in the worst case.

    Raises `Unavailable` when BRIDGE_BROKER_URL does not answer, or when every step failed and memory is not allowed.
    """
    finders = {
        Step.ENV: lambda: _named(environ),
        Step.LOCALHOST: _localhost,
        Step.CONTAINER: _container,
        Step.CHILD: _child,
        Step.APT: _installed_now,
    }
    if allow_memory:
        finders[Step.MEMORY] = _memory
    return first_that_works(NAME, finders, environ)


def amqp_trouble(url: str, timeout_s: float = LOCALHOST_TIMEOUT_S) -> str | None:
    """Log in at `url` and out again; give None when that worked, or else what went wrong, in one line."""
    return run_async(lambda: _handshake(url, timeout_s))


async def _handshake(url: str, timeout_s: float) -> str | None:
    try:
        with _unlogged():
            async with asyncio.timeout(timeout_s):
                connection = await aio_pika.connect(url)
                await connection.close()
    except TimeoutError:
        return f"no answer within {timeout_s:.0f} s"
    except (AMQPError, OSError, ValueError) as failure:
        return f"{type(failure).__name__}: {' '.join(str(failure).split())}"
    return None


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep the driver from logging each refused connection: here a refusal is an answer, not an incident."""
    logger = logging.getLogger("aiormq.connection")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _named(environ: Mapping[str, str]) -> Broker:
    url = environ.get(URL_VARIABLE)
    if not url:
        raise NotHere(f"{URL_VARIABLE} is not set")
    if trouble := amqp_trouble(url, NAMED_TIMEOUT_S):
        raise Unavailable(NAME, [f"{URL_VARIABLE} points at {without_secrets(url)}, which failed: {trouble}"])
    return Service(url, Step.ENV, f"{NAME} at {without_secrets(url)}, from {URL_VARIABLE}")


def _localhost() -> Broker:
    if not _answers(LOCALHOST_URL):
        raise NotHere(f"no {NAME} takes guest on localhost:{AMQP_PORT}")
    return Service(LOCALHOST_URL, Step.LOCALHOST, f"{NAME} on localhost:{AMQP_PORT}")


def _container() -> Broker:
    url, stop = keep(_start_container)
    return Service(url, Step.CONTAINER, f"{NAME} in a container ({IMAGE}) at {without_secrets(url)}", stop)


def _start_container(stack: ExitStack) -> str:
    host, port = start_container(stack, IMAGE, AMQP_PORT, {})
    url = f"amqp://guest:guest@{host}:{port}/"
    await_ready(lambda: _answers(url), what=f"the container {IMAGE}", deadline_s=CONTAINER_DEADLINE_S)
    return url


def _child() -> Broker:
    return _private("the installed rabbitmq-server")


def _installed_now() -> Broker:
    apt_install("rabbitmq-server")
    return _private("rabbitmq-server, installed just now with apt-get,")


def _private(what: str) -> Broker:
    url, stop = keep(lambda stack: start_rabbitmq(stack, _answers))
    return Service(url, Step.CHILD, f"{NAME} from {what} as a private process at {without_secrets(url)}", stop)


def _answers(url: str) -> bool:
    return amqp_trouble(url, LOCALHOST_TIMEOUT_S) is None


def _memory() -> Broker:
    return Service(None, Step.MEMORY, "FastStream's in-memory broker")
