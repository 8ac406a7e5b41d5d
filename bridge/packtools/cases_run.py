"""Runs the cases of a pack, step by step, and tells what came out otherwise than expected."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel

from bridge.domain.model import Appointment, Job, Outcome
from bridge.errors import PermanentError
from bridge.flows.ports.command_bus import BusMessage
from bridge.mapping.formats.xml import read_xml
from bridge.mapping.pack import Pack, Reading
from bridge.mef.models import TimePeriod
from bridge.mef.moments import rfc3339
from bridge.packtools.buyer_steps import Failure, StepEffect, ask
from bridge.packtools.cases import Case, Expect, Given, SentCommand, Step
from bridge.packtools.coverage import Coverage
from bridge.packtools.explanation import buyers_view
from bridge.packtools.initial_job import initial_job
from bridge.packtools.sandbox import Happened, RawMessage, Sandbox

_UNKNOWN = "there is no such name"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that came out otherwise; both as plain JSON."""

    key: str
    expected: object
    came: object


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of a step (counted from 1). `why` is the reason that the pack or the domain gave.

    `came` is all that came of it, in the words of `expect` and as plain JSON; `show`: it is to be told in any case.
    """

    number: int
    differences: tuple[Difference, ...]
    why: str
    came: Mapping[str, object] = field(default_factory=dict)
    show: bool = False


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of a case."""

    case: str
    steps: tuple[StepResult, ...]

    @property
    def passed(self) -> bool:
        """Did every step come out as expected?"""
        return not any(step.differences for step in self.steps)


def run_case(case: Case, pack: Pack, coverage: Coverage) -> CaseResult:
    """Run one case in a book of its own; `coverage` learns what it used."""
    book = Sandbox(pack)
    results = []
    for number, (step, now) in enumerate(zip(case.steps, case.times(), strict=True), 1):
        due, effects = book.take_due(now), _take(step, book, now)
        if not effects:
            due, effects = [], [StepEffect(happened) for happened in due] or [_NOTHING_DUE]
        for happened in (*due, *_happened(effects)):
            coverage.add(happened)
        came = _came(effects, due, book)
        differences = tuple(_differences(step.expect, came)) if step.expect is not None else ()
        results.append(StepResult(number, differences, effects[0].happened.reason, came, step.show))
    return CaseResult(case.case, tuple(results))


def play(case: Case, pack: Pack, number: int) -> tuple[Sandbox, RawMessage, datetime]:
    """Play a case up to a step (counted from 1); give the jobs as they are then, its message, and its time.

    Raises `NoMessage` where the step is none of the WFM's messages.
    """
    if number > len(case.steps) or case.steps[number - 1].sources == 0:
        raise NoMessage(number)
    book, times = Sandbox(pack), case.times()
    for step, now in zip(case.steps[: number - 1], times, strict=False):
        book.take_due(now)
        _take(step, book, now)
    step, now = case.steps[number - 1], times[number - 1]
    book.take_due(now)
    words = _words(step)
    if step.given is not None:
        _give(book, words, step.given, now)
    return book, words, now


class NoMessage(PermanentError):
    """There is no such step, or it is none of the WFM's messages."""

    def __init__(self, number: int) -> None:
        super().__init__(f"step {number} is no message of the WFM; `show: true` in a step tells all that comes of it")


_NOTHING_DUE = StepEffect(Happened(job=None, outcome="", reason="nothing was due"))


def _take(step: Step, book: Sandbox, now: datetime) -> list[StepEffect]:
    """Do what a step says; nothing where it is only about time."""
    if step.buyer is not None:
        return [ask(book, step, step.buyer, now)]
    if step.only_time:
        return []
    words = _words(step)
    if step.given is not None:
        _give(book, words, step.given, now)
    return [StepEffect(happened) for happened in book.apply(words, now)]


def _words(step: Step) -> RawMessage:
    body = step.body.encode() if step.body is not None else orjson.dumps(step.message)
    return RawMessage(body=body, routing_key=step.routing_key, headers=step.headers)


def _give(book: Sandbox, words: RawMessage, given: Given, now: datetime) -> None:
    reading = book.pack.read(words.body, words.routing_key, words.headers)
    if not isinstance(reading, Reading):
        return
    known = book.job(reading.job)
    book.put(initial_job(reading, (given.work_order, given.appointment), book.pack, now, known))


def _came(effects: Sequence[StepEffect], due: Sequence[Happened], book: Sandbox) -> dict[str, object]:
    """Tell what came of a step, in the words of `expect`; the states are those after the step.

    The Buyer is told, and the WFM sent, with it what was `due` before.
    """
    first, happened = effects[0], [*due, *_happened(effects)]
    reason, outcome = first.happened.reason, first.happened.outcome
    return {
        "rule": first.happened.rule,
        "outcome": str(outcome),
        "reason": reason,
        "parked": reason if outcome == Outcome.PARKED else None,
        "ignored": reason if outcome == Outcome.IGNORED else None,
        "withheld": (first.happened.update.withheld or None) if first.happened.update is not None else None,
        "flags": list(first.happened.flags),
        "notifications": [str(one) for each in happened for one in each.notifications],
        "commands": [_sent(one) for each in happened for one in each.commands],
        "refused": _refusal(first.failure),
        "offered": [_window(slot.window) for slot in first.slots],
        **_job_words(first.happened, book),
        "reads": _read(first.happened),
        "sees": buyers_view(_job(first.happened, book)),
    }


