"""A compiled pack: through it the bridge speaks to a WFM. Pure; no method raises on a message's content."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bridge.domain.model import Appointment, CommandKind, Job
from bridge.errors import PermanentError
from bridge.mapping.commands.command import Command, CommandContext, Rendered
from bridge.mapping.commands.correlation import ReadCorrelation, Replies
from bridge.mapping.commands.replies import ReplyRead
from bridge.mapping.formats.values import Misread
from bridge.mapping.reading.messages import Identity, Read, Reading, Skipped, Unreadable
from bridge.mapping.translator import Awaits, Ignored, Translated, Translation, Translator, Unmapped
from bridge.mef.models import RelatedContactInformation

__all__ = [
    "Awaits",
    "CommandContext",
    "Ignored",
    "Inbound",
    "NoSuchCommand",
    "Pack",
    "Read",
    "Reading",
    "Rendered",
    "Replies",
    "ReplyRead",
    "Skipped",
    "Translated",
    "Unmapped",
    "UnofferedWindow",
    "Unreadable",
]

UnofferedWindow = Literal["search", "pass", "refuse"]


class NoSuchCommand(PermanentError):
    """The pack has no such command."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """Where the WFM's messages come from: its exchange and the binding keys of our queue."""

    exchange: str
    bindings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Everything the bridge knows of one WFM.

    `version` is the declared version, "+" and eight hex digits of the content's hash. `seller_contact` stands in as
    sellerAppointmentContact when nobody is assigned. `unoffered_window` is the policy for a window never offered.
    `replies` is given where answers do not come by AMQP's reply_to and correlation_id.
    """

    name: str
    version: str
    inbound: Inbound
    seller_contact: RelatedContactInformation
    unoffered_window: UnofferedWindow
    identity: Identity = field(repr=False)
    translator: Translator = field(repr=False)
    commands: Mapping[CommandKind, Command] = field(repr=False)
    replies: Replies | None = None
    correlation: ReadCorrelation | None = field(default=None, repr=False)

    def has_command(self, kind: CommandKind) -> bool:
        """Tell whether the WFM can be asked for this."""
        return kind in self.commands

    def moved_appointment(self, job: Job) -> Appointment | None:
        """Return the one whose visit the WFM still has where the Seller moved it (R27): a booking moves that one.

        None where there is none, or the WFM cannot be asked to move a visit.
        """
        moved = job.appointment is not None and job.appointment.moved_window is not None
        return job.appointment if moved and self.has_command(CommandKind.RESCHEDULE) else None

    def read(self, body: bytes, routing_key: str, headers: Mapping[str, str]) -> Read:
        """Read who a message is about; of a message of several parts, the first."""
        return self.read_all(body, routing_key, headers)[0]

    def read_all(self, body: bytes, routing_key: str, headers: Mapping[str, str]) -> Sequence[Read]:
        """Read who a message, or each of its parts, is about; at least one answer, whatever the bytes are."""
        try:
            return self.identity.read(body, routing_key, headers)
        except Misread as misread:
            return [Unreadable(str(misread), {"pack": self.version, "reason": str(misread)})]

    def translate(self, reading: Reading, job: Job) -> Translation:
        """Say what a message means for its job."""
        return self.translator.translate(reading, job)

    def render(self, kind: CommandKind, context: CommandContext) -> Rendered:
        """Write a command. Raises `NoSuchCommand`, or `Unrenderable` when a value without a default is absent."""
        return self._command(kind).render(context)

    def read_reply(self, kind: CommandKind, body: bytes) -> ReplyRead | Unreadable:
        """Read the WFM's answer to a command. Raises `NoSuchCommand`."""
        reader = self._command(kind).reply
        if reader is None:
            reason = f"command {kind} has no reply in this pack"
            return Unreadable(reason, {"pack": self.version, "reason": reason})
        return reader.read(body)

    def correlation_of(self, body: bytes, correlation_id: str) -> str | Unreadable:
        """Say what an answer is known by: what its body bears where the pack says so, else AMQP's `correlation_id`."""
        try:
            return self.correlation(body) if self.correlation is not None else correlation_id
        except Misread as misread:
            return Unreadable(str(misread), {"pack": self.version, "reason": str(misread)})

    def _command(self, kind: CommandKind) -> Command:
        try:
            return self.commands[kind]
        except KeyError:
            raise NoSuchCommand(f"pack {self.name} has no command {kind}") from None
