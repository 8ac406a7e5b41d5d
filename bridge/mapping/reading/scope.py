"""One translation under way: what its fields are read from, what was read so far, and how old each field is.

A message may be older than what is applied: it was overtaken on the way, or parked until its pack was mended. So that
an older delta brings in what nobody wrote since, and nothing else, the bridge knows of each field of a job by which
versions it was last written; and in which turn, so that what was known before a Buyer's booking is no news after it.
"""

from dataclasses import dataclass, field
from functools import cached_property

from bridge.domain.ages import TURN, Age, Versions, is_behind, next_turn, versions_in
from bridge.domain.model import Job
from bridge.mapping.reading.messages import Message

Remarks = list[str]


@dataclass
class FieldVersions:
    """By which versions the fields of one job were written, while a message of it is read; local to that.

    `kept` are the fields that stay as they were known, `silent` those of them of which the message says nothing.
    `written` are those that it writes; of these, `emptied` are those of which it says that there is none. `message` are
    the versions of the message, `is_late` whether it is older than what is applied, and `is_overtaken_as_a_whole`
    whether a later message of the job was heard, whatever became of that. `moment` is the field that says when it
    happened, which is a message's own at any age. `is_news`: it writes something that no later one has written.
    `precedes`: it occurred before the last visit came to be as it is, so that its turn is long over.
    """

    job: Job
    message: Versions = field(default_factory=dict)
    moment: str | None = None
    is_late: bool = False
    is_overtaken_as_a_whole: bool = False
    kept: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    emptied: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    is_news: bool = False
    precedes: bool = False

    def is_overtaken(self, name: str) -> bool:
        """Tell whether a later message has written a field."""
        return name != self.moment and is_behind(self.message, self._last(name))

    def keep(self, name: str) -> None:
        """Note that a field, or an item, stays as it is."""
        self.kept.add(name)

    def is_known(self, name: str) -> bool:
        """Tell whether it is known when a field, or an item, was written."""
        return name in self.job.field_versions

    def write(self, name: str) -> None:
        """Note that the message writes a field."""
        self.is_news = self.is_news or name != self.moment
        self.written.add(name)

    def write_item(self, name: str) -> None:
        """Note that the message writes an item, or the list as a whole; it may say again what it said before."""
        self.is_news = self.is_news or versions_in(self._last(name)) != self.message
        self.written.add(name)

    def age_of(self, name: str) -> Age:
        """Give the age of a field after the message.

        What was written before by another object's version stays older than that version.
        """
        last = self._last(name)
        if name not in self.written:
            return last
        return self.own if last.keys() <= self.own.keys() else {**last, **self.own}

    @property
    def by_field(self) -> dict[str, Age]:
        """Give the ages of all remembered fields after the message."""
        return {name: age for name in (*self.kept, *self.written) if (age := self.age_of(name))}

    def _last(self, name: str) -> Age:
        """A field of which nobody knows when it was written counts as written by the last message."""
        return self.job.field_versions.get(name, self.job.heard if name in self.job.record else {})

    @cached_property
    def own(self) -> Age:
        """The age of the message. One without versions is as new as what was heard."""
        versions = self.message or self.job.heard
        turn = 0 if self.precedes else next_turn((self.job.ages.agreed, *self.job.field_versions.values()))
        return {**versions, TURN: turn}


@dataclass(slots=True)
class Scope:
    """One translation under way; local to it. `record` is what is known of the job after this message, by field.

    `is_complete`: what the message does not tell is empty; `forgotten` are fields of which this is so in any case.
    `values` has what the Buyer sees of the job, and then each
    field that was read. `tolerant`: required values may be
    missing, because a message yet to come may tell them; `missing` are the fields of which that is so, each with the
    sentence that says what was expected.
    """

    message: Message
    job: Job
    versions: FieldVersions
    changed_names: frozenset[str] = frozenset()
    is_complete: bool = False
    forgotten: frozenset[str] = frozenset()
    values: dict[str, object] = field(default_factory=dict)
    record: dict[str, object] = field(default_factory=dict)
    explained: dict[str, dict[str, object]] = field(default_factory=dict)
    remarks: Remarks = field(default_factory=list)
    tolerant: bool = False
    missing: dict[str, str] = field(default_factory=dict)
