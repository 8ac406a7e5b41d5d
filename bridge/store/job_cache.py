"""Jobs as this process committed or loaded them last, so that their next message need not read them again.

Each job has a revision in the database, which every change of it raises. Who has locked the job reads that first: a job
that is kept here at the same revision is as the database has it, whoever else may write there.
"""

from collections import OrderedDict

from bridge.domain.model import Job, JobRef

MOST = 4096
"""At some 10 kB each."""


class JobCache:
    """The jobs of late, at most `most`; the longest unused go first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[JobRef, tuple[int, Job]] = OrderedDict()

    def at(self, ref: JobRef, revision: int) -> Job | None:
        """Give a job if it is kept at this revision."""
        kept = self._kept.get(ref)
        if kept is None or kept[0] != revision:
            return None
        self._kept.move_to_end(ref)
        return kept[1]

    def keep(self, job: Job, revision: int) -> None:
        """Keep a job as it is in the database at this revision: call it after the commit."""
        self._kept[job.ref] = revision, job
        self._kept.move_to_end(job.ref)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
