"""`mef-bridge trace`: the whole story of one thing, from the WFM's first message to the last webhook."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer

from bridge.app.process import now
from bridge.cli.database import with_store
from bridge.cli.given import given_settings
from bridge.cli.messages import one_line, print_lines
from bridge.cli.options import ConfigOption
from bridge.domain.model import JobRef
from bridge.errors import PermanentError
from bridge.flows.ports.job_trace import JobTrace
from bridge.flows.trace import Step, period, steps, waiting
from bridge.store import SqlStore

LOOK_S = 1.0  # seconds between two looks of `--follow`


def trace(
    id_: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Of a WorkOrder, Appointment, job, trouble ticket, command, event or message; a correlation id; or "
            "how an id begins.",
        ),
    ],
    config: ConfigOption = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on, and print what happens, until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a job; with --follow, one a step.")] = False,
) -> None:
    """Tell the story of one thing in order: messages, hops, commands, results, webhooks, and what waits. Reads only.

    A message is opened by its number with `messages show`, the attempts at a webhook with `deliveries show`.
    """

    async def show(store: SqlStore) -> None:
        jobs = await _jobs(store, id_)
        if follow:
            await _follow(store, jobs, as_json)
        for job in jobs:
            told = await store.traces.read(job)
            print_lines([_json(_facts(told))] if as_json else _pages(told))

    with suppress(KeyboardInterrupt):  # the way to end --follow
        with_store(given_settings(config), show, read_only=True)


async def _jobs(store: SqlStore, id_: str) -> Sequence[JobRef]:
    found = await store.traces.find(id_)
    if not found.jobs:
        raise PermanentError(f"nothing on record has the id {id_!r}, or one that begins so")
    if found.by_beginning and len(found.jobs) > 1:
        names = ", ".join(f"{job.key} ({job.pack})" for job in found.jobs)
        raise PermanentError(f"ids of several jobs begin with {id_!r}: {names}. Give more of it")
    return found.jobs


async def _follow(store: SqlStore, jobs: Sequence[JobRef], as_json: bool) -> None:
    """Print each step once, as it comes; what became of a message later is told again."""
    seen: set[str] = set()
    marks: dict[JobRef, str] = {}
    while True:
        for job in jobs:
            mark = await store.traces.mark(job)
            if marks.get(job) == mark:
                continue
            told = await store.traces.read(job)
            if job not in marks and not as_json:
                print_lines(_head(told))
            marks[job] = mark
            for step in steps(told):
                line = _json(_step_facts(step))
                if line not in seen:
                    print_lines([line] if as_json else _step_lines(step))
                seen.add(line)
        sys.stdout.flush()
        await asyncio.sleep(LOOK_S)


def _pages(told: JobTrace) -> Iterator[str]:
    yield from _head(told)
    yield ""
    for step in steps(told):
        yield from _step_lines(step)
    waits = waiting(told, now())
    yield ""
    yield "waits:" if waits else "nothing waits"
    yield from (f"  {line}" for line in waits)


def _head(told: JobTrace) -> Iterator[str]:
    yield f"job {told.job.key} of {told.job.pack}"
    for order in told.work_orders:
        entities = ", ".join(f"{each.id} ({each.referred_type})" for each in order.details.related_entity)
        yield f"WorkOrder {order.id}: {order.state.value}, of Buyer {order.buyer}" + (entities and f", for {entities}")
    for visit in told.appointments:
        yield f"Appointment {visit.id}: {visit.status.value}, {period(visit.valid_for)}"


def _step_lines(step: Step) -> Iterator[str]:
    mark = "!" if step.is_trouble else " "
    yield f"{step.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f" {mark} {step.kind.value:<12}  {one_line(step.text)}"
    yield from (f"{'':40}{one_line(detail)}" for detail in step.details)


def _facts(told: JobTrace) -> dict[str, Any]:
    return {
        "job": told.job.key,
        "pack": told.job.pack,
        "workOrders": [
            {"id": order.id, "state": order.state.value, "buyer": order.buyer} for order in told.work_orders
        ],
        "appointments": [
            {"id": visit.id, "status": visit.status.value, "validFor": period(visit.valid_for)}
            for visit in told.appointments
        ],
        "steps": [_step_facts(step) for step in steps(told)],
        "waiting": waiting(told, now()),
    }


def _step_facts(step: Step) -> dict[str, Any]:
    return {
        "at": step.at.isoformat(),
        "kind": step.kind.value,
        "text": step.text,
        "details": list(step.details),
        "isTrouble": step.is_trouble,
        **step.ids,
    }


def _json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False)
