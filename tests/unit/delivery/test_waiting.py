"""What is claimed and waits: each listener in its turn."""

from bridge.delivery.waiting import Waiting
from bridge.domain.model import BuyerId
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Delivery
from tests.unit.delivery.factories import delivery, subscription


def to(name: str, buyer: str = "acme-buyer") -> Subscription:
    return subscription(id=SubscriptionId(name), buyer=BuyerId(buyer))


def waiting(*deliveries: Delivery) -> Waiting:
    made = Waiting()
    for each in deliveries:
        made.add(each)
    return made


def numbers(found: list[Delivery]) -> list[int]:
    return [each.number for each in found]


def taken(queues: Waiting, *busy: str) -> list[int]:
    found = []
    while (each := queues.take(lambda buyer: buyer not in busy, lambda listener: listener.id not in busy)) is not None:
        found.append(each)
    return numbers(found)


def test_listeners_take_turns_and_each_keeps_its_order() -> None:
    a, b = to("a"), to("b")
    assert taken(waiting(delivery(1, a), delivery(2, a), delivery(3, a), delivery(4, b))) == [1, 4, 2, 3]


def test_a_listener_that_may_not_begin_is_passed_over() -> None:
    queues = waiting(delivery(1, to("a")), delivery(2, to("b")))
    assert taken(queues, "a") == [2]
    assert taken(queues) == [1]


def test_buyers_take_turns_whatever_waits_for_each() -> None:
    queues = waiting(*(delivery(number, to(f"a-{number}")) for number in range(1, 4)), delivery(4, to("b", "other")))
    assert taken(queues) == [1, 4, 2, 3]


def test_a_buyer_who_may_have_no_more_is_passed_over_with_all_his_listeners() -> None:
    queues = waiting(delivery(1, to("a")), delivery(2, to("b")), delivery(3, to("c", "other")))
    assert taken(queues, "acme-buyer") == [3]
    assert taken(queues) == [1, 2]


def test_what_waits_for_a_listener_can_be_taken_away() -> None:
    queues = waiting(delivery(1, to("a")), delivery(2, to("b")), delivery(3, to("a")))
    assert numbers(queues.drop(to("a"))) == [1, 3]
    assert queues.drop(to("a")) == []
    assert numbers(queues.drop_all()) == [2]
    assert taken(queues) == []
