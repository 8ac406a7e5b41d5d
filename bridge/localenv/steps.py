"""The steps that are the same for every service: it has a name in the environment, or we start it and stop it again."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from bridge.localenv.process import await_ready, keep
from bridge.localenv.service import NotHere, Service, Step, Unavailable, without_secrets

CONTAINER_DEADLINE_S = 120.0

Start = Callable[[ExitStack], str]
"""Starts the service and gives its address; what is on the stack ends it."""


def named(
    name: str, variable: str, environ: Mapping[str, str], trouble_of: Callable[[str], str | None]
) -> Service[str]:
    """Take the service at the address in the environment. Raises `Unavailable` when it fails there."""
    url = environ.get(variable)
    if not url:
        raise NotHere(f"{variable} is not set")
    if trouble := trouble_of(url):
        raise Unavailable(name, [f"{variable} points at {without_secrets(url)}, which failed: {trouble}"])
    return Service(url, Step.ENV, f"{name} at {without_secrets(url)}, from {variable}")


def in_container(name: str, image: str, start: Start, answers: Callable[[str], bool]) -> Service[str]:
    """Start the service in a container, and wait until it answers."""

    def start_ready(stack: ExitStack) -> str:
        url = start(stack)
        await_ready(lambda: answers(url), what=f"the container {image}", deadline_s=CONTAINER_DEADLINE_S)
        return url

    url, stop = keep(start_ready)
    return Service(url, Step.CONTAINER, f"{name} in a container ({image}) at {without_secrets(url)}", stop)


def private(name: str, programs: str, start: Start) -> Service[str]:
    """Start the service from installed programs."""
    url, stop = keep(start)
    return Service(url, Step.CHILD, f"{name} from {programs} as a private process at {without_secrets(url)}", stop)
