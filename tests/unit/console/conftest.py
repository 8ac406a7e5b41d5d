"""The console over what is kept in memory, behind its real door."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from bridge.console.access import Door
from bridge.console.acts import Acts
from bridge.console.pulse import Pulse
from bridge.console.services import Services
from bridge.console.sessions import Endings, Sessions
from bridge.console.site import install
from bridge.console.users import KnownToken, Role, User, Users
from bridge.errors import StoreUnavailable
from bridge.flows.ports.audit_entry import AuditEntry, RecordedAct

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
ADA, BOB = User("ada", Role.OPERATOR), User("bob", Role.VIEWER)
TOKENS = {"ada-token": ADA, "bob-token": BOB}


class MemoryAudit:
    """An audit log."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    async def begin(self, entry: AuditEntry) -> int:
        self.entries.append(entry)
        return len(self.entries)

    async def end(self, number: int, outcome: str) -> None:
        self.entries[number - 1] = replace(self.entries[number - 1], outcome=outcome)

    async def latest(self, limit: int = 100, before: int | None = None) -> Sequence[RecordedAct]:
        acts = [RecordedAct(number, entry) for number, entry in enumerate(self.entries, 1)]
        return [act for act in reversed(acts) if before is None or act.number < before][:limit]


class MemoryEnded:
    """What was ended. While it `is_away`, it answers nothing; while it `hangs`, it does not even fail."""

    def __init__(self) -> None:
        self.ids: dict[str, datetime] = {}
        self.is_away = False
        self.hangs = False
        self.asked = 0

    async def add(self, session: str, ends_at: datetime) -> None:
        await self._answer()
        self.ids[session] = ends_at

    async def has(self, session: str) -> bool:
        self.asked += 1
        await self._answer()
        return session in self.ids

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_away:
            raise StoreUnavailable


def known(tokens: dict[str, User]) -> list[KnownToken]:
    return [KnownToken(hashlib.sha256(token.encode()).digest(), user) for token, user in tokens.items()]


@dataclass
class Clock:
    """Seconds of Unix time, as long as nobody turns it."""

    seconds: float = field(default_factory=lambda: datetime.now(UTC).timestamp())

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Console:
    """A console that is served."""

    client: TestClient[web.Request, web.Application]
    app: web.Application
    audit: MemoryAudit
    clock: Clock
    kept: "MemoryEnded"
    door: Door

    @property
    def origin(self) -> str:
        return str(self.client.make_url("")).rstrip("/")

    async def log_in(self, token: str | None = None, **headers: str) -> int:
        """Log in as a browser does, as ada if nobody is named; give the status that follows."""
        form = {"token": token or "ada-token"}
        url = "/console/login?next=/console/audit"
        async with self.client.post(
            url, data=form, headers={"Origin": self.origin} | headers, allow_redirects=False
        ) as answer:
            return answer.status

    async def text(self, path: str, **options: Any) -> str:
        """Get a page that must be there."""
        async with self.client.get(path, **options) as answer:
            text = await answer.text()
            assert answer.status == 200, text
            return text

    async def csrf(self) -> str:
        """Read the CSRF token as it stands in a page."""
        return (await self.text("/console/audit")).partition('name="csrf" value="')[2].partition('"')[0]


Serve = Callable[..., Awaitable[Console]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve consoles; `users` and options of the door may be given."""
    clients = []

    async def start(users: Users | None = None, **options: Any) -> Console:
        audit, clock, kept = MemoryAudit(), options.pop("clock", None) or Clock(), MemoryEnded()
        users = users or Users(known(TOKENS))
        door = Door(users, Sessions("k" * 32, users, clock=clock), Endings(kept, clock), **options)
        elsewhere: Any = None  # what these tests do not reach
        services = Services(
            acts=Acts(audit, lambda: NOW),
            audit=audit,
            checks=lambda: {"database": True},
            warnings=lambda: ["the WFM is silent"],
            clock=lambda: NOW,
            pulse=Pulse(),
            traces=elsewhere,
            following=elsewhere,
            journal=elsewhere,
            search=elsewhere,
            job_updates=elsewhere,
            packs={},
            drafts=elsewhere,
            activations=elsewhere,
            hands=elsewhere,
        )
        app = web.Application()
        install(app, services, door)
        client = TestClient(TestServer(app), cookie_jar=CookieJar(unsafe=True))  # of an address that is no name
        await client.start_server()
        clients.append(client)
        return Console(client, app, audit, clock, kept, door)

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def console(serve: Serve) -> Console:
    """A console."""
    return await serve()
