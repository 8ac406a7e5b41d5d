"""WorkOrders: the search, and the story of one."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.console.chart import machine
from bridge.console.masks import mask_of
from bridge.console.query import choice_in, text_in
from bridge.console.render import BASE, page, see
from bridge.console.services import Services
from bridge.console.story import chapters
from bridge.domain.model import BuyerId, JobRef
from bridge.flows.ports import WorkOrderHit, WorkOrderSearch
from bridge.flows.trace import waiting
from bridge.mef.enums import WorkOrderState

MOST: Final = 100
MOST_STEPS: Final = 500


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def search(request: web.Request) -> web.StreamResponse:
        jobs, hits = await look_for(services, request)
        wanted = text_in(request, "q")
        if wanted and len(jobs) == 1 and not (set(request.query) & {"list"}):
            return see(story_of(jobs[0]))
        others = [job for job in jobs if job not in {hit.job for hit in hits}]
        return page(
            request,
            "work_orders.html",
            hits=hits,
            others=others,
            is_full=len(hits) == MOST,
            states=list(WorkOrderState),
            asked={name: request.query.get(name, "") for name in ("q", "buyer", "state")},
            story_of=story_of,
        )

    async def show(request: web.Request) -> web.StreamResponse:
        found = await services.traces.find(request.match_info["id"])
        if len(found.jobs) != 1:
            return see(f"{BASE}/work-orders?" + urlencode({"q": request.match_info["id"]}))
        return see(story_of(found.jobs[0]))

    async def story(request: web.Request) -> web.Response:
        job = JobRef(request.query.get("pack", ""), request.query.get("job", ""))
        trace = await services.traces.read(job)
        if not trace.messages and not trace.work_orders:
            raise web.HTTPNotFound(text=f"Nothing is on record of a job {job.key} of {job.pack}.")
        mask = mask_of(services, request, job.pack)
        told = chapters(trace, mask)
        return page(
            request,
            "story.html",
            trace=trace,
            chapters=told[-MOST_STEPS:],
            left_out=max(0, len(told) - MOST_STEPS),
            waits=[mask.text(line) for line in waiting(trace, services.clock()) if " is parked: " not in line],
            parked=[each for each in trace.messages if each.entry.outcome == "parked"],
            machines=[(order, machine(trace, order.id, order.state)) for order in trace.work_orders],
            mask=mask,
        )

    return [web.get("/work-orders", search), web.get("/work-orders/{id}", show), web.get("/story", story)]


def story_of(job: JobRef) -> str:
    """Give where the story of a job is."""
    return f"{BASE}/story?" + urlencode({"pack": job.pack, "job": job.key})


async def look_for(
    services: Services, request: web.Request, most: int = MOST
) -> tuple[tuple[JobRef, ...], list[WorkOrderHit]]:
    """Find the jobs that `q` means, if it is given, and the WorkOrders that fit the whole query."""
    wanted = text_in(request, "q")
    jobs = None if wanted is None else tuple((await services.traces.find(wanted)).jobs)
    state = choice_in(request, "state", WorkOrderState)
    buyer = text_in(request, "buyer")
    asked = WorkOrderSearch(jobs=jobs, buyer=None if buyer is None else BuyerId(buyer), state=state)
    return jobs or (), list(await services.search.work_orders(asked, most))
