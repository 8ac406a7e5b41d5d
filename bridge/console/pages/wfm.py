"""What goes to the WFM: commands of Buyers, and the outbox."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.console.access import require_operator
from bridge.console.masks import mask_of, plain_mask
from bridge.console.pages.deliveries import number_of
from bridge.console.pages.work_orders import story_of
from bridge.console.query import choice_in, text_in
from bridge.console.render import BASE, page, see
from bridge.console.services import Services
from bridge.domain.model import BuyerId, CommandState
from bridge.flows.command_stories import command_story
from bridge.flows.facts import command_facts, outbox_content, outbox_facts, story_facts
from bridge.flows.operator import CommandFilter, CommandStory, OutboxFilter
from bridge.flows.ports.outbox_entry import OutboxState
from bridge.flows.trace import came_of

MOST: Final = 100


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""
    return [*_commands(services), *_outbox(services)]


def _commands(services: Services) -> Iterable[web.RouteDef]:
    hands = services.hands

    async def overview(request: web.Request) -> web.Response:
        wanted = command_filter(request)
        found = await hands.commands.reports(wanted, MOST)
        mask, now = plain_mask(request), hands.clock()
        rows = [
            (
                mask.json(command_facts(each)),
                ((each.settled_at or now) - each.command.created_at).total_seconds(),
                mask.text("; ".join(came_of(each))),
            )
            for each in found
        ]
        asked = {name: request.query.get(name, "") for name in ("state", "buyer")}
        return page(
            request,
            "commands.html",
            rows=rows,
            asked=asked,
            in_flight=wanted.in_flight,
            states=list(CommandState),
            is_full=len(found) == MOST,
        )

    async def show(request: web.Request) -> web.Response:
        story = await command_in(services, request)
        mask = plain_mask(request)
        return page(
            request,
            "command.html",
            command=mask.json(story_facts(story)),
            came=mask.text("; ".join(came_of(story.command))),
            story=story_of(story.command.command.job),
        )

    return [web.get("/commands", overview), web.get("/commands/{id}", show)]


async def command_in(services: Services, request: web.Request) -> CommandStory:
    """Read the command that is asked for; raises `HTTPNotFound`."""
    traced = await services.hands.command(request.match_info["id"])
    return command_story(traced, await services.traces.read(traced.command.job))


def command_filter(request: web.Request) -> CommandFilter:
    """Say which commands are meant: those in flight, unless a query asks for others."""
    buyer, state = text_in(request, "buyer"), choice_in(request, "state", CommandState)
    return CommandFilter(
        in_flight=state is None and "all" not in request.query,
        state=state,
        buyer=None if buyer is None else BuyerId(buyer),
    )


def _outbox(services: Services) -> Iterable[web.RouteDef]:
    hands = services.hands

    async def overview(request: web.Request) -> web.Response:
        wanted = outbox_filter(request)
        found = await hands.outbox.reports(wanted, MOST)
        mask = plain_mask(request)
        return page(
            request,
            "outbox.html",
            messages=[mask.json(outbox_facts(each)) for each in found],
            state=wanted.state,
            states=list(OutboxState),
            pack=wanted.pack or "",
            packs=list(services.packs),
            is_full=len(found) == MOST,
            done=request.query.get("done"),
        )

    async def show(request: web.Request) -> web.Response:
        report = await hands.outgoing(int(request.match_info["number"]))
        mask = mask_of(services, request, report.message.pack)
        content = {**mask.json(outbox_content(report)), "body": mask.body(report.message.body)}
        return page(request, "outbox_message.html", message=mask.json(outbox_facts(report)), content=content)

    async def retry(request: web.Request) -> web.StreamResponse:
        user = require_operator(request)
        form = await request.post()
        numbers = [number_of(str(each)) for each in form.getall("number", [])]
        if not numbers:
            raise web.HTTPBadRequest(text="Say which messages.")
        told = await hands.retry_outbox(user, numbers, str(form.get("note", "")))
        done = "; ".join(f"{each.number} {each.text}" for each in told[:10])
        return see(f"{BASE}/outbox?" + urlencode({"done": done}))

    return [
        web.get("/outbox", overview),
        web.get("/outbox/{number:\\d{1,18}}", show),
        web.post("/outbox", retry),
    ]


def outbox_filter(request: web.Request) -> OutboxFilter:
    """Say which messages are meant: those that are to be sent, unless a query asks for others."""
    state = choice_in(request, "state", OutboxState)
    if state is None and "state" not in request.query:
        state = OutboxState.PENDING
    return OutboxFilter(state=state, pack=text_in(request, "pack"))
