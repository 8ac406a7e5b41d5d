"""The story of one job, which goes on by itself where the browser runs scripts (server-sent events).

A page is made of pieces, each with a digest of what it shows; to a page that follows, those are sent that are not as it
has them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp_jinja2
from aiohttp import web
from markupsafe import Markup

from bridge.console.chapters import Chapter, chapters
from bridge.console.chart import machine
from bridge.console.event_streams import Event, follow
from bridge.console.masking import Mask
from bridge.console.masks import mask_of
from bridge.console.render import BASE, page
from bridge.console.services import Services
from bridge.domain.model import JobRef, Outcome
from bridge.flows.ports.job_trace import JobTrace
from bridge.flows.trace import StepKind, waiting
from bridge.flows.trace import steps as steps_of

MOST_STEPS: Final = 500
PIECES: Final = "story_pieces.html"
WAITS: Final = "story-waits"
"""The piece that is another one as time goes by, though nothing happens."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the page. `after` is the step before it, "" for the first one; other pieces stay where they are."""

    key: str
    html: Markup
    css: str = ""
    after: str | None = None

    @property
    def digest(self) -> str:
        """Give what is another one if the piece is."""
        shown = f"{self.css}\n{self.html}"
        return hashlib.blake2s(shown.encode(errors="replace"), digest_size=8).hexdigest()


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""

    async def show(request: web.Request) -> web.Response:
        job = _job_of(request)
        trace = await services.traces.read(job)
        if not trace.messages and not trace.work_orders:
            raise web.HTTPNotFound(text=f"Nothing is on record of a job {job.key} of {job.pack}.")
        pieces = list(_pieces(services, request, trace))
        steps = [each for each in pieces if each.after is not None]
        return page(
            request,
            "story.html",
            trace=trace,
            sections={each.key: each for each in pieces if each.after is None},
            steps=steps,
            left_out=len(steps_of(trace)) - len(steps),
            stream=f"{BASE}/story/stream?" + urlencode({"pack": job.pack, "job": job.key}),
            since=_digest(pieces),
        )

    async def stream(request: web.Request) -> web.StreamResponse:
        has = request.headers.get("Last-Event-ID") or request.query.get("since")
        shown: dict[str, str] | None = None

        def tell(trace: JobTrace) -> Iterator[Event]:
            nonlocal shown
            pieces = list(_pieces(services, request, trace))
            digests, whole = {each.key: each.digest for each in pieces}, _digest(pieces)
            if shown is None:
                shown = {key: digest for key, digest in digests.items() if key != WAITS} if whole == has else {}
            changed = [each for each in pieces if shown.get(each.key) != digests[each.key]]
            shown = digests
            if changed:
                yield Event("story", "".join(map(_written, changed)), whole)

        return await follow(services, request, _job_of(request), tell)

    return [web.get("/story", show), web.get("/story/stream", stream, allow_head=False)]


def _job_of(request: web.Request) -> JobRef:
    return JobRef(request.query.get("pack", ""), request.query.get("job", ""))


def _pieces(services: Services, request: web.Request, trace: JobTrace) -> Iterator[Piece]:
    mask = mask_of(services, request, trace.job.pack)
    write = _writers(request)
    machines = [(order, machine(trace, order.id, order.state)) for order in trace.work_orders]
    parked = [each for each in trace.messages if each.entry.outcome is Outcome.PARKED]
    waits = [mask.text(line) for line in waiting(trace, services.clock()) if " is parked: " not in line]
    yield Piece("story-head", write["head"](trace, machines))
    yield Piece("story-parked", write["parked"](parked, mask))
    yield Piece(WAITS, write["waits"](waits, parked))
    yield Piece("story-paths", write["paths"](machines))
    yield from _steps(trace, mask, write)


def _steps(trace: JobTrace, mask: Mask, write: Mapping[str, Any]) -> Iterator[Piece]:
    after, keys = "", set[str]()
    for chapter in chapters(trace, mask)[-MOST_STEPS:]:
        key = _key_of(chapter, keys)
        css = f"{chapter.step.kind} hot" if chapter.step.is_trouble else str(chapter.step.kind)
        yield Piece(key, write["step"](chapter), css, after)
        after = key


def _key_of(chapter: Chapter, taken: set[str]) -> str:
    """Name a step by what it is of; what may come more than once of one thing, by its moment, too."""
    step = chapter.step
    named = [step.kind.value, *map(str, step.ids.values())]
    if step.kind in (StepKind.ATTEMPT, StepKind.REQUEST):
        named.append(step.at.isoformat())
    key = "step-" + hashlib.blake2s("\n".join(named).encode(errors="replace"), digest_size=8).hexdigest()
    while key in taken:
        key += "-"
    taken.add(key)
    return key


def _writers(request: web.Request) -> Mapping[str, Any]:
    environment = request.config_dict[aiohttp_jinja2.APP_KEY]
    return vars(environment.get_template(PIECES).module)


def _digest(pieces: Iterable[Piece]) -> str:
    """Give what is another one if any piece is, but for those that time alone changes."""
    known = "".join(f"{each.key} {each.digest}\n" for each in pieces if each.key != WAITS)
    return hashlib.blake2s(known.encode(), digest_size=8).hexdigest()


def _written(piece: Piece) -> str:
    """Write a piece as the page has it, and after which step it stands."""
    tag, place = ("div", "") if piece.after is None else ("li", f' class="{piece.css}" data-after="{piece.after}"')
    return f'<{tag} id="{piece.key}" data-digest="{piece.digest}"{place}>{piece.html}</{tag}>'
