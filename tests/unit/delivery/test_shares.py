"""Who may send how much: a listener, a Buyer, and all together."""

from random import Random

import pytest

from bridge.delivery import shares as shares_module
from bridge.delivery.shares import RESTS, SLOW_PER_SENDER, Sending, Shares
from bridge.domain.model import BuyerId
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Busy, Delivery
from tests.unit.delivery.factories import delivery, subscription

CONCURRENCY = 16  # a listener's share is 4, a Buyer's 8


def listener(name: str = "sub-1", buyer: str = "acme-buyer") -> Subscription:
    return subscription(id=SubscriptionId(name), buyer=BuyerId(buyer))


def due(count: int, to: Subscription) -> list[Delivery]:
    return [delivery(number, to, f"wo-{number}") for number in range(count)]


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> Shares:
    monkeypatch.setattr(shares_module, "AHEAD", 2)
    return Shares(CONCURRENCY, Random(1))


def begin(shares: Shares, to: Subscription, count: int = 1, now: float = 0.0) -> list[Sending]:
    return [shares.begin(to, now) for _ in range(count)]


def deliver(shares: Shares, to: Subscription, times: int = 1, now: float = 0.0, takes: float = 0.5) -> None:
    for sending in [shares.begin(to, now) for _ in range(times)]:
        shares.succeeded(sending, now + takes)
        shares.end(sending)


def fail(shares: Shares, to: Subscription, *moments: float, asks: float = 0.0) -> None:
    for moment in moments:
        sending = shares.begin(to, moment)
        shares.failed(sending, moment, asks)
        shares.end(sending)


def room(shares: Shares, to: Subscription, now: float = 0.0) -> int:
    return len(shares.choose(due(CONCURRENCY * 2, to), now))


def test_a_listener_begins_with_two_and_each_success_doubles_that_up_to_its_share(shares: Shares) -> None:
    rooms = [room(shares, listener())]
    for _ in range(3):
        deliver(shares, listener())
        rooms.append(room(shares, listener()))
    assert rooms == [2, 4, 4, 4]


