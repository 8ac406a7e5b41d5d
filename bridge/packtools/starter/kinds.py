"""Which of the samples tell only what has changed: those that lack what was told of their job before.

What tells them from complete ones is the root of an XML message, or a code that every message has.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from bridge.mapping.formats.paths import MISSING
from bridge.packtools.starter.fields import Input
from bridge.packtools.starter.roles import Roles
from bridge.packtools.starter.samples import member_path

_LACKING: Final = 3
"""A message tells only changes where it lacks one in so many of the things that were told of its job."""


def deltas_of(messages: Sequence[object], inputs: Sequence[Input], roles: Roles) -> object:
    """Give what `inbound.deltas` says of the samples; None where all of them are complete."""
    job = roles["job"]
    partial = list(_are_partial(inputs, job)) if job is not None else []
    if not any(partial):
        return None
    tests = [*_by_root(messages, partial), *_by_code(inputs, partial, roles["status"])]
    return {"unless": [tests[0]]} if tests else True


def _are_partial(inputs: Sequence[Input], job: Input) -> Iterator[bool]:
    known: dict[object, set[str]] = {}
    read = [one for one in inputs if one.joined is None]
    for number, key in enumerate(job.told):
        told = {one.name for one in read if one.told[number] is not MISSING}
        before = known.setdefault(_hashable(key), set())
        yield _LACKING * len(before - told) >= len(before) > 0
        before |= told


def _hashable(key: object) -> object:
    return key if isinstance(key, str | int) else repr(key)


def _by_root(messages: Sequence[object], partial: Sequence[bool]) -> Iterator[dict[str, Any]]:
    """Look at the root elements of XML, or the only members of JSON."""
    roots = [next(iter(one)) if isinstance(one, dict) and len(one) == 1 else None for one in messages]
    whole = {root for root, is_partial in zip(roots, partial, strict=True) if not is_partial}
    others = {root for root, is_partial in zip(roots, partial, strict=True) if is_partial}
    if None not in whole | others and len(whole) == 1 and not whole & others:
        path = member_path("$", str(whole.pop()))
        yield from [{"path": path, "fits": {"present": True}}] if path is not None else []


def _by_code(inputs: Sequence[Input], partial: Sequence[bool], status: Input | None) -> Iterator[dict[str, Any]]:
    """Look at codes that every message has, but for the status: that of a complete message may be any."""
    for one in inputs:
        if one.type != "code" or not one.is_sure or one.others or one is status:
            continue
        whole = dict.fromkeys(str(code) for code, is_partial in zip(one.told, partial, strict=True) if not is_partial)
        if not any(str(code) in whole for code, is_partial in zip(one.told, partial, strict=True) if is_partial):
            codes = [*whole]
            yield {"path": one.path, "fits": codes[0] if len(codes) == 1 else codes}
