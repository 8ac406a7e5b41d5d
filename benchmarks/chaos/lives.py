"""What happens to the jobs: each lives by a script of its own, drawn from the seed and from how the WFM has it then.

The dispatcher and the technician do what ACME lets them do, and the Buyer asks for what he likes at the same time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from benchmarks.chaos.evidence import Granted
from benchmarks.chaos.moody_buyer import MoodyBuyer
from benchmarks.chaos.moody_wfm import MoodyWfm
from bridge.mef.models import AppointmentUpdate, TimePeriod
from bridge.simulator.acme import Acme, Job, Stat, Window
from bridge.simulator.buyer import BuyerError

PERIOD: Final = timedelta(days=7)
SPREAD_DAYS: Final = 300
"""Jobs are spread over so many days: there are three technicians."""

SLOWLY: Final = 4.0
"""So many times the pace is what the WFM takes while the bridge is away, or it would miss all."""

WISHES: Final = 0.5
"""How many of the steps are the Buyer's, if he is not waiting for something already."""

AGREES: Final = 0.4
"""How often the dispatcher agrees a visit by himself where there is none."""

STARTS: Final = 0.04
"""How often a technician starts though nothing is at its end yet, perhaps while a booking is under way."""

Change = Callable[[Acme, Job], bool]


@dataclass(slots=True)
class Lives:
    """All jobs. As long as the bridge is not `up`, the Buyer waits and the WFM goes on slowly.

    Between two steps of a job lies up to `pace_s`. `moves` is the part of the dispatcher's steps in which he moves a
    visit by himself (R27).
    """

    wfm: MoodyWfm
    buyer: MoodyBuyer
    seed: int
    events_each: int
    moves: float
    pace_s: float
    up: asyncio.Event
    granted: list[Granted] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)

    async def live(self, number: int) -> None:
        """Live the life of one job."""
        random = Random(f"{self.seed}-{number}")
        job = await self.wfm.create_job(site=f"SITE-{number}")
        life = Life(self, job, random, _period(number))
        await life.run()


@dataclass(slots=True)
class Life:
    """One job: steps of the WFM, and beside them at most one wish of the Buyer."""

    all: Lives
    job: str
    random: Random
    period: TimePeriod
    _moved: set[str] = field(default_factory=set)
    _work_order: str | None = None
    _wish: "asyncio.Task[None] | None" = None

    async def run(self) -> None:
        """Go on until the WFM has said enough, then come to an end."""
        while self._stands().version < self.all.events_each and self._stands().stat is not Stat.STARTED:
            if self.random.random() < WISHES:
                await self._begin_wish()
            else:
                await self.all.wfm.live(self.job, self._something)
            await asyncio.sleep(self.random.uniform(0, self.all.pace_s) * (1 if self.all.up.is_set() else SLOWLY))
        if self._wish is not None:
            await self._wish
        await self.all.wfm.live(self.job, self._end)

    def _stands(self) -> Job:
        return self.all.wfm.acme.job(self.job)

    # the dispatcher and the technician

    def _something(self, acme: Acme, job: Job) -> bool:
        if acme.active_visit(self.job) is None:
            return self.random.random() < AGREES and self._agree(acme, job)
        choice = self.random.random()
        if choice < STARTS:
            return self._turn(acme, job, Stat.STARTED)
        if choice < STARTS + self.all.moves:
            return self._move(acme, job)
        if choice < 0.6:
            return self._turn(acme, job, Stat.DRIVING)
        if choice < 0.85:
            return self._turn(acme, job, Stat.VISIT_TAKEN_BACK)
        return self._turn(acme, job, Stat.NO_SHOW, self.random.choice(("C01", "T01")))

    def _agree(self, acme: Acme, job: Job) -> bool:
        free = self._free(acme)
        if free is None:
            return False
        acme.plan(job, free)
        return True

    def _move(self, acme: Acme, job: Job) -> bool:
        free, visit = self._free(acme), acme.active_visit(self.job)
        if free is None or visit is None or free == visit.window:
            return False
        acme.move(job, free)
        self._moved.add(visit.number)
        return True

    def _free(self, acme: Acme) -> Window | None:
        window = Window(self.period.start_date_time, self.period.end_date_time)
        slots = acme.find(self.job, window, datetime.now(UTC))
        return self.random.choice(slots).window if slots else None

    def _turn(self, acme: Acme, job: Job, stat: Stat, reason: str = "") -> bool:
        acme.turn(job, stat, reason)
        return True

    def _end(self, acme: Acme, job: Job) -> bool:
        """Some jobs end, the others are left as they are; but not with a visit that the Buyer need not see (R27)."""
        choice, visit = self.random.random(), acme.active_visit(self.job)
        if choice < 0.3:
            return self._turn(acme, job, Stat.FINISHED)
        if choice < 0.5:
            return self._turn(acme, job, Stat.CANCELLED)
        if visit is not None and visit.number in self._moved and job.stat is not Stat.STARTED:
            return self._turn(acme, job, Stat.VISIT_TAKEN_BACK)
        return False

    # the Buyer

    async def _begin_wish(self) -> None:
        if self._wish is not None and not self._wish.done():
            await self.all.wfm.live(self.job, self._something)
            return
        self._wish = asyncio.create_task(self._wishes())
        if self.random.random() < 0.6:
            await self._wish

    async def _wishes(self) -> None:
        try:
            await self._ask()
        except BuyerError as error:
            self._count(str(error.status or "no answer"))
            if error.status is None or error.status == 503:
                await self.all.up.wait()

    async def _ask(self) -> None:
        if self._work_order is None:
            self._work_order = await self._find()
        if self._work_order is None:
            return
        filters = {"workOrderId": self._work_order, "status": "confirmed"}
        standing = await self.all.buyer.appointments(filters)
        if not standing:
            await self._book(self._work_order)
        elif self.random.random() < 0.5:
            await self._cancel(standing[0].id)
        else:
            await self._reschedule(self._work_order, standing[0].id)

    async def _find(self) -> str | None:
        ticket = self._stands().ticket
        found = await self.all.buyer.work_orders({"relatedEntityId": ticket, "relatedEntityType": "TroubleTicket"})
        return found[0].id if found else None

    async def _window(self, work_order: str) -> TimePeriod | None:
        slots = (await self.all.buyer.search(work_order, self.period)).available_time_slot
        return self.random.choice(slots).valid_for if slots else None

    async def _book(self, work_order: str) -> None:
        window = await self._window(work_order)
        if window is not None:
            booked = await self.all.buyer.book(work_order, window)
            self._count("booked")
            self.all.granted.append(Granted(booked.id, "booked"))

    async def _reschedule(self, work_order: str, appointment: str) -> None:
        window = await self._window(work_order)
        if window is not None:
            await self.all.buyer.patch(appointment, AppointmentUpdate(valid_for=window))
            self._count("rescheduled")

    async def _cancel(self, appointment: str) -> None:
        await self.all.buyer.cancel(appointment)
        self._count("cancelled")
        self.all.granted.append(Granted(appointment, "cancelled"))

    def _count(self, what: str) -> None:
        self.all.asked[what] = self.all.asked.get(what, 0) + 1


def _period(number: int) -> TimePeriod:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today + timedelta(days=1 + number % SPREAD_DAYS)
    return TimePeriod(start_date_time=start, end_date_time=start + PERIOD)


async def all_lives(lives: Lives, jobs: int, at_once: int) -> None:
    """Live all of them, so many at a time."""
    numbers = iter(range(jobs))

    async def one_after_another() -> None:
        for number in numbers:
            await lives.live(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(jobs, at_once)):
            group.create_task(one_after_another())
