"""Which jobs a command is about: by any id that `trace` takes."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bridge.domain.model import JobRef
from bridge.errors import PermanentError
from bridge.store import SqlStore

AboutOption = Annotated[
    str | None,
    typer.Option("--about", help="Only those of a WorkOrder, Appointment, job or ticket: any id that `trace` takes."),
]


async def jobs_about(store: SqlStore, about: str | None) -> Sequence[JobRef] | None:
    """Find the jobs that an id means, None without one; raises `PermanentError` for an id that nothing has."""
    jobs = None if about is None else (await store.traces.find(about)).jobs
    if jobs is not None and not jobs:
        raise PermanentError(f"nothing on record has the id {about!r}, or one that begins so")
    return jobs
