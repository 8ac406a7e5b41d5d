"""What is told of a case: what came out otherwise than expected, and what it was to show."""

import json
from collections.abc import Collection, Iterator, Sequence

from bridge.packtools.cases_run import CaseResult, Difference, StepResult


def differences(result: CaseResult, places: Sequence[str] = (), *, every: bool = False) -> list[str]:
    """Say what came out otherwise; empty where all came out as expected. `places` says where the steps stand.

    Of the first step that failed all is told, of others, which may have failed for that alone, only if `every`.
    """
    failed = [step for step in result.steps if step.differences]
    lines = [line for step in (failed if every else failed[:1]) for line in _failed(step, places)]
    if len(failed) > 1 and not every:
        others = [str(step.number) for step in failed[1:]]
        which = f"step {others[0]}" if len(others) == 1 else f"steps {', '.join(others)}"
        lines.append(f"{which} failed too, perhaps only because of it; --all tells of each")
    return lines


def shown(result: CaseResult, places: Sequence[str] = ()) -> list[str]:
    """Tell all that came of the steps that are to be shown, and are not told of as they failed."""
    first = next((step.number for step in result.steps if step.differences), None)
    steps = [step for step in result.steps if step.show and step.number != first]
    return [line for step in steps for line in (f"{_shown(step)}{_head(step, places)}", *_came(step, {"reads"}))]


def _shown(step: StepResult) -> str:
    """Say that a step is told of because it says so, and not because it failed."""
    return "" if step.differences else "shown: "


def _head(step: StepResult, places: Sequence[str]) -> str:
    place = f" at {places[step.number - 1]}" if places else ""
    return f"step {step.number}{place}" + (f" ({step.why})" if step.why else "")


def _failed(step: StepResult, places: Sequence[str]) -> list[str]:
    keys = {one.key.partition(".")[0] for one in step.differences}
    wanted = keys | ({"reads"} if step.show else set())
    return [_head(step, places), *(line for one in step.differences for line in _difference(one)), *_came(step, wanted)]


def _difference(difference: Difference) -> list[str]:
    return [
        f"  {difference.key}:",
        f"    - expected {_json(difference.expected)}",
        f"    + came     {_json(difference.came)}",
    ]


_SAID_ALREADY = ("reason", "parked", "ignored")  # in the head of the step


def _came(step: StepResult, keys: Collection[str]) -> list[str]:
    """Tell all that came of a step; what was read of the message only where one of the keys is about it."""
    came = {key: value for key, value in step.came.items() if key not in _SAID_ALREADY}
    if "reads" not in keys:
        came.pop("reads", None)
    return [
        "  all that came of it:",
        *(line for key, value in came.items() for line in _value_lines(key, value, "    ")),
    ]


def _value_lines(name: str, value: object, margin: str) -> Iterator[str]:
    """Tell a value in a line, what has parts in one for each of them; what is empty is left out."""
    if isinstance(value, dict) and name in _OPENED:
        lines = [line for key, one in value.items() for line in _value_lines(key, one, f"{margin}  ")]
        yield from [f"{margin}{name}:", *lines] if lines else []
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        yield f"{margin}{name}:"
        yield from (f"{margin}  - {_json(one)}" for one in value)
    elif value not in (None, [], {}, ""):
        yield f"{margin}{name}: {_json(value)}"


_OPENED = ("reads", "sees", "work_order", "appointment")


def _json(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
