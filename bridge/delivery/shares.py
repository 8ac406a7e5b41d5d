"""Who may send how much: no listener, and no Buyer with all his listeners, takes what the others need.

`concurrency` notifications may be under way at once. A listener may have a quarter of them, and a Buyer half of them
with all his listeners together. A listener begins with two; each success doubles that up to its share, a failure leaves
one. One that fails again and again, or asks for it, rests in between, for up to a minute, whatever is due for it: its
backlog is not tried piece by piece, and when it is back, it is not run over.

What takes longer than a second only waits for somebody: it is slow, and no longer counts among the `concurrency`, so
that however many listeners hang at once, they delay nobody for more than that second. It still counts for its listener
and its Buyer, and there is a limit for all that is slow.

Claims cost the database much the same for one notification as for a hundred. So for a listener that is brisk (it takes
all that it may, at once) more is claimed than it may have under way: that waits here for its turn, at most `AHEAD`
times what may be under way, of the listener, of its Buyer and of all. Whoever is no longer brisk gives it back.

The time is an argument, in seconds that only grow.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from bridge.backoff import Backoff
from bridge.domain.model import BuyerId
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Busy, Delivery

SHARE: Final = 4  # a listener may use one in so many senders
BUYERS_SHARE: Final = 2  # and a Buyer with all his listeners
FIRST_WINDOW: Final = 2
SLOW_AFTER_S: Final = 1.0
SLOW_PER_SENDER: Final = 4  # so many times the concurrency may be slow; what is beyond that counts
REST_AFTER: Final = 3  # failures in a row
RESTS: Final = Backoff(first=1.0, longest=60.0)
AHEAD: Final = 4  # times its share may wait for a brisk listener, claimed and not begun
BRISK_WITHIN_S: Final = 0.1  # what waits, and is four times what is under way, is begun within half a second
MOST_KNOWN: Final = 10_000  # listeners that are remembered; the longest known is forgotten first


@dataclass(slots=True)
class _Listener:
    """What is known of a listener. Failures are counted in rounds: what failed side by side failed once."""

    window: int
    sending: int = 0
    waiting: int = 0
    failures: int = 0
    failed_at: float = 0.0
    rests_until: float = 0.0


@dataclass(slots=True, eq=False)
class Sending:
    """One notification under way."""

    subscription: Subscription
    began_at: float
    is_slow: bool = field(default=False)


class Shares:
    """The shares of one process, which may have `concurrency` notifications under way."""

    def __init__(self, concurrency: int, random: Random) -> None:
        self._concurrency = concurrency
        self._share = max(1, concurrency // SHARE)
        self._buyers_share = max(1, concurrency // BUYERS_SHARE)
        self._random = random
        self._watched: set[SubscriptionId] = set()  # those that may be busy
        self._listeners: dict[SubscriptionId, _Listener] = {}
        self._buyers: Counter[BuyerId] = Counter()
        self._buyers_waiting: Counter[BuyerId] = Counter()
        self._brisk: dict[SubscriptionId, BuyerId] = {}
        self._crowded: set[BuyerId] = set()  # those that were offered more than all but their brisk listeners may have
        self._waiting = 0
        self._under_way = 0
        self._slow = 0

    def free(self) -> int:
        """Tell how many more may be begun."""
        uncounted = min(self._slow, self._concurrency * SLOW_PER_SENDER)
        return max(0, self._concurrency - (self._under_way - uncounted))

    def claimable(self) -> int:
        """Tell how many more may be claimed, to be begun at once or to wait."""
        ahead = AHEAD * self._concurrency if self._brisk else 0
        return max(0, self.free() + ahead - self._waiting)

    @property
    def is_brisk(self) -> bool:
        """Whether something is under way that is not slow."""
        return self._under_way > self._slow

    def busy(self, now: float) -> Busy:
        """Tell for whom nothing more may be claimed at the moment."""
        for each in [each for each in self._watched if self._is_idle(self._listeners[each], now)]:
            self._watched.discard(each)
        brisk = set(self._brisk.values()) - self._crowded
        most = self._buyers_share * (1 + AHEAD)
        taken = self._buyers + self._buyers_waiting
        return Busy(
            frozenset(each for each in self._watched if self._claims(each, self._listeners[each], now) <= 0),
            frozenset(buyer for buyer, has in taken.items() if has >= (most if buyer in brisk else self._buyers_share)),
            self._share * (1 + AHEAD) if self._brisk else self._share,
        )

    def rest_ends_in(self, now: float) -> float | None:
        """Tell in how many seconds the first listener has rested enough; None where none rests."""
        ends = [rests for each in self._watched if (rests := self._listeners[each].rests_until) > now]
        return min(ends) - now if ends else None

    def choose(self, due: Iterable[Delivery], now: float) -> list[Delivery]:
        """Choose what may be claimed now, in its order."""
        listeners: Counter[SubscriptionId] = Counter()
        buyers: Counter[BuyerId] = Counter()
        chosen: list[Delivery] = []
        for each in due:
            listener, buyer = each.subscription.id, each.subscription.buyer
            fits = listeners[listener] < self._claims(listener, self._known(listener), now)
            if not fits:
                continue
            ahead = AHEAD if listener in self._brisk else 0
            if self._buyers[buyer] + self._buyers_waiting[buyer] + buyers[buyer] < self._buyers_share * (1 + ahead):
                listeners[listener] += 1
                buyers[buyer] += 1
                chosen.append(each)
            elif not ahead:
                self._crowded.add(buyer)
        return chosen

    def has_room(self, subscription: Subscription, now: float) -> bool:
        """Tell whether one more may be claimed for a listener now."""
        listener, buyer = subscription.id, subscription.buyer
        most = self._buyers_share * (1 + (AHEAD if listener in self._brisk else 0))
        return (
            self.claimable() > 0
            and self._claims(listener, self._known(listener), now) > 0
            and self._buyers[buyer] + self._buyers_waiting[buyer] < most
        )

    def wait(self, subscription: Subscription) -> None:
        """One that was claimed waits for its turn."""
        known = self._listeners.setdefault(subscription.id, self._known(subscription.id))
        known.waiting += 1
        self._watched.add(subscription.id)
        self._buyers_waiting[subscription.buyer] += 1
        self._waiting += 1

    def leave(self, subscription: Subscription) -> None:
        """One that waited is begun, or given back."""
        self._listeners[subscription.id].waiting -= 1
        self._buyers_waiting[subscription.buyer] -= 1
        self._waiting -= 1

    def may_send(self, buyer: BuyerId) -> bool:
        """Tell whether a Buyer may have one more under way."""
        return self._buyers[buyer] < self._buyers_share

    def may_begin(self, subscription: Subscription, now: float) -> bool:
        """Tell whether a listener may have one more under way."""
        return self._room(self._known(subscription.id), now) > 0

    def want_more(self, subscription: Subscription) -> bool:
        """Tell whether so little waits, of a listener, of its Buyer and of all, that more is to be claimed."""
        return (
            self._waiting * 2 <= AHEAD * self._concurrency
            and self._buyers_waiting[subscription.buyer] * 2 <= AHEAD * self._buyers_share
            and self._known(subscription.id).waiting * 2 <= AHEAD * self._share
        )

    def begin(self, subscription: Subscription, now: float) -> Sending:
        """One is sent to a listener."""
        known = self._listeners.setdefault(subscription.id, self._known(subscription.id))
        known.sending += 1
        self._watched.add(subscription.id)
        self._buyers[subscription.buyer] += 1
        self._under_way += 1
        return Sending(subscription, now)

    def slow_down(self, sending: Sending) -> None:
        """It takes long; it need not have begun to be so."""
        sending.is_slow = True
        self._brisk.pop(sending.subscription.id, None)
        self._slow += 1

    def end(self, sending: Sending) -> None:
        """It is over, whatever came of it."""
        self._listeners[sending.subscription.id].sending -= 1
        self._buyers[sending.subscription.buyer] -= 1
        if self._buyers[sending.subscription.buyer] < self._buyers_share:
            self._crowded.discard(sending.subscription.buyer)
        if not self._buyers[sending.subscription.buyer]:
            del self._buyers[sending.subscription.buyer]
        self._under_way -= 1
        self._slow -= sending.is_slow
        self._forget()

    def succeeded(self, sending: Sending, now: float) -> None:
        """The listener took it."""
        to = sending.subscription
        known = self._listeners[to.id]
        known.failures, known.rests_until = 0, 0.0
        known.window = min(known.window * 2, self._share)
        if known.window < self._share or now - sending.began_at > BRISK_WITHIN_S:
            self._brisk.pop(to.id, None)
        else:
            self._brisk[to.id] = to.buyer

    def failed(self, sending: Sending, now: float, rest_asked_for: float = 0.0) -> None:
        """The listener did not take it, and perhaps asked to be left alone for so many seconds."""
        known = self._listeners[sending.subscription.id]
        known.window = 1
        self._brisk.pop(sending.subscription.id, None)
        rest = min(rest_asked_for, RESTS.longest)
        if sending.began_at >= known.failed_at:
            known.failures, known.failed_at = known.failures + 1, now
            if known.failures >= REST_AFTER:
                rest = max(rest, RESTS.after(known.failures - REST_AFTER + 1, self._random))
        known.rests_until = max(known.rests_until, now + rest)

    def _known(self, listener: SubscriptionId) -> _Listener:
        return self._listeners.get(listener) or _Listener(min(FIRST_WINDOW, self._share))

    def _room(self, known: _Listener, now: float) -> int:
        return 0 if known.rests_until > now else known.window - known.sending

    def _claims(self, listener: SubscriptionId, known: _Listener, now: float) -> int:
        """Tell how many more may be claimed for a listener."""
        ahead = AHEAD * self._share if listener in self._brisk else 0
        return 0 if known.rests_until > now else known.window + ahead - known.sending - known.waiting

    def _is_idle(self, known: _Listener, now: float) -> bool:
        return not known.sending and not known.waiting and known.rests_until <= now

    def _forget(self) -> None:
        """Some may have been removed, and will never be sent anything again."""
        if len(self._listeners) > MOST_KNOWN:
            idle = next((each for each in self._listeners if each not in self._watched), None)
            if idle is not None:
                del self._listeners[idle]
                self._brisk.pop(idle, None)
