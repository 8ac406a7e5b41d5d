"""What a job told before, as commands write it: the value of a field, typed as in a message.

A value that does not fit any more, because the pack was changed since, counts as absent.
"""

from collections.abc import Mapping

from bridge.domain.model import Job
from bridge.mapping import document
from bridge.mapping.ages import Ages
from bridge.mapping.context import CommandContext, Find, field_reference, written_fields
from bridge.mapping.fields import Field, compile_field
from bridge.mapping.messages import Message
from bridge.mapping.paths import MISSING
from bridge.mapping.scope import Scope
from bridge.mapping.values import Unfit

_NO_MESSAGE = Message(None, "", {})


def compile_remembered(pack: document.PackDocument) -> Mapping[str, Find]:
    """Make a finder for each field that commands write, by its name there: `field.<name>`."""
    return {
        field_reference(name): _finder(compile_field(name, pack.fields[name], pack)) for name in written_fields(pack)
    }


def _finder(field: Field) -> Find:
    def find(context: CommandContext) -> object:
        raw = context.record.get(field.name, MISSING)
        if raw is MISSING:
            return field.default
        job = Job(ref=context.job)
        try:
            return field.convert(raw, Scope(_NO_MESSAGE, job, Ages(job, {}, None)))
        except Unfit:
            return field.default

    return find
