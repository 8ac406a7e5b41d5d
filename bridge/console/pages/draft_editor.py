"""What the editor of drafts asks for while somebody writes: what may stand at the cursor, and what is wrong so far."""

import asyncio
from collections.abc import Iterable
from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from bridge.console.access import require_operator
from bridge.console.drafts import Checked
from bridge.console.jsons import answer, body_of
from bridge.console.render import page
from bridge.console.services import Services
from bridge.errors import PermanentError
from bridge.packtools.completion import suggest

MOST_COMPLETED: Final = 1 << 20  # characters; no pack may have more bytes


class Draft(BaseModel):
    """A draft as it is written so far."""

    model_config = ConfigDict(extra="forbid", strict=True)

    pack: str
    text: str


class DraftAt(Draft):
    """A draft with the cursor in it: line and column, both from 1, in characters."""

    line: int
    column: int


class Suggested(BaseModel):
    """Something that may be written."""

    label: str
    insert: str
    about: str


class Completed(BaseModel):
    """What may be written in place of what stands between the column `start` and the cursor."""

    start: int
    about: str
    suggestions: list[Suggested]


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""
    one_at_a_time = asyncio.Lock()  # whoever writes asks again and again, and the bridge has its work to do

    async def complete(request: web.Request) -> web.Response:
        require_operator(request)
        asked = await body_of(request, DraftAt)
        pack = services.packs.get(asked.pack)
        if pack is None or len(asked.text) > MOST_COMPLETED:
            return answer(Completed(start=asked.column, about="", suggestions=[]))
        found = await asyncio.to_thread(suggest, asked.text, asked.line, asked.column, pack.data)
        suggestions = [Suggested(label=one.label, insert=one.insert, about=one.about) for one in found.suggestions]
        return answer(Completed(start=found.start, about=found.about, suggestions=suggestions))

    async def check(request: web.Request) -> web.Response:
        require_operator(request)
        asked = await body_of(request, Draft)
        async with one_at_a_time:
            checked, refused = await checked_or_refused(services, asked.pack, asked.text)
        return page(request, "draft_findings.html", checked=checked, refused=refused, text=asked.text)

    return [web.post("/draft/complete", complete), web.post("/draft/check", check)]


async def checked_or_refused(
    services: Services, pack: str, text: str, *, with_cases: bool = False
) -> tuple[Checked | None, str]:
    """Check a draft; or say why it cannot be."""
    try:
        return await services.drafts.check(pack, text, with_cases=with_cases), ""
    except PermanentError as refused:
        return None, str(refused)
