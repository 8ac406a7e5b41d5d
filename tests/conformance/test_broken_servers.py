"""The suite fails where it should: each fault is found by the requirement that it breaks, and no other is blamed."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from bridge.cli.self_hosted import self_hosted
from bridge.conformance.catalogue import CHECKS
from bridge.conformance.hooks import Hook, Hooks, Run
from bridge.conformance.listener import Listener
from bridge.conformance.runner import run
from bridge.conformance.target import Target
from bridge.mef.enums import Api
from tests.conformance.faults import FAULTS
from tests.conformance.once import once
from tests.conformance.proxy import BrokenServer, Fault
from tests.support import PATIENCE_S, eventually

pytestmark = [pytest.mark.integration]

AT_A_TIME = 3
Verdicts = dict[str, dict[str, str]]


@pytest.fixture(scope="session")
def verdicts(
    rabbitmq_url: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Verdicts:
    """By fault, the verdicts on what it breaks and spares. One bridge stands behind all of them."""
    wanted = {marker.args[0] for item in request.session.items for marker in item.iter_markers("fault")}
    faults = [fault for fault in FAULTS if fault.name in wanted]

    async def check() -> Verdicts:
        async with self_hosted(rabbitmq_url, prefix="broken") as target:
            turns = asyncio.Semaphore(AT_A_TIME)
            results = await asyncio.gather(*(_probe(target, fault, turns) for fault in faults))
        return dict(zip((fault.name for fault in faults), results, strict=True))

    result: Verdicts = once(tmp_path_factory, worker_id, "broken", lambda: asyncio.run(check()))
    return result


async def _probe(target: Target, fault: Fault, turns: asyncio.Semaphore) -> dict[str, str]:
    """Judge a fault. What must come and is broken costs all of our patience, so there is little of it at first.

    Where the machine is too busy for that, what is not broken is blamed too: then with so much that it is not.
    """
    async with turns:
        found = await _verdicts(target, fault, patience=6.0)
        return found if found == expected(fault) else await _verdicts(target, fault, patience=PATIENCE_S / 2)


async def _verdicts(target: Target, fault: Fault, patience: float) -> dict[str, str]:
    only = {*fault.breaks, *map(_first_check, fault.spares)}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(BrokenServer(target.url, fault))
        listener = await stack.enter_async_context(Listener())
        knobs = replace(target.knobs, patience=patience, quiet=1.5, retry=patience)
        broken = Target(server.url, target.accounts, _with_ids(target), listener, target.irp, knobs)
        await stack.enter_async_context(broken)
        report = await run(broken, only, at_a_time=4)
    return {each: report.verdict(each).value for each in (*fault.breaks, *fault.spares)}


def expected(fault: Fault) -> dict[str, str]:
    return {**dict.fromkeys(fault.breaks, "failed"), **dict.fromkeys(fault.spares, "passed")}


def _first_check(requirement: str) -> str:
    return next(check.id for check in CHECKS if check.requirement == requirement)


def _with_ids(target: Target) -> Hooks:
    """The hooks, with the WorkOrder's id told: several suites at once could not tell whose new WorkOrder it is."""

    def telling(hook: Hook) -> Run:
        async def create(job: str) -> str:
            reference = await target.hooks.run(hook, job)
            return f"{reference} {await _work_order(target, reference)}"

        return create

    def plain(hook: Hook) -> Run:
        return lambda job: target.hooks.run(hook, job)

    creating = (Hook.CREATE_JOB, Hook.CREATE_PLAIN_JOB)
    return Hooks({hook: telling(hook) if hook in creating else plain(hook) for hook in Hook})


async def _work_order(target: Target, job: str) -> str:
    ticket = f"TT-{int(job.removeprefix('J-'))}"

    async def found() -> list[Any]:
        return (await target.send("GET", Api.WORK_ORDER, "/workOrder", parameters={"relatedEntityId": ticket})).items

    return str((await eventually(found))[0]["id"])


def _parameter(fault: Fault) -> ParameterSet:
    return pytest.param(fault, id=fault.name.replace(" ", "-"), marks=[pytest.mark.fault(fault.name)])


@pytest.mark.parametrize("fault", [_parameter(fault) for fault in FAULTS])
def test_the_fault_is_found_and_nothing_else_is_blamed(fault: Fault, verdicts: Verdicts) -> None:
    assert verdicts[fault.name] == expected(fault)


def test_there_are_enough_faults_and_each_has_a_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 18
