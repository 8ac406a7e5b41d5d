"""One translation under way: what its fields are read from, what was read so far, and how old each field is.

A message may be older than what is applied: it was overtaken on the way, or parked until its pack was mended. So that
an older delta brings in what nobody wrote since, and nothing else, the bridge knows of each field of a job by which
versions it was last written.
"""

from dataclasses import dataclass, field
from functools import cached_property

from bridge.domain.model import Job
from bridge.domain.order import Versions, is_behind
from bridge.mapping.reading.messages import Message

Remarks = list[str]


@dataclass
class FieldVersions:
    """By which versions the fields of one job were written, while a message of it is read; local to that.

    `by_field` has them as they are after the message, and `kept` the fields that stay as they were known. `message` are
    the versions of the message, and `is_late` whether it is older than what is applied. `moment` is the field that says
    when it happened, which is a message's own at any age. `is_news`: it writes something that no later one has written.
    """

    job: Job
    message: Versions = field(default_factory=dict)
    moment: str | None = None
    is_late: bool = False
    by_field: dict[str, Versions] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    is_news: bool = False

    def is_overtaken(self, name: str) -> bool:
        """Tell whether a later message has written a field."""
        return self.is_late and name != self.moment and is_behind(self.message, self._last(name))

    def keep(self, name: str) -> None:
        """Note that a field stays as it is."""
        self.kept.add(name)
        if last := self._last(name):
            self.by_field[name] = last

    def write(self, name: str) -> None:
        """Note that the message writes a field."""
        self.is_news = self.is_news or name != self.moment
        if self._now:
            self.by_field[name] = self._now

    def _last(self, name: str) -> Versions:
        """A field of which nobody noted when it was written counts as written by the last message."""
        return self.job.field_versions.get(name, self.job.versions if name in self.job.record else {})

    @cached_property
    def _now(self) -> Versions:
        return self.message if self.is_late else {**self.job.versions, **self.message}


@dataclass(slots=True)
class Scope:
    """One translation under way; local to it. `record` is what is known of the job after this message, by field.

    `values` has what the Buyer sees of the job, and then each field that was read. `tolerant`: required values may be
    missing, because a message yet to come may tell them; `missing` are the fields of which that is so, each with the
    sentence that says what was expected.
    """

    message: Message
    job: Job
    versions: FieldVersions
    changed_names: frozenset[str] = frozenset()
    values: dict[str, object] = field(default_factory=dict)
    record: dict[str, object] = field(default_factory=dict)
    explained: dict[str, dict[str, object]] = field(default_factory=dict)
    remarks: Remarks = field(default_factory=list)
    tolerant: bool = False
    missing: dict[str, str] = field(default_factory=dict)
