"""The bus side as AsyncAPI 3.0, made by FastStream from a broker that is never connected."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from faststream.rabbit import QueueType, RabbitBroker, RabbitQueue
from faststream.specification.asyncapi import AsyncAPI
from pydantic import BaseModel, ConfigDict

from bridge import __version__
from bridge.wfm.topology import OwnReplies, Topology

Json = dict[str, Any]

_ABOUT = (
    "What mef-bridge takes from the workforce-management system (WFM) over RabbitMQ, and what it sends there. Commands "
    "carry the AMQP properties message_id, correlation_id and, where a reply is expected, reply_to; the reply goes "
    "to that queue with the command's correlation_id, unless a pack has a queue of its own for its replies."
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A command of a pack; `reply` is the schema of its reply, None where none comes."""

    name: str
    exchange: str
    routing_key: str
    schema: Json
    reply: Json | None


@dataclass(frozen=True, slots=True)
class PackOnBus:
    """What one pack takes and sends.

    `own_replies` is given where its replies do not come to the common queue, `correlation` where in them their id
    stands.
    """

    name: str
    exchange: str
    bindings: Sequence[str]
    schema: Json
    commands: Sequence[Sent]
    own_replies: OwnReplies | None = None
    correlation: Sequence[str] = ()


def asyncapi(topology: Topology, packs: Sequence[PackOnBus]) -> Json:
    """The AsyncAPI document of a bridge with these packs."""
    broker = RabbitBroker("amqp://rabbitmq:5672/", logger=None)
    for pack in packs:
        _take_messages(broker, topology, pack)
        _send_commands(broker, topology, pack)
        _take_own_replies(broker, topology, pack)
    _take_replies(broker, topology, [pack for pack in packs if pack.own_replies is None])
    made = AsyncAPI(broker, title="mef-bridge", version=__version__, description=_ABOUT).to_specification()
    document: Json = json.loads(made.to_json())
    return document | {
        "channels": _sorted(document["channels"]),
        "operations": _sorted(document["operations"]),
        "components": {name: _sorted(part) for name, part in document["components"].items()},
    }


def _sorted(part: Json) -> Json:
    """FastStream keeps publishers in a set, so what it makes of them comes in any order."""
    return dict(sorted(part.items()))


def _take_messages(broker: RabbitBroker, topology: Topology, pack: PackOnBus) -> None:
    exchange = topology.wfm_exchange(pack.exchange)
    for number, key in enumerate(pack.bindings, 1):
        title = f"{pack.name}.messages" + (f".{number}" if number > 1 else "")
        broker.subscriber(
            _bound(topology.inbound_queue(pack.name), key),
            exchange,
            title=title,
            description=f"Messages of the WFM: our queue, bound to its exchange {exchange.name} by {key}.",
        )(_handler(title, pack.schema))


def _bound(queue: RabbitQueue, key: str) -> RabbitQueue:
    kind = QueueType(queue.arguments["x-queue-type"])
    return RabbitQueue(queue.name, kind, durable=True, arguments=queue.arguments, routing_key=key)  # type: ignore[call-overload, no-any-return]


def _send_commands(broker: RabbitBroker, topology: Topology, pack: PackOnBus) -> None:
    queue = topology.reply_queue if pack.own_replies is None else topology.reply_queue_of(pack.own_replies)
    for command in pack.commands:
        reply_goes = f"The reply goes to {queue.name}." if command.reply else "No reply is expected."
        broker.publisher(
            exchange=topology.wfm_exchange(command.exchange),
            routing_key=command.routing_key,
            title=f"{pack.name}.{command.name}",
            description=f"{command.schema['description']} {reply_goes}",
            schema=_payload(f"{pack.name}.{command.name}", command.schema),
            persist=True,
            mandatory=True,
        )


def _take_own_replies(broker: RabbitBroker, topology: Topology, pack: PackOnBus) -> None:
    if pack.own_replies is None:
        return
    is_fixed = pack.own_replies.queue is not None
    whose = "a fixed queue, whatever a command says" if is_fixed else "the queue that each command names"
    known_by = f"what they bear at {' or '.join(pack.correlation)}" if pack.correlation else "correlation_id"
    title = f"{pack.name}.replies"
    broker.subscriber(
        topology.reply_queue_of(pack.own_replies),
        title=title,
        description=f"The replies to commands, in {whose}; {known_by} tells to which.",
    )(_handler(title, {"anyOf": _replies(pack)}))


def _replies(pack: PackOnBus) -> list[Json]:
    return [command.reply for command in pack.commands if command.reply is not None]


def _take_replies(broker: RabbitBroker, topology: Topology, packs: Sequence[PackOnBus]) -> None:
    replies = [reply for pack in packs for reply in _replies(pack)]
    if replies:
        broker.subscriber(
            topology.reply_queue,
            title="replies",
            description="The replies to commands; correlation_id tells to which.",
        )(_handler("replies", {"anyOf": replies}))


def _handler(name: str, schema: Json) -> Callable[[Any], None]:
    """FastStream describes a message by what its handler takes."""

    def handle(message: Any) -> None:
        """Never called: this broker is only looked at."""

    handle.__annotations__ = {"message": _payload(name, schema), "return": None}
    return handle


def _payload(name: str, schema: Json) -> type[BaseModel]:
    """A type with this JSON Schema and no more."""

    def replace(generated: Json) -> None:
        generated.clear()
        generated.update(schema, title=name)

    return type(name, (BaseModel,), {"model_config": ConfigDict(json_schema_extra=replace), "__module__": __name__})
