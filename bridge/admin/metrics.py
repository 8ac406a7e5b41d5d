"""What Prometheus is told: every metric is declared once, here, with its labels and what it means.

Counters and histograms are counted where things happen, in this process. Gauges are read when they are asked for: those
of the database are the same in every process of the bridge, and are to be summed up over none.
"""

import re
from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from bridge.domain.model import Command, CommandState
from bridge.flows.ports.database_figures import Figures
from bridge.flows.ports.journal_entry import JournalEntry

PREFIX: Final = "mef_bridge"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
LONGEST_REASON: Final = 60  # characters of a reason in a label
MOST_REASONS: Final = 50  # reasons by themselves; what is beyond is counted as "others"
ROUND_TRIPS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)
REQUESTS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_PLACE = re.compile(r"\s*[(:;\"'].*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is seen at one moment. `figures` is None while the database does not answer.

    `checks` are those of readiness: True, or what is wrong. `depths` are the messages in each inbound queue, None
    where RabbitMQ does not say. `outbox_age` is in seconds, as far back as this process knows.
    """

    now: datetime
    checks: Mapping[str, bool | str]
    figures: Figures | None
    outbox_age: float
    oldest_uncommitted: float
    depths: Mapping[str, int | None]
    dead_letters: int
    stands_by: int
    given_up: int
    loop_lag: float
    packs: Mapping[str, str] = field(default_factory=dict)


class Metrics:
    """The metrics of one process."""

    def __init__(self, version: str, instance: str) -> None:
        self._registry = registry = CollectorRegistry()
        self._observed = _ObservedCollector()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        registry.register(self._observed)
        Info(PREFIX, "The program.", registry=registry).info({"version": version, "instance": instance})
        self._messages = Counter(
            f"{PREFIX}_messages",
            "Messages of the WFM, by pack, outcome and the rule that held (empty: none did).",
            ("pack", "outcome", "rule"),
            registry=registry,
        )
        self._commands = Counter(
            f"{PREFIX}_commands",
            "Commands of Buyers to the WFM that were settled, by pack, command and result (expired: no reply in time).",
            ("pack", "command", "result"),
            registry=registry,
        )
        self._round_trips = Histogram(
            f"{PREFIX}_wfm_reply_seconds",
            "From a command to the WFM's reply.",
            ("pack", "command"),
            buckets=ROUND_TRIPS,
            registry=registry,
        )
        self._attempts = Counter(
            f"{PREFIX}_delivery_attempts",
            "Attempts to deliver a notification, by Buyer and what came of it.",
            ("buyer", "result"),
            registry=registry,
        )
        self._requests = Histogram(
            f"{PREFIX}_request_seconds",
            "Requests of Buyers, by operation and status.",
            ("operation", "status"),
            buckets=REQUESTS,
            registry=registry,
        )

    # a Watcher of bridge.flows.ports

    def recorded(self, entry: JournalEntry) -> None:
        """Count a message by what became of it."""
        self._messages.labels(entry.raw.pack, entry.outcome.value, entry.rule or "").inc()

    def settled(self, command: Command, at: datetime) -> None:
        """Count a command by what came of it."""
        name = command.asked_as.value
        self._commands.labels(command.job.pack, name, command.state.value).inc()
        if command.state in (CommandState.ACCEPTED, CommandState.REFUSED):
            self._round_trips.labels(command.job.pack, name).observe((at - command.created_at).total_seconds())

    def attempted(self, buyer: str, result: str) -> None:
        """Count an attempt at a delivery."""
        self._attempts.labels(buyer, result).inc()

    def requested(self, operation: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(operation, str(status)).observe(seconds)

    def render(self, observed: Observed) -> bytes:
        """Write all of it as Prometheus reads it."""
        self._observed.observed = observed
        return generate_latest(self._registry)


class _ObservedCollector(Collector):
    """Makes the gauges of what was observed last."""

    def __init__(self) -> None:
        self.observed: Observed | None = None

    def collect(self) -> Iterator[Metric]:
        """Give the gauges."""
        if self.observed is None:
            return
        yield from _of_process(self.observed)
        if self.observed.figures is not None:
            yield from _of_database(self.observed, self.observed.figures)


def _of_process(seen: Observed) -> Iterator[Metric]:
    yield _gauge("ready", "Whether the process is ready.", int(all(check is True for check in seen.checks.values())))
    checks = _family("check", "Whether a thing that is needed is well.", "check")
    for name, value in seen.checks.items():
        checks.add_metric([name], int(value is True))
    yield checks
    yield _gauge(
        "oldest_uncommitted_seconds", "How long the oldest message waits to be stored.", seen.oldest_uncommitted
    )
    yield _gauge("dead_letters", "Messages in the dead-letter queue.", seen.dead_letters)
    yield _gauge("given_up", "Messages that could be neither applied nor parked.", seen.given_up)
    yield _gauge("standing_by", "Inbound queues that another process consumes.", seen.stands_by)
    yield _gauge("loop_lag_seconds", "How late the event loop was lately, at most.", seen.loop_lag)
    depths = _family("inbound_queue_messages", "Messages that wait in a pack's inbound queue.", "pack")
    for pack, depth in seen.depths.items():
        if depth is not None:
            depths.add_metric([pack], depth)
    yield depths
    packs = _family("pack_info", "The packs that are loaded, with their versions.", "pack", "version")
    for pack, version in seen.packs.items():
        packs.add_metric([pack, version], 1)
    yield packs


def _of_database(seen: Observed, figures: Figures) -> Iterator[Metric]:
    parked = _family(
        "parked_messages", "Messages that are parked now, by pack and how their reason begins.", "pack", "reason"
    )
    for (pack, reason), count in _by_reason(figures.parked).items():
        parked.add_metric([pack, reason], count)
    yield parked
    waiting = _family("waiting_messages", "Messages that wait for their job, a reply or their time.", "pack")
    for pack, count in figures.waiting.items():
        waiting.add_metric([pack], count)
    yield waiting
    pending = _family("pending_deliveries", "Notifications that are to be delivered.", "buyer", "listener")
    oldest = _family("oldest_undelivered_seconds", "Age of the oldest of them.", "buyer", "listener")
    for buyer, listener, count, since in figures.backed:
        pending.add_metric([buyer, listener], count)
        oldest.add_metric([buyer, listener], max(0.0, (seen.now - since).total_seconds()))
    yield from (pending, oldest)
    discarded = _family("discarded_deliveries", "Notifications that were given up, as far as they are kept.", "buyer")
    for buyer, count in figures.discarded.items():
        discarded.add_metric([buyer], count)
    yield discarded
    yield _gauge("disabled_listeners", "Listeners that are sent nothing.", figures.disabled_listeners)
    yield _gauge("outbox_messages", "Messages for the WFM that are to be sent.", figures.outbox)
    yield _gauge("outbox_oldest_seconds", "For how long the oldest of them has been seen.", seen.outbox_age)
    yield _gauge("pending_commands", "Commands whose reply is awaited.", figures.pending_commands)
    yield _gauge("bookings_to_take_back", "Bookings that the WFM is asked to take back.", figures.to_take_back)


def _by_reason(parked: Mapping[tuple[str, str], int]) -> Mapping[tuple[str, str], int]:
    """Sum up by how reasons begin: what follows names values, of which there may be as many as messages."""
    tally: Tally[tuple[str, str]] = Tally()
    for (pack, reason), count in parked.items():
        tally[pack, _PLACE.sub("", reason)[:LONGEST_REASON]] += count
    most = dict(tally.most_common(MOST_REASONS))
    for (pack, reason), count in tally.items():
        if (pack, reason) not in most:
            most[pack, "others"] = most.get((pack, "others"), 0) + count
    return most


def _family(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", meaning, labels=labels)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", meaning, value=value)
