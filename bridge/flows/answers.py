"""What became of a command, as its Buyer is told: at once, or as it was stored for whoever asks later."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.domain.model import Appointment, AppointmentId, Command, CommandKind, CommandState, Problem
from bridge.domain.settlement import Settlement
from bridge.flows.errors import timed_out
from bridge.mef.enums import Error422Code


@dataclass(frozen=True, slots=True)
class Answer:
    """What a settled command means for the Buyer. `appointment` is given where the settling process still has it."""

    state: CommandState
    appointment: Appointment | None = None
    problems: tuple[Problem, ...] = ()


def told(kind: CommandKind, answer: Answer) -> Answer:
    """Return what the Buyer is to be told; a command that came to nothing without a reason timed out (504)."""
    if answer.state is not CommandState.ACCEPTED and not answer.problems:
        raise timed_out(kind)
    return answer


def answer_of(settlement: Settlement) -> Answer:
    """Say what a settlement means for the Buyer."""
    accepted = settlement.command.state is CommandState.ACCEPTED
    appointment = settlement.decision.job.appointment if accepted else None
    return Answer(settlement.command.state, appointment, settlement.problems)


def stored(settlement: Settlement) -> dict[str, object]:
    """Write the answer as it is kept with the command: plain JSON."""
    answer = answer_of(settlement)
    return {
        "appointment": answer.appointment.id if answer.appointment else None,
        "problems": [{"code": p.code, "reason": p.reason, "path": p.path} for p in answer.problems],
    }


def stored_problems(kept: Mapping[str, object]) -> tuple[Problem, ...]:
    """Read the problems of a stored answer."""
    items = kept.get("problems")
    listed: list[dict[str, str]] = items if isinstance(items, list) else []
    return tuple(Problem(Error422Code(item["code"]), item["reason"], item["path"]) for item in listed)


def stored_appointment(command: Command, kept: Mapping[str, object]) -> AppointmentId | None:
    """Read which Appointment a stored answer is about.

    A change that the WFM's own message was found to have carried out has no answer of its own.
    """
    found = kept.get("appointment") or command.appointment
    return AppointmentId(str(found)) if found else None
