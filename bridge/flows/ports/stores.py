"""The durable state of the bridge, as the use cases need it."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bridge.domain.model import JobRef
from bridge.flows.ports.buyer_views import Reader
from bridge.flows.ports.journal_entry import Journal
from bridge.flows.ports.keyed_request import Requests
from bridge.flows.ports.subscription import Listeners
from bridge.flows.ports.transaction import Transaction


class BuyersStore(Protocol):
    """What the use cases of a Buyer stand on."""

    @property
    def reads(self) -> Reader: ...
    @property
    def listeners(self) -> Listeners: ...

    def shows(self, job: JobRef) -> bool: ...
    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...


class Store(BuyersStore, Protocol):
    """The durable state of the bridge, as the use cases need it; those who send have narrower needs of their own."""

    @property
    def journal(self) -> Journal: ...
    @property
    def requests(self) -> Requests: ...

    async def is_well(self) -> bool: ...
