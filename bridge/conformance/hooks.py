"""Hooks: how the suite makes the Seller's side do what no Buyer can ask for. Each is a shell command, or a coroutine.

A command's `{job}` is replaced by the reference that `create-job` printed. It must exit with 0 once the WFM has taken
the report; the suite then waits for what a Buyer can see of it.
"""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Final

from bridge.conformance.findings import NotExercised
from bridge.errors import PermanentError

HOOK_TIMEOUT_S: Final = 60.0


class Hook(StrEnum):
    """What the WFM side can be asked to do."""

    CREATE_JOB = "create-job"
    CREATE_PLAIN_JOB = "create-plain-job"
    CREATE_SELLER_JOB = "create-seller-job"
    START = "start"
    FINISH = "finish"
    BUYER_NO_SHOW = "buyer-no-show"
    SELLER_NO_SHOW = "seller-no-show"
    MOVE_VISIT = "move-visit"
    CANCEL_JOB = "cancel-job"
    CHANGE_TECHNICIAN = "change-technician"
    AGREE_VISIT = "agree-visit"
    TICKET_STATUS = "ticket-status"


MEANINGS: Final[Mapping[Hook, str]] = {
    Hook.CREATE_JOB: "open a job for the Buyer of --token whose visit the Buyer has to book; print its reference, and "
    "after a space the WorkOrder's id if it is known",
    Hook.CREATE_PLAIN_JOB: "open a job for the same Buyer that needs no visit; print the same",
    Hook.CREATE_SELLER_JOB: "open a job of the Seller named by --seller-id, for the Buyer of --several-sellers-token",
    Hook.START: "report that the work of {job} has started",
    Hook.FINISH: "report that the work of {job} is finished",
    Hook.BUYER_NO_SHOW: "report that the visit of {job} failed on the Buyer's side",
    Hook.SELLER_NO_SHOW: "report that the visit of {job} failed on the Seller's side",
    Hook.MOVE_VISIT: "let the Seller move the visit of {job} to another window",
    Hook.CANCEL_JOB: "cancel {job}; after it was started this means that it cannot be completed",
    Hook.CHANGE_TECHNICIAN: "change the Seller's contact of the booked visit of {job} (or add a Seller's note to it)",
    Hook.AGREE_VISIT: "let the Seller agree a visit for {job} that no Buyer has booked, as by phone",
    Hook.TICKET_STATUS: "print the status of the trouble ticket of {job}: pending, inProgress or resolved",
}

Run = Callable[[str], Awaitable[str]]


class HookFailed(PermanentError):
    """A hook's command failed."""


class Hooks:
    """The hooks that were given."""

    def __init__(self, hooks: Mapping[Hook, Run]) -> None:
        self._hooks = hooks

    def has(self, hook: Hook) -> bool:
        """Tell whether a hook was given."""
        return hook in self._hooks

    async def run(self, hook: Hook, job: str = "") -> str:
        """Run a hook and return what it printed; raises `NotExercised` if it was not given."""
        run = self._hooks.get(hook)
        if run is None:
            raise NotExercised(f"needs --hook {hook}=…")
        return (await run(job)).strip()


def parse_hook(text: str) -> tuple[Hook, Run]:
    """Read `name=command`. Raises ValueError with a sentence."""
    name, found, command = text.partition("=")
    if name not in set(Hook):
        raise ValueError(f"there is no hook {name!r}; hooks are {', '.join(Hook)}")
    if not found or not command.strip():
        raise ValueError(f"--hook {name} needs a command: --hook {name}='…'")
    return Hook(name), shell_hook(command)


def shell_hook(command: str) -> Run:
    """Make a hook of a shell command. The job's reference is quoted; it cannot break out of its place."""

    async def run(job: str) -> str:
        return await _shell(command.replace("{job}", shlex.quote(job)))

    return run


async def _shell(command: str) -> str:
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(HOOK_TIMEOUT_S):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise HookFailed(f"the hook's command did not end within {HOOK_TIMEOUT_S:g} s: {command}") from None
    if process.returncode != 0:
        raise HookFailed(f"the hook's command ended with {process.returncode}: {command}\n{err.decode()[:500]}")
    return out.decode()
