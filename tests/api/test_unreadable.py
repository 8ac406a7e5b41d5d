"""What never becomes a request is answered in the standard's shape and tells nobody what the server is made of."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator

import orjson
import pytest
from structlog.testing import capture_logs

from bridge.api.app import build_app
from bridge.api.identity import ApiKeyIdentity
from bridge.api.server import open_server
from tests.api.conftest import ENTITIES
from tests.api.fakes import FakeBridge
from tests.api.usual import usual_config
from tests.support import PATIENCE_S

ON_BOTH_LOOPS = True
BOOKINGS = "/mefApi/sonata/appointment/v2/appointment"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = usual_config()
    app = build_app(FakeBridge().services(), ApiKeyIdentity(ENTITIES), config)
    close = await open_server(app, listening, config.limits)
    yield listening.getsockname()[1]
    await close()
    await close()


async def say(port: int, raw: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Send bytes; give the status line, headers and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    async with asyncio.timeout(PATIENCE_S):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *lines = head.split(b"\r\n")
    return status, dict(line.lower().split(b": ", 1) for line in lines), body


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400, "The URL or a header is too long."),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 400, "The URL or a header is too long."),
        (b"GET / HTTP/1.1\r\nHo st: a\r\n\r\n", 400, "This cannot be read as an HTTP request."),
        (b"GET / HTTP/x.y\r\nHost: a\r\n\r\n", 400, "This cannot be read as an HTTP request."),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, "This cannot be read as an HTTP request."),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nConnection: close\r\n\r\n", 417, "Expectation Failed."),
        (
            b"GET /health/live HTTP/1.1\r\nHost: a\r\nExpect: x\r\nConnection: close\r\n\r\n",
            417,
            "Expectation Failed.",
        ),
    ],
)
async def test_it_is_told_in_the_standards_shape_without_a_trace(
    port: int, raw: bytes, status: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as logs:
        line, headers, body = await say(port, raw)
    assert line.split()[1] == str(status).encode()
    assert (headers[b"content-type"], headers[b"server"]) == (b"application/json;charset=utf-8", b"mef-bridge")
    assert orjson.loads(body)["reason"] == reason
    assert [log for log in logs if log["log_level"] not in ("debug", "info") or log.get("exc_info")] == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("credentials", ["", "X-API-Key: acme-key\r\n"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_cannot_be_unpacked_leaves_no_trace_in_the_log(
    port: int, caplog: pytest.LogCaptureFixture, credentials: str, encoding: str
) -> None:
    """Anybody can send one: a traceback for each would fill the disk, and hide what is wrong."""
    head = f"POST {BOOKINGS} HTTP/1.1\r\nHost: a\r\n{credentials}Content-Type: application/json\r\n"
    head += f"Content-Encoding: {encoding}\r\nContent-Length: 4\r\n\r\n"
    with capture_logs() as logs:
        line, _, _ = await say(port, head.encode() + b"\xff\xff\xff\xff")
    assert line.split()[1] == (b"400" if credentials else b"401")
    assert [log for log in logs if log["log_level"] not in ("debug", "info") or log.get("exc_info")] == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_can_be_read_is_answered_as_ever(port: int) -> None:
    line, headers, body = await say(port, b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert (line, headers[b"server"], body) == (b"HTTP/1.1 200 OK", b"mef-bridge", b'{"status":"live"}')
