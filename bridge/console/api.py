"""The admin API: what the pages show and do, as JSON. Names are in camelCase, as those of `mef-bridge trace --json`."""

from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web

from bridge.console import answers, hands_api, shapes
from bridge.console.access import require_operator
from bridge.console.event_streams import STREAM, Event, follow
from bridge.console.jsons import answer, body_of, limit_of, text_of
from bridge.console.masks import mask_of, mask_of_all
from bridge.console.pages.now import said
from bridge.console.pages.parked import filter_of, message_in
from bridge.console.pages.work_orders import look_for
from bridge.console.query import choice_in, number_in, text_in
from bridge.console.replays import MOST_PREVIEWED, MOST_REPLAYED, discard, numbers_of, preview, replay
from bridge.console.services import Services
from bridge.domain.model import JobRef, Outcome
from bridge.flows.ports.job_trace import JobTrace
from bridge.flows.ports.journal_entry import MessageFilter

PROBLEM: Final = "application/problem+json"  # RFC 9457


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""
    return [*_reading(services), *_messages(services), *_acting(services), *hands_api.routes(services)]


def _reading(services: Services) -> Iterable[web.RouteDef]:
    async def audit(request: web.Request) -> web.Response:
        acts = await services.audit.latest(limit_of(request), number_in(request, "before"))
        mask = mask_of_all(services, request)
        return answer(shapes.AuditLog(acts=[shapes.act(one, mask.text) for one in acts]))

    async def now(request: web.Request) -> web.Response:
        seen = services.pulse.now
        if seen is None:
            raise web.HTTPServiceUnavailable(text="The bridge is starting; nothing has been looked at yet.")
        wrong = [f"{name}: {said(value)}" for name, value in services.checks().items() if value is not True]
        return answer(answers.now(seen, wrong, services.warnings(), mask_of_all(services, request)))

    async def work_orders(request: web.Request) -> web.Response:
        _, hits = await look_for(services, request, limit_of(request))
        return answer(answers.work_orders(hits))

    async def trace(request: web.Request) -> web.StreamResponse:
        found = await services.traces.find(request.match_info["id"])
        if not found.jobs:
            raise web.HTTPNotFound(text=f"Nothing on record has the id {request.match_info['id']!r}.")
        if STREAM in request.headers.get("Accept", ""):
            return await _followed(services, request, found.jobs)
        told = [await services.traces.read(job) for job in found.jobs]
        at, mask = services.clock(), mask_of_all(services, request)
        return answer(shapes.Stories(stories=[answers.story(each, at, mask) for each in told]))

    return [
        web.get("/v1/audit", audit),
        web.get("/v1/now", now),
        web.get("/v1/work-orders", work_orders),
        web.get("/v1/trace/{id}", trace),
    ]


async def _followed(services: Services, request: web.Request, jobs: Sequence[JobRef]) -> web.StreamResponse:
    """Tell a story, and whenever something has changed, tell it again with those steps only that are not told yet."""
    if len(jobs) > 1:
        names = ", ".join(f"{job.key} ({job.pack})" for job in jobs)
        raise web.HTTPConflict(text=f"That means several jobs: {names}. One can be followed: give an id of one.")
    mask, told = mask_of_all(services, request), set[str]()
    known: JobTrace | None = None

    def tell(trace: JobTrace) -> Iterator[Event]:
        nonlocal known
        if trace is known:
            return
        known = trace
        story = answers.story(trace, services.clock(), mask)
        new = {said: step for step in story.steps if (said := step.model_dump_json()) not in told}
        told.update(new)
        yield Event("story", text_of(story.model_copy(update={"steps": list(new.values())})))

    return await follow(services, request, jobs[0], tell)


def _messages(services: Services) -> Iterable[web.RouteDef]:
    async def listed(request: web.Request) -> web.Response:
        found = await services.journal.chosen(await _filter(services, request), limit_of(request))
        mask = mask_of_all(services, request)
        return answer(shapes.Messages(messages=[answers.message(each, mask) for each in found]))

    async def grouped(request: web.Request) -> web.Response:
        found = await services.journal.groups(await _filter(services, request))
        return answer(answers.groups(found, mask_of_all(services, request)))

    async def shown(request: web.Request) -> web.Response:
        recorded = await message_in(services, request)
        mask = mask_of(services, request, recorded.entry.raw.pack)
        return answer(answers.whole_message(recorded, mask))

    return [
        web.get("/v1/messages", listed),
        web.get("/v1/message-groups", grouped),
        web.get("/v1/messages/{number:\\d{1,18}}", shown),
    ]


def _acting(services: Services) -> Iterable[web.RouteDef]:
    async def replayed(request: web.Request) -> web.Response:
        user = require_operator(request)
        asked = await body_of(request, shapes.Replay)
        numbers = await _numbers(services, asked)
        if asked.dry_run:
            return answer(answers.fates(await preview(services, numbers[:MOST_PREVIEWED]), dry_run=True))
        done = await replay(services, user, numbers, asked.note)
        return answer(answers.fates(done.fates, dry_run=False))

    async def discarded(request: web.Request) -> web.Response:
        user = require_operator(request)
        asked = await body_of(request, shapes.Discard)
        left = await discard(services, user, asked.numbers, asked.note)
        done = [number for number in asked.numbers if number not in left]
        return answer(shapes.Discarded(discarded=done, not_parked=list(left)))

    return [web.post("/v1/messages/replay", replayed), web.post("/v1/messages/discard", discarded)]


async def _numbers(services: Services, asked: shapes.Replay) -> list[int]:
    given = {"pack": asked.pack, "reason": asked.reason, "about": asked.about}
    if (asked.numbers is None) != any(given.values()):
        raise web.HTTPBadRequest(text="Give numbers, or pack, reason or about.")
    if asked.numbers is not None:
        return sorted(asked.numbers)
    wanted = await filter_of(services, lambda name, otherwise: given[name] or otherwise)
    return list(await numbers_of(services, wanted, MOST_REPLAYED))


async def _filter(services: Services, request: web.Request) -> MessageFilter:
    about = text_in(request, "about")
    return MessageFilter(
        outcome=choice_in(request, "outcome", Outcome),
        pack=text_in(request, "pack"),
        rule=text_in(request, "rule"),
        reason=text_in(request, "reason"),
        jobs=None if about is None else tuple((await services.traces.find(about)).jobs),
    )


async def problem(_: web.Request, status: int, text: str) -> web.StreamResponse:
    """Say what is wrong."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": text}
    headers = {"WWW-Authenticate": 'Bearer realm="mef-bridge"'} if status == HTTPStatus.UNAUTHORIZED else {}
    return web.Response(status=status, body=orjson.dumps(body), content_type=PROBLEM, headers=headers)
