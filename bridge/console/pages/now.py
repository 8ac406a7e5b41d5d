"""How the bridge is now, and was in the last minutes: a page whose numbers and charts move (server-sent events)."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import aiohttp_jinja2
from aiohttp import web

from bridge.console.access import Door
from bridge.console.chart import Chart, area, line
from bridge.console.event_streams import STREAM, Event, ended
from bridge.console.masks import mask_of_all
from bridge.console.pages.parked import parked_for
from bridge.console.pulse import EVERY_S, Sample
from bridge.console.render import BASE, ago, count, page
from bridge.console.services import Services

FRAMES: Final = 720
"""So many times a stream moves before the browser asks anew, and shows that its session still holds: an hour."""


def routes(services: Services, door: Door) -> Iterable[web.RouteDef]:
    """Give the routes."""

    def facts(request: web.Request) -> dict[str, Any]:
        shown = mask_of_all(services, request).text
        seen = services.pulse.now
        figures = None if seen is None else seen.figures
        return {
            "seen": seen,
            "figures": figures,
            "wrong": [f"{name}: {said(value)}" for name, value in services.checks().items() if value is not True],
            "warnings": services.warnings(),
            "charts": charts(services.pulse.samples),
            "parked": [] if figures is None else sorted(figures.parked.items(), key=lambda each: -each[1])[:12],
            "parked_for": lambda pack, reason: parked_for(pack, shown(reason)),
            "text": shown,
        }

    async def show(request: web.Request) -> web.Response:
        return page(request, "now.html", **facts(request))

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": STREAM})
        await response.prepare(request)
        with suppress(ConnectionError):  # the browser has gone to another page
            for _ in range(FRAMES):
                text = aiohttp_jinja2.render_string("now_numbers.html", request, facts(request))
                await response.write(Event("numbers", text).written())
                if await ended(services.closing, EVERY_S) or not await door.still_knows(request):
                    break
        return response

    return [web.get("/", show), web.get("/now/stream", stream)]


def said(value: bool | str) -> str:
    """Say what is wrong with what is not well."""
    return value if isinstance(value, str) else "not well"


def charts(samples: Sequence[Sample]) -> list[Chart]:
    """Draw the four that matter."""
    last = samples[-1] if samples else None
    orders, parked = f"{BASE}/work-orders", f"{BASE}/parked"
    trips = [each.round_trip for each in samples]
    trip = next((value for value in reversed(trips) if value is not None), None)
    return [
        _chart("Messages a second", [each.messages for each in samples], _rate, orders),
        _chart("Messages in the queues", [each.lag for each in samples], count, orders),
        _chart("Parked messages", [each.parked for each in samples], count, parked, bool(last and last.parked)),
        _chart("Oldest undelivered", [each.undelivered for each in samples], ago, "#undelivered"),
        _chart("WFM round trip", trips, _seconds, orders, latest=None if trip is None else _seconds(trip)),
        _chart("Notifications a second", [each.deliveries for each in samples], _rate, "#undelivered"),
    ]


def _chart(
    title: str,
    values: Sequence[float | None],
    write: Callable[[float], str],
    href: str,
    is_trouble: bool = False,
    latest: str | None = None,
) -> Chart:
    now = values[-1] if values else None
    peak = max((value for value in values if value is not None), default=None)
    shown = latest or ("–" if now is None else write(now))
    return Chart(title, shown, line(values), area(values), "" if peak is None else write(peak), href, is_trouble)


def _rate(value: float) -> str:
    return f"{value:.1f}" if value < 100 else count(value)


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
