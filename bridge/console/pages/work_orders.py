"""WorkOrders: the search, which leads to the story of one."""

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.console.query import choice_in, text_in
from bridge.console.render import BASE, page, see
from bridge.console.services import Services
from bridge.domain.model import BuyerId, JobRef, WorkOrderId
from bridge.flows.ports.work_order_search import WorkOrderHit, WorkOrderSearch
from bridge.mef.enums import WorkOrderState

MOST: Final = 100


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
            older=_older(request, hits),
            states=list(WorkOrderState),
            asked={name: request.query.get(name, "") for name in ("q", "buyer", "state", "before")},
            story_of=story_of,
        )

    async def show(request: web.Request) -> web.StreamResponse:
        found = await services.traces.find(request.match_info["id"])
        if len(found.jobs) != 1:
            return see(f"{BASE}/work-orders?" + urlencode({"q": request.match_info["id"]}))
        return see(story_of(found.jobs[0]))

    return [web.get("/work-orders", search), web.get("/work-orders/{id}", show)]


def story_of(job: JobRef) -> str:
    """Give where the story of a job is."""
    return f"{BASE}/story?" + urlencode({"pack": job.pack, "job": job.key})


def _older(request: web.Request, hits: Sequence[WorkOrderHit]) -> str:
    """Give where those behind the last one are, or "" where there can be none."""
    if len(hits) < MOST or request.query.get("q"):
        return ""
    return f"{BASE}/work-orders?" + urlencode({**request.query, "before": hits[-1].id})


async def look_for(
    services: Services, request: web.Request, most: int = MOST
) -> tuple[tuple[JobRef, ...], list[WorkOrderHit]]:
    """Find the jobs that `q` means, if it is given, and the WorkOrders that fit the whole query."""
    wanted = text_in(request, "q")
    jobs = None if wanted is None else tuple((await services.traces.find(wanted)).jobs)
    state = choice_in(request, "state", WorkOrderState)
    buyer = text_in(request, "buyer")
    before = text_in(request, "before")
    asked = WorkOrderSearch(
        jobs=jobs,
        buyer=None if buyer is None else BuyerId(buyer),
        state=state,
        before=None if before is None else WorkOrderId(before),
    )
    return jobs or (), list(await services.search.work_orders(asked, most))
