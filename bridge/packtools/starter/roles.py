"""Which of the inputs is what: guessed from the words in their names, and what values they have."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from bridge.mapping.formats.datetimes import moment_reader
from bridge.mapping.formats.paths import MISSING
from bridge.packtools.starter.fields import Input, after, as_text
from bridge.packtools.starter.guesses import is_key, names_code

Roles = Mapping[str, Input | None]

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "message_id": ("msg_id", "message_id", "event_id", "msgid", "eventid", "uuid"),
    "job": ("job_no", "job_id", "job", "work_order", "workorder", "order_no", "order_id", "wo_no", "activity_id"),
    "version": ("version", "job_ver", "ver", "sequence", "seq", "revision", "rev"),
    "start": ("win_from", "window_start", "start", "from", "begin", "von"),
    "end": ("win_to", "window_end", "end", "to", "finish", "bis"),
    "occurred_at": ("ts", "timestamp", "changed_at", "updated_at", "time", "modified", "at", "zeit"),
    "status": ("stat", "status", "state", "st"),
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
        if found is None:
            found = next((one for one in free if _behaves(role, one, roles)), None)
        roles[role] = found
        taken |= {found.name} if found is not None else set()
    moment = _version_moment(roles)
    if moment is not None:
        roles["version"] = None
    roles["version_moment"] = moment
    return _ordered([as_text(one) if _is_many(one, roles) else one for one in inputs], roles)


def _behaves(role: str, one: Input, roles: Mapping[str, Input | None]) -> bool:
    """Tell by what it does in the samples what its name does not tell."""
    if role == "message_id":
        return _is_of_messages(one)
    job = roles.get("job")
    return role == "version" and job is not None and _grows(one, job)


_OF_MESSAGES: Final = {"event", "msg", "message", "notification"}
_ID: Final = re.compile(r"[\w.:-]+")


def _is_of_messages(one: Input) -> bool:
    """Tell a text of one word that is named after the message, and is another in every sample."""
    texts = [str(text) for text in one.told]
    is_id = one.type == "text" and one.is_sure and len({*texts}) == len(texts) > 1
    return is_id and bool(_OF_MESSAGES & {*one.name.split("_")}) and all(map(_ID.fullmatch, texts))


def _version_moment(roles: Mapping[str, Input | None]) -> Input | None:
    """Give the moment of the message where it is later with each message of a job, and no number is a version."""
    job, moment, version = roles["job"], roles["occurred_at"], roles["version"]
    if job is None or moment is None or not moment.is_sure or not (version is None or _stands_still(version, job)):
        return None
    read = moment_reader(moment.format, "UTC")
    return moment if _is_growing(job, [read(value, []).timestamp() for value in moment.told]) else None


_FLAGS: Final = {"Y", "N", "YES", "NO", "TRUE", "FALSE"}


def _is_many(one: Input, roles: Mapping[str, Input | None]) -> bool:
    """Tell codes of which there will be more than in the samples: keys, and what each job has another of."""
    if one in [roles[role] for role in _KEYS]:
        return True
    job = roles["job"]
    if one.type != "code" or job is None or one is roles["status"] or names_code(one.name):
        return False
    seen: dict[object, set[object]] = {}
    for key, value in zip(job.told, one.told, strict=True):
        if value not in (None, "", MISSING):
            seen.setdefault(value, set()).add(str(key))
    jobs = [key for keys in seen.values() for key in keys]
    return len(jobs) == len({*jobs}) == len(seen) and not _FLAGS.issuperset(map(str.upper, map(str, seen)))


_OF_OTHERS: Final = {
    *("customer", "client", "buyer", "account", "site", "location", "visit", "crew", "person"),
    *("event", "msg", "message", "cust", "acct", "acc", "subscriber", "loc", "tech", "asset", "tt", "tkt", "incident"),
}


def _may_be_job(one: Input) -> bool:
    """Tell what every message bears that is a key by its name, and of nothing else than the job."""
    words = one.name.split("_")
    return one.is_sure and one.type == "text" and is_key(one.name) and not _OF_OTHERS & {*words}


def _grows(one: Input, job: Input) -> bool:
    """Tell a number that grows with every message of a job; one that goes in tens, as 10, 20, 30, is rather a state."""
    numbers = _numbers(one)
    in_tens = all(number % 10 == 0 for number in numbers)
    return bool(numbers) and one.is_sure and not in_tens and _is_growing(job, numbers)


def _numbers(one: Input) -> list[int]:
    """Give what the samples have there as whole numbers, nothing where one is none."""
    try:
        return [int(str(told)) for told in one.told]
    except ValueError:
        return []


def _is_growing(job: Input, numbers: Sequence[float]) -> bool:
    """Tell whether every message of a job has a greater one than that before; once may be by chance."""
    last: dict[str, float] = {}
    grown = 0
    for key, number in zip(map(str, job.told), numbers, strict=True):
        if key in last and number <= last[key]:
            return False
        grown += key in last
        last[key] = number
    return grown > 1


def _stands_still(one: Input, job: Input) -> bool:
    """Tell what is the same in all messages of a job, of each job that has several."""
    seen: dict[str, list[object]] = {}
    for key, told in zip(job.told, one.told, strict=True):
        seen.setdefault(str(key), []).append(told)
    several = [told for told in seen.values() if len(told) > 1]
    return bool(several) and all(one == told[0] for told in several for one in told)


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
