"""What is claimed and waits: each listener in its turn."""

from bridge.delivery.waiting import Waiting
from bridge.flows.ports import Delivery, Subscription, SubscriptionId
from tests.unit.delivery.factories import delivery, subscription


def to(name: str) -> Subscription:
    return subscription(id=SubscriptionId(name))


def waiting(*deliveries: Delivery) -> Waiting:
    made = Waiting()
    for each in deliveries:
        made.add(each)
    return made


def numbers(found: list[Delivery]) -> list[int]:
    return [each.number for each in found]


def taken(queues: Waiting, *busy: str) -> list[int]:
    found = []
    while (each := queues.take(lambda listener: listener.id not in busy)) is not None:
        found.append(each)
    return numbers(found)


def test_listeners_take_turns_and_each_keeps_its_order() -> None:
    a, b = to("a"), to("b")
    assert taken(waiting(delivery(1, a), delivery(2, a), delivery(3, a), delivery(4, b))) == [1, 4, 2, 3]


def test_a_listener_that_may_not_begin_is_passed_over() -> None:
    queues = waiting(delivery(1, to("a")), delivery(2, to("b")))
    assert taken(queues, "a") == [2]
    assert taken(queues) == [1]


def test_what_waits_for_a_listener_can_be_taken_away() -> None:
    queues = waiting(delivery(1, to("a")), delivery(2, to("b")), delivery(3, to("a")))
    assert numbers(queues.drop(SubscriptionId("a"))) == [1, 3]
    assert queues.drop(SubscriptionId("a")) == []
    assert numbers(queues.drop_all()) == [2]
    assert taken(queues) == []
