"""Hostile input: the messages of each pack's cases, damaged, read, translated and decided on; and the WFM's replies.

What a message leaves of its job is looked at as the bridge looks at it: a Buyer asks for something, the command is
written, and a damaged reply settles it. The packs together use every key that a pack may have; a test holds that.

Each message must end with an outcome and an explanation, each reply as read or unreadable, in a form that a database
can keep. None may raise, none may take longer than `LIMIT_S`, and memory must not grow. `python -m benchmarks.hostile`
exits with 1 where one of this does not hold.
"""

import argparse
import gc
import os
import random
import signal
import sys
import time
import traceback
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from multiprocessing import TimeoutError as PoolTimeout
from multiprocessing import get_context
from pathlib import Path

import orjson
from pydantic import BaseModel

from benchmarks.lab import ROOT, table
from benchmarks.mutants import damaged, mutant
from bridge.domain.model import Accepted, CommandKind, Job, JobRef, Offered, Outcome, Refused
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack, Reading, ReplyRead, Unreadable
from bridge.packtools.buyer_steps import ask
from bridge.packtools.case_files import load_cases
from bridge.packtools.cases import Case, Step
from bridge.packtools.initial_job import initial_job
from bridge.packtools.sandbox import Happened, RawMessage, Sandbox

LIMIT_S = 2.0
TOTAL_S = 1800.0
CHAIN = 4  # mutants one after another on the same jobs
CHUNK = 2_000
TRACED = 1_000
MEMORY_LIMIT_KIB = 128.0
MEANINGS = tuple(kind.__name__ for kind in (Accepted, Refused, Offered, Unreadable))
REPLIES = 5  # messages for each reply that is damaged
OTHERS = 0.05  # of messages that come with what stands beside another one
WISHED = (CommandKind.SEARCH, CommandKind.BOOK, CommandKind.RESCHEDULE, CommandKind.CANCEL)
WISHES = 0.05  # of messages after which a Buyer asks for something
OUTCOMES = tuple(str(outcome) for outcome in Outcome if outcome is not Outcome.SUPERSEDED)


class TooSlow(BaseException):
    """Raised by the watchdog; no handler for errors may swallow it."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A good message, and the jobs and time it comes to."""

    words: RawMessage
    jobs: dict[JobRef, Job]
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """A good reply to a command."""

    kind: CommandKind
    body: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pack with its good messages, replies, and steps in which a Buyer asks for something."""

    pack: Pack
    seeds: list[Seed]
    answers: list[Answer]
    wishes: list[Step]


@dataclass(slots=True)
class Tally:
    """What became of mutants: of messages, and of replies."""

    outcomes: Counter[str] = field(default_factory=Counter)
    meanings: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ""
    rss_kib: dict[int, list[int]] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Count what another has counted, too."""
        self.outcomes += other.outcomes
        self.meanings += other.meanings
        self.violations += other.violations
        if other.slowest_s > self.slowest_s:
            self.slowest_s, self.slowest = other.slowest_s, other.slowest
        for process, sizes in other.rss_kib.items():
            self.rss_kib.setdefault(process, []).extend(sizes)

    def rss_growth_kib(self) -> int:
        """The most that a process has grown since its first thousands of mutants."""
        return max((sizes[-1] - sizes[0] for sizes in self.rss_kib.values()), default=0)


def packs() -> list[Path]:
    """Find the packs with cases: those in the box, and one for what they do not use."""
    found = [path for home in ("mappings", "benchmarks/packs") for path in sorted((ROOT / home).glob("*/pack.yaml"))]
    return [path.parent for path in found if (path.parent / "cases").is_dir()]


def seeds_of(pack: Pack, cases: Sequence[Case]) -> list[Seed]:
    """Play the cases; each message is a seed, on the jobs as they were before it."""
    return [seed for case in cases for seed in _played(pack, case)]


def _played(pack: Pack, case: Case) -> Iterator[Seed]:
    book = Sandbox(pack)
    for step, now in zip(case.steps, case.times(), strict=True):
        book.take_due(now)
        if step.only_time:
            continue
        if step.buyer is not None:
            ask(book, step, step.buyer, now)
            continue
        words = _words(step)
        reading = pack.read(words.body, words.routing_key, words.headers)
        if step.given is not None and isinstance(reading, Reading):
            book.put(initial_job(reading, (step.given.work_order, step.given.appointment), pack, now))
        yield Seed(words, dict(book.jobs), now)
        book.apply(words, now)


def answers_of(cases: Sequence[Case]) -> list[Answer]:
    """Find the replies of the cases."""
    steps = [step for case in cases for step in case.steps if step.buyer is not None and step.reply is not None]
    return [Answer(kind, _reply(step)) for step in steps for kind in WISHED if getattr(step.buyer, kind, None)]


