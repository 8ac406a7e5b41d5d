"""A final status that was read is the outcome; what follows may be anything."""

import asyncio
import itertools
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp.client_proto import ResponseHandler

from bridge.delivery import sender as sender_module
from bridge.delivery.access import Access, TlsFiles
from bridge.delivery.sender import Sender, open_sender
from bridge.delivery.status_line import LONGEST_STATUS, RawAnswer, WatchedProtocol, read_answer
from bridge.delivery.webhook import Webhook
from bridge.domain.model import BuyerId
from bridge.domain.retry import Answered, Failed, TimedOut
from bridge.settings import DeliverySettings
from tests.support import PATIENCE_S, eventually
from tests.unit.delivery.certificates import Authority

ON_BOTH_LOOPS = True
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
LAB = DeliverySettings(allow_private_callbacks=True, timeout_seconds=PATIENCE_S)
BUYER = BuyerId("acme-buyer")
HEAD = b"HTTP/1.1 204 No Content\r\n"

ANSWERS = {
    "in order": HEAD + b"\r\n",
    "a header of 9 kB": HEAD + b"X-Long: " + b"x" * 9_000 + b"\r\n\r\n",
    "a header of 100 kB": HEAD + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n",
    "a thousand headers": HEAD + b"".join(b"X-%d: x\r\n" % n for n in range(1000)) + b"\r\n",
    "a body behind a 204": HEAD + b"Content-Length: 5\r\n\r\nhello",
    "a body behind a 204, without a length": HEAD + b"\r\n<html>gone astray</html>",
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a body that ends early": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nxx",
    "chunks that are none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    "a header without a colon": HEAD + b"nonsense\r\n\r\n",
    "a header with a NUL": HEAD + b"X-Nul: a\0b\r\n\r\n",
    "a header that is not UTF-8": HEAD + b"X-Latin: \xe9\xff\r\n\r\n",
    "a folded header": HEAD + b"X-Folded: a\r\n  b\r\n\r\n",
    "no reason and no headers": b"HTTP/1.1 204\r\n\r\n",
    "line feeds alone": b"HTTP/1.1 204 No Content\n\n",
    "an old version": b"HTTP/1.0 200 OK\r\n\r\nok",
    "an encoding that is none": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "a head that ends with the connection": HEAD + b"X-Cut: o",
    "a broken Retry-After": HEAD + b"Retry-After: Fri, 31 Dec 9999 23:59:59 -2359\r\n\r\n",
    "an interim answer before": b"HTTP/1.1 102 Processing\r\n\r\n" + HEAD + b"\r\n",
    "hints before": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + HEAD + b"X-Long: " + b"x" * 9_000 + b"\r\n\r\n",
    "a reason that is not ASCII": "HTTP/1.1 200 Tak, przyjęte\r\nContent-Length: 0\r\n\r\n".encode(),
    "a reason of 100 kB": b"HTTP/1.1 200 " + b"O" * 100_000 + b"K\r\n\r\n",
    "a status line that never ends": b"HTTP/1.1 204 No Content",
    "a status line that ends with the status": b"HTTP/1.1 204",
    "a status line without a reason or a line's end": b"HTTP/1.1 204 ",
    "carriage returns alone": b"HTTP/1.1 204 No Content\rX-Mac: a\r\r",
    "line feeds and carriage returns mixed": b"HTTP/1.1 204 No Content\nX-A: b\r\n\nrest",
    "empty lines before": b"\r\n\r\n" + HEAD + b"\r\n",
    "blanks before": b" \t" + HEAD + b"\r\n",
    "tabs in the status line": b"HTTP/1.1\t204\tNo Content\r\n\r\n",
    "two blanks in the status line": b"HTTP/1.1  204  No Content\r\n\r\n",
    "no blank before the reason": b"HTTP/1.1 200OK\r\n\r\n",
    "a version in small letters": b"http/1.1 200 OK\r\n\r\n",
    "a version to come": b"HTTP/1.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a version that is not spoken here": b"HTTP/2 200\r\n\r\n",
    "many interim answers": b"HTTP/1.1 102 Processing\r\n\r\n" * 200 + HEAD + b"\r\n",
    "an interim answer that is not ended": b"HTTP/1.1 100 Continue\r\n" + HEAD + b"\r\n",
    "interim answers with a header of 9 kB": b"HTTP/1.1 103 x\r\nLink: " + b"x" * 9_000 + b"\r\n\r\n" + HEAD + b"\r\n",
    "a second answer behind it": HEAD + b"\r\nHTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
    "a length below nothing": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    "a length with a sign": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
    "a length of forty digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
    "a body longer than its length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokokok",
    "a chunk of a size beyond reason": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
    "a chunk that ends early": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc",
    "chunks without the last one": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "chunks with broken trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\0: \r\n\r\n",
    "a transfer encoding nobody knows": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: smoke\r\n\r\nhello",
    "chunks said to be gzip": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "a content encoding nobody knows": b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd, br\r\nContent-Length: 1\r\n\r\nx",
    "a charset nobody knows": b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=nope\r\nContent-Length: 1\r\n\r\nx",
    "a content type that is none": b"HTTP/1.1 200 OK\r\nContent-Type: ;;;=/=;\r\nContent-Length: 1\r\n\r\nx",
    "cookies that are none": HEAD + b'Set-Cookie: =;;,="\x7f\x01; expires=never; Max-Age=a\r\nSet-Cookie:\r\n\r\n',
    "a header without a name": HEAD + b": value\r\n\r\n",
    "a header with a blank before its colon": HEAD + b"X-Blank : a\r\n\r\n",
    "a header that is folded first": HEAD + b"  folded\r\nX-A: b\r\n\r\n",
    "a header with a lone carriage return": HEAD + b"X-A: a\rb\r\n\r\n",
    "a header with control characters": HEAD + b"X-A: \x01\x02\x1b[31m\r\n\r\n",
    "an upgrade that nobody asked for": b"HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\0\0\0",
    "a location that is none": b"HTTP/1.1 201 Created\r\nLocation: http://[::\r\nContent-Length: 0\r\n\r\n",
    "a reason that is the next line": b"HTTP/1.1 200\r\nOK\r\n\r\n",
    "a partial content without a range": b"HTTP/1.1 206 Partial Content\r\nContent-Range: ?\r\n\r\n",
    "a reset content with a body": b"HTTP/1.1 205 Reset Content\r\nContent-Length: 3\r\n\r\nabc",
    "an undefined 2xx": b"HTTP/1.1 299 Miscellaneous\r\n\r\n",
}


