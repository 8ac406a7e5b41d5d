"""What is claimed and waits to be begun: each listener in its turn, and of one listener in the order of the claim."""

from collections import OrderedDict, deque
from collections.abc import Callable

from bridge.flows.ports import Delivery, Subscription, SubscriptionId


class Waiting:
    """The queues of all listeners."""

    def __init__(self) -> None:
        self._queues: OrderedDict[SubscriptionId, deque[Delivery]] = OrderedDict()

    def add(self, delivery: Delivery) -> None:
        """Let one wait behind those of its listener."""
        self._queues.setdefault(delivery.subscription.id, deque()).append(delivery)

    def take(self, may_begin: Callable[[Subscription], bool]) -> Delivery | None:
        """Take the first one of the listener whose turn it is; None where none may begin."""
        for _ in range(len(self._queues)):
            listener, queue = next(iter(self._queues.items()))
            self._queues.move_to_end(listener)
            if may_begin(queue[0].subscription):
                taken = queue.popleft()
                if not queue:
                    del self._queues[listener]
                return taken
        return None

    def drop(self, listener: SubscriptionId) -> list[Delivery]:
        """Take all that wait for a listener."""
        return list(self._queues.pop(listener, ()))

    def drop_all(self) -> list[Delivery]:
        """Take all."""
        return [each for listener in list(self._queues) for each in self.drop(listener)]
