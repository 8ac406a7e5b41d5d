"""A DNS server on a real socket that knows some names, and never answers for others."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_HEADER_BYTES = 12
_A = 1  # RFC 1035, 3.2.2: an IPv4 address


@dataclass(slots=True)
class NameServer(asyncio.DatagramProtocol):
    """`addresses` are what it knows (RFC 1035); it is silent about all else, and keeps in `asked` what that was."""

    addresses: Mapping[str, str]
    asked: list[str] = field(default_factory=list)
    place: str = ""
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport
        self.place = "{}:{}".format(*transport.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        name, end = _name(data)
        self.asked.append(name)
        if name not in self.addresses:
            return
        (kind,) = struct.unpack_from("!H", data, end)
        found = _answer(self.addresses[name]) if kind == _A else b""
        counts = struct.pack("!HHHH", 1, bool(found), 0, 0)
        self._transport.sendto(data[:2] + b"\x81\x80" + counts + data[_HEADER_BYTES : end + 4] + found, addr)


def _name(query: bytes) -> tuple[str, int]:
    """Read the name that is asked for, and where it ends."""
    labels, at = [], _HEADER_BYTES
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels), at + 1


def _answer(address: str) -> bytes:
    """Say the address of the name at the beginning of the query."""
    return b"\xc0\x0c" + struct.pack("!HHIH", _A, 1, 60, 4) + socket.inet_aton(address)


@asynccontextmanager
async def answering_for(addresses: Mapping[str, str]) -> AsyncIterator[NameServer]:
    """Run a name server; `place` is where."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: NameServer(addresses), local_addr=("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()
