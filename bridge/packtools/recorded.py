"""The journal and the stored commands as one story, in the order in which it happened, to be replayed."""

from collections.abc import Mapping, Sequence

from bridge.domain.model import Command, CommandId, CommandState
from bridge.flows.ports import RecordedEntry
from bridge.flows.replies import known_by
from bridge.packtools.replay import Answered, Asked, Event, Expired, Message
from bridge.packtools.sandbox import RawMessage

_OF_COMMANDS = ("commands.", "replies.")
"""How the rules begin of journal entries that are about commands; no rule of a pack has a dot."""

_ORDER = (Message, Asked, Answered, Expired)


def events_of(entries: Sequence[RecordedEntry], commands: Sequence[Command]) -> list[Event]:
    """Put what was recorded of one pack in order. What never reached the broker did not happen."""
    asked = {command.id: command for command in commands if command.state is not CommandState.FAILED}
    told = sorted(entries, key=lambda one: one.number)
    events = [*_messages(told), *_answers(told, asked), *_deadlines(asked)]
    return sorted(events, key=lambda event: (event.at, _ORDER.index(type(event))))


def _messages(entries: Sequence[RecordedEntry]) -> list[Event]:
    """The parts of one message have an entry each, and so has a message that was parked and taken up again."""
    found = {
        (entry.raw.body, entry.raw.received_at): Message(
            f"no. {recorded.number}",
            RawMessage(body=entry.raw.body, routing_key=entry.raw.routing_key, headers=entry.raw.headers),
            entry.raw.received_at,
        )
        for recorded in entries
        if not ((entry := recorded.entry).rule or "").startswith(_OF_COMMANDS)
    }
    return list(found.values())


def _answers(entries: Sequence[RecordedEntry], asked: Mapping[CommandId, Command]) -> list[Event]:
    """Those that could not be read count, too: another pack may read them."""
    return [
        Answered(f"no. {recorded.number}", command, entry.raw.body, entry.raw.received_at)
        for recorded in entries
        if ((entry := recorded.entry).rule or "").startswith(_OF_COMMANDS)
        and not (known := known_by(entry.raw.correlation_id)).is_compensation
        and (command := asked.get(known.command)) is not None
    ]


def _deadlines(asked: Mapping[CommandId, Command]) -> list[Event]:
    events: list[Event] = []
    for command in asked.values():
        name = f"{command.kind} {command.id}"
        events.append(Asked(name, command, command.created_at))
        if command.state is not CommandState.PENDING:
            events.append(Expired(f"deadline of {name}", command, command.expires_at))
    return events
