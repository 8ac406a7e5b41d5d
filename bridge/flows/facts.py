"""What operators see as plain JSON, in one style of names (camelCase): for `--json`, and for the admin API.

Moments are texts in ISO 8601 with their offset, times are in seconds. What does not apply is null.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.flows.operator import CommandStory, PackUsage, Pending, Retried
from bridge.flows.ports.job_trace import TracedCommand
from bridge.flows.ports.journal_entry import RecordedEntry
from bridge.flows.ports.outbox_entry import OutboxReport
from bridge.flows.ports.refused_request import RefusedRequest
from bridge.flows.ports.subscription import ListenerReport
from bridge.flows.ports.webhook_delivery import Attempt, DeliveryGroup, DeliveryReport
from bridge.flows.trace import period

Facts = dict[str, Any]


def delivery_facts(report: DeliveryReport) -> Facts:
    """Say how far a notification is on its way to a listener."""
    return {
        "number": report.number,
        "state": report.state.value,
        "listener": report.listener,
        "callback": report.callback,
        "buyer": report.buyer,
        "eventId": report.event_id,
        "eventType": report.event_type.value,
        "eventTime": _moment(report.event_time),
        "resource": report.resource_id,
        "attemptCount": report.attempts,
        "lastAttempt": None if report.last is None else attempt_facts(report.last),
        "nextAttemptAt": _moment(report.next_attempt_at),
        "waitsBehind": report.behind,
        "isListenerDisabled": report.is_suspended,
    }


def attempt_facts(attempt: Attempt) -> Facts:
    """Say what came of one attempt."""
    return {
        "at": _moment(attempt.at),
        "status": attempt.status,
        "error": attempt.error,
        "elapsedSeconds": attempt.elapsed,
        "excerpt": attempt.excerpt,
    }


def group_facts(group: DeliveryGroup) -> Facts:
    """Say how many deliveries of an event type there are for a listener."""
    return {
        "buyer": group.buyer,
        "listener": group.listener,
        "callback": group.callback,
        "eventType": group.event_type.value,
        "count": group.count,
        "first": _moment(group.first),
        "last": _moment(group.last),
    }


def pending_facts(pending: Pending) -> Facts:
    """Say what pending deliveries wait for."""
    return {
        "later": pending.later,
        "due": pending.due,
        "underWay": pending.under_way,
        "behind": pending.behind,
        "suspended": pending.suspended,
    }


def retried_facts(retried: Retried) -> Facts:
    """Say what a retry came to."""
    return {"number": retried.number, "outcome": retried.outcome.value, "waitsBehind": retried.behind}


def listener_facts(report: ListenerReport) -> Facts:
    """Say how a listener is."""
    listener = report.subscription
    return {
        "id": listener.id,
        "buyer": listener.buyer,
        "api": listener.api.value,
        "irp": listener.irp.value,
        "callback": listener.callback,
        "query": listener.query,
        "eventTypes": sorted(each.value for each in listener.event_types),
        "buyerId": listener.buyer_param,
        "sellerId": listener.seller_param,
        "registeredAt": _moment(listener.created_at),
        "failingSince": _moment(report.failing_since),
        "disabledAt": _moment(report.disabled_at),
        "disabledBecause": report.disabled_because,
        "waiting": report.waiting,
        "waitingSince": _moment(report.waiting_since),
    }


def command_facts(traced: TracedCommand) -> Facts:
    """Say how far a command towards the WFM is."""
    command = traced.command
    return {
        "id": command.id,
        "kind": command.asked_as.value,
        "state": command.state.value,
        "pack": command.job.pack,
        "job": command.job.key,
        "workOrder": command.work_order,
        "appointment": command.appointment,
        "buyer": command.buyer,
        "window": None if command.window is None else period(command.window),
        "createdAt": _moment(command.created_at),
        "expiresAt": _moment(command.expires_at),
        "settledAt": _moment(traced.settled_at),
        "result": None if traced.result is None else dict(traced.result),
        "takeBackCount": command.tries,
        "takeBackAt": _moment(command.try_again_at),
        "correlationId": command.correlation_id,
    }


def story_facts(story: CommandStory) -> Facts:
    """Say how far a command is, with what belongs to it."""
    return {
        **command_facts(story.command),
        "replies": [_reply_facts(each) for each in story.replies],
        "sent": [outbox_facts(each) for each in story.sent],
    }


def _reply_facts(recorded: RecordedEntry) -> Facts:
    entry = recorded.entry
    return {
        "message": recorded.number,
        "receivedAt": _moment(entry.raw.received_at),
        "outcome": entry.outcome.value,
        "rule": entry.rule,
        "reason": entry.reason,
    }


def request_facts(request: RefusedRequest) -> Facts:
    """Say which request of a Buyer was refused, and why."""
    return {
        "at": _moment(request.at),
        "requester": request.requester,
        "buyer": request.buyer,
        "operation": request.operation,
        "status": request.status,
        "reason": request.reason,
        "workOrder": request.work_order,
        "appointment": request.appointment,
        "correlationId": request.correlation_id,
    }


def outbox_facts(report: OutboxReport) -> Facts:
    """Say how far a message for the WFM is."""
    message = report.message
    return {
        "number": report.number,
        "state": report.state.value,
        "pack": message.pack,
        "job": None if message.job is None else message.job.key,
        "exchange": message.exchange,
        "routingKey": message.routing_key,
        "messageId": message.message_id,
        "correlationId": message.correlation_id,
        "attemptCount": report.attempts,
        "attemptedAt": _moment(report.attempted_at),
        "error": report.error,
        "nextAttemptAt": _moment(report.next_attempt_at),
        "waitsBehind": report.behind,
        "isUnderWay": report.is_under_way,
    }


def outbox_content(report: OutboxReport) -> Mapping[str, Any]:
    """Give what a message for the WFM says."""
    message = report.message
    return {
        "contentType": message.content_type,
        "headers": dict(message.headers),
        "isReplyExpected": message.reply_expected,
        "body": message.body.decode("utf-8", "backslashreplace"),
    }


def usage_facts(usage: PackUsage) -> Facts:
    """Say how a pack was used."""
    return {
        "pack": usage.pack,
        "version": usage.version,
        "days": usage.days,
        "lookedAt": usage.looked_at,
        "rules": [
            {"rule": each.rule, "when": each.when, "then": each.then, "count": each.count, "last": _moment(each.last)}
            for each in usage.rules
        ],
        "codes": [{"field": each.field, "seen": list(each.seen), "never": list(each.never)} for each in usage.codes],
        "hops": [
            {"source": source, "target": target, "count": count}
            for (source, target), count in sorted(usage.hops.items())
        ],
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
