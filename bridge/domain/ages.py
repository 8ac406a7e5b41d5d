"""How old what is known of a job is, so that what comes late undoes nothing that came after it.

Three measures say which of two things is the newer one, the first that says it at all:

- the *versions* of the WFM, of an object that both bear;
- the *moment* at which the WFM says that it occurred. Two moments of the WFM are compared as they are. The bridge's own
  clock stands in where a Buyer and the WFM agreed: between the moment at which the Buyer asked, for nothing that was
  before can be an answer, and that at which the yes had come;
- the *turn* in which a field was written or something agreed, which counts what came of the job one by one. It says
  nothing of a message that comes late, and everything of what was known before a Buyer's booking.

An `Age` has versions and the turn. A visit has a `VisitAge`: when it was agreed, moved or ended last. What a Buyer and
the WFM have agreed has an age, too: a goal that rests only on what is older names no state any more. And it is known
which of the messages that have named a state was the newest.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from bridge.domain.replacing import replace

T = TypeVar("T")

Versions = Mapping[str, int]
"""Versions of the objects of a job, by the name of the object; what one does not bear says nothing."""

Age = Mapping[str, int]
"""Versions by object, and under `TURN` the turn."""

TURN: Final = ""
"""Stands among the names of objects, none of which is empty."""

CLOCK_GRAIN: Final = timedelta(seconds=1)
"""WFM timestamps are often whole seconds; a message is newer than a change only if it is by more than this."""


def is_behind(versions: Versions, known: Versions) -> bool:
    """Tell whether one of the versions is lower than what is known of its object."""
    for key, version in versions.items():  # noqa: SIM110 - a generator costs more than all the rest of it
        if version < known.get(key, version):
            return True
    return False


def highest(known: Versions, more: Versions) -> Versions:
    """Give the highest version of each object."""
    return {**known, **{key: max(version, known.get(key, version)) for key, version in more.items()}}


def in_order(waiting: Sequence[T], versions_of: Callable[[T], Versions]) -> list[T]:
    """Put what has waited in order: what bears versions of the same object by these, the rest as it arrived.

    `waiting` comes as it arrived. Where the versions of two objects contradict each other, the arrival decides.
    """
    left = [(one, versions_of(one)) for one in waiting]
    ordered: list[T] = []
    while left:
        lowest: dict[str, int] = {}
        for _, versions in left:
            for key, version in versions.items():
                lowest[key] = min(version, lowest.get(key, version))
        ready = (place for place, (_, versions) in enumerate(left) if versions.items() <= lowest.items())
        ordered.append(left.pop(next(ready, 0))[0])
    return ordered


def is_older(age: Age, than: Age) -> bool:
    """Tell whether something is older: by a version that both have, else by the turn."""
    shared = [name for name in age if name in than and name != TURN]
    if any(age[name] < than[name] for name in shared):
        return True
    if any(age[name] > than[name] for name in shared):
        return False
    return age.get(TURN, 0) < than.get(TURN, 0)


def versions_in(age: Age) -> Versions:
    """Give the versions without the turn."""
    return {name: version for name, version in age.items() if name != TURN}


def newer_than(age: Age) -> Age:
    """Give an age that is newer by the least; nothing is newer than what has no age."""
    return {**age, TURN: age.get(TURN, 0) + 1} if age else {}


def next_turn(ages: Iterable[Age]) -> int:
    """Count one more turn than there were."""
    return 1 + max((age.get(TURN, 0) for age in ages), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitAge:
    """When a visit was agreed, moved or ended last.

    It was not before `earliest`, as far as that is known, and not after `latest`. `versions` are the highest of the
    WFM's words of it: what bears higher ones came after it. `by_buyer`: the Buyer asked for it.
    """

    earliest: datetime | None
    latest: datetime
    versions: Versions = field(default_factory=dict)
    by_buyer: bool = False

    def is_before(self, versions: Versions, occurred_at: datetime | None) -> bool | None:
        """Tell whether it was before a message; None where nobody knows."""
        if is_behind(versions, self.versions):
            return False
        if is_behind(self.versions, versions):
            return True
        if occurred_at is None:
            return None
        # Differences are compared: a message may say the last second there is, to which nothing can be added.
        if self.earliest is not None and self.earliest - occurred_at > CLOCK_GRAIN:
            return False
        return True if occurred_at - self.latest > CLOCK_GRAIN else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """The ages of a job.

    `agreed` is that of what a Buyer and the WFM have agreed last, `answered` are the versions that the WFM's yes
    bore itself. `named` are the versions of the messages that have named a state, and `own` of those that have done
    so by what is remembered of no message. `heard` are the highest of messages that were not applied, such as one
    that the pack ignores, or an echo: what they tell is remembered, and makes no older message stale. `visits` are
    those of its visits, by the ids of their Appointments. `gone` are the versions of messages by which the WFM has
    cancelled visits that the Buyer never saw, by its references: what it said of them before may still come.
    """

    agreed: Age = field(default_factory=dict)
    answered: Versions = field(default_factory=dict)
    named: Versions = field(default_factory=dict)
    own: Versions = field(default_factory=dict)
    heard: Versions = field(default_factory=dict)
    visits: Mapping[str, VisitAge] = field(default_factory=dict)
    gone: Mapping[str, Versions] = field(default_factory=dict)

    def __bool__(self) -> bool:
        known = (self.agreed, self.answered, self.named, self.own, self.heard, self.visits, self.gone)
        return any(map(bool, known))

    def with_agreement(self, *ages: Age) -> "Ages":
        """Note how old what a Buyer and the WFM have agreed is at least."""
        agreed = newest((self.agreed, *ages))
        return self if agreed == self.agreed else replace(self, agreed=agreed)

    def with_yes(self, versions: Versions) -> "Ages":
        """Note the versions that a yes of the WFM's bore."""
        return replace(self, answered=highest(self.answered, versions)) if versions else self

    def with_state_named(self, versions: Versions, *, is_own: bool) -> "Ages":
        """Note that a message of these versions has named a state, perhaps by what is remembered of no message."""
        named, own = highest(self.named, versions), highest(self.own, versions) if is_own else self.own
        return self if (named, own) == (self.named, self.own) else replace(self, named=named, own=own)

    def with_heard(self, versions: Versions) -> "Ages":
        """Note that a message of these versions came, and was not applied."""
        heard = highest(self.heard, versions)
        return self if heard == self.heard else replace(self, heard=heard)

    def with_standing(self, visit: str, age: VisitAge, versions: Versions) -> "Ages":
        """Note that a message of these versions has told how the visit of an Appointment stands, whose age this is."""
        if not versions or (not is_behind(age.versions, versions) and versions.keys() <= age.versions.keys()):
            return self
        told = replace(age, versions=highest(age.versions, versions))
        return replace(self, visits={**self.visits, visit: told})

    def with_gone(self, visit: str | None, versions: Versions) -> "Ages":
        """Note that a message of these versions has cancelled a visit that the Buyer does not see."""
        if visit is None or not versions:
            return self
        return replace(self, gone={**self.gone, visit: highest(self.gone.get(visit, {}), versions)})

    def plain(self) -> dict[str, Age]:
        """Write them as whole numbers by names that no field has."""
        ages = {name: getattr(self, attribute) for name, attribute in _OF_AGES.items()}
        plain = {name: age for name, age in ages.items() if age}
        plain |= {f"{_GONE}{visit}": versions for visit, versions in self.gone.items()}
        for name, visit in self.visits.items():
            earliest = {} if visit.earliest is None else {_EARLIEST: (visit.earliest - _EPOCH) // _UNIT}
            latest, by_buyer = (visit.latest - _EPOCH) // _UNIT, int(visit.by_buyer)
            plain[f"{_VISIT}{name}"] = {**visit.versions, **earliest, _LATEST: latest, _BY_BUYER: by_buyer}
        return plain


def ages_in(plain: Mapping[str, Age]) -> tuple[Mapping[str, Age], Ages]:
    """Read the ages of fields, and what `Ages.plain` has written beside them."""
    fields: dict[str, Age] = {}
    visits: dict[str, VisitAge] = {}
    gone: dict[str, Versions] = {}
    for name, age in plain.items():
        if name.startswith(_VISIT):
            earliest = age.get(_EARLIEST)
            visits[name.removeprefix(_VISIT)] = VisitAge(
                earliest=_EPOCH + earliest * _UNIT if earliest is not None else None,
                latest=_EPOCH + age.get(_LATEST, 0) * _UNIT,
                versions={key: version for key, version in age.items() if not key.startswith("@")},
                by_buyer=bool(age.get(_BY_BUYER)),
            )
        elif name.startswith(_GONE):
            gone[name.removeprefix(_GONE)] = age
        elif name not in _OF_AGES:
            fields[name] = age
    of_ages = {attribute: plain.get(name, {}) for name, attribute in _OF_AGES.items()}
    return fields, Ages(**of_ages, visits=visits, gone=gone)


_OF_AGES: Final = {"": "agreed", "!answered": "answered", "!named": "named", "!own": "own", "!heard": "heard"}
_VISIT: Final = "@"
_GONE: Final = "-"
_EARLIEST, _LATEST, _BY_BUYER = "@earliest", "@latest", "@by_buyer"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT: Final = timedelta(microseconds=1)


def newest(ages: Iterable[Age]) -> Age:
    """Put several together: of each object the highest version, and the last turn."""
    found: Age = {}
    for age in ages:
        found = highest(found, age)
    return found
