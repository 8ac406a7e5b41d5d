"""What is known of a job between its messages: the fields that they told, typed as in a message.

A Buyer books between two messages of the WFM, and commands and replies speak of the job, too. What is of one message
alone is not known then; neither is a value that does not fit any more, because the pack was changed since.
"""

from collections.abc import Callable, Collection, Mapping

from bridge.domain.model import Job, JobRef
from bridge.mapping import document
from bridge.mapping.formats.paths import MISSING
from bridge.mapping.formats.values import Misread, Unfit, Values
from bridge.mapping.reading.fields import Field, compile_field
from bridge.mapping.reading.messages import Message
from bridge.mapping.reading.references import states_of
from bridge.mapping.reading.scope import FieldVersions, Scope

Recall = Callable[[Job], Values]
Record = Mapping[str, object]
_NOTHING = Message(None, "", {})
_NOBODY = JobRef("", "")


def compile_recall(pack: document.PackDocument, references: Collection[str]) -> Recall:
    """Make a function that gives these fields, or columns of their tables, and what they are made of."""
    names = pack.fields_below(references)
    fields = [compile_field(name, spec, pack) for name, spec in pack.fields.items() if name in names]

    def recall(job: Job) -> Values:
        scope = Scope(_NOTHING, job, FieldVersions(job), values=states_of(job), record={**job.record}, tolerant=True)
        for field in fields:
            scope.values[field.name] = _value(field, scope)
        return scope.values

    return recall


def recalled_field(field: Field) -> Callable[[Record], object]:
    """Make a function that gives the value of a field that is read by a path; its default where it is not known."""

    def find(record: Record) -> object:
        job = Job(ref=_NOBODY, record=record)
        return _value(field, Scope(_NOTHING, job, FieldVersions(job)))

    return find


def _value(field: Field, scope: Scope) -> object:
    """A field that is remembered has its raw value in the record; one that is made is made again."""
    raw = scope.job.record.get(field.name, MISSING) if field.in_data is not None else field.find(scope)
    if raw is MISSING:
        return field.default
    scope.explained[field.name] = {}  # items are explained as they are read
    try:
        return field.convert(raw, scope)
    except (Unfit, Misread):
        return field.default
