"""What the admin API answers, made of what the store and the use cases give, masked for who asks."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from bridge.admin.metrics import Observed
from bridge.console import shapes
from bridge.console.drafts import Fate
from bridge.console.masking import Mask
from bridge.domain.model import Transition
from bridge.flows.ports.job_trace import JobTrace
from bridge.flows.ports.journal_entry import JournalEntry, MessageGroup, RecordedEntry
from bridge.flows.ports.work_order_search import WorkOrderHit
from bridge.flows.trace import period, steps, waiting


def now(seen: Observed, problems: Sequence[str], warnings: Sequence[str], mask: Mask) -> shapes.Now:
    """Tell how the bridge is."""
    figures = seen.figures
    counted = figures is not None
    parked = sorted(figures.parked.items(), key=lambda each: -each[1]) if figures is not None else []
    return shapes.Now(
        at=seen.now,
        is_ready=not problems,
        problems=list(problems),
        warnings=list(warnings),
        packs=dict(seen.packs),
        parked=[
            shapes.ParkedReason(pack=pack, reason=mask.text(reason), count=count) for (pack, reason), count in parked
        ]
        if counted
        else None,
        undelivered=None
        if figures is None
        else [
            shapes.Undelivered(
                buyer=each.buyer,
                listener=each.listener,
                waiting=each.pending,
                oldest_seconds=max(0.0, (seen.now - each.since).total_seconds()),
            )
            for each in figures.backed
        ],
        waiting_messages=None if figures is None else sum(figures.waiting.values()),
        pending_commands=None if figures is None else figures.pending_commands,
        outbox=None if figures is None else figures.outbox,
        queues=dict(seen.depths),
        dead_letters=seen.dead_letters,
    )


def work_orders(hits: Iterable[WorkOrderHit]) -> shapes.WorkOrders:
    """Tell which WorkOrders were found."""
    found = [
        shapes.WorkOrder(
            id=hit.id,
            job=hit.job.key,
            pack=hit.job.pack,
            buyer=hit.buyer,
            state=hit.state.value,
            tickets=list(hit.tickets),
            changed_at=hit.changed_at,
            parked_messages=hit.parked,
        )
        for hit in hits
    ]
    return shapes.WorkOrders(work_orders=found)


def story(trace: JobTrace, at: datetime, mask: Mask) -> shapes.Story:
    """Tell a story."""
    return shapes.Story(
        job=trace.job.key,
        pack=trace.job.pack,
        work_orders=[
            shapes.StoryWorkOrder(id=order.id, state=order.state.value, buyer=order.buyer)
            for order in trace.work_orders
        ],
        appointments=[
            shapes.StoryAppointment(id=visit.id, status=visit.status.value, valid_for=period(visit.valid_for))
            for visit in trace.appointments
        ],
        steps=[
            shapes.Step.model_validate(
                {
                    "at": step.at,
                    "kind": step.kind.value,
                    "text": mask.text(step.text),
                    "details": [mask.text(line) for line in step.details],
                    "isTrouble": step.is_trouble,
                    **step.ids,
                }
            )
            for step in steps(trace)
        ],
        waiting=[mask.text(line) for line in waiting(trace, at)],
    )


def message(recorded: RecordedEntry, mask: Mask) -> shapes.Message:
    """Tell of a message."""
    return shapes.Message(**_facts(recorded, mask))


def whole_message(recorded: RecordedEntry, mask: Mask) -> shapes.WholeMessage:
    """Tell of a message in full."""
    entry = recorded.entry
    return shapes.WholeMessage(
        **_facts(recorded, mask),
        pack_version=entry.pack_version,
        flags=[mask.text(flag) for flag in entry.flags],
        correlation_id=entry.raw.correlation_id,
        routing_key=entry.raw.routing_key,
        headers=mask.json(dict(entry.raw.headers)),
        body=mask.body(entry.raw.body),
        explanation=mask.json(dict(entry.explanation)),
    )


def groups(found: Iterable[MessageGroup], mask: Mask) -> shapes.MessageGroups:
    """Tell how many came to what."""
    return shapes.MessageGroups(
        groups=[
            shapes.MessageGroup(
                count=group.number,
                pack=group.pack,
                outcome=group.outcome.value,
                reason=mask.text(group.reason),
                first=group.first,
                last=group.last,
            )
            for group in found
        ]
    )


def fates(found: Iterable[Fate], *, dry_run: bool) -> shapes.Fates:
    """Tell what became of parked messages, or would."""
    told = [
        shapes.Fate(number=fate.number, refused=fate.refused or None, became=[_became(entry) for entry in fate.became])
        for fate in found
    ]
    return shapes.Fates(dry_run=dry_run, messages=told)


def _facts(recorded: RecordedEntry, mask: Mask) -> dict[str, object]:
    entry = recorded.entry
    return {
        "number": recorded.number,
        "received": entry.raw.received_at,
        "pack": entry.raw.pack,
        "job": None if entry.job is None else entry.job.key,
        "message": entry.message,
        "outcome": entry.outcome.value,
        "rule": entry.rule,
        "reason": mask.text(entry.reason),
        "held_until": entry.due_at,
        "transitions": _hops(entry.transitions),
    }


def _became(entry: JournalEntry) -> shapes.Became:
    return shapes.Became(
        outcome=entry.outcome.value, rule=entry.rule, reason=entry.reason, transitions=_hops(entry.transitions)
    )


def _hops(transitions: Iterable[Transition]) -> list[shapes.Hop]:
    return [shapes.Hop(resource=hop.resource, id=hop.id, source=hop.source, target=hop.target) for hop in transitions]
