"""schemathesis runs all operations of the standard's files against a live bridge: a WFM, RabbitMQ and HTTP, no fakes.

It is its own process, and sends what the files allow and what they do not. Exceptions are data: `standard_files.py` has
those of the files, `schemathesis.toml` those of the checks.
"""

import asyncio
import io
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from yarl import URL

from bridge.demo.stage import API_KEY, Ports, Stage, set_up
from bridge.mef.models import MefModel, TimePeriod
from bridge.simulator.buyer_client import contacts
from tests.api import standard
from tests.integration.api import checks
from tests.integration.api.standard_files import EXCEPTIONS, prepared
from tests.support import eventually

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not standard.available(), reason=f"the standard's OpenAPI files are not at {standard.DIRECTORY}"
    ),
]
REPOSITORY = Path(__file__).parents[3]
CONFIG = Path(__file__).with_name("schemathesis.toml")
JOBS = 8
BOOKED = 5
OPERATIONS = {"appointment/v2": 9, "workOrderManagement/v2": 5}
LEAST_CASES = 100  # of one file; fewer would mean that it looked at hardly anything


@pytest.fixture
async def stage(rabbitmq_url: str) -> AsyncIterator[Stage]:
    """A WFM with jobs, a bridge that knows them, and a Buyer."""
    async with set_up(Console(file=io.StringIO()), rabbitmq_url, Ports()) as stage:
        for _ in range(JOBS):
            await stage.wfm.create_job()
        await eventually(lambda: _all_known(stage))
        yield stage


async def _all_known(stage: Stage) -> bool:
    return len(await stage.buyer.work_orders()) == JOBS


async def known(stage: Stage, base: str) -> dict[str, Any]:
    """What the bridge knows, as examples: without them schemathesis would see little but 404 and 422."""
    buyer = stage.buyer
    now = datetime.now(UTC)
    period = TimePeriod(start_date_time=now, end_date_time=now + timedelta(days=10))
    jobs = [each.id for each in await buyer.work_orders()]
    windows = [slot.valid_for for slot in (await buyer.search(jobs[0], period)).available_time_slot]
    visits = [(await buyer.book(jobs[number], windows[number])).id for number in range(BOOKED)]
    listener = next(each for api, each in buyer.subscriptions.items() if base.startswith(api.value))
    booking = {
        "relatedContactInformation": [_json(contact) for contact in contacts()],
        "validFor": _json(windows[BOOKED]),
        "workOrder": {"id": jobs[BOOKED]},
    }
    note = {"id": "n-1", "author": "Jo", "date": "2026-03-05T12:00:00Z", "source": "buyer", "text": "Ring twice."}
    search = {"requestedTimeSlot": [{"validFor": _json(period)}], "workOrder": {"id": jobs[-1]}}
    return {
        "createSearchTimeSlot": {"bodies": [search]},
        "createAppointment": {"bodies": [booking]},
        "retrieveAppointment": {"ids": visits},
        "patchAppointment": {"ids": visits[:2], "bodies": [{"note": [note]}]},
        "cancelAppointment": {"ids": visits[2:]},
        "retrieveWorkOrder": {"ids": jobs},
        "registerListener": {"bodies": [{"callback": f"{buyer.callback}/again"}]},
        "retrieveHub": {"ids": [listener.id]},
    }


def _json(value: MefModel) -> Any:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True)
class Run:
    """What became of a run: exit code, what it said, its report, and which methods and paths saw which statuses."""

    code: int
    said: str
    report: dict[str, Any]
    seen: frozenset[tuple[str, str, int]]

    def succeeded(self, method: str, path: str) -> bool:
        """Tell whether an operation was carried out at least once."""
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", path)
        return any(m == method and s < 300 and re.fullmatch(pattern, p) for m, p, s in self.seen)


async def run(stage: Stage, base: str, directory: Path) -> Run:
    """Let schemathesis run, in a process of its own."""
    file, report, traffic = (directory / name for name in ("standard.json", "report.json", "traffic.har"))
    file.write_text(json.dumps(prepared(base, await known(stage, base))))
    url = f"{stage.bridge.url}/mefApi/sonata/{base}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", str(file)),
        *("--url", url, "--header", f"X-API-Key: {API_KEY}", "--checks", "all"),
        *("--report", "json,har", "--report-json-path", str(report), "--report-har-path", str(traffic)),
        cwd=directory,
        env=os.environ | {"SCHEMATHESIS_HOOKS": checks.__name__, "PYTHONPATH": str(REPOSITORY)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    read = json.loads(report.read_text()) if report.exists() else {}
    return Run(await process.wait(), said.decode(), read, _statuses(traffic, base))


def _statuses(traffic: Path, base: str) -> frozenset[tuple[str, str, int]]:
    entries = json.loads(traffic.read_text())["log"]["entries"] if traffic.exists() else ()
    return frozenset(
        (each["request"]["method"], URL(each["request"]["url"]).path.partition(base)[2], each["response"]["status"])
        for each in entries
    )


@pytest.mark.parametrize("base", OPERATIONS)
async def test_all_operations_of_the_standards_file_hold(stage: Stage, base: str, tmp_path: Path) -> None:
    done = await run(stage, base, tmp_path)
    print(done.said)  # noqa: T201 - the summary, for `pytest -s`, and beside a failure
    assert (done.code, done.report.get("failures"), done.report.get("errors")) == (0, [], [])
    assert done.report["operations"]["tested"] == OPERATIONS[base]
    assert done.report["test_cases"]["generated"] >= LEAST_CASES
    operations = [(m.upper(), path) for path, item in standard.document(base)["paths"].items() for m in item]
    assert [each for each in operations if not done.succeeded(*each)] == [], "only refusals were seen of these"


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda exception: exception.change.__name__)
def test_each_exception_changes_something(exception: Any) -> None:
    documents = [prepared(base, {}, exceptions=()) for base in OPERATIONS]
    before = json.dumps(documents)
    for document in documents:
        exception.change(document)
    assert json.dumps(documents) != before
