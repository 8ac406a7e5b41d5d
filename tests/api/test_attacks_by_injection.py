"""What a client writes is never taken for a part of an answer, of a log line, of a header or of a query."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from bridge.telemetry import configure_logging
from tests.api.conftest import BuyerClient
from tests.api.fakes import FakeBridge
from tests.api.test_unreadable import port as port
from tests.api.test_unreadable import say

BASE = "/mefApi/sonata/appointment/v2"
LINE_ENDS = ["%0d%0aX-Evil:%201", "%0aX-Evil:%201", "%0d", "%E2%80%A8", "%C2%85", "%00", "%1b%5b31m", "%7f"]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log as it is written, in JSON."""
    stream = io.StringIO()
    configure_logging("json", "debug", stream)
    yield stream
    configure_logging()
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not getattr(handler, "of_the_bridge", False)]


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("path", ["/appointment/A{}", "/appointment?status={}", "/appointment?{}=1", "/hub/S{}", "/{}"])
async def test_a_line_end_in_a_path_or_query_ends_no_line(
    buyer: BuyerClient, bridge: FakeBridge, log: io.StringIO, path: str, end: str
) -> None:
    answer = await buyer.get(BASE + path.format(end))
    assert answer.status in (400, 404)
    assert "X-Evil" not in answer.headers
    assert bridge.appointments.calls == []
    for line in log.getvalue().splitlines():
        assert json.loads(line)["event"] != "X-Evil"
    assert "\x1b" not in log.getvalue()


@pytest.mark.parametrize("value", ["a%0d%0aSet-Cookie:%20x=1", "<script>", "';--", "${jndi:ldap://x}", "{{7*7}}"])
async def test_what_came_is_quoted_as_text_in_json(buyer: BuyerClient, value: str) -> None:
    answer = await buyer.get(f"{BASE}/appointment?status={value}")
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/json;charset=utf-8")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: a\nX-Evil: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: a\rX-Evil: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ],
)
async def test_a_head_that_two_readers_may_read_in_two_ways_is_refused(port: int, raw: bytes) -> None:
    """Else a proxy in front may see one request where the bridge sees two (request smuggling)."""
    status, headers, body = await say(port, raw)
    assert status.split()[1] == b"400"
    assert b"x-evil" not in headers
    assert json.loads(body)["code"] == "invalidQuery"


@pytest.mark.parametrize("given", ["a\tb", "x" * 5000, "\x80", "a;b\u2028"])
async def test_a_correlation_id_that_could_break_a_line_is_replaced(buyer: BuyerClient, given: str) -> None:
    answer = await buyer.get(f"{BASE}/appointment", headers={"X-Correlation-ID": given})
    assert answer.status == 200
    assert given not in answer.headers["X-Correlation-ID"]


async def test_overlong_filters_are_looked_for_and_overlong_heads_refused(buyer: BuyerClient, port: int) -> None:
    long = "x" * 4000
    assert (await buyer.get(f"{BASE}/appointment?geographicSiteId={long}")).status == 200
    refused = await buyer.get(f"{BASE}/appointment?status={long}")
    assert (refused.status, len(refused.value["reason"]) <= 255) == (400, True)
    many = b"".join(b"X-%d: y\r\n" % number for number in range(300))
    status, _, _ = await say(port, b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + many + b"\r\n")
    assert status.split()[1] in (b"200", b"400")
