"""A publisher whose properties are raw bytes: all that RabbitMQ takes can be sent, and not what a client allows."""

import asyncio
import struct
from collections.abc import Mapping
from typing import Self

import pamqp.frame
from pamqp import commands
from pamqp.frame import FrameTypes
from yarl import URL

FLAGS = commands.Basic.Properties.flags
END = b"\xce"


def short(raw: bytes) -> bytes:
    """Write a short string."""
    return bytes([len(raw)]) + raw


def table(*entries: bytes) -> bytes:
    """Write a table of entries, each a key, a type and a value."""
    inner = b"".join(entries)
    return struct.pack(">I", len(inner)) + inner


class RawPublisher:
    """One channel of a connection of its own, with confirms."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect with the user of the URL."""
        to = URL(url)
        publisher = cls(*await asyncio.open_connection(to.host, to.port or 5672))
        publisher._writer.write(b"AMQP\x00\x00\x09\x01")
        await publisher._answer()
        login = f"\0{to.user or 'guest'}\0{to.password or 'guest'}"
        publisher._send(0, commands.Connection.StartOk({}, "PLAIN", login, "en_US"))
        await publisher._answer()
        publisher._send(0, commands.Connection.TuneOk(10, 131_072, 0))
        publisher._send(0, commands.Connection.Open(to.path[1:] or "/"))
        await publisher._answer()
        publisher._send(1, commands.Channel.Open())
        await publisher._answer()
        publisher._send(1, commands.Confirm.Select())
        await publisher._answer()
        return publisher

    async def publish(
        self, exchange: str, key: bytes, body: bytes, properties: Mapping[str, bytes], odd_flags: int = 0
    ) -> bool:
        """Publish a message; tell whether RabbitMQ took it. It ends the channel over what it does not take."""
        flags = sum(FLAGS[name] for name in properties) | odd_flags
        values = b"".join(properties[name] for name in sorted(properties, key=lambda name: -FLAGS[name]))
        method = struct.pack(">IH", commands.Basic.Publish.index, 0) + short(exchange.encode()) + short(key) + b"\0"
        self._frame(1, method)
        self._frame(2, struct.pack(">HHQH", 60, 0, len(body), flags) + values)
        self._frame(3, body)
        return isinstance(await self._answer(), commands.Basic.Ack)

    async def close(self) -> None:
        """Go, as a client that was cut off."""
        self._writer.close()
        await self._writer.wait_closed()

    def _send(self, channel: int, frame: FrameTypes) -> None:
        self._writer.write(pamqp.frame.marshal(frame, channel))

    def _frame(self, kind: int, payload: bytes) -> None:
        self._writer.write(struct.pack(">BHI", kind, 1, len(payload)) + payload + END)

    async def _answer(self) -> FrameTypes:
        head = await self._reader.readexactly(7)
        (size,) = struct.unpack_from(">I", head, 3)
        _, _, frame = pamqp.frame.unmarshal(head + await self._reader.readexactly(size + 1))
        return frame
