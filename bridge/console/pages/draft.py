"""The draft of a pack: edit it, see what the checker says, and what it would do; then let it run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.console.access import USER, require_operator
from bridge.console.acts import said_why
from bridge.console.drafts import Backtest, Checked, Fate, Source
from bridge.console.pages.draft_editor import checked_or_refused
from bridge.console.pages.packs import pack_file, running_of
from bridge.console.pages.parked import filter_of
from bridge.console.pages.work_orders import story_of
from bridge.console.render import BASE, page, see
from bridge.console.replays import MOST_PREVIEWED, numbers_of
from bridge.console.services import Services
from bridge.console.users import User
from bridge.domain.model import JobRef
from bridge.errors import PermanentError
from bridge.packtools.difference import Change

MOST_CHANGES: Final = 50


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a draft without mistakes would do."""

    fates: tuple[Fate, ...]
    backtest: Backtest

    @property
    def mended(self) -> int:
        """How many parked messages it understands."""
        return sum(not fate.refused for fate in self.fates)


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def begin(request: web.Request) -> web.Response:
        require_operator(request)  # a pack may hold contact data
        pack = request.query.get("pack", "")
        source = await services.activations.source(pack)
        return await _shown(request, source, source.text, request.query.get("reason", ""))

    async def do(request: web.Request) -> web.StreamResponse:
        user = require_operator(request)
        form = await request.post()
        pack, reason = str(form.get("pack", "")), str(form.get("reason", ""))
        text, act = str(form.get("text", "")).replace("\r\n", "\n"), str(form.get("act", ""))
        source = await services.activations.source(pack)
        began = Source(source.path, source.text, str(form.get("digest", "")))
        if act == "download":
            return pack_file(text)
        not_activated = ""
        if act == "activate":
            try:
                version = await _activated(user, pack, text, began.digest, str(form.get("note", "")))
            except PermanentError as refusal:  # what was written must not be lost
                not_activated = str(refusal)
            else:
                return see(f"{BASE}/parked?" + urlencode({"pack": pack, "reason": reason, "activated": version}))
        checked, refused = await checked_or_refused(services, pack, text, with_cases=True)
        outlook = None if checked is None or checked.pack is None else await _outlook(checked, reason)
        return await _shown(request, began, text, reason, checked, outlook, refused, not_activated)

    async def _activated(user: User, pack: str, text: str, digest: str, note: str) -> str:
        why = said_why(note)
        running = services.packs[pack].version
        async with services.acts.writing(user, "activate pack", pack, why) as result:
            version = await services.activations.activate(pack, text, digest, user.name, why)
            result.text = f"{running} → {version}"
        return version

    async def _outlook(checked: Checked, reason: str) -> Outlook:
        assert checked.pack is not None  # noqa: S101 - for the type checker
        wanted = await filter_of(services, {"pack": checked.pack.name, "reason": reason}.get)
        numbers = await numbers_of(services, wanted, MOST_PREVIEWED)
        fates = await services.drafts.preview(checked.pack, numbers)
        return Outlook(tuple(fates), await services.drafts.backtest(checked.pack))

    async def _shown(
        request: web.Request,
        source: Source,
        text: str,
        reason: str,
        checked: Checked | None = None,
        outlook: Outlook | None = None,
        refused: str = "",
        not_activated: str = "",
    ) -> web.Response:
        pack = request.query.get("pack") or str((await request.post()).get("pack", ""))
        entries = await services.journal.chosen(await filter_of(services, {"pack": pack, "reason": reason}.get), 1)
        return page(
            request,
            "draft.html",
            409 if not_activated else 200,
            pack=pack,
            version=services.packs[pack].version,
            source=source,
            text=text,
            reason=reason,
            checked=checked,
            refused=refused,
            outlook=outlook,
            others=[] if outlook is None else _others(outlook),
            obstacle=await services.activations.obstacle(pack, None if checked is None else checked.pack),
            not_activated=not_activated,
            note=str((await request.post()).get("note", "")),
            running=await running_of(services, pack),
            shown=str,
            example=entries[0] if entries else None,
            may_act=request[USER].may_act,
            most_changes=MOST_CHANGES,
            story_of=lambda job: story_of(JobRef(pack, job)),
        )

    return [web.get("/draft", begin), web.post("/draft", do)]


def _others(outlook: Outlook) -> list[Change]:
    """Leave out what concerns the jobs of the parked messages: that is what is wanted."""
    jobs = {entry.job.key for fate in outlook.fates for entry in fate.became if entry.job is not None}
    return [change for change in outlook.backtest.changes if change.job not in jobs]
