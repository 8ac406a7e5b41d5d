"""What becomes of a notification that is answered by no 2xx: not after the first attempt alone, but to the very end.

Each answer is played over a socket as it stands; then the schedule of the settings is gone through.
"""

import pytest

from bridge.domain.retry import Answered, Delivered, Disable, Failed, GiveUp, RetryIn, SendResult, decide_retry
from bridge.settings import DeliverySettings
from tests.unit.delivery.test_status_line import outcome_of

SCHEDULE = DeliverySettings().schedule_seconds
WAITS = [float(seconds) for seconds in SCHEDULE[1:]]
BROKEN_CHUNKS = b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
LONG_HEADER = b"X-Long: " + b"x" * 9_000 + b"\r\n\r\n"
ELSEWHERE = b"Location: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"


def status(number: int | bytes, rest: bytes = b"Content-Length: 0\r\n\r\n", reason: bytes = b" Whatever") -> bytes:
    return b"HTTP/1.1 %s%s\r\n%s" % (b"%d" % number if isinstance(number, int) else number, reason, rest)


def waits(result: SendResult) -> list[float]:
    """How long it rests between attempts until it is given up; fails where it ends otherwise."""
    found = []
    for attempts in range(1, len(SCHEDULE)):
        decision = decide_retry(SCHEDULE, 0.2, attempts, result, 0.5)
        assert isinstance(decision, RetryIn)
        found.append(decision.seconds)
    assert decide_retry(SCHEDULE, 0.2, len(SCHEDULE), result, 0.5) == GiveUp(f"given up after {len(SCHEDULE)} attempts")
    return found


REDIRECTS = (300, 301, 302, 303, 304, 305, 307, 308, 399)
REFUSALS = (400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 411, 412, 414, 415, 417, 418, 421, 422, 425, 426, 428)
RARE = (431, 451, 498, 499, 500, 501, 502, 504, 505, 506, 507, 508, 510, 511, 520, 530, 599, 600, 666, 700, 999)


@pytest.mark.parametrize("number", [*REDIRECTS, *REFUSALS, *RARE, 413, 503])
async def test_every_status_that_is_no_success_is_tried_again_by_the_schedule_and_then_given_up(number: int) -> None:
    """A 4xx too: what a listener refuses today it may take tomorrow, once it was mended there."""
    result = await outcome_of(status(number, ELSEWHERE if number < 400 else b"Content-Length: 0\r\n\r\n"))
    assert isinstance(result, Answered)
    assert result.status == number
    assert waits(result) == WAITS


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        (status(500, BROKEN_CHUNKS), 500),
        (status(404, b"Content-Length: 1000\r\n\r\nxx"), 404),
        (status(302, b"Location: \0\r\n\r\n"), 302),
        (status(500, b"\r\n", reason=b""), 500),
        (status(500, b"\r\n", reason=b" "), 500),
        (status(502, LONG_HEADER), 502),
        (status(304, b"Content-Length: 5\r\n\r\nhello"), 304),
        (b"HTTP/1.0 400\n\nno", 400),
        (b"HTTP/2 500\r\n\r\n", 500),
        (status(101, b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), 101),  # and no HTTP comes after it
        (status(103, b"\r\n") + status(500), 500),
        (status(600, BROKEN_CHUNKS), 600),
        (b"HTTP/1.1 500", 500),
        (status(b"000"), 0),
        (status(b"099"), 99),
    ],
)
async def test_so_is_one_with_whatever_follows_it(answer: bytes, number: int) -> None:
    result = await outcome_of(answer)
    assert isinstance(result, Answered)
    assert result.status == number
    assert waits(result) == WAITS


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"<html>OK</html>",  # HTTP/0.9
        b"OK",
        b"200 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 2O0 OK\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"HTTP/1.1 +200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        status(1000),
        status(2000),
        status(100, b"\r\n"),
        status(102, b"\r\n"),
        status(103, b"Link: </x>\r\n\r\n"),
        status(199, b"\r\n"),
        b"ICY 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",  # an alert of TLS
        b"\0" * 100,
    ],
)
async def test_what_is_no_answer_is_tried_again_just_so(answer: bytes) -> None:
    result = await outcome_of(answer)
    assert isinstance(result, Failed)
    assert waits(result) == WAITS


@pytest.mark.parametrize(
    ("answer", "first", "last"),
    [
        (status(429), 60, WAITS[-1]),
        (status(429, BROKEN_CHUNKS), 60, WAITS[-1]),
        (status(429, b"Retry-After: 1200\r\n" + LONG_HEADER), 1200, WAITS[-1]),
        (status(503, b"Retry-After: 120\r\n" + BROKEN_CHUNKS), 120, WAITS[-1]),
        (status(413, b"Retry-After: 120\r\n\r\n"), 120, WAITS[-1]),
        (status(503, b"Retry-After: -5\r\n\r\n"), WAITS[0], WAITS[-1]),
        (status(503, b"Retry-After: soon\r\n\r\n"), WAITS[0], WAITS[-1]),
        (status(503, b"Retry-After: 999999999999\r\n\r\n"), 3600, WAITS[-1]),
        (status(301, b"Retry-After: 120\r\n" + ELSEWHERE), WAITS[0], WAITS[-1]),
        (status(500, b"Retry-After: 120\r\n\r\n"), WAITS[0], WAITS[-1]),
        (status(600, b"Retry-After: 120\r\n\r\n"), WAITS[0], WAITS[-1]),
    ],
)
async def test_a_pause_is_kept_where_the_status_may_ask_for_one(answer: bytes, first: float, last: float) -> None:
    result = await outcome_of(answer)
    assert isinstance(result, Answered)
    found = waits(result)
    assert (found[0], found[-1]) == (first, last)
    assert found == sorted(found)


@pytest.mark.parametrize("rest", [b"\r\n", BROKEN_CHUNKS, LONG_HEADER, b"Retry-After: 5\r\n\r\n", b""])
async def test_gone_is_gone_whatever_follows_it_and_at_whichever_attempt(rest: bytes) -> None:
    result = await outcome_of(status(410, rest))
    assert isinstance(result, Answered)
    decisions = {decide_retry(SCHEDULE, 0.2, attempts, result, 0.5) for attempts in range(1, len(SCHEDULE) + 1)}
    assert decisions == {Disable("the listener says that it is gone (410)")}


def test_a_success_at_the_last_attempt_is_one() -> None:
    assert decide_retry(SCHEDULE, 0.2, len(SCHEDULE), Answered(204), 0.5) == Delivered()