@asynccontextmanager
async def answering(
    *parts: bytes, stays: bool = False, resets: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """A server that reads a request and answers with just these bytes; then it closes or resets, or says no more."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
        if stays:
            await over.wait()
        if resets:
            made: socket.socket = writer.get_extra_info("socket")
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes by a reset
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        over.set()
        server.close()


async def outcome_of(*parts: bytes, settings: DeliverySettings = LAB, stays: bool = False) -> object:
    async with answering(*parts, stays=stays) as url, open_sender(settings, lambda: NOW) as sender:
        return await sender.send(Webhook(url, b"{}", {}), BUYER)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_2xx_is_delivered_whatever_follows_its_status_line(answer: bytes) -> None:
    outcome = await outcome_of(answer)
    assert isinstance(outcome, Answered)
    assert 200 <= outcome.status < 300


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_it_is_known_without_waiting_for_an_end_that_does_not_come(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "REST_TIMEOUT_S", 0.02)
    outcome = await outcome_of(answer, stays=True)
    assert isinstance(outcome, Answered)
    assert 200 <= outcome.status < 300


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_it_is_known_in_whatever_pieces_it_comes(answer: bytes) -> None:
    outcome = await outcome_of(*(answer[at : at + 1] for at in range(20)), answer[20:])
    assert isinstance(outcome, Answered)
    assert 200 <= outcome.status < 300


async def test_it_is_known_over_tls_too(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with (
        answering(HEAD + b"X-Long: " + b"x" * 9_000 + b"\r\n\r\n", tls=authority.server("127.0.0.1")) as url,
        open_sender(LAB, lambda: NOW, {BUYER: Access(tls=TlsFiles([authority.certificate]))}) as sender,
    ):
        assert await sender.send(Webhook(url, b"{}", {}), BUYER) == Answered(204)


@pytest.mark.parametrize("rest", [b"", b"\r\n", b"Content-Length: 10\r\n\r\nabc", b"Content-Length: 0\r\n\r\n"])
async def test_a_connection_that_is_reset_after_the_status_line_changes_nothing(rest: bytes) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\n" + rest, resets=True) as url, open_sender(LAB, lambda: NOW) as sender:
        outcome = await sender.send(Webhook(url, b"{}", {}), BUYER)
    assert isinstance(outcome, Answered)
    assert outcome.status == 200


async def test_an_answer_that_comes_before_all_was_sent_counts() -> None:
    """A listener that answers by the head alone, and closes while the body is still under way."""
    async with answering(HEAD + b"\r\n", resets=True) as url, open_sender(LAB, lambda: NOW) as sender:
        large = Webhook(url, b"x" * 1_000_000, {})
        assert await sender.send(large, BUYER) == Answered(204)


async def test_whatever_the_client_stumbles_over_the_status_is_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stumble(_response: object) -> bytes:
        raise RuntimeError("a fault of the client")

    monkeypatch.setattr(sender_module, "_drain", stumble)
    assert await outcome_of(HEAD + b"\r\n") == Answered(204)


async def test_a_fault_before_any_status_is_none() -> None:
    async with open_sender(LAB, lambda: NOW) as sender:
        with pytest.raises(TypeError):
            await sender.send(Webhook("http://127.0.0.1:1/", object(), {}), BUYER)  # type: ignore[arg-type]


async def test_headers_that_never_end_are_no_reason_to_send_again() -> None:
    impatient = LAB.model_copy(update={"timeout_seconds": 0.3})
    assert await outcome_of(HEAD + b"X-Slow: ", settings=impatient, stays=True) == Answered(204)


@pytest.mark.parametrize("start", [b"HTTP/1.1 20", b"HTTP/1.1", b"204 No Content\r\n\r\n", b"<html>HTTP/1.1 200 OK"])
async def test_what_is_no_status_line_is_none(start: bytes) -> None:
    assert isinstance(await outcome_of(start), Failed)


async def test_a_status_that_does_not_come_in_time_is_none() -> None:
    impatient = LAB.model_copy(update={"timeout_seconds": 0.3})
    assert isinstance(await outcome_of(b"HTTP/1.1 20", settings=impatient, stays=True), TimedOut)


INTERIM = {
    "in order": b"HTTP/1.1 102 Processing\r\n\r\n",
    "a header of 9 kB": b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 9_000 + b"\r\n\r\n",
    "a header of 64 kB": b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 64_000 + b"\r\n\r\n",
    "a thousand of them": b"HTTP/1.1 102 Processing\r\n\r\n" * 1000,
    "a header without a colon": b"HTTP/1.1 103 Early Hints\r\nnonsense\r\n\r\n",
    "a header with a NUL": b"HTTP/1.1 103 Early Hints\r\nX: \0\r\n\r\n",
    "a body": b"HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\nabc\r\n",
    "chunks": b"HTTP/1.1 102 Processing\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "a version in small letters": b"http/1.1 100 Continue\r\n\r\n",
    "line feeds alone": b"HTTP/1.1 100 Continue\n\n",
    "it is never ended": b"HTTP/1.1 100 Continue\r\n",
    "an old version": b"HTTP/1.0 100 Continue\r\nConnection: close\r\n\r\n",
    "a status that nobody knows": b"HTTP/1.1 199 Hm\r\n\r\n",
}


@pytest.mark.parametrize("size", [10, 1000, 65_536])
@pytest.mark.parametrize("interim", INTERIM.values(), ids=INTERIM)
async def test_an_interim_answer_is_no_reason_to_miss_the_final_one(interim: bytes, size: int) -> None:
    """In whatever pieces both come: over what it cannot read, the client would close the connection between them."""
    pieces = [interim[at : at + size] for at in range(0, len(interim), size)]
    protocol, seen = pieces_of(*pieces, b"HTT", b"P/1.1 20", b"4 No Content\r\n\r\n")
    assert protocol.answer() == RawAnswer(204)
    assert b"".join(seen) == b"HTTP/1.1 204 No Content\r\n\r\n"


def pieces_of(*pieces: bytes) -> tuple[WatchedProtocol, list[bytes]]:
    """A connection by which pieces have come, and what was handed on of them."""
    seen: list[bytes] = []

    class Handing(ResponseHandler):
        def data_received(self, data: bytes) -> None:
            seen.append(data)

    class Protocol(WatchedProtocol, Handing):
        pass

    protocol = Protocol(asyncio.get_running_loop())
    for piece in pieces:
        protocol.data_received(piece)
    return protocol, seen


async def test_interim_answers_are_not_kept() -> None:
    protocol, seen = pieces_of(b"HTTP/1.1 102 Processing\r\n", *[b"X: " + b"x" * 100_000] * 20)
    assert len(protocol._received) <= LONGEST_STATUS
    assert not seen


@pytest.mark.parametrize("interim", INTERIM.values(), ids=INTERIM)
async def test_so_it_is_by_a_connection(interim: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The final answer is sent once the client has taken all of the interim one."""
    came, taken = 0, asyncio.Event()
    take = WatchedProtocol.data_received

    def counted(self: WatchedProtocol, data: bytes) -> None:
        nonlocal came
        take(self, data)
        came += len(data)
        if came >= len(interim) or self.transport is None or self.transport.is_closing():
            taken.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(interim)
        await taken.wait()
        writer.write(HEAD + b"\r\n")
        writer.close()

    monkeypatch.setattr(WatchedProtocol, "data_received", counted)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, open_sender(LAB, lambda: NOW) as sender:
        assert await sender.send(Webhook(url, b"", {}), BUYER) == Answered(204)


async def test_an_interim_answer_alone_is_none() -> None:
    assert isinstance(await outcome_of(b"HTTP/1.1 103 Early Hints\r\n\r\n"), Failed)


async def test_interim_answers_without_end_are_none_and_fill_no_memory() -> None:
    impatient = LAB.model_copy(update={"timeout_seconds": 0.3})
    endless = b"HTTP/1.1 102 Processing\r\n\r\n" * 10_000
    assert isinstance(await outcome_of(endless, settings=impatient, stays=True), TimedOut)


async def test_a_refusal_whose_headers_are_broken_keeps_its_status() -> None:
    assert await outcome_of(b"HTTP/1.1 410 Gone\r\nX: " + b"x" * 9_000 + b"\r\n\r\n") == Answered(410)


async def test_a_refusal_whose_headers_are_broken_keeps_its_retry_after_and_its_body() -> None:
    broken = b"HTTP/1.1 503 Busy\r\nretry-after : 120\r\nX: " + b"x" * 9_000 + b"\r\n\r\ncome later"
    assert await outcome_of(broken) == Answered(503, 120.0, "come later")


async def test_what_came_on_a_connection_before_says_nothing_of_the_next_request() -> None:
    """A listener that answers once and then closes: the second try has no answer."""
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    message = Webhook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"", {})
    async with open_sender(LAB, lambda: NOW) as sender:
        assert await sender.send(message, BUYER) == Answered(200)
        assert isinstance(await sender.send(message, BUYER), Failed)
    server.close()
    assert served == 1