def test_what_is_under_way_takes_room_until_it_is_over(shares: Shares) -> None:
    sending = begin(shares, listener(), 2)
    assert (room(shares, listener()), shares.free()) == (0, CONCURRENCY - 2)
    assert shares.busy(0) == Busy(frozenset({"sub-1"}), frozenset(), CONCURRENCY // 4)
    shares.end(sending[0])
    assert (room(shares, listener()), shares.free()) == (1, CONCURRENCY - 1)
    assert shares.busy(0) == Busy(most_each=CONCURRENCY // 4)


def test_a_failure_leaves_one_and_successes_bring_the_share_back(shares: Shares) -> None:
    deliver(shares, listener(), 3)
    fail(shares, listener(), 1)
    assert room(shares, listener(), 1) == 1
    deliver(shares, listener(), 2)
    assert room(shares, listener(), 1) == 4


def test_one_that_fails_again_and_again_rests_for_longer_and_longer(shares: Shares) -> None:
    now, rests = 0.0, []
    for _ in range(12):
        fail(shares, listener(), now)
        rest = shares.rest_ends_in(now)
        rests.append(rest or 0)
        assert room(shares, listener(), now) == (0 if rest else 1)
        assert (listener().id in shares.busy(now).listeners) is bool(rest)
        now += (rest or 0) + 1
        assert room(shares, listener(), now) == 1
    assert rests[:2] == [0, 0]
    expected = [min(2.0**n, RESTS.longest) for n in range(10)]
    assert rests[2:] == [pytest.approx(each, rel=0.21) for each in expected]


def test_what_fails_side_by_side_failed_once(shares: Shares) -> None:
    deliver(shares, listener(), 3)
    for sending in begin(shares, listener(), 4, now=1):
        shares.failed(sending, 11)
        shares.end(sending)
    assert shares.rest_ends_in(11) is None


def test_a_success_ends_the_rests(shares: Shares) -> None:
    fail(shares, listener(), 1, 2, 3)
    assert shares.rest_ends_in(3)
    deliver(shares, listener(), now=10)
    fail(shares, listener(), 11, 12)
    assert shares.rest_ends_in(12) is None


@pytest.mark.parametrize(("asked", "rest"), [(0.0, None), (7.0, 7.0), (3600.0, RESTS.longest)])
def test_a_listener_that_asks_for_it_rests_at_once(asked: float, rest: float | None, shares: Shares) -> None:
    fail(shares, listener(), 1, asks=asked)
    assert shares.rest_ends_in(1) == rest


def test_a_buyer_has_half_of_all_with_all_his_listeners(shares: Shares) -> None:
    mine = [listener(f"sub-{number}") for number in range(10)]
    chosen = shares.choose([each for one in mine for each in due(5, one)], 0)
    assert len(chosen) == CONCURRENCY // 2
    for each in chosen:
        shares.begin(each.subscription, 0)
    assert shares.busy(0).buyers == {"acme-buyer"}
    assert room(shares, mine[9]) == 0
    assert room(shares, listener("other", "other-buyer")) == 2


def test_what_is_slow_keeps_nobody_else_from_sending(shares: Shares) -> None:
    sending = [shares.begin(listener(f"sub-{number}", f"buyer-{number}"), 0) for number in range(CONCURRENCY)]
    assert shares.free() == 0
    for each in sending:
        shares.slow_down(each)
    assert shares.free() == CONCURRENCY
    assert room(shares, listener("sub-1", "buyer-1")) == 1
    for each in sending:
        shares.end(each)
    assert shares.free() == CONCURRENCY


def test_of_what_is_slow_so_much_may_be_and_no_more(shares: Shares) -> None:
    most = CONCURRENCY * SLOW_PER_SENDER
    for number in range(most + CONCURRENCY):
        shares.slow_down(shares.begin(listener(f"sub-{number}", f"buyer-{number}"), 0))
    assert shares.free() == 0


def test_one_sender_is_enough_for_everybody_in_turn() -> None:
    shares = Shares(1, Random(1))
    assert (shares.free(), room(shares, listener())) == (1, 1)
    (sending,) = begin(shares, listener())
    assert (shares.free(), room(shares, listener("other", "other"))) == (0, 1)
    shares.end(sending)
    assert shares.free() == 1


def test_of_very_many_listeners_the_longest_known_is_forgotten(shares: Shares, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares_module, "MOST_KNOWN", 3)
    (busy,) = begin(shares, listener("busy"))
    for number in range(20):
        deliver(shares, listener(f"sub-{number}"))
        shares.busy(0)
    assert len(shares._listeners) <= 4
    assert room(shares, listener("busy")) == 1
    shares.end(busy)


AT_ONCE = 0.01


def claim(shares: Shares, to: Subscription, count: int) -> None:
    """Let so many wait."""
    for _ in range(count):
        shares.wait(to)


def test_more_is_claimed_for_a_brisk_listener_than_it_may_have_under_way(shares: Shares) -> None:
    deliver(shares, listener(), 2, takes=AT_ONCE)
    assert room(shares, listener()) == 12
    assert shares.busy(0) == Busy(most_each=12)
    assert shares.claimable() == 3 * CONCURRENCY
    claim(shares, listener(), 12)
    assert shares.busy(0).listeners == {"sub-1"}
    begin(shares, listener(), 3)
    assert shares.may_begin(listener(), 0)
    begin(shares, listener())
    assert not shares.may_begin(listener(), 0)


def test_one_that_takes_its_time_has_nothing_waiting(shares: Shares) -> None:
    deliver(shares, listener(), 2)
    assert (room(shares, listener()), shares.claimable()) == (4, CONCURRENCY)


@pytest.mark.parametrize("spoil", ["fails", "is slow", "takes longer"])
def test_a_listener_is_brisk_as_long_as_it_takes_all_at_once(shares: Shares, spoil: str) -> None:
    deliver(shares, listener(), 2, takes=AT_ONCE)
    sending = shares.begin(listener(), 0)
    match spoil:
        case "fails":
            shares.failed(sending, AT_ONCE)
        case "is slow":
            shares.slow_down(sending)
        case _:
            shares.succeeded(sending, 0.5)
    shares.end(sending)
    assert (room(shares, listener(), 1) <= 4, shares.claimable()) == (True, CONCURRENCY)


def test_a_buyers_brisk_listeners_have_twice_his_share_waiting_and_no_more(shares: Shares) -> None:
    several = [listener(f"sub-{number}") for number in range(4)]
    for each in several:
        deliver(shares, each, 2, takes=AT_ONCE)
    offered = [each for to in several for each in due(12, to)]
    assert len(shares.choose(offered, 0)) == 24
    for each in several:
        claim(shares, each, 6)
    assert shares.busy(0).buyers == {"acme-buyer"}


def test_a_buyer_whose_listeners_are_not_all_brisk_crowds_nobody_out(shares: Shares) -> None:
    deliver(shares, listener("brisk"), 2, takes=AT_ONCE)
    under_way = [each for number in range(4) for each in begin(shares, listener(f"sub-{number}"), 2)]
    assert shares.busy(0).buyers == frozenset()
    assert not shares.choose(due(2, listener("new")), 0)
    assert shares.busy(0).buyers == {"acme-buyer"}
    shares.end(under_way[0])
    assert shares.busy(0).buyers == frozenset()


def test_more_is_wanted_when_half_of_what_may_wait_has_begun(shares: Shares) -> None:
    deliver(shares, listener(), 2, takes=AT_ONCE)
    claim(shares, listener(), 5)
    assert not shares.want_more(listener())
    shares.leave(listener())
    assert shares.want_more(listener())
