"""The story of one job as a page and the API show it: each step with what can be opened, masked for who looks."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic_core import to_jsonable_python

from bridge.console.masking import Mask
from bridge.flows.ports.job_trace import JobTrace, TracedCommand, TracedDelivery
from bridge.flows.ports.journal_entry import JournalEntry, RecordedEntry
from bridge.flows.ports.outbox_entry import OutboxReport
from bridge.flows.trace import Step, StepKind, steps

LONGEST: Final = 100_000
"""Characters of a body that a page shows."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a step holds, with its name."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A step with what can be opened. `since` is how long after the step before it happened, in seconds."""

    step: Step
    text: str
    details: tuple[str, ...]
    parts: tuple[Part, ...]
    since: float


def chapters(trace: JobTrace, mask: Mask) -> list[Chapter]:
    """Tell the story in order."""
    told: list[Chapter] = []
    before: datetime | None = None
    for step in steps(trace):
        since = 0.0 if before is None else (step.at - before).total_seconds()
        parts = tuple(_parts(trace, step, mask))
        told.append(Chapter(step, mask.text(step.text), tuple(map(mask.text, step.details)), parts, since))
        before = step.at
    return told


def _parts(trace: JobTrace, step: Step, mask: Mask) -> Iterator[Part]:
    ids = step.ids
    match step.kind:
        case StepKind.MESSAGE:
            yield from message_parts(_message(trace, ids["message"]), mask)
        case StepKind.COMMAND:
            request = _command(trace, ids["command"]).command.request
            if request is not None:
                yield _json("What the Buyer sent", to_jsonable_python(request, by_alias=True, exclude_none=True), mask)
        case StepKind.RESULT:
            result = _command(trace, ids["command"]).result
            if result:
                yield _json("What came of it", result, mask)
        case StepKind.SENT:
            sent = _sent(trace, ids["outbox"]).message
            yield Part("Body", pretty(mask.body(sent.body)))
        case StepKind.NOTIFICATION:
            yield from (_delivery(each, mask) for each in _deliveries(trace, ids["eventId"]))
        case StepKind.ATTEMPT:
            pass
    yield Part("Ids", "\n".join(f"{name}: {value}" for name, value in ids.items()))


def message_parts(recorded: RecordedEntry, mask: Mask) -> Iterator[Part]:
    """Give what a message of the WFM holds, and how what became of it was found."""
    entry = recorded.entry
    yield Part("Message", pretty(mask.body(entry.raw.body)))
    if entry.explanation:
        yield _json(f"Explanation, by {entry.pack_version or 'no pack'}", explained(entry), mask)
    if entry.raw.headers:
        yield _json("Headers", dict(entry.raw.headers), mask)


def explained(entry: JournalEntry) -> Mapping[str, Any]:
    """Give the explanation, without what is said beside it anyway."""
    return {key: value for key, value in entry.explanation.items() if key not in ("pack", "reason")}


def _message(trace: JobTrace, number: object) -> RecordedEntry:
    return next(each for each in trace.messages if each.number == number)


def _command(trace: JobTrace, id_: object) -> TracedCommand:
    return next(each for each in trace.commands if each.command.id == id_)


def _sent(trace: JobTrace, number: object) -> OutboxReport:
    return next(each for each in trace.sent if each.number == number)


def _deliveries(trace: JobTrace, event: object) -> list[TracedDelivery]:
    return [each for each in trace.deliveries if each.report.event_id == event]


def _delivery(traced: TracedDelivery, mask: Mask) -> Part:
    report = traced.report
    to = mask.text(report.callback or f"{report.listener}, which was removed")
    lines = [f"{report.state.value}, attempts: {report.attempts}"]
    lines += [
        f"{each.at:%Y-%m-%d %H:%M:%S}  {each.error or each.status or 'under way'}  after {each.elapsed:.3f} s"
        for each in traced.attempts
    ]
    return Part(f"Delivery {report.number} to {to}", mask.text("\n".join(lines)))


def _json(name: str, value: Any, mask: Mask) -> Part:
    return Part(name, json.dumps(mask.json(value), indent=2, ensure_ascii=False, default=str))


def pretty(text: str) -> str:
    """Write JSON over several lines; other text stays as it is. Of what is very long, the beginning."""
    try:
        written = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        written = text
    return (
        written if len(written) <= LONGEST else f"{written[:LONGEST]}\n… and {len(written) - LONGEST} characters more"
    )
