"""The durable state of the bridge. The only place with SQL: the rest knows the protocols of bridge.flows.ports."""

from bridge.store.migration import upgrade
from bridge.store.opening import NoDatabase
from bridge.store.store import SqlStore, new_store, open_existing, open_store

__all__ = ["NoDatabase", "SqlStore", "new_store", "open_existing", "open_store", "upgrade"]
