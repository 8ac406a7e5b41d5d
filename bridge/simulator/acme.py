"""The invented legacy WFM "ACME": its jobs, visits and calendar, and how it writes them down. No bus, no clock.

Flat upper-case JSON; wall-clock times of Warsaw without a zone. The dispatcher may do anything; a command may not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import count
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Warsaw")
TECHNICIANS: Final = ("T042", "T043", "T044")
HALF_DAYS: Final = ((time(8), time(12)), (time(12), time(16)))
STAMP_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
WINDOW_FORMAT: Final = "%Y-%m-%d %H:%M"
SATURDAY: Final = 5
LONGEST_SEARCH: Final = timedelta(days=60)
"""A search over more is cut, as the legacy does; else one command could ask for an answer without end."""


class Rc(StrEnum):
    """What ACME answers to a command."""

    DONE = "00"
    SLOT_TAKEN = "17"
    WRONG_STATE = "21"
    NO_SUCH_VISIT = "22"
    NO_SUCH_JOB = "44"
    INTERNAL = "99"


TEXTS: Final[Mapping[str, str]] = {
    Rc.DONE: "OK",
    Rc.SLOT_TAKEN: "SLOT TAKEN",
    Rc.WRONG_STATE: "JOB NOT IN A STATE FOR THIS",
    Rc.NO_SUCH_VISIT: "NO SUCH VISIT",
    Rc.NO_SUCH_JOB: "NO SUCH JOB",
    Rc.INTERNAL: "INTERNAL ERROR",
}


class Stat(StrEnum):
    """The status of a job in an event."""

    NEW = "NEW"
    PLANNED = "SCHD"
    DRIVING = "ENRT"
    STARTED = "WIP"
    FINISHED = "DONE"
    CLOSED = "CLSD"
    NO_SHOW = "NOSH"
    VISIT_TAKEN_BACK = "VCAN"
    CANCELLED = "CANC"
    ON_HOLD = "HOLD"


BOOKABLE: Final = frozenset({Stat.NEW, Stat.PLANNED, Stat.NO_SHOW, Stat.VISIT_TAKEN_BACK, Stat.ON_HOLD})
CHANGEABLE: Final = frozenset({Stat.PLANNED, Stat.DRIVING, Stat.ON_HOLD})
"""Where a planned visit may still be moved or cancelled by command."""


class VisitStatus(StrEnum):
    """How a visit stands."""

    PLANNED = "planned"
    STARTED = "started"
    DONE = "done"
    NO_SHOW = "no-show"
    CANCELLED = "cancelled"


class Window(NamedTuple):
    """From when to when, aware; written as Warsaw's wall clock."""

    start: datetime
    end: datetime


class Slot(NamedTuple):
    """A window of one technician."""

    id: str
    window: Window
    technician: str


@dataclass(slots=True, kw_only=True)
class Visit:
    """A visit of a technician; it keeps the technician busy while it is planned or started."""

    number: str
    job: str
    window: Window
    technician: str
    status: VisitStatus = VisitStatus.PLANNED


