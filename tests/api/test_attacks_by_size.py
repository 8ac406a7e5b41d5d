"""Bodies that are too large, or grow when they are unpacked, or are odd: refused early, in bounded memory."""

import gzip
import resource
import zlib
from collections.abc import AsyncIterator

import orjson
import pytest

from tests.api.bodies import booking_body
from tests.api.conftest import AUTHORIZED, JSON, BuyerClient, Serve
from tests.api.fakes import FakeBridge
from tests.api.test_unreadable import port as port
from tests.api.test_unreadable import say

PATH = "/mefApi/sonata/appointment/v2/appointment"
MEGABYTE = 1024 * 1024


def bomb(megabytes: int) -> bytes:
    """Zeros that pack a thousand to one."""
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packed.compress(b" " * MEGABYTE) for _ in range(megabytes)]
    return b"".join([*parts, packed.flush()])


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_unpacks_to_hundreds_of_megabytes_is_413_and_takes_no_memory(
    buyer: BuyerClient, bridge: FakeBridge, encoding: str
) -> None:
    packed = bomb(60) if encoding == "gzip" else zlib.compress(b" " * 50 * MEGABYTE)
    before = peak_megabytes()
    answer = await buyer.send("POST", PATH, raw=packed, headers={"Content-Encoding": encoding})
    assert (answer.status, "1048576" in answer.value["reason"]) == (413, True)
    assert bridge.appointments.calls == []
    assert peak_megabytes() - before < 100


async def test_a_packed_body_of_a_normal_size_is_read(buyer: BuyerClient) -> None:
    packed = gzip.compress(orjson.dumps(booking_body()))
    assert (await buyer.send("POST", PATH, raw=packed, headers={"Content-Encoding": "gzip"})).status == 201


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "compress", "x-gzip", "gzip;q=1", "x" * 100])
@pytest.mark.parametrize("packed", [gzip.compress(gzip.compress(b"{}")), b"{}"], ids=["packed", "plain"])
async def test_a_body_in_a_coding_that_nobody_unpacks_is_refused(port: int, encoding: str, packed: bytes) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nX-API-Key: acme-key\r\nContent-Type: application/json\r\n"
    head += f"Content-Encoding: {encoding}\r\nContent-Length: {len(packed)}\r\nConnection: close\r\n\r\n"
    status, headers, body = await say(port, head.encode() + packed)
    assert (status.split()[1], headers[b"accept-encoding"]) == (b"415", b"gzip, deflate")
    assert headers[b"content-type"] == b"application/json;charset=utf-8"
    assert orjson.loads(body)["reason"]


@pytest.mark.parametrize("cut", [10, 19])
async def test_a_packed_body_that_breaks_off_is_refused(buyer: BuyerClient, cut: int) -> None:
    packed = gzip.compress(b'{"a": 1}')[:-cut]
    answer = await buyer.send("POST", PATH, raw=packed, headers={"Content-Encoding": "gzip"})
    assert answer.status == 400


async def test_a_body_without_an_end_is_refused_at_the_limit(serve: Serve) -> None:
    """Chunked: nobody says beforehand how long it is."""
    buyer = await serve(max_body_bytes=10_000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MEGABYTE:
            sent += 4096
            yield b" " * 4096

    try:
        async with buyer.session.post(
            buyer.server.make_url(PATH), data=endless(), headers={**AUTHORIZED, **JSON}
        ) as answer:
            assert answer.status == 413
    except OSError:  # closed while we still sent
        assert sent < 100 * MEGABYTE
    assert sent < 100 * MEGABYTE


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"9" * 500_000 + b"}",
        b'{"a":1e999999}',
        b'{"' + b"k" * 500_000 + b'":1}',
        b'{"a":"' + b"\\u0041" * 80_000 + b'"}',
        b'{"a":[' + b"0," * 200_000 + b"0]}",
        b"{" + b",".join(b'"k%d":1' % number for number in range(50_000)) + b"}",
        b'{"__proto__":{},"constructor":{}}',
    ],
)
async def test_a_body_that_is_hard_to_read_is_refused(buyer: BuyerClient, bridge: FakeBridge, raw: bytes) -> None:
    answer = await buyer.send("POST", PATH, raw=raw)
    assert answer.status in (400, 422)
    assert bridge.appointments.calls == []
