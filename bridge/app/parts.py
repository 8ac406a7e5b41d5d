"""What is shared by the parts while they are put together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.app.leaving import Leaving
from bridge.flows.ports.watcher import Watcher
from bridge.mapping.pack import Pack
from bridge.settings import Settings
from bridge.store import SqlStore
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology

if TYPE_CHECKING:
    from bridge.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Parts:
    """Handed from one to the next."""

    settings: Settings
    packs: Mapping[str, Pack]
    store: SqlStore
    link: RabbitLink
    topology: Topology
    leaving: Leaving = field(default_factory=Leaving)
    watcher: Watcher | None = None
    tracing: "Tracing | None" = None