def _reply(step: Step) -> bytes:
    return step.reply.encode() if isinstance(step.reply, str) else orjson.dumps(step.reply)


def _words(step: Step) -> RawMessage:
    body = step.body.encode() if step.body is not None else orjson.dumps(step.message)
    return RawMessage(body=body, routing_key=step.routing_key, headers=step.headers)


def attack(prepared: Prepared, rng: random.Random, messages: int) -> Tally:
    """Send so many mutants; the watchdog must be armed by the caller's process (`watched`)."""
    pack, tally = prepared.pack, Tally()
    for number in range(messages):
        if number % CHAIN == 0:
            seed = rng.choice(prepared.seeds)
            jobs = dict(seed.jobs)
        words = mutant(rng, seed.words)
        if rng.random() < OTHERS:  # a complete message as a delta, or the other way round
            other = rng.choice(prepared.seeds).words
            words = replace(words, routing_key=other.routing_key, headers=other.headers)
        with _tried(tally, f"{words.routing_key!r} {words.body[:1000]!r}") as problems:
            happened = _apply(pack, jobs, words, seed.now)
            tally.outcomes.update(str(one.outcome) for one in happened[:1])
            problems += [problem for one in happened if (problem := _problem(one, jobs))]
            problems += _wished(prepared, jobs, seed.now, rng)
    return tally


def _wished(prepared: Prepared, jobs: dict[JobRef, Job], now: datetime, rng: random.Random) -> list[str]:
    """Let a Buyer ask for something of a job as the messages have left it, and the WFM answer."""
    pack, known = prepared.pack, [job for job in jobs.values() if job.work_order is not None]
    if not known or not prepared.wishes or rng.random() > WISHES:
        return []
    book, job, step = Sandbox(pack), rng.choice(known), rng.choice(prepared.wishes)
    reply = damaged(rng, _reply(step)).decode(errors="replace") if step.reply is not None else None
    step = step.model_copy(update={"job": job.ref.key, "reply": reply})
    book.put(job)
    if step.buyer is None:
        return []
    told = [pack.seller_contact(job).model_dump(), ask(book, step, step.buyer, now).happened.reason]
    return [problem] if (problem := _unkept(told)) else []


def answer(prepared: Prepared, rng: random.Random, replies: int) -> Tally:
    """Send so many damaged replies, as `attack` does messages; the correlation id is looked for in each, too."""
    pack, tally = prepared.pack, Tally()
    for _ in range(replies if prepared.answers else 0):
        good = rng.choice(prepared.answers)
        body = damaged(rng, good.body)
        with _tried(tally, f"{good.kind} {body[:1000]!r}") as problems:
            read, correlation = pack.read_reply(good.kind, body), pack.correlation_of(body, "id")
            tally.meanings[type(read.reply if isinstance(read, ReplyRead) else read).__name__] += 1
            told = [read.explanation, read.reply if isinstance(read, ReplyRead) else read.reason]
            problems += [problem for one in (told, correlation) if (problem := _unkept(one))]
    return tally


@contextmanager
def _tried(tally: Tally, what: str) -> Iterator[list[str]]:
    """Let something happen to a mutant, and note how it ends; what is wrong is added to the list."""
    problems: list[str] = []
    begun = time.perf_counter()
    try:
        with limited(LIMIT_S):
            yield problems
    except TooSlow:
        problems.append(f"took longer than {LIMIT_S} s")
    except Exception:  # noqa: BLE001 - that nothing raises is what is shown
        problems.append(f"raised: {traceback.format_exc(limit=-3)}")
    _note(tally, what, time.perf_counter() - begun, problems)


def _apply(pack: Pack, jobs: dict[JobRef, Job], words: RawMessage, now: datetime) -> list[Happened]:
    """A book of its own for each mutant, for they share message ids; what became of the jobs is carried on."""
    book = Sandbox(pack)
    for job in jobs.values():
        book.put(job)
    happened = book.apply(words, now)
    jobs.update(book.jobs)
    return happened


def _note(tally: Tally, what: str, took_s: float, problems: Sequence[str]) -> None:
    tally.violations += [f"{problem}\n    {what}" for problem in problems]
    if took_s > tally.slowest_s:
        tally.slowest_s, tally.slowest = took_s, what[:60]


def _problem(one: Happened, jobs: dict[JobRef, Job]) -> str | None:
    """Say what is wrong with how a message ended."""
    if one.outcome not in OUTCOMES:
        return f"ended as {one.outcome}"
    silent = one.outcome not in (Outcome.APPLIED, Outcome.UNCHANGED)
    if not one.explanation or (silent and not one.reason):
        return f"{one.outcome} without an explanation"
    return _unkept([one.explanation, one.reason, jobs.get(one.job) if one.job else None])


