"""How often each requesting entity may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.api.rates import SECOND, Rates
from tests.api.conftest import Serve
from tests.api.usual import usual_limits

LIST = "/mefApi/sonata/workOrderManagement/v2/workOrder"


class Clock:
    """A clock that the test turns."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> int:
        return round(self.now * SECOND)


def test_so_much_at_once_and_then_so_many_a_second() -> None:
    clock = Clock()
    rates = Rates(2, 3, clock)
    assert [rates.wait("acme") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.5
    assert [rates.wait("acme") for _ in range(2)] == [0, 0.5]
    clock.now += 3600
    assert [rates.wait("acme") for _ in range(4)] == [0, 0, 0, 0.5]


@given(
    now=st.floats(0, 1e7),
    per_second=st.floats(0.001, 1000),
    burst=st.integers(1, 50),
)
def test_all_of_a_burst_is_allowed_at_any_moment_of_any_clock(now: float, per_second: float, burst: int) -> None:
    rates = Rates(per_second, burst, Clock(now))
    assert {rates.wait("acme") for _ in range(burst)} == {0}
    assert rates.wait("acme") > 0


def test_who_asks_in_vain_is_not_kept_waiting_for_it() -> None:
    clock = Clock()
    rates = Rates(1, 1, clock)
    assert rates.wait("acme") == 0
    assert {rates.wait("acme") for _ in range(1000)} == {1}
    clock.now += 1
    assert rates.wait("acme") == 0


def test_nobody_takes_from_another() -> None:
    rates = Rates(1, 1, Clock())
    assert [rates.wait(name) for name in ("acme", "other", "acme", "other")] == [0, 0, 1, 1]


def test_without_a_limit_nobody_waits() -> None:
    rates = Rates(0, 1, Clock())
    assert {rates.wait("acme") for _ in range(1000)} == {0}


async def test_too_many_requests_are_429_with_retry_after_and_only_for_who_made_them(serve: Serve) -> None:
    buyer = await serve(limits=usual_limits(requests_per_second=0.001, burst=2))
    assert [(await buyer.get(LIST)).status for _ in range(2)] == [200, 200]
    refused = await buyer.get(LIST)
    assert (refused.status, refused.value) == (429, {"reason": "These are too many requests; try again later."})
    assert 0 < int(refused.headers["Retry-After"]) <= 1000
    buyer.headers = {"X-API-Key": "other-key"}
    assert (await buyer.get(LIST)).status == 200


@pytest.mark.parametrize("path", ["/health/live", LIST])
async def test_who_is_not_known_uses_up_nobodys_share(serve: Serve, path: str) -> None:
    buyer = await serve(limits=usual_limits(requests_per_second=0.001, burst=1))
    good, buyer.headers = buyer.headers, {"X-API-Key": "guessed"}
    for _ in range(3):
        assert (await buyer.session.get(buyer.server.make_url(path), headers=buyer.headers)).status in (200, 401)
    buyer.headers = good
    assert (await buyer.get(LIST)).status == 200
