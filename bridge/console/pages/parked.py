"""Parked messages: by reason, one by one, set aside, applied anew. The pack is mended on a page of its own."""

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.console.access import USER, require_operator
from bridge.console.chapters import explained, message_parts
from bridge.console.masking import HIDDEN
from bridge.console.masks import mask_of, mask_of_all
from bridge.console.pages.work_orders import story_of
from bridge.console.query import is_number
from bridge.console.render import BASE, page, see
from bridge.console.replays import MOST_PREVIEWED, MOST_REPLAYED, discard, numbers_of, preview, replay
from bridge.console.services import Services
from bridge.domain.model import Outcome
from bridge.flows.ports.journal_entry import MessageFilter, RecordedEntry

MOST: Final = 100
ASKED: Final = ("pack", "reason", "about")


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def overview(request: web.Request) -> web.Response:
        wanted = await filter_of(services, request.query.get)
        asked = {name: request.query.get(name, "") for name in ASKED}
        shown = mask_of_all(services, request).text
        is_chosen = any(asked.values())
        entries = await services.journal.chosen(wanted, MOST) if is_chosen else []
        return page(
            request,
            "parked.html",
            groups=await services.journal.groups(wanted),
            entries=entries,
            asked=asked,
            query=urlencode({name: value for name, value in asked.items() if value}),
            link=lambda group: parked_for(group.pack, shown(group.reason)),
            packs=list(services.packs),
            text=shown,
            done={name: request.query.get(name) for name in ("applied", "refused", "discarded", "activated")},
            running=await services.activations.running(asked["pack"]) if request.query.get("activated") else None,
        )

    async def show(request: web.Request) -> web.Response:
        recorded = await message_in(services, request)
        entry = recorded.entry
        mask = mask_of(services, request, entry.raw.pack)
        return page(
            request,
            "message.html",
            message=recorded,
            parts=list(message_parts(recorded, mask)),
            fields=fields_of(explained(entry), mask.json),
            reason=mask.text(entry.reason),
            story=None if entry.job is None else story_of(entry.job),
            draft=f"{BASE}/draft?" + urlencode({"pack": entry.raw.pack, "reason": entry.reason})
            if request[USER].may_act
            else "",
            is_parked=entry.outcome is Outcome.PARKED,
            knows_pack=entry.raw.pack in services.packs,
        )

    async def do(request: web.Request) -> web.StreamResponse:
        user = require_operator(request)
        form = await request.post()
        given = {name: str(form.get(name, "")) for name in (*ASKED, "number", "note", "act")}
        numbers = await _numbers(services, given)
        if not numbers:
            raise web.HTTPNotFound(text="None of these messages is parked, or not any more.")
        if given["act"] == "preview":
            fates = await preview(services, numbers[:MOST_PREVIEWED])
            return page(request, "replay.html", fates=fates, number=len(numbers), asked=given, story_of=story_of)
        if given["act"] == "discard":
            left = await discard(services, user, numbers, given["note"])
            return see(_back(given, discarded=len(numbers) - len(left)))
        if given["act"] != "replay":
            raise web.HTTPBadRequest(text="Expected preview, replay or discard.")
        done = await replay(services, user, numbers, given["note"])
        return see(_back(given, applied=done.applied, refused=done.refused))

    return [web.get("/parked", overview), web.get("/parked/{number:\\d{1,18}}", show), web.post("/parked", do)]


def parked_for(pack: str, reason: str) -> str:
    """Give where messages of a pack are that are parked for a reason, which may be masked from some point on."""
    return f"{BASE}/parked?" + urlencode({"pack": pack, "reason": reason.partition(HIDDEN)[0]})


async def filter_of(services: Services, given: Callable[[str, str], str]) -> MessageFilter:
    """Say which parked messages are meant; raises `HTTPNotFound` for an id that nothing has."""
    about = given("about", "").strip()
    jobs = tuple((await services.traces.find(about)).jobs) if about else None
    if jobs is not None and not jobs:
        raise web.HTTPNotFound(text=f"Nothing on record has the id {about!r}, or one that begins so.")
    return MessageFilter(
        outcome=Outcome.PARKED, pack=given("pack", "") or None, reason=given("reason", "") or None, jobs=jobs
    )


async def _numbers(services: Services, given: dict[str, str]) -> list[int]:
    if given["number"]:
        if not is_number(given["number"]):
            raise web.HTTPBadRequest(text="number: expected the number of a message")
        return [int(given["number"])]
    wanted = await filter_of(services, given.get)
    return list(await numbers_of(services, wanted, MOST_REPLAYED))


def _back(given: dict[str, str], **counts: int) -> str:
    if given["number"] and "discarded" not in counts and not counts.get("refused"):
        return f"{BASE}/parked/{given['number']}"
    kept = {name: given[name] for name in ASKED if given[name]}
    return f"{BASE}/parked?" + urlencode({**kept, **counts})


async def message_in(services: Services, request: web.Request) -> RecordedEntry:
    """Read the message that is asked for; raises `HTTPNotFound`."""
    number = int(request.match_info["number"])
    recorded = await services.journal.find(number)
    if recorded is None:
        raise web.HTTPNotFound(text=f"There is no message {number}.")
    return recorded


def fields_of(explanation: Any, shown: Callable[[Any], Any]) -> list[tuple[str, str, str, str]]:
    """Give the fields of a message as rows: name, path, what came, and what was read of it."""
    fields = shown(explanation).get("fields") if isinstance(explanation, dict) else None
    if not isinstance(fields, dict):
        return []
    return [
        (name, str(field.get("path", "")), _written(field.get("raw")), _written(field.get("value")))
        for name, field in fields.items()
        if isinstance(field, dict)
    ]


def _written(value: object) -> str:
    return "" if value is None else str(value)
