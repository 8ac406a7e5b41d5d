"""One command towards the WFM with all that belongs to it, found in what is on record of its job. Pure."""

from bridge.domain.model import CommandId
from bridge.flows.operator import CommandStory
from bridge.flows.ports.job_trace import JobTrace, TracedCommand
from bridge.flows.replies import known_by


def command_story(command: TracedCommand, trace: JobTrace) -> CommandStory:
    """Find the WFM's replies to a command, and what was sent to take it back; `trace` is that of its job."""
    id_ = command.command.id

    def is_about(correlation_id: str) -> bool:
        return known_by(correlation_id).command == CommandId(id_)

    return CommandStory(
        command=command,
        replies=tuple(each for each in trace.messages if is_about(each.entry.raw.correlation_id)),
        sent=tuple(each for each in trace.sent if is_about(each.message.correlation_id)),
    )
