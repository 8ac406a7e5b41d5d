"""Which of the inputs is what: guessed from the words in their names, and what values they have."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from bridge.packtools.starter.fields import Input, after, as_text
from bridge.packtools.starter.guesses import is_key

Roles = Mapping[str, Input | None]

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "message_id": ("msg_id", "message_id", "event_id", "msgid", "eventid", "uuid"),
    "job": ("job_no", "job_id", "job", "work_order", "workorder", "order_no", "order_id", "wo_no", "activity_id"),
    "version": ("version", "job_ver", "ver", "sequence", "seq", "revision", "rev"),
    "start": ("win_from", "window_start", "start", "from", "begin", "von"),
    "end": ("win_to", "window_end", "end", "to", "finish", "bis"),
    "occurred_at": ("ts", "timestamp", "changed_at", "updated_at", "time", "modified", "at", "zeit"),
    "status": ("stat", "status", "state"),
    "visit": ("visit_no", "visit_id", "visit", "appointment_id", "appointment"),
    "site": ("site_id", "site", "location_id", "location"),
    "ticket": ("tt_no", "ticket", "ticket_id", "case_id", "incident"),
    "duration": ("est_min", "minutes", "duration", "estimate", "length", "effort", "hours"),
    "task": ("tasks", "task", "activity", "description", "title"),
}
_KEYS: Final = ("job", "visit", "ticket")
"""There will be more of these than have come in the samples."""

MOMENTS: Final = ("occurred_at", "start", "end")
_FAR: Final = 1000


def roles_of(inputs: Sequence[Input]) -> tuple[list[Input], Roles]:
    """Guess which input is what; nothing is two things. The inputs come back in an order in which they can be read."""
    roles: dict[str, Input | None] = {}
    taken: set[str] = set()
    for role, words in _WORDS.items():
        free = [one for one in inputs if one.name not in taken and _fits(role, one)]
        near = [one for one in free if _distance(one, words) < _FAR or (role == "job" and _may_be_job(one))]
        found = min(near, key=partial(_rank, role, words), default=None)
        if role == "version" and found is None and (job := roles["job"]) is not None:
            found = next((one for one in free if _grows(one, job)), None)
        roles[role] = found
        taken |= {found.name} if found is not None else set()
    keys = {one.name for role in _KEYS if (one := roles[role]) is not None}
    return _ordered([as_text(one) if one.name in keys else one for one in inputs], roles)


_OF_OTHERS: Final = {
    *("customer", "client", "buyer", "account", "site", "location", "visit", "crew", "person"),
    *("event", "msg", "message"),
}


def _may_be_job(one: Input) -> bool:
    """Tell what every message bears that is a key by its name, and of nothing else than the job."""
    words = one.name.split("_")
    return one.is_sure and one.type == "text" and is_key(one.name) and not _OF_OTHERS & {*words}


def _grows(one: Input, job: Input) -> bool:
    """Tell a number that every message of a job has greater than the one before; once may be by chance."""
    last: dict[object, int] = {}
    grown = 0
    for key, told in zip(job.told, one.told, strict=False):
        try:
            number = int(str(told))
        except ValueError:
            return False
        if key in last and number <= last[key]:
            return False
        grown += key in last
        last[key] = number
    return grown > 1 and one.is_sure


def _ordered(inputs: Sequence[Input], roles: dict[str, Input | None]) -> tuple[list[Input], Roles]:
    start, end = roles["start"], roles["end"]
    if start is None or end is None or (late := after(end, start)) is end:
        return list(inputs), roles
    others = [one for one in inputs if one not in (start, end)]
    return [*others, start, late], {**roles, "end": late}


def _rank(role: str, words: Sequence[str], one: Input) -> tuple[bool, int]:
    """What every message should have is rather something that all samples have."""
    return role in ("job", "status", "version") and not one.is_sure, _distance(one, words)


def _distance(one: Input, words: Sequence[str]) -> int:
    name = (one.joined[1].name if one.joined is not None else one.name).removesuffix("_value")
    for rank, word in enumerate(words):
        if name == word or name.endswith(f"_{word}"):
            return rank
    parts = name.split("_")
    near = (len(words) + rank for rank, word in enumerate(words) if word in parts)
    return next(near, _FAR)


def _fits(role: str, one: Input) -> bool:
    if role in MOMENTS:
        return one.type == "datetime" and (role != "occurred_at" or one.joined is None)
    if role == "version":
        return one.type == "integer" and "[0]" not in one.path
    if role == "duration":
        return one.type in ("integer", "duration")
    if role == "task":
        return one.type in ("text", "code", "list") and not one.is_half
    return one.type in ("text", "code", "integer", "list") and not one.is_half
