"""One translation under way: what its fields are read from, and what was read so far."""

from dataclasses import dataclass, field

from bridge.domain.model import Job
from bridge.mapping.reading.ages import Ages
from bridge.mapping.reading.messages import Message

Remarks = list[str]


@dataclass(slots=True)
class Scope:
    """One translation under way; local to it. `record` is what is known of the job after this message, by field.

    `tolerant`: required values may be missing, because a message yet to come may tell them; `missing` are the fields
    of which that is so, each with the sentence that says what was expected. `ages` are those of the job's fields.
    """

    message: Message
    job: Job
    ages: Ages
    changed_names: frozenset[str] = frozenset()
    values: dict[str, object] = field(default_factory=dict)
    record: dict[str, object] = field(default_factory=dict)
    explained: dict[str, dict[str, object]] = field(default_factory=dict)
    remarks: Remarks = field(default_factory=list)
    tolerant: bool = False
    missing: dict[str, str] = field(default_factory=dict)
