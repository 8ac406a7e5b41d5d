"""When a notification is tried again, and when it is given up."""

import pytest

from bridge.domain.retry import (
    Answered,
    Delivered,
    Disable,
    Failed,
    GiveUp,
    RetryDecision,
    RetryIn,
    SendResult,
    TimedOut,
    decide_retry,
    wait_asked_for,
)

SCHEDULE = (0, 5, 300, 1800)
MIDDLE = 0.5  # a random number that leaves the wait as it is


def decide(result: SendResult, attempts: int = 1, random_unit: float = MIDDLE) -> RetryDecision:
    return decide_retry(SCHEDULE, 0.2, attempts, result, random_unit)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_is_delivered(status: int) -> None:
    assert decide(Answered(status)) == Delivered()


@pytest.mark.parametrize("result", [Answered(500), Answered(404), Answered(302), Answered(199), Failed("refused")])
@pytest.mark.parametrize(("attempts", "wait"), [(1, 5), (2, 300), (3, 1800)])
def test_the_schedule_says_how_long_to_wait(result: SendResult, attempts: int, wait: float) -> None:
    assert decide(result, attempts) == RetryIn(wait)


@pytest.mark.parametrize("result", [Answered(500), Answered(429, 10), Failed("x"), TimedOut("x")])
def test_after_the_last_of_the_schedule_it_is_given_up(result: SendResult) -> None:
    assert decide(result, 4) == GiveUp("given up after 4 attempts")
    assert decide(result, 9) == GiveUp("given up after 9 attempts")


@pytest.mark.parametrize("attempts", [1, 4, 9])
def test_a_listener_that_is_gone_is_disabled_at_once(attempts: int) -> None:
    assert decide(Answered(410), attempts) == Disable("the listener says that it is gone (410)")


@pytest.mark.parametrize(
    ("result", "seconds"),
    [
        (Answered(204, 30), 0),
        (Answered(500, 30), 0),
        (Failed("x"), 0),
        (TimedOut("x"), 0),
        (Answered(503), 0),
        (Answered(503, 30), 30),
        (Answered(503, 1e9), 3600),
        (Answered(429), 60),
        (Answered(429, 90), 90),
    ],
)
def test_a_listener_may_ask_to_be_left_alone(result: SendResult, seconds: float) -> None:
    assert wait_asked_for(result) == seconds


@pytest.mark.parametrize(("random_unit", "wait"), [(0.0, 240.0), (0.25, 270.0), (0.999999999, 360.0)])
def test_the_wait_varies_by_the_jitter_both_ways(random_unit: float, wait: float) -> None:
    decision = decide(Answered(500), 2, random_unit)
    assert isinstance(decision, RetryIn)
    assert decision.seconds == pytest.approx(wait, abs=1e-5)


@pytest.mark.parametrize("result", [Answered(429), Answered(429, 3), TimedOut("slow")])
def test_an_overloaded_listener_gets_a_minute_at_least(result: SendResult) -> None:
    assert decide(result) == RetryIn(60)
    assert decide(result, 2) == RetryIn(300)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_up_to_an_hour(status: int) -> None:
    assert decide(Answered(status, 120)) == RetryIn(120)
    assert decide(Answered(status, 120), random_unit=0) == RetryIn(120)
    assert decide(Answered(status, 1e9)) == RetryIn(3600)
    assert decide(Answered(status, 10), 3) == RetryIn(1800)


@pytest.mark.parametrize("status", [307, 400, 404, 500, 502])
def test_retry_after_counts_only_where_it_has_a_meaning(status: int) -> None:
    assert decide(Answered(status, 3000)) == RetryIn(5)