@dataclass(slots=True, kw_only=True)
class Job:
    """A job of ACME. `visit` is the one that its next event tells of."""

    number: str
    customer: str
    visit_required: bool
    ticket: str
    site: str
    tasks: tuple[str, ...]
    minutes: int
    remark: str
    stat: Stat = Stat.NEW
    reason: str = ""
    version: int = 0
    visit: Visit | None = None
    visits: list[Visit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Refusal(Exception):
    """A command that ACME does not carry out."""

    def __init__(self, rc: Rc) -> None:
        super().__init__(TEXTS[rc])
        self.rc = rc


class Acme:
    """Jobs and visits in memory. Numbers begin at `first_number`, so that a restarted ACME need not repeat itself."""

    def __init__(self, first_number: int = 1) -> None:
        self.jobs: dict[str, Job] = {}
        self._busy: dict[str, dict[str, Visit]] = {technician: {} for technician in TECHNICIANS}
        self._job_numbers = count(first_number)
        self._visit_numbers = count(first_number)
        self._messages = count(first_number)

    # what the dispatcher and the technicians do

    def new_job(self, **details: Any) -> Job:
        """Open a job; `job_no` and `ticket` are made up unless given."""
        number = next(self._job_numbers)
        job_no, ticket = details.pop("job_no", None), details.pop("ticket", None)
        job = Job(number=job_no or f"J-{number:04d}", ticket=f"TT-{number}" if ticket is None else ticket, **details)
        self.jobs[job.number] = job
        return job

    def plan(self, job: Job, window: Window | None, technician: str | None = None) -> None:
        """Plan the job, with a visit if there is a window. The dispatcher may double-book."""
        job.stat = Stat.PLANNED
        if window is not None:
            self._end_visit(job, VisitStatus.CANCELLED)
            self._add_visit(job, window, technician or self._free_technician(window) or TECHNICIANS[0])

    def move(self, job: Job, window: Window, technician: str | None = None) -> None:
        """Move the job's visit."""
        if job.visit is None:
            raise Refusal(Rc.NO_SUCH_VISIT)
        job.stat = Stat.PLANNED
        self._release(job.visit)
        job.visit.window = window
        job.visit.technician = technician or self._free_technician(window) or job.visit.technician
        self._occupy(job.visit)

    def turn(self, job: Job, stat: Stat, reason: str = "") -> None:
        """Give the job a status that has no more to it than what becomes of its visit."""
        job.stat, job.reason = stat, reason
        match stat:
            case Stat.STARTED if job.visit is not None:
                job.visit.status = VisitStatus.STARTED
            case Stat.FINISHED | Stat.CLOSED:
                self._end_visit(job, VisitStatus.DONE)
            case Stat.NO_SHOW:
                self._end_visit(job, VisitStatus.NO_SHOW)
            case Stat.VISIT_TAKEN_BACK | Stat.CANCELLED:
                self._end_visit(job, VisitStatus.CANCELLED)

    # what commands ask for

    def find(self, job_no: str, window: Window, now: datetime) -> list[Slot]:
        """The free slots inside the window that have not begun."""
        self.job(job_no)
        return [slot for slot in _grid(window) if slot.window.start > now and self._is_free(*slot[1:])]

    def book(self, job_no: str, slot_id: str, window: Window) -> Visit:
        """Book the slot, which must be of that window, or if none is named any technician who is free then."""
        job = self.job(job_no)
        if job.stat not in BOOKABLE or self.active_visit(job_no) is not None:
            raise Refusal(Rc.WRONG_STATE)
        slot = self._bookable(slot_id, window)
        job.stat, job.reason = Stat.PLANNED, ""
        return self._add_visit(job, slot.window, slot.technician)

    def rebook(self, job_no: str, visit_no: str, slot_id: str, window: Window) -> Visit:
        """Move a planned visit into another slot."""
        job, visit = self._changeable(job_no, visit_no)
        self._release(visit)
        try:
            slot = self._bookable(slot_id, window)
            visit.window, visit.technician = slot.window, slot.technician
        finally:
            self._occupy(visit)
        job.stat, job.reason = Stat.PLANNED, ""
        return visit

    def cancel_visit(self, job_no: str, visit_no: str) -> None:
        """Take back a planned visit; the job stays."""
        job, _ = self._changeable(job_no, visit_no)
        self.turn(job, Stat.VISIT_TAKEN_BACK)

    # what one can look at

    def job(self, job_no: str) -> Job:
        """The job. Raises `Refusal` (no such job)."""
        if job_no not in self.jobs:
            raise Refusal(Rc.NO_SUCH_JOB)
        return self.jobs[job_no]

    def visits_of(self, job_no: str) -> list[Visit]:
        """All visits of a job, oldest first."""
        return self.job(job_no).visits

    def active_visit(self, job_no: str) -> Visit | None:
        """The job's visit that is planned or started."""
        visit = self.job(job_no).visit
        return visit if visit is not None and visit.status in (VisitStatus.PLANNED, VisitStatus.STARTED) else None

    def snapshot(self, job: Job, now: datetime) -> dict[str, Any]:
        """The body of the event that tells of the job's last change. Counts as a version."""
        job.version += 1
        visit = job.visit
        return {
            "MSG_ID": f"E-{next(self._messages):09d}",
            "JOB_NO": job.number,
            "JOB_VER": job.version,
            "TS": now.astimezone(ZONE).strftime(STAMP_FORMAT),
            "CUST_ACC": job.customer,
            "STAT": job.stat.value,
            "RSN": job.reason,
            "VISIT_REQ": "Y" if job.visit_required else "N",
            "VISIT_NO": visit.number if visit else "",
            "WIN_FROM": written(visit.window.start) if visit else "",
            "WIN_TO": written(visit.window.end) if visit else "",
            "TECH": visit.technician if visit else "",
            "EST_MIN": str(job.minutes),
            "SITE_ID": job.site,
            "TT_NO": job.ticket,
            "TASKS": "|".join(job.tasks),
            "REMARK": job.remark,
        }

    def forget_fallen_visit(self, job: Job) -> None:
        """After the event: a visit that did not take place is not the job's any more."""
        if job.visit is not None and job.visit.status in (VisitStatus.NO_SHOW, VisitStatus.CANCELLED):
            job.visit = None
        job.reason = ""

    # visits and technicians

    def _changeable(self, job_no: str, visit_no: str) -> tuple[Job, Visit]:
        job, visit = self.job(job_no), self.active_visit(job_no)
        if visit is None or visit.number != visit_no:
            raise Refusal(Rc.NO_SUCH_VISIT)
        if job.stat not in CHANGEABLE:
            raise Refusal(Rc.WRONG_STATE)
        return job, visit

    def _bookable(self, slot_id: str, window: Window) -> Slot:
        slot = _slot(slot_id) if slot_id else self._any_slot(window)
        if slot is None or slot.window != window or not self._is_free(slot.window, slot.technician):
            raise Refusal(Rc.SLOT_TAKEN)
        return slot

    def _any_slot(self, window: Window) -> Slot | None:
        return next((slot for slot in _grid(window) if slot.window == window and self._is_free(*slot[1:])), None)

    def _add_visit(self, job: Job, window: Window, technician: str) -> Visit:
        number = f"V-{next(self._visit_numbers):04d}"
        visit = Visit(number=number, job=job.number, window=window, technician=technician)
        job.visit = visit
        job.visits.append(visit)
        self._occupy(visit)
        return visit

    def _end_visit(self, job: Job, status: VisitStatus) -> None:
        visit = job.visit
        if visit is not None and visit.status in (VisitStatus.PLANNED, VisitStatus.STARTED):
            visit.status = status
            self._release(visit)

    def _occupy(self, visit: Visit) -> None:
        self._busy.setdefault(visit.technician, {})[visit.number] = visit

    def _release(self, visit: Visit) -> None:
        self._busy[visit.technician].pop(visit.number, None)

    def _is_free(self, window: Window, technician: str) -> bool:
        visits = self._busy.get(technician, {}).values()
        return not any(visit.window.start < window.end and window.start < visit.window.end for visit in visits)

    def _free_technician(self, window: Window) -> str | None:
        return next((technician for technician in TECHNICIANS if self._is_free(window, technician)), None)


def written(moment: datetime) -> str:
    """A moment as ACME writes windows: Warsaw's wall clock, to the minute."""
    return moment.astimezone(ZONE).strftime(WINDOW_FORMAT)


def read(text: str) -> datetime:
    """A moment as ACME writes windows. Raises `ValueError`."""
    return datetime.strptime(text, WINDOW_FORMAT).replace(tzinfo=ZONE)


def _grid(window: Window) -> Iterator[Slot]:
    """Every slot of every technician that lies inside the window."""
    start, end = window.start.astimezone(ZONE), window.end.astimezone(ZONE)
    for offset in range((min(end, start + LONGEST_SEARCH).date() - start.date()).days + 1):
        day = start.date() + timedelta(days=offset)
        if day.weekday() < SATURDAY:
            yield from (slot for slot in _slots_of(day) if start <= slot.window.start and slot.window.end <= end)


def _slots_of(day: date) -> Iterator[Slot]:
    for half in range(len(HALF_DAYS)):
        for technician in range(len(TECHNICIANS)):
            yield _make_slot(day, half, technician)


def _make_slot(day: date, half: int, technician: int) -> Slot:
    """A slot's id is its place in the calendar, so ids stay true over a restart."""
    place = (day.toordinal() * len(HALF_DAYS) + half) * len(TECHNICIANS) + technician
    start, end = (datetime.combine(day, hour, ZONE) for hour in HALF_DAYS[half])
    return Slot(f"S-{place}", Window(start, end), TECHNICIANS[technician])


def _slot(slot_id: str) -> Slot | None:
    """The slot of that id, if there can be one."""
    digits = slot_id.removeprefix("S-")
    if not digits.isdecimal():
        return None
    halves, technician = divmod(int(digits), len(TECHNICIANS))
    ordinal, half = divmod(halves, len(HALF_DAYS))
    if not 1 <= ordinal <= date.max.toordinal():
        return None
    day = date.fromordinal(ordinal)
    return _make_slot(day, half, technician) if day.weekday() < SATURDAY else None
