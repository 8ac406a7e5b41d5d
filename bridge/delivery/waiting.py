"""What is claimed and waits to be begun: each Buyer has his turn, and each of his listeners; these keep their order."""

from collections import OrderedDict, deque
from collections.abc import Callable

from bridge.domain.model import BuyerId
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Delivery

Queues = OrderedDict[SubscriptionId, deque[Delivery]]


class Waiting:
    """The queues of all listeners, by Buyer: one who may begin nothing is passed over with all his listeners."""

    def __init__(self) -> None:
        self._buyers: OrderedDict[BuyerId, Queues] = OrderedDict()

    def add(self, delivery: Delivery) -> None:
        """Let one wait behind those of its listener."""
        to = delivery.subscription
        self._buyers.setdefault(to.buyer, OrderedDict()).setdefault(to.id, deque()).append(delivery)

    def take(self, may_send: Callable[[BuyerId], bool], may_begin: Callable[[Subscription], bool]) -> Delivery | None:
        """Take the first one of the listener whose turn it is; None where none may begin."""
        for _ in range(len(self._buyers)):
            buyer, queues = next(iter(self._buyers.items()))
            self._buyers.move_to_end(buyer)
            if may_send(buyer) and (taken := _take(queues, may_begin)) is not None:
                if not queues:
                    del self._buyers[buyer]
                return taken
        return None

    def drop(self, listener: Subscription) -> list[Delivery]:
        """Take all that wait for a listener."""
        queues = self._buyers.get(listener.buyer, OrderedDict())
        dropped = list(queues.pop(listener.id, ()))
        if dropped and not queues:
            del self._buyers[listener.buyer]
        return dropped

    def drop_all(self) -> list[Delivery]:
        """Take all."""
        dropped = [each for queues in self._buyers.values() for queue in queues.values() for each in queue]
        self._buyers.clear()
        return dropped


def _take(queues: Queues, may_begin: Callable[[Subscription], bool]) -> Delivery | None:
    for _ in range(len(queues)):
        listener, queue = next(iter(queues.items()))
        queues.move_to_end(listener)
        if may_begin(queue[0].subscription):
            taken = queue.popleft()
            if not queue:
                del queues[listener]
            return taken
    return None
