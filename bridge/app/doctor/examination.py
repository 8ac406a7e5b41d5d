"""The order in which a set-up is looked at: what needs nobody else first, then the servers, then Buyers' listeners."""

from collections.abc import AsyncIterator

from bridge.app.doctor.broker import examine_broker
from bridge.app.doctor.database import Database, examine_database
from bridge.app.doctor.diagnosis import Diagnosis, look
from bridge.app.doctor.files import Packs, buyers, issuer, jwks, listeners, operators
from bridge.app.doctor.hosts import examine_hosts
from bridge.app.doctor.ports import port
from bridge.settings import Settings


async def examine(settings: Settings, management: str | None = None) -> AsyncIterator[Diagnosis]:
    """Look at all of a set-up, one thing after the other. `management` is the URL of RabbitMQ's management plugin."""
    packs = Packs(settings)
    yield await look("packs", packs.examine())
    yield await look("buyers", buyers(settings))
    yield await look("listeners.files", listeners(settings))
    yield await look("identity.jwks", jwks(settings))
    yield await look("http", port(settings.http.host, settings.http.port, "http", "/health/ready"))
    if settings.admin.enabled:
        yield await look("admin.users", operators(settings))
        yield await look("oidc", issuer(settings))
        yield await look("admin", port(settings.admin.host, settings.admin.port, "admin", "/readyz"))
    database = Database(settings)
    async for diagnosis in examine_database(database, packs.loaded or {}):
        yield diagnosis
    async for diagnosis in examine_broker(settings, packs.loaded, management):
        yield diagnosis
    async for diagnosis in examine_hosts(settings, database.callbacks):
        yield diagnosis