def _unkept(told: object) -> str | None:
    """Say why a database could not keep something."""
    try:
        kept = orjson.dumps(told, default=_plain)
    except TypeError as error:
        return f"cannot be kept: {error}"
    return "has a NUL, which no database keeps" if b"\\u0000" in kept.replace(b"\\\\", b"") else None


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()  # what must be left of a slot that is cut: of one search, and never stored
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else list(value)  # type: ignore[call-overload]


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Let the watchdog bark after so many seconds; an alarm that was set before (a test's) goes on afterwards."""
    before, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, before)


@contextmanager
def watched() -> Iterator[None]:
    """Let the alarm raise `TooSlow` in the main thread."""

    def bark(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, bark)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


def chunk(directory: Path, seed: str, messages: int) -> Tally:
    """Send mutants to a pack in this process, and tell what memory it has afterwards."""
    prepared = prepared_of(directory)
    with watched():
        tally = attack(prepared, random.Random(seed), messages)
        tally.add(answer(prepared, random.Random(seed), messages // REPLIES))
    gc.collect()
    tally.rss_kib[os.getpid()] = [_rss_kib()]
    return tally


_PREPARED: dict[Path, Prepared] = {}


def prepared_of(directory: Path) -> Prepared:
    """Load a pack and play its cases; once in a process."""
    if directory not in _PREPARED:
        pack, cases = load_pack(directory), [case for _, case in load_cases(directory)]
        wishes = [step for case in cases for step in case.steps if step.buyer is not None]
        _PREPARED[directory] = Prepared(pack, seeds_of(pack, cases), answers_of(cases), wishes)
    return _PREPARED[directory]


def _rss_kib() -> int:
    """Memory of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def traced_growth_kib(directory: Path, seed: str) -> float:
    """Send the same mutants three times: what the third round leaves behind that the second did not."""
    prepared, sizes = prepared_of(directory), []
    with watched():
        tracemalloc.start()
        try:
            for _ in range(3):
                attack(prepared, random.Random(seed), TRACED)
                answer(prepared, random.Random(seed), TRACED // REPLIES)
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    return (sizes[2] - sizes[1]) / 1024


def besiege(directory: Path, seed: int, messages: int, deadline: float) -> Tally:
    """Send mutants from a process for each core. Raises `multiprocessing.TimeoutError` at the deadline."""
    tally = Tally()
    sizes = [min(CHUNK, messages - start) for start in range(0, messages, CHUNK)]
    with get_context("spawn").Pool() as pool:
        jobs = [pool.apply_async(chunk, (directory, f"{seed}/{number}", size)) for number, size in enumerate(sizes)]
        for job in jobs:
            tally.add(job.get(max(0.0, deadline - time.monotonic())))
    return tally


def main() -> bool:
    """Run and print; tell whether all packs held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000, help="mutants a pack")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same mutants")
    given = parser.parse_args()
    rows: list[Sequence[object]] = []
    replies: list[Sequence[object]] = []
    violations: list[str] = []
    deadline = time.monotonic() + TOTAL_S
    for directory in packs():
        try:
            tally = besiege(directory, given.seed, given.messages, deadline)
        except PoolTimeout:
            tally = Tally(violations=[f"not done after {TOTAL_S:.0f} s: something hangs"])
        growth = traced_growth_kib(directory, f"{given.seed}/memory")
        if growth > MEMORY_LIMIT_KIB:
            tally.violations.append(f"memory grows: {growth:.0f} KiB in {TRACED} messages")
        rows.append(_row(directory.name, tally, growth))
        replies.append((directory.name, tally.meanings.total(), *(tally.meanings[one] for one in MEANINGS)))
        violations += [f"{directory.name}: {one}" for one in tally.violations]
    heads = ("pack", "messages", *OUTCOMES, "violations", "slowest ms", "memory KiB", "RSS KiB")
    table("Hostile input", heads, rows)
    table("Hostile replies", ("pack", "replies", *map(str.lower, MEANINGS)), replies)
    for violation in violations[:50]:
        print(violation, file=sys.stderr)
    return not violations


def _row(name: str, tally: Tally, growth_kib: float) -> Sequence[object]:
    outcomes = [tally.outcomes[outcome] for outcome in OUTCOMES]
    slowest, memory = f"{tally.slowest_s * 1e3:.0f}", f"{growth_kib:+.1f}"
    violations = len(tally.violations)
    return (name, sum(outcomes), *outcomes, violations, slowest, memory, f"{tally.rss_growth_kib():+d}")


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
