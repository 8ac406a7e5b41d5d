"""Turns the effects of a decision into messages for the WFM, by the pack's commands."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from bridge.domain.model import (
    AddNote,
    CommandId,
    CommandKind,
    Job,
    SetTicketStatus,
    WfmEffect,
    WorkOrder,
)
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.replies import COMPENSATION
from bridge.mapping.commands.context import CommandContext
from bridge.mapping.pack import Pack

CAUSE_HEADER = "x-correlation-id"
"""The AMQP header that leads from a message for the WFM to what caused it."""


def messages_for(
    pack: Pack, job: Job, effects: Sequence[WfmEffect], new_id: Callable[[], str], now: datetime, cause: str = ""
) -> list[BusMessage]:
    """Render the effects that the pack has a command for, in order; `cause` as in `to_bus_message`."""
    rendered: list[BusMessage] = []
    if job.work_order is None:
        return rendered
    for effect in effects:
        kind, context = _context(job, job.work_order, effect, CommandId(new_id()), now)
        if pack.has_command(kind):
            rendered.append(to_bus_message(pack, kind, context, cause))
    return rendered


def to_bus_message(pack: Pack, kind: CommandKind, context: CommandContext, cause: str) -> BusMessage:
    """Render one command. The reply finds it by the context's correlation id.

    `cause` is the correlation id of the request or message that led to it; it goes along as a header.
    """
    rendered = pack.render(kind, context)
    return BusMessage(
        pack=pack.name,
        exchange=rendered.exchange,
        routing_key=rendered.routing_key,
        body=rendered.body,
        content_type=rendered.content_type,
        headers={CAUSE_HEADER: cause} if cause else {},
        message_id=context.command,
        correlation_id=context.correlation_id,
        reply_expected=rendered.reply_expected,
        job=context.job,
    )


def _context(
    job: Job, work_order: WorkOrder, effect: WfmEffect, command: CommandId, now: datetime
) -> tuple[CommandKind, CommandContext]:
    context = CommandContext(command=command, job=job.ref, work_order=work_order, record=job.record, now=now)
    if isinstance(effect, SetTicketStatus):
        return CommandKind.TICKET, replace(context, ticket=effect.ticket, ticket_status=effect.status)
    if isinstance(effect, AddNote):
        return CommandKind.NOTE, replace(context, appointment=job.appointment, note=effect.text)
    return CommandKind.CANCEL, replace(
        context, correlation=f"{effect.command}{COMPENSATION}", visit=effect.visit, window=effect.window
    )
