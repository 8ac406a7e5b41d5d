"""One booking alone against 200 at once, each waiting for a slow WFM: does any wait for another?

A real bridge process and a simulated WFM that takes 0.3 s for a command, over a real RabbitMQ. Each booking has a
WorkOrder and a window of its own; the window was searched before, outside of the time measured.
"""

import asyncio
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import uvloop
from aiohttp import ClientSession, TCPConnector

from benchmarks.aims import AT_MOST, Aim, show
from benchmarks.lab import DATABASES, Lab, cpu_seconds, lab, stopwatch, until

ALONE = 20
AT_ONCE = 200
REPLY_DELAY_S = 0.3
TARGET = 3.0
SEARCHES_AT_ONCE = 20
API = "/mefApi/sonata"
HEADERS = {"Authorization": "Bearer acme-buyer-key"}

Window = dict[str, str]


def windows() -> Iterator[Window]:
    """ACME's half days from next week on; every one is used once, so nobody finds a slot taken."""
    zone = ZoneInfo("Europe/Warsaw")
    first = datetime.now(zone).replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
    for day in (first + timedelta(days=offset) for offset in range(1000)):
        if day.weekday() < 5:
            for hour in (8, 12):
                start, end = (day.replace(hour=at).astimezone(UTC).isoformat() for at in (hour, hour + 4))
                yield {"startDateTime": start, "endDateTime": end}


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds: of each booking alone, of each of those at once, of all of those together, and what a core worked."""

    alone: list[float]
    together: list[float]
    wall: float
    cpu: float


async def measure(made: Lab) -> Measured:
    """Book alone, then at once."""
    connector = TCPConnector(limit=0)
    async with (
        made.wfm(REPLY_DELAY_S),
        made.bridge() as process,
        ClientSession(made.url, headers=HEADERS, connector=connector) as session,
    ):
        wanted = await ready_to_book(made, session, ALONE + AT_ONCE)
        alone = [await book(session, *booking) for booking in wanted[:ALONE]]
        worked = cpu_seconds(process)
        with stopwatch() as elapsed:
            together = await asyncio.gather(*(book(session, *booking) for booking in wanted[ALONE:]))
            return Measured(alone, together, elapsed(), cpu_seconds(process) - worked)


async def ready_to_book(made: Lab, session: ClientSession, count: int) -> list[tuple[str, Window]]:
    """Make WorkOrders, and search a window for each."""
    orders = await _work_orders(made, session, count)
    wanted = list(zip(orders, islice(windows(), len(orders)), strict=True))
    await _search_all(session, wanted)
    return wanted


async def _work_orders(made: Lab, session: ClientSession, count: int) -> list[str]:
    async with ClientSession(made.wfm_url) as wfm:
        for _ in range(count):
            async with wfm.post("/jobs", json={}) as response:
                response.raise_for_status()
    found: list[str] = []

    async def all_there() -> bool:
        async with session.get(f"{API}/workOrderManagement/v2/workOrder", params={"limit": "1000"}) as response:
            found[:] = [item["id"] for item in await response.json()]
        return len(found) == count

    await until(all_there, 30)
    return found


async def _search_all(session: ClientSession, wanted: list[tuple[str, Window]]) -> None:
    turns = asyncio.Semaphore(SEARCHES_AT_ONCE)

    async def search(order: str, window: Window) -> None:
        body = {"workOrder": {"id": order}, "requestedTimeSlot": [{"validFor": window}]}
        async with turns, session.post(f"{API}/appointment/v2/searchTimeSlot", json=body) as response:
            assert len((await response.json())["availableTimeSlot"]) == 1, await response.text()

    await asyncio.gather(*(search(*each) for each in wanted))


async def book(session: ClientSession, order: str, window: Window) -> float:
    """Book, and give the seconds that it took."""
    contacts = [
        {"role": role, "name": "Jo Doe", "number": "+48 22 1", "emailAddress": "jo@acme.test"}
        for role in ("buyerAppointmentContact", "appointmentPlaceContact")
    ]
    body = {"workOrder": {"id": order}, "validFor": window, "relatedContactInformation": contacts}
    with stopwatch() as elapsed:
        async with session.post(f"{API}/appointment/v2/appointment", json=body) as response:
            assert response.status == 201, await response.text()
        return elapsed()


async def measured() -> list[Aim]:
    """Measure on both databases."""
    goals = []
    for database in DATABASES:
        async with lab(database) as made:
            found = await measure(made)
        one, many = statistics.median(found.alone), statistics.median(found.together)
        cpu = found.cpu / AT_ONCE * 1000
        work = f"{AT_ONCE} bookings at once, p50"
        goals.append(Aim(work, database, "one alone", "s", one, many, AT_MOST, TARGET, None, cpu))
    return goals


def main() -> list[Aim]:
    """Run and print."""
    goals = uvloop.run(measured())
    show(f"Bookings at a WFM that takes {REPLY_DELAY_S} s", goals)
    return goals


if __name__ == "__main__":
    main()
