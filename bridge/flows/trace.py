"""The story of one job, step by step: of what is on record, what happened when, and what waits for what now.

Values in, values out: the command line, and whoever else shows a story, gives it the form.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import cast

from bridge.domain.model import CommandKind, CommandState, Outcome
from bridge.domain.retry import is_taken
from bridge.flows.ports.job_trace import AnnouncedEvent, JobTrace, TracedCommand, TracedDelivery
from bridge.flows.ports.journal_entry import JournalEntry, RecordedEntry
from bridge.flows.ports.outbox_entry import OutboxReport, OutboxState
from bridge.flows.ports.refused_request import RefusedRequest
from bridge.flows.ports.webhook_delivery import Attempt, DeliveryReport, DeliveryState
from bridge.mef.models import TimePeriod


class StepKind(StrEnum):
    """What a step is."""

    REQUEST = "request"
    COMMAND = "command"
    MESSAGE = "message"
    RESULT = "result"
    SENT = "sent"
    NOTIFICATION = "notification"
    ATTEMPT = "attempt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened. `details` are what belongs to it, a line each; `ids` lead further, by name.

    `is_trouble` marks what somebody may have to look at.
    """

    at: datetime
    kind: StepKind
    text: str
    details: tuple[str, ...] = ()
    ids: Mapping[str, str | int] = field(default_factory=dict)
    is_trouble: bool = False


def steps(trace: JobTrace) -> list[Step]:
    """Tell what happened, in order; of what happened at one moment, causes come before what they led to."""
    told = [
        *map(_refused, trace.refused),
        *map(_message, trace.messages),
        *(step for each in trace.commands for step in _command(each)),
        *(step for each in trace.sent for step in _sent(each)),
        *map(_notification, trace.events),
        *(_attempt(delivery, each) for delivery in trace.deliveries for each in delivery.attempts),
    ]
    order = list(StepKind)
    return sorted(told, key=lambda step: (step.at, order.index(step.kind)))


def waiting(trace: JobTrace, now: datetime) -> list[str]:
    """Tell what waits now, and for what; nothing if the story has come to its end so far."""
    return [
        *(line for each in trace.messages for line in _message_waits(each)),
        *(line for each in trace.commands for line in _command_waits(each, now)),
        *(line for each in trace.sent for line in _outbox_waits(each, now)),
        *_deliveries_wait(trace.deliveries, now),
    ]


def _message(recorded: RecordedEntry) -> Step:
    entry = recorded.entry
    by = f" by rule {entry.rule}" if entry.rule else ""
    why = f": {entry.reason}" if entry.reason else ""
    hops = [f"{hop.resource} {hop.id} {hop.source or 'new'} → {hop.target}" for hop in entry.transitions]
    ids: dict[str, str | int] = {"message": recorded.number, "correlationId": entry.raw.correlation_id}
    if entry.message is not None:
        ids["messageId"] = entry.message
    return Step(
        at=entry.raw.received_at,
        kind=StepKind.MESSAGE,
        text=f"{recorded.number} {_what(entry)}: {entry.outcome.value}{by}{why}",
        details=(*hops, *entry.flags),
        ids=ids,
        is_trouble=entry.outcome is Outcome.PARKED,
    )


def _what(entry: JournalEntry) -> str:
    """Name a message by its routing key; one that a rule of the replies took (no rule of a pack has a dot) has none."""
    if entry.rule is not None and "." in entry.rule:
        return "reply"
    return entry.raw.routing_key or "without a routing key"


def _message_waits(recorded: RecordedEntry) -> Iterator[str]:
    entry = recorded.entry
    if entry.outcome is Outcome.PARKED:
        yield f"message {recorded.number} is parked: it waits for `mef-bridge messages replay`"
    elif entry.outcome is Outcome.WAITING:
        until = f" until {moment(entry.due_at)}" if entry.due_at is not None else ""
        yield f"message {recorded.number} waits{until}: {entry.reason}"


def _refused(request: RefusedRequest) -> Step:
    return Step(
        at=request.at,
        kind=StepKind.REQUEST,
        text=f"{request.operation} of {request.requester} was answered {request.status}: {request.reason}",
        ids={"correlationId": request.correlation_id, "status": request.status},
        is_trouble=True,
    )


def _command(traced: TracedCommand) -> Iterator[Step]:
    command = traced.command
    ids = {"command": command.id, "correlationId": command.correlation_id}
    yield Step(
        at=command.created_at,
        kind=StepKind.COMMAND,
        text=f"Buyer {command.buyer} asks the WFM to {command.asked_as.value}{_asked(traced)}",
        details=(command.id,),
        ids=ids,
    )
    if traced.settled_at is not None:
        problems = _problems(traced)
        yield Step(
            at=traced.settled_at,
            kind=StepKind.RESULT,
            text=f"to {command.asked_as.value}: {_CAME_OF_IT.get(command.state, command.state.value)}",
            details=tuple(problems),
            ids=ids,
            is_trouble=command.state is not CommandState.ACCEPTED,
        )


