"""Runs checks against a target, several at a time: most of a check is waiting for what must, or must not, be seen."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from time import monotonic
from typing import Final

from bridge.conformance.catalogue import AFTERWARDS, CHECKS
from bridge.conformance.check import Check
from bridge.conformance.findings import Failed, NotExercised
from bridge.conformance.hooks import HookFailed
from bridge.conformance.report import Outcome, Report, Result
from bridge.conformance.scene import Scene, Stage
from bridge.conformance.target import Target

AT_A_TIME: Final = 8

Progress = Callable[[Result], None]


async def run(
    target: Target,
    only: Collection[str] = (),
    *,
    at_a_time: int = AT_A_TIME,
    progress: Progress = lambda _: None,
) -> Report:
    """Run all checks, or those of some requirements or with some ids. The target must be open."""
    begun = monotonic()
    stage = Stage(target)
    try:
        await stage.set_up()
        results = await _together(stage, _chosen(CHECKS, only), at_a_time, progress)
        results += await _together(stage, _chosen(AFTERWARDS, only), 1, progress)
    finally:
        await stage.tear_down()
    order = {check: number for number, check in enumerate((*CHECKS, *AFTERWARDS))}
    return Report(sorted(results, key=lambda result: order[result.check]), monotonic() - begun)


def _chosen(checks: Iterable[Check], only: Collection[str]) -> list[Check]:
    return [check for check in checks if not only or check.requirement in only or check.id in only]


async def _together(stage: Stage, checks: list[Check], at_a_time: int, progress: Progress) -> list[Result]:
    turns = asyncio.Semaphore(at_a_time)

    async def take_turn(check: Check) -> Result:
        async with turns:
            result = await _run(stage, check)
        progress(result)
        return result

    return await asyncio.gather(*map(take_turn, checks))


async def _run(stage: Stage, check: Check) -> Result:
    begun, scene = monotonic(), Scene(stage)
    outcome, reason = Outcome.PASSED, ""
    evidence: tuple[str, ...] = ()
    try:
        await check.run(scene)
    except NotExercised as missing:
        outcome, reason = Outcome.NOT_EXERCISED, str(missing)
    except Failed as failed:
        outcome, reason = Outcome.FAILED, str(failed)
        evidence = tuple(each.text() for each in failed.evidence)
    except HookFailed as failed:
        outcome, reason = Outcome.FAILED, str(failed)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as wrong:
        # A body that was not held against its shape before it was used; what was used is missing or of a wrong type.
        outcome, reason = Outcome.FAILED, f"an answer has not the shape that was expected: {wrong!r}"
        evidence = tuple(each.text() for each in stage.target.log[-1:])
    finally:
        seconds = monotonic() - begun
        await scene.end()
    return Result(check, outcome, seconds, reason, evidence)