def _happened(effects: Sequence[StepEffect]) -> list[Happened]:
    return [happened for effect in effects for happened in (effect.happened, *effect.caught_up)]


def _read(happened: Happened) -> dict[str, object]:
    """Give the typed values of the fields, None where one is absent."""
    fields = happened.explanation.get("fields")
    return {name: _value(one) for name, one in fields.items()} if isinstance(fields, dict) else {}


def _value(explained: Mapping[str, Any]) -> object:
    """Give a typed value; of a list that is read item by item, the fields of each item."""
    items = explained.get("items")
    if not isinstance(items, dict) or explained.get("value") is None:
        return explained.get("value")
    return [{name: _value(one) for name, one in item.items()} for item in items.values()]


def _job(happened: Happened, book: Sandbox) -> Job | None:
    return book.job(happened.job) if happened.job is not None else None


def _job_words(happened: Happened, book: Sandbox) -> dict[str, object]:
    job = _job(happened, book)
    work_order, appointment = (job.work_order, job.appointment) if job is not None else (None, None)
    return {
        "buyer": str(work_order.buyer) if work_order is not None else None,
        "work_order": str(work_order.state) if work_order is not None else None,
        "appointment_required": work_order.appointment_required if work_order is not None else None,
        **_appointment_words(appointment),
    }


def _appointment_words(appointment: Appointment | None) -> dict[str, object]:
    if appointment is None:
        return {"appointment": None, "visit": None, "window": None}
    return {
        "appointment": str(appointment.status),
        "visit": appointment.visit,
        "window": _window(appointment.valid_for),
    }


def _window(period: TimePeriod) -> list[str]:
    return [rfc3339(period.start_date_time), rfc3339(period.end_date_time)]


def _refusal(failure: Failure | None) -> object:
    return None if failure is None else {"code": failure.code, "reason": failure.reason, "path": failure.path}


def _differences(expect: Expect, came: dict[str, Any]) -> Iterator[Difference]:
    for key in type(expect).model_fields:
        if key not in expect.model_fields_set:
            continue
        wanted, found = getattr(expect, key), came[key]
        if key == "reads":
            yield from _named(key, wanted, found)
        elif key == "sees":
            for section in wanted.model_fields_set:
                yield from _named(f"sees.{section}", getattr(wanted, section), found[section])
        else:
            yield from _whole(key, wanted, found)


def _whole(key: str, wanted: Any, came: object) -> Iterator[Difference]:
    """Compare one key; what came is shown whole, though a case names only some of its members."""
    found = came
    if key == "commands":
        found = _as_expected(wanted or (), came)
    elif key == "refused" and wanted is not None and isinstance(came, dict):
        found = {name: came[name] for name in wanted.model_fields_set}
    if _plain(wanted) != found:
        yield Difference(key, _plain(wanted), came)


def _named(key: str, wanted: object, came: object) -> Iterator[Difference]:
    """Compare each member that is named; a difference shows which one it is. A misspelt name never holds."""
    if not isinstance(wanted, dict) or not isinstance(came, dict):
        yield from () if wanted == came else (Difference(key, wanted, came),)
        return
    for name, one in wanted.items():
        found = came.get(name, _UNKNOWN)
        if not _fits(one, found):
            yield Difference(f"{key}.{name}", one, found)


def _as_expected(wanted: Sequence[SentCommand], sent: object) -> list[object]:
    """Give the commands that were sent, but of those that are expected only what the case names."""
    commands: list[dict[str, Any]] = list(sent) if isinstance(sent, list) else []
    expected = [*wanted, *[None] * (len(commands) - len(wanted))]
    return [command if one is None else _part(command, one) for command, one in zip(commands, expected, strict=False)]


def _part(command: dict[str, Any], wanted: SentCommand) -> dict[str, object]:
    named = {name: command[name] for name in wanted.model_fields_set}
    return {**named, "body": _as_named(wanted.body, command["body"])} if "body" in named else named


def _sent(command: BusMessage) -> dict[str, object]:
    return {"routing_key": command.routing_key, "body": _body(command)}


def _as_named(wanted: object, came: object) -> object:
    """Give what came, but of objects only the members that are named, at any depth; a list is named whole."""
    if isinstance(wanted, dict) and isinstance(came, dict):
        return {name: _as_named(one, came[name]) for name, one in wanted.items() if name in came}
    if isinstance(wanted, list) and isinstance(came, list):
        return [_as_named(one, found) for one, found in zip(wanted, came, strict=False)] + came[len(wanted) :]
    return came


def _body(command: BusMessage) -> dict[str, object]:
    """Read a command as it was written: as JSON, else as XML."""
    try:
        written: dict[str, object] = orjson.loads(command.body)
    except orjson.JSONDecodeError:
        return read_xml(command.body, {}, ())
    return written


def _plain(value: object) -> object:
    """Give an expectation as plain JSON, with moments as the standard writes them."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, BaseModel):
        return {
            name: _plain(getattr(value, name)) for name in type(value).model_fields if name in value.model_fields_set
        }
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return str(value) if isinstance(value, str) else value


def _fits(wanted: object, came: object) -> bool:
    """Tell whether it is what came, as far as it is named; a list is named whole, item by item."""
    if isinstance(wanted, dict) and isinstance(came, dict):
        return all(_fits(one, came.get(name)) for name, one in wanted.items())
    if isinstance(wanted, list) and isinstance(came, list):
        return len(wanted) == len(came) and all(map(_fits, wanted, came))
    return wanted == came
