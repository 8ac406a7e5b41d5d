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
from bridge.localenv.process import LOOPBACK, run_async
from bridge.localenv.rabbitmq import start_rabbitmq
from bridge.localenv.service import NotHere, Service, Step, first_that_works
from bridge.localenv.steps import in_container, named, private

Broker = Service[str | None]

NAME = "RabbitMQ"
URL_VARIABLE = "BRIDGE_BROKER_URL"
LOCALHOST_URL = f"amqp://guest:guest@{LOOPBACK}:5672/"
IMAGE = "rabbitmq:4-alpine"
AMQP_PORT = 5672
# Localhost answers in milliseconds or not at all; a named broker may be far away.
LOCALHOST_TIMEOUT_S = 2.0
NAMED_TIMEOUT_S = 10.0


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
    return named(NAME, URL_VARIABLE, environ, lambda url: amqp_trouble(url, NAMED_TIMEOUT_S))


def _localhost() -> Broker:
    if not answers(LOCALHOST_URL):
        raise NotHere(f"no {NAME} takes guest on localhost:{AMQP_PORT}")
    return Service(LOCALHOST_URL, Step.LOCALHOST, f"{NAME} on localhost:{AMQP_PORT}")


def _container() -> Broker:
    return in_container(NAME, IMAGE, _start_container, answers)


def _start_container(stack: ExitStack) -> str:
    host, port = start_container(stack, IMAGE, AMQP_PORT, {})
    return f"amqp://guest:guest@{host}:{port}/"


def _child() -> Broker:
    return private(NAME, "the installed rabbitmq-server", lambda stack: start_rabbitmq(stack, answers).url)


def _installed_now() -> Broker:
    apt_install("rabbitmq-server")
    return private(
        NAME, "rabbitmq-server, installed just now with apt-get,", lambda stack: start_rabbitmq(stack, answers).url
    )


def answers(url: str) -> bool:
    """Tell whether a RabbitMQ lets us in there."""
    return amqp_trouble(url, LOCALHOST_TIMEOUT_S) is None


def _memory() -> Broker:
    return Service(None, Step.MEMORY, "FastStream's in-memory broker")
