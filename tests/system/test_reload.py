"""The pack changes while messages are in flight: none is lost, each is applied by one whole pack, a bad one by none."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.model import WorkOrderId
from bridge.mef.enums import AppointmentStatus
from bridge.simulator.answers import Answers, Body
from bridge.simulator.wfm import COMMANDS_EXCHANGE, COMMANDS_QUEUE
from tests.integration.flows.acme import event
from tests.support import eventually
from tests.support_replies import fixed_pack
from tests.system.conftest import MakeLaboratory, rewrite
from tests.system.laboratory import Laboratory
from tests.system.test_commands import refused_with

pytestmark = [pytest.mark.system, pytest.mark.integration]

JOBS = 60


def hang_up(lab: Laboratory) -> None:
    assert lab.bridge.pid is not None
    os.kill(lab.bridge.pid, signal.SIGHUP)


async def versions(lab: Laboratory) -> list[str]:
    """The versions by which the messages were applied, oldest first."""
    entries = [recorded.entry for recorded in await lab.journal()]
    assert {entry.outcome for entry in entries} <= {"applied"}
    return [entry.pack_version.partition("+")[0] for entry in entries]


async def test_messages_in_flight_survive_a_reload(
    make_laboratory: MakeLaboratory, sqlite_url: str, pack: Path
) -> None:
    lab = await make_laboratory(sqlite_url, PACKS=str(pack))
    await lab.bridge.start_ready()

    async def create() -> None:
        for _ in range(JOBS):
            await lab.wfm.create_job()

    creating = asyncio.create_task(create())
    await eventually(lambda: lab.journal())
    rewrite(pack, 'version: "1.0"', 'version: "2.0"')
    hang_up(lab)
    await eventually(lambda: "packs.reloaded" in lab.bridge.said)
    await creating
    await lab.wfm.create_job()

    rewrite(pack, "{value: needs_visit}", "{value: need_visit}")
    hang_up(lab)
    await eventually(lambda: "packs.refused" in lab.bridge.said)
    assert "did you mean 'needs_visit'?" in lab.bridge.said
    await lab.wfm.create_job()

    await eventually(lambda: all_heard(lab, JOBS + 2))
    found = await versions(lab)
    assert set(found) == {"1.0", "2.0"}
    assert found == sorted(found)
    await lab.stop_and_find_nothing_left()


async def all_heard(lab: Laboratory, number: int) -> bool:
    return len(await lab.journal()) == number


async def test_a_changed_file_is_taken_up_by_itself_where_the_settings_say_so(
    make_laboratory: MakeLaboratory, sqlite_url: str, pack: Path
) -> None:
    lab = await make_laboratory(sqlite_url, PACKS=str(pack), PACKS_WATCH="true")
    await lab.bridge.start_ready()
    rewrite(pack, 'version: "1.0"', 'version: "2.0"')
    await eventually(lambda: "packs.reloaded" in lab.bridge.said)
    await lab.wfm.create_job()
    await eventually(lambda: all_heard(lab, 1))
    assert await versions(lab) == ["2.0"]


@pytest.fixture
def tenant(pack: Path) -> Path:
    """A pack that extends the copy and has a table in a file, both outside its own directory."""
    (pack.parent / "crews.csv").write_text("crew,name\n1,First\n")
    directory = pack.parent / "acme-north"
    directory.mkdir()
    (directory / "pack.yaml").write_text(
        "pack: acme-north\nversion: '1'\nextends: ../acme-wfm\n"
        "tables: {crews: {key: crew, on_miss: keep, file: ../crews.csv}}\n"
    )
    return directory


@pytest.mark.parametrize("watch", ["true", "false"])
async def test_a_base_pack_and_a_table_outside_the_pack_are_read_anew(
    make_laboratory: MakeLaboratory, sqlite_url: str, pack: Path, tenant: Path, watch: str
) -> None:
    lab = await make_laboratory(sqlite_url, PACKS=str(tenant), PACKS_WATCH=watch)
    await lab.bridge.start_ready()

    async def is_taken_up(times: int) -> None:
        if watch == "false":
            hang_up(lab)
        await eventually(lambda: lab.bridge.said.count("packs.reloaded") == times)
        await lab.wfm.create_job()
        await eventually(lambda: all_heard(lab, times))

    (pack.parent / "crews.csv").write_text("crew,name\n1,Other than before\n")
    await is_taken_up(1)
    rewrite(pack, "rule: created", "rule: born")
    await is_taken_up(2)
    entries = [recorded.entry for recorded in await lab.journal()]
    assert sorted(entry.rule for entry in entries) == ["born", "created"]
    assert len({entry.pack_version for entry in entries}) == 2
    assert await lab.bridge.stop() == 0  # or it would make the queue again
    await lab.channel.queue_delete(lab.topology.inbound_queue("acme-north").name)


async def test_commands_go_to_the_exchange_that_the_pack_names_after_a_reload(
    make_laboratory: MakeLaboratory, sqlite_url: str, pack: Path
) -> None:
    """One that is not there yet disturbs nobody, and what is to go there waits."""
    lab = await make_laboratory(sqlite_url, PACKS=str(pack))
    await lab.bridge.start_ready()
    await lab.buyer.register()
    first, _, _ = await lab.booked()
    job, work_order = await lab.new_job()
    windows = await lab.windows(work_order)

    text = (pack / "pack.yaml").read_text()
    (pack / "pack.yaml").write_text(text.replace(f"exchange: {COMMANDS_EXCHANGE}", "exchange: acme.wfm.elsewhere"))
    hang_up(lab)
    await eventually(lambda: "packs.reloaded" in lab.bridge.said)
    assert await refused_with(asyncio.create_task(lab.buyer.book(work_order, windows[0]))) == 503
    other, _ = await lab.new_job()
    assert [len(lab.wfm.visits(each)) for each in (first, job, other)] == [1, 0, 0]

    name = lab.namespace + "acme.wfm.elsewhere"
    elsewhere = await lab.channel.declare_exchange(name, "topic", durable=True)
    try:
        queue = await lab.channel.get_queue(lab.namespace + COMMANDS_QUEUE)
        await queue.bind(elsewhere, "cmd.#")
        await lab.buyer.book(work_order, windows[0])
        assert [len(lab.wfm.visits(each)) for each in (first, job, other)] == [1, 1, 0]
        await lab.stop_and_find_nothing_left()
    finally:
        await lab.channel.exchange_delete(name)
    assert lab.wfm.tickets[lab.wfm.acme.job(other).ticket] == ["PEND"]


class SaidTwice(Answers):
    """Answers that name their command at the old place and at the new one."""

    def write(self, answer: Body) -> bytes:
        return super().write({**answer, "ANSWERS": answer["REF"]})


def changing_pack(pack: Path, name: str, correlation: str) -> None:
    """Write a pack that says its name wherever it does something."""
    data: dict[str, Any] = json.loads((pack / "pack.yaml").read_text())
    data["version"] = name
    data["replies"]["correlation"] = correlation
    data["fields"]["lines"] = {"path": "$.LINES", "type": "items", "fields": {"what": {"path": f"$.{name}"}}}
    data["work_order"]["note"] = [
        {"each": "lines", "text": {"value": "what"}, "author": name, "date": {"value": "changed_at"}}
    ]
    data["commands"]["book"]["body"] |= {"FORM": name, "REMARK": name}
    (pack / "pack.new").write_text(json.dumps(data))
    (pack / "pack.new").replace(pack / "pack.yaml")


async def test_items_replies_and_commands_change_all_at_once_and_nothing_in_flight_is_lost(
    make_laboratory: MakeLaboratory, sqlite_url: str, tmp_path: Path
) -> None:
    answers = SaidTwice("acme.wfm.answers")
    pack = fixed_pack(tmp_path, answers)
    changing_pack(pack, "one", "$.REF")
    lab = await make_laboratory(sqlite_url, answers, PACKS=str(pack))
    await lab.bridge.start_ready()
    await lab.buyer.register()
    jobs = [await lab.new_job() for _ in range(6)]
    windows = [await lab.windows(work_order) for _, work_order in jobs]

    async def book(number: int) -> None:
        await lab.buyer.book(jobs[number][1], windows[number][number])

    async def tell() -> None:
        for number in range(JOBS):
            lines = [{"one": f"one of {number}", "two": f"two of {number}"}] * 2
            await lab.wfm.raw_bytes(event("NEW", 1, f"R-{number}", LINES=lines).body, "job.new")

    def asked() -> int:
        return sum(command["CMD"] == "BOOKVIS" for command in lab.wfm.commands)

    await book(0)
    async with lab.wfm._turns[jobs[1][0]], lab.wfm._turns[jobs[2][0]]:  # the WFM has these, and is slow to answer
        booking = [asyncio.create_task(book(number)) for number in (1, 2)]
        await eventually(lambda: asked() == 3)
        telling = asyncio.create_task(tell())
        await eventually(lambda: told_of(lab, 1))
        changing_pack(pack, "two", "$.ANSWERS")
        hang_up(lab)
        booking += [asyncio.create_task(book(number)) for number in (3, 4)]
        await eventually(lambda: "packs.reloaded" in lab.bridge.said)
    await asyncio.gather(telling, *booking)
    await lab.wfm.raw_bytes(event("NEW", 1, f"R-{JOBS}", LINES=[{"two": f"two of {JOBS}"}]).body, "job.new")
    await book(5)
    await eventually(lambda: told_of(lab, JOBS + 1))

    by = await packs_of_lines(lab)
    assert set(by.values()) == {"one", "two"}
    assert await notes(lab) == {(f"{name} of {number}", name) for number, name in by.items()}

    booked = [command for command in lab.wfm.commands if command["CMD"] == "BOOKVIS"]
    assert [command["FORM"] for command in booked] == [command["REMARK"] for command in booked]
    assert {command["FORM"] for command in booked} == {"one", "two"}
    assert [len(lab.wfm.visits(job)) for job, _ in jobs] == [1] * 6
    confirmed = [found for found in await lab.buyer.appointments() if found.status is AppointmentStatus.CONFIRMED]
    assert len(confirmed) == 6
    assert {recorded.entry.outcome for recorded in await lab.journal()} <= {"applied", "unchanged", "echo"}
    await lab.stop_and_find_nothing_left()


async def notes(lab: Laboratory) -> set[tuple[str, str]]:
    """Text and author of all notes of WorkOrders."""
    store = await lab.store()
    found = [await store.reads.work_order(WorkOrderId(order.id)) for order in await lab.buyer.work_orders()]
    return {(note.text, note.author) for order in found if order is not None for note in order.details.note}


async def packs_of_lines(lab: Laboratory) -> dict[int, str]:
    """By which pack each job with lines was opened."""
    entries = [recorded.entry for recorded in await lab.journal()]
    return {
        int(entry.job.key.removeprefix("R-")): entry.pack_version.partition("+")[0]
        for entry in entries
        if entry.job is not None and entry.job.key.startswith("R-")
    }


async def told_of(lab: Laboratory, number: int) -> bool:
    return len(await packs_of_lines(lab)) >= number
