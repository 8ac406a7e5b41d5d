"""One scene for all tests of a module, in the module's own event loop; and programs that talk to its console."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.console.scene import Scene, let_a_night_pass, open_scene


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A bridge after its night."""
    async with open_scene(tmp_path_factory.mktemp("console")) as opened:
        await let_a_night_pass(opened)
        yield opened


@dataclass
class Program:
    """A program with a token."""

    session: ClientSession
    url: str
    token: str

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        """Ask for JSON."""
        async with self.session.get(self.url + path, params=query, headers=self._headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def text(self, path: str, **query: str) -> str:
        """Ask for a page that must be there."""
        async with self.session.get(self.url + path, params=query, headers=self._headers) as answer:
            text = await answer.text()
            assert answer.status == 200, text
            return text

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Have something done."""
        async with self.session.post(self.url + path, json=body, headers=self._headers) as answer:
            return answer.status, await answer.json(content_type=None)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session() -> AsyncIterator[ClientSession]:
    """A client of HTTP."""
    async with ClientSession() as opened:
        yield opened


@pytest.fixture
def operator(scene: Scene, session: ClientSession) -> Program:
    """Who may do everything."""
    return Program(session, scene.console, "operator-key")


@pytest.fixture
def viewer(scene: Scene, session: ClientSession) -> Program:
    """Who may look."""
    return Program(session, scene.console, "viewer-key")
