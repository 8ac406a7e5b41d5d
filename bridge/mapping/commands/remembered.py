"""What a job told before, as commands write it: the value of a field, typed as in a message.

A value that does not fit any more, because the pack was changed since, counts as absent.
"""

from collections.abc import Mapping

from bridge.domain.model import Job
from bridge.mapping import document
from bridge.mapping.commands.context import CommandContext, Find
from bridge.mapping.document.commands import field_column, field_name
from bridge.mapping.formats.paths import MISSING
from bridge.mapping.formats.values import Unfit
from bridge.mapping.reading.ages import Ages
from bridge.mapping.reading.columns import field_getter, field_lookups
from bridge.mapping.reading.fields import Field, compile_field
from bridge.mapping.reading.messages import Message
from bridge.mapping.reading.scope import Scope

_NO_MESSAGE = Message(None, "", {})


def compile_remembered(pack: document.PackDocument) -> Mapping[str, Find]:
    """Make a finder for what commands write of fields, by its name there: `field.<name>` or `field.<name>.<column>`."""
    return {reference: _compiled(reference, pack) for reference in pack.field_references}


def _compiled(reference: str, pack: document.PackDocument) -> Find:
    name, column = field_name(reference) or "", field_column(reference)
    find = _finder(compile_field(name, pack.fields[name], pack))
    if column is None:
        return find
    get = field_getter(f"{name}.{column}", field_lookups(pack))
    return lambda context: get({name: find(context)})


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