@pytest.mark.parametrize("second", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"nonsense"])
async def test_what_a_listener_says_unasked_after_its_answer_is_not_the_next_answer(second: bytes) -> None:
    """A listener that answers each request twice: taken for the next answer, the second one would lose a notification.

    The first notification is taken, all others are refused.
    """
    statuses = itertools.chain([b"200 OK"], itertools.repeat(b"500 Oh"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                await reader.readuntil(b"{}")
            except asyncio.IncompleteReadError:
                break
            writer.write(b"HTTP/1.1 " + next(statuses) + b"\r\nContent-Length: 0\r\n\r\n")
            speaking.append(writer)
        writer.close()

    speaking: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    message = Webhook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"{}", {})
    async with server, open_sender(LAB, lambda: NOW) as sender:
        assert await sender.send(message, BUYER) == Answered(200)
        (kept,) = kept_connections(sender)
        speaking[0].write(second)
        await eventually(lambda: kept.should_close)
        outcomes = [await sender.send(message, BUYER) for _ in range(2)]
    assert outcomes == [Answered(500), Answered(500)]


def kept_connections(sender: Sender) -> list[ResponseHandler]:
    """The connections that wait for another request."""
    connector = sender._session.connector
    assert connector is not None
    return [protocol for kept in connector._conns.values() for protocol, _ in kept]


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (b"", None),
        (b"HTTP/1.1 20", None),
        (b"HTTP/1.1 200", 200),
        (b"HTTP/1.1 200 OK", 200),
        (b"\r\n\r\nHTTP/1.1 503 \r\n", 503),
        (b"HTTP/1.1 100 Continue\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow down\n", 429),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK", 101),
        (b"HTTP/1.1 2000 OK\r\n", None),
        (b"HTTP/1.1 000 OK\r\n", None),
        (b"HTTP/1.1 099 OK\r\n", None),
        (b"ICY 200 OK\r\n", None),
        (b"HTTP/2 204\r\n", 204),
        (b"HTTP/1.1 500 Oh\r\nX: a\nHTTP/1.1 200 OK\r\n\r\n", 500),
    ],
)
def test_the_final_status_is_that_of_the_first_answer_that_is_not_interim(received: bytes, status: int | None) -> None:
    answer = read_answer(received)
    assert (answer and answer.status) == status


def test_a_retry_after_in_the_body_is_none() -> None:
    assert read_answer(b"HTTP/1.1 503 Busy\r\n\r\nRetry-After: 5\r\n") == RawAnswer(503, None, b"Retry-After: 5\r\n")
    assert read_answer(b"HTTP/1.1 503 Busy\r\n\r\n\r\nRetry-After: 5\r\n") == RawAnswer(
        503, None, b"\r\nRetry-After: 5\r\n"
    )