_CAME_OF_IT: Mapping[CommandState, str] = {
    CommandState.ACCEPTED: "the WFM accepted",
    CommandState.REFUSED: "the WFM refused",
    CommandState.EXPIRED: "no reply in time",
    CommandState.COMPENSATED: "accepted too late; the WFM is asked to take it back",
}


def _asked(traced: TracedCommand) -> str:
    command = traced.command
    window = f" {period(command.window)}" if command.window is not None else ""
    which = command.kind is not CommandKind.BOOK and command.appointment is not None
    return window + (f" (Appointment {command.appointment})" if which else "")


def _problems(traced: TracedCommand) -> Iterator[str]:
    result = traced.result or {}
    for problem in cast("list[Mapping[str, str]]", result.get("problems", [])):
        yield f"{problem['code']}: {problem['reason']}"


def came_of(traced: TracedCommand) -> Iterator[str]:
    """Say what came of a command: what the WFM said to it, why, and how often it was asked to take it back."""
    command = traced.command
    if not command.is_pending:
        yield _CAME_OF_IT.get(command.state, command.state.value)
        yield from _problems(traced)
    if command.tries:
        again = f", next at {moment(command.try_again_at)}" if command.try_again_at is not None else ""
        yield f"asked {command.tries} times to take it back{again}"


def _command_waits(traced: TracedCommand, now: datetime) -> Iterator[str]:
    command = traced.command
    name = f"{command.asked_as.value} {command.id}"
    if command.is_pending:
        yield f"command {name} waits for the WFM's reply until {moment(command.expires_at)}"
    elif command.try_again_at is not None:
        tried = f"asked {command.tries} times so far"
        yield f"command {name} is taken back in the WFM ({tried}), next {_due(command.try_again_at, now)}"


def _sent(report: OutboxReport) -> Iterator[Step]:
    if report.attempted_at is None:
        return
    message = report.message
    failed = f" failed: {report.error}" if report.error is not None else ""
    tries = f", attempt {report.attempts}" if report.attempts > 1 else ""
    yield Step(
        at=report.attempted_at,
        kind=StepKind.SENT,
        text=f"{message.routing_key} to exchange {message.exchange}{tries}: {report.state.value}{failed}",
        ids={"outbox": report.number, "messageId": message.message_id, "correlationId": message.correlation_id},
        is_trouble=report.state is not OutboxState.SENT,
    )


def _outbox_waits(report: OutboxReport, now: datetime) -> Iterator[str]:
    if report.state is not OutboxState.PENDING:
        return
    name = f"message {report.message.routing_key} for the WFM (outbox {report.number})"
    if report.next_attempt_at is None:
        yield f"{name} waits behind {report.behind} of the job"
    else:
        yield f"{name} is due {_due(report.next_attempt_at, now)}" + (f": {report.error}" if report.error else "")


def _notification(event: AnnouncedEvent) -> Step:
    return Step(
        at=event.event_time,
        kind=StepKind.NOTIFICATION,
        text=f"{event.event_type.value} about {event.resource_id}",
        details=(event.event_id,),
        ids={"eventId": event.event_id, "correlationId": event.correlation_id},
    )


def _attempt(delivery: TracedDelivery, attempt: Attempt) -> Step:
    report = delivery.report
    came = " ".join(filter(None, [str(attempt.status) if attempt.status else "", attempt.error or ""]))
    was_taken = attempt.error is None and attempt.status is not None and is_taken(attempt.status)
    return Step(
        at=attempt.at,
        kind=StepKind.ATTEMPT,
        text=f"{report.event_type.value} to {report.callback or report.listener}: "
        f"{came or 'under way, or its process died'} after {attempt.elapsed:.3f} s",
        details=() if was_taken or not attempt.excerpt else (f"answer: {attempt.excerpt}",),
        ids={"delivery": report.number, "eventId": report.event_id},
        is_trouble=not was_taken,
    )


def _deliveries_wait(deliveries: tuple[TracedDelivery, ...], now: datetime) -> Iterator[str]:
    for report in (each.report for each in deliveries):
        if report.state is DeliveryState.DISCARDED:
            yield f"{_named(report)} was given up: `mef-bridge deliveries retry {report.number}`"
        elif report.state is DeliveryState.PENDING:
            yield f"{_named(report)} {_why(report, now)}"


def _why(report: DeliveryReport, now: datetime) -> str:
    if report.is_suspended:
        return f"waits until its listener is resumed: `mef-bridge listeners resume {report.listener}`"
    if report.next_attempt_at is None:
        return f"waits behind delivery {report.behind} to the same listener"
    tried = f" again (attempts so far: {report.attempts})" if report.attempts else ""
    return f"is due{tried} {_due(report.next_attempt_at, now)}"


def _named(report: DeliveryReport) -> str:
    return f"delivery {report.number} ({report.event_type.value} to {report.callback or report.listener})"


def _due(at: datetime, now: datetime) -> str:
    return "now" if at <= now else f"at {moment(at)}, in {(at - now).total_seconds():.0f} s"


def moment(at: datetime) -> str:
    """Write a moment in UTC."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def period(window: TimePeriod) -> str:
    """Write a window in UTC."""
    return f"{moment(window.start_date_time)}/{moment(window.end_date_time)}"
