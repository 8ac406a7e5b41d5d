"""A final status that was read is the outcome; what follows may be anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from bridge.delivery.sender import callback_session, send
from bridge.delivery.status_line import final_status
from bridge.delivery.webhook import Webhook
from bridge.domain.retry import Answered, Failed, TimedOut
from bridge.settings import DeliverySettings

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
LAB = DeliverySettings(allow_private_callbacks=True, timeout_seconds=60)
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
}


@asynccontextmanager
async def answering(answer: bytes, *, stays: bool = False) -> AsyncIterator[str]:
    """A server that reads a request and answers with just these bytes; then it closes, or says no more."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if stays:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        over.set()
        server.close()


async def outcome_of(answer: bytes, settings: DeliverySettings = LAB, *, stays: bool = False) -> object:
    async with answering(answer, stays=stays) as url, callback_session(settings) as session:
        return await send(session, Webhook(url, b"{}", {}), settings, lambda: NOW)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_2xx_is_delivered_whatever_follows_its_status_line(answer: bytes) -> None:
    outcome = await outcome_of(answer)
    assert isinstance(outcome, Answered)
    assert outcome.status in (200, 204)


async def test_headers_that_never_end_are_no_reason_to_send_again() -> None:
    impatient = DeliverySettings(allow_private_callbacks=True, timeout_seconds=0.3)
    assert await outcome_of(HEAD + b"X-Slow: ", impatient, stays=True) == Answered(204)


async def test_a_status_line_that_is_not_whole_is_none() -> None:
    assert isinstance(await outcome_of(b"HTTP/1.1 20"), Failed)
    impatient = DeliverySettings(allow_private_callbacks=True, timeout_seconds=0.3)
    assert isinstance(await outcome_of(b"HTTP/1.1 200 OK", impatient, stays=True), TimedOut)


async def test_an_interim_answer_alone_is_none() -> None:
    assert isinstance(await outcome_of(b"HTTP/1.1 103 Early Hints\r\n\r\n"), Failed)


async def test_a_refusal_whose_headers_are_broken_keeps_its_status() -> None:
    assert await outcome_of(b"HTTP/1.1 410 Gone\r\nX: " + b"x" * 9_000 + b"\r\n\r\n") == Answered(410)


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
    async with callback_session(LAB) as session:
        assert await send(session, message, LAB, lambda: NOW) == Answered(200)
        assert isinstance(await send(session, message, LAB, lambda: NOW), Failed)
    server.close()
    assert served == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"", None),
        (b"HTTP/1.1 200 OK", None),
        (b"HTTP/1.1 200 OK\r\n", 200),
        (b"\r\n\r\nHTTP/1.1 503 \r\n", 503),
        (b"HTTP/1.1 100 Continue\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow down\n", 429),
        (b"HTTP/1.1 2000 OK\r\n", None),
        (b"ICY 200 OK\r\n", None),
        (b"HTTP/2 204\r\n", 204),
    ],
)
def test_the_final_status_is_that_of_the_first_answer_that_is_not_interim(head: bytes, status: int | None) -> None:
    assert final_status(head) == status
