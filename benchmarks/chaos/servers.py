"""A RabbitMQ and a PostgreSQL of the run's own, where they are installed: these may be killed."""

from contextlib import ExitStack
from dataclasses import dataclass

from bridge.localenv import broker, postgres
from bridge.localenv.postgresql import start_postgresql
from bridge.localenv.rabbitmq import start_rabbitmq
from bridge.localenv.server import Server


@dataclass(frozen=True, slots=True)
class Servers:
    """Both, by the names that the faults have."""

    rabbitmq: Server
    postgresql: Server


def start_servers(stack: ExitStack) -> Servers:
    """Start both, and leave their end to `stack`. Raises `NotHere` where one is not installed."""
    node = start_rabbitmq(stack, broker.answers)
    if node.server is None:
        raise RuntimeError("a private RabbitMQ without a server")
    return Servers(node.server, start_postgresql(stack, postgres.answers))
