"""A compiled pack: through it the bridge speaks to a WFM. Pure; no method raises on a message's content.

Every part of a pack compiles in its own module, to closures and frozen values; nothing of that can fail on a document
that the checker has passed.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from bridge.domain.model import Appointment, CommandKind, Job
from bridge.errors import PermanentError
from bridge.mapping.commands.command import CommandTemplate, Rendered, compile_command
from bridge.mapping.commands.context import CommandContext, compile_remembered
from bridge.mapping.commands.reply import ReadCorrelation, Replies, ReplyRead, compile_correlation, compile_replies
from bridge.mapping.document import PackDocument, PartitionBy
from bridge.mapping.formats.paths import compile_path
from bridge.mapping.formats.values import Misread
from bridge.mapping.grounds import compile_grounds
from bridge.mapping.outputs.sections import VisitBuilder, compile_visit, compile_work_order
from bridge.mapping.reading.fields import compile_fields
from bridge.mapping.reading.messages import (
    Read,
    Reading,
    Skipped,
    Unreadable,
    compile_completeness,
    compile_forgets,
    compile_identity,
)
from bridge.mapping.reading.references import field_lookups, table_lookup
from bridge.mapping.rules import compile_rules
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

_UNKNOWN: Final[Mapping[str, object]] = {}
_NO_HEADERS: Final[Mapping[str, str]] = {}
UnofferedWindow = Literal["search", "pass", "refuse"]


class NoSuchCommand(PermanentError):
    """The pack has no such command."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """Where the WFM's messages come from: its exchange, the binding keys of our queue, and what they may be divided by
    before anybody has read them.
    """

    exchange: str
    bindings: tuple[str, ...]
    partition_by: PartitionBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Everything the bridge knows of one WFM.

    `read_all` says who a message, or each of its parts, is about: at least one reading, whatever the bytes are.
    `translate` says what a reading means for its job as it stands; it is that of `translator`, whose rules tools show.
    `version` is the declared version, "+" and eight hex digits of the content's hash. `seller_contact` gives the
    sellerAppointmentContact of a visit that is booked for a job as it stands. `unoffered_window` is the policy for a
    window never offered.
    `replies` is there where replies do not come by AMQP's reply_to and correlation_id.
    `document` is what it was compiled of, `data` the same as it was written.
    """

    name: str
    version: str
    inbound: Inbound
    seller_contact: Callable[[Job], RelatedContactInformation] = field(repr=False)
    unoffered_window: UnofferedWindow
    read_all: Callable[[bytes, str, Mapping[str, str]], Sequence[Read]] = field(repr=False)
    translate: Callable[[Reading, Job], Translation] = field(repr=False)
    translator: Translator = field(repr=False)
    commands: Mapping[CommandKind, CommandTemplate] = field(repr=False)
    document: PackDocument = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    replies: Replies | None = None
    correlation: ReadCorrelation | None = field(default=None, repr=False)

    def has_command(self, kind: CommandKind) -> bool:
        """Tell whether the WFM can be asked for this."""
        return kind in self.commands

    @property
    def asks_all_periods(self) -> bool:
        """Tell whether the WFM is asked once for all periods of a search, rather than for each of them."""
        return self.has_command(CommandKind.SEARCH) and self.commands[CommandKind.SEARCH].all_periods

    def moved_appointment(self, job: Job) -> Appointment | None:
        """Return the one whose visit the WFM still has where the Seller moved it (R27): a booking moves that one.

        None where there is none, or the WFM cannot be asked to move a visit.
        """
        moved = job.appointment is not None and job.appointment.moved_window is not None
        return job.appointment if moved and self.has_command(CommandKind.RESCHEDULE) else None

    def read(self, body: bytes, routing_key: str, headers: Mapping[str, str]) -> Read:
        """Read who a message is about; of a message of several parts, the first."""
        return self.read_all(body, routing_key, headers)[0]

    def render(self, kind: CommandKind, context: CommandContext) -> Rendered:
        """Write a command. Raises `NoSuchCommand`, or `Unrenderable` when a value without a default is absent."""
        return self._command(kind).render(context)

    def read_reply(
        self,
        kind: CommandKind,
        body: bytes,
        record: Mapping[str, object] = _UNKNOWN,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> ReplyRead | Unreadable:
        """Read the WFM's reply to a command; `record` is what its job told before. Raises `NoSuchCommand`."""
        reader = self._command(kind).reply
        if reader is None:
            reason = f"command {kind} has no reply in this pack"
            return Unreadable(reason, {"pack": self.version, "reason": reason})
        return reader.read(body, record, headers)

    def correlation_of(
        self, body: bytes, correlation_id: str, headers: Mapping[str, str] = _NO_HEADERS
    ) -> str | Unreadable:
        """Say what a reply is known by: what its body bears where the pack says so, else AMQP's `correlation_id`."""
        try:
            return self.correlation(body, headers) if self.correlation is not None else correlation_id
        except Misread as misread:
            return Unreadable(str(misread), {"pack": self.version, "reason": str(misread)})

    def _command(self, kind: CommandKind) -> CommandTemplate:
        try:
            return self.commands[kind]
        except KeyError:
            raise NoSuchCommand(f"pack {self.name} has no command {kind}") from None


def compile_pack(document: PackDocument, data: Mapping[str, Any]) -> Pack:
    """Compile a checked document; `data` is the plain data it was made of, whose hash goes into the version."""
    version = f"{document.version}+{content_hash(data)}"
    tables = {name: table_lookup(table) for name, table in document.tables.items()}
    fields = compile_remembered(document)
    visit = compile_visit(document)
    translator = _translator(document, version, visit)
    return Pack(
        name=document.pack,
        version=version,
        inbound=Inbound(document.inbound.exchange, document.inbound.bindings, document.inbound.partition_by),
        seller_contact=visit.seller.of_job,
        unoffered_window=document.policies.unoffered_window,
        read_all=compile_identity(document, version).read_all,
        translate=translator.translate,
        translator=translator,
        commands={
            kind: compile_command(command, document, tables, fields, version)
            for kind, command in document.commands.items()
        },
        document=document,
        data=data,
        replies=compile_replies(document.replies) if document.replies is not None else None,
        correlation=compile_correlation(document),
    )


def content_hash(data: object) -> str:
    """Give eight hex digits that change with any value of a pack, but not with its comments and layout."""
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:8]


def _translator(document: PackDocument, version: str, visit: VisitBuilder) -> Translator:
    changed_names = document.inbound.changed_names
    return Translator(
        version=version,
        fields=compile_fields(document),
        rules=compile_rules(document.rules, field_lookups(document), document.policies.on_illegal),
        grounds=compile_grounds(document),
        work_order=compile_work_order(document),
        visit=visit,
        occurred_at=document.inbound.occurred_at,
        changed_names=compile_path(changed_names) if changed_names is not None else None,
        deltas=bool(document.inbound.deltas),
        keeps=bool(document.kept_fields),
        is_complete=compile_completeness(document.inbound.deltas),
        forgotten=compile_forgets(document),
        window_fields=document.window_fields,
        visit_fields=document.visit_fields,
    )
