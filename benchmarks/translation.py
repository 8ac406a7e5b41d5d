"""What the mapping language costs: a message read and translated by the pack, against Python written for ACME alone.

Both make the same JobUpdate of the same bytes; that is checked first. Then what the messages of each pack's cases cost.
"""

import statistics
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson

from benchmarks.aims import AT_MOST, Aim
from benchmarks.hostile import packs, seeds_of
from benchmarks.lab import ROOT, stopwatch, table
from benchmarks.messages import event
from bridge.domain.model import BuyerId, Goal, Job, JobRef, JobUpdate, MessageId, Visit, WorkOrderDetails
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack, Reading, Translated
from bridge.mef.enums import AppointmentStatus, BuyerSeller, ContactRole, TimeDurationUnits, WorkOrderState
from bridge.mef.models import (
    GeographicSiteRef,
    Note,
    RelatedContactInformation,
    RelatedEntity,
    TimeDuration,
    TimePeriod,
)
from bridge.packtools.case_files import load_cases

MOST_RATIO = 2.0
ROUNDS = 15
CALLS = 1_000
ZONE = ZoneInfo("Europe/Warsaw")
DISPATCH = RelatedContactInformation(
    role=ContactRole.TECHNICAL,
    name="ACME Field Dispatch",
    number="+48 22 100 10 10",
    email_address="dispatch@acme-field.example",
)
TECHNICIANS = {"T042": ("Jan Kowalski", "+48 600 100 042", "jan.kowalski@acme-field.example")}
DESK = tuple(
    RelatedContactInformation(
        role=role,
        name="Acme Buyer Service Desk",
        number="+48 22 200 20 17",
        email_address="desk@acme-buyer.example",
    )
    for role in (ContactRole.BUYER_APPOINTMENT, ContactRole.APPOINTMENT_PLACE)
)
BUYERS = {"PL-00017": BuyerId("acme-buyer")}


def by_pack(pack: Pack, body: bytes, job: Job) -> JobUpdate:
    """Translate as the bridge does."""
    reading = pack.read(body, "job.schd", {})
    assert isinstance(reading, Reading)
    translated = pack.translate(reading, job)
    assert isinstance(translated, Translated)
    return translated.update


def by_hand(version: str, body: bytes, note_id: str) -> JobUpdate:
    """Translate a planned visit, and nothing else, without checks, tables or explanations."""
    said = orjson.loads(body)
    changed = datetime.strptime(said["TS"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)
    start, end = (datetime.strptime(said[key], "%Y-%m-%d %H:%M").replace(tzinfo=ZONE) for key in ("WIN_FROM", "WIN_TO"))
    name, number, email = TECHNICIANS[said["TECH"]]
    return JobUpdate(
        job=JobRef("acme-wfm", said["JOB_NO"]),
        message=MessageId(said["MSG_ID"]),
        rule="planned",
        pack_version=version,
        goal=Goal(work_order=WorkOrderState.PLANNED, appointment=AppointmentStatus.CONFIRMED, if_any=True),
        details=WorkOrderDetails(
            place=(GeographicSiteRef(id=said["SITE_ID"], role="WORK_LOCATION"),),
            duration=TimeDuration(time_duration_value=int(said["EST_MIN"]), time_duration_units=TimeDurationUnits.MIN),
            contacts=(DISPATCH, _contact(ContactRole.TECHNICIAN, name, number, email)),
            related_entity=(
                RelatedEntity(id=said["TT_NO"], role="parentTroubleTicket", referred_type="TroubleTicket"),
            ),
            task=tuple(said["TASKS"].split("|")),
            note=(
                Note(
                    id=note_id,
                    author="ACME Field Dispatch",
                    date=changed,
                    source=BuyerSeller.SELLER,
                    text=said["REMARK"],
                ),
            ),
            planned_execution_date=start,
        ),
        buyer=BUYERS[said["CUST_ACC"]],
        visit=Visit(
            ref=said["VISIT_NO"],
            window=TimePeriod(start_date_time=start, end_date_time=end),
            contacts=(*DESK, _contact(ContactRole.SELLER_APPOINTMENT, name, number, email)),
        ),
        record={"technician": said["TECH"]},
        occurred_at=changed,
        versions={"job": said["JOB_VER"]},
    )


def _contact(role: ContactRole, name: str, number: str, email: str) -> RelatedContactInformation:
    return RelatedContactInformation(role=role, name=name, number=number, email_address=email)


def microseconds(call: Callable[[], object], calls: int = CALLS) -> float:
    """Give the microseconds a call takes: the median of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        with stopwatch() as elapsed:
            for _ in range(calls):
                call()
            rounds.append(elapsed() / calls * 1e6)
    return statistics.median(rounds)


def of_cases(directory: Path) -> tuple[int, float]:
    """Count the messages of a pack's cases, and measure the microseconds that one of them takes on average."""
    pack = load_pack(directory)
    seeds = seeds_of(pack, [case for _, case in load_cases(directory)])

    def once() -> None:
        for seed in seeds:
            for part in pack.read_all(seed.words.body, seed.words.routing_key, seed.words.headers):
                if isinstance(part, Reading):
                    pack.translate(part, seed.jobs.get(part.job) or Job(ref=part.job))

    return len(seeds), microseconds(once, max(1, CALLS // len(seeds))) / len(seeds)


def main() -> list[Aim]:
    """Run and print."""
    goals = [_acme()]
    measured = [(directory.name, *of_cases(directory)) for directory in packs()]
    rows = [(name, count, us, f"{1e6 / us:,.0f}") for name, count, us in measured]
    table(
        "Translation of all messages of each pack's cases",
        ("pack", "messages", "us each", "messages/s on one core"),
        rows,
    )
    return goals


def _acme() -> Aim:
    pack = load_pack(ROOT / "mappings" / "acme-wfm")
    body = event(1, 3, "SCHD", visit=True)
    job = Job(ref=JobRef("acme-wfm", "J-000001"))
    ours = by_pack(pack, body, job)
    note_id = ours.details.note[0].id
    assert by_hand(pack.version, body, note_id) == ours, "both must say the same"

    def hand() -> JobUpdate:
        blake2b(body, digest_size=10).hexdigest()  # the id of a note comes from what it says
        return by_hand(pack.version, body, note_id)

    def bare() -> object:
        return orjson.loads(body)

    slow, fast, parsed = microseconds(lambda: by_pack(pack, body, job)), microseconds(hand), microseconds(bare)
    heads = ("", "us a message", "messages/s on one core")
    rows = [
        ("pack (read + translate + explanation)", slow, f"{1e6 / slow:,.0f}"),
        ("hand-written", fast, f"{1e6 / fast:,.0f}"),
        ("orjson.loads alone", parsed, f"{1e6 / parsed:,.0f}"),
        ("pack / hand-written", slow / fast, ""),
    ]
    table("Translation of a planned visit", heads, rows)
    cost = (fast / 1000, slow / 1000)
    return Aim("translation", "acme-wfm", "hand-written", "µs a message", fast, slow, AT_MOST, MOST_RATIO, *cost)


if __name__ == "__main__":
    main()
