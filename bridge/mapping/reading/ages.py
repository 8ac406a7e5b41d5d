"""Which message told a field last? So an older delta brings in what nobody told since, and nothing else.

A message may be older than what is applied: it was overtaken on the way, or parked until its pack was mended.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.domain.decide import is_older
from bridge.domain.model import ANSWER, Job
from bridge.domain.order import Versions, is_behind
from bridge.mapping import document


@dataclass(slots=True)
class Ages:
    """The ages of the fields of one job while a message is read; local to it.

    `told` says by which versions each field was told last, `kept` which fields stay as they were known. `moment` is the
    field that says when it happened, which is a message's own at any age. `is_late`: the message is older than what is
    applied. `is_news`: it tells something that no later one has told.
    """

    job: Job
    versions: Versions
    moment: str | None
    told: dict[str, Versions] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    is_news: bool = False
    is_late: bool = field(init=False)
    _stamp: Versions = field(init=False)

    def __post_init__(self) -> None:
        self.is_late = is_older(self.job, self.versions)
        if ANSWER in self.job.told:
            self.told[ANSWER] = self.job.told[ANSWER]
        self._stamp = self.versions if self.is_late else {**self.job.versions, **self.versions}

    def told_since(self, name: str) -> bool:
        """Tell whether a later message has told a field."""
        return self.is_late and name != self.moment and is_behind(self.versions, self._last(name))

    def keep(self, name: str) -> None:
        """Note that a field stays as it is."""
        self.kept.add(name)
        if last := self._last(name):
            self.told[name] = last

    def tell(self, name: str) -> None:
        """Note that the message tells a field."""
        self.is_news = self.is_news or name != self.moment
        if self._stamp:
            self.told[name] = self._stamp

    def _last(self, name: str) -> Versions:
        """A field of which nobody noted when it was told counts as told by the last message."""
        return self.job.told.get(name, self.job.versions if name in self.job.record else {})


def own_fields(pack: document.PackDocument) -> frozenset[str]:
    """Name the fields that are of one message alone: they are never remembered, or made of such."""
    own: set[str] = set()
    for name, spec in pack.fields.items():
        made_of = _names(_made_of(spec, pack))
        if _is_own(spec) or made_of & own:
            own.add(name)
    return frozenset(own)


def window_fields(pack: document.PackDocument) -> frozenset[str]:
    """Name the fields of messages that the window of a visit comes down to."""
    window = pack.appointment.window
    found: set[str] = set()
    asked = _names((*window.start.value, *window.end.value))
    while asked:
        found |= asked
        asked = {name for one in asked for name in _names(_rests_on(pack.fields[one], pack))} - found
    return frozenset(name for name in found if not _made_of(pack.fields[name], pack))


def _names(references: Iterable[str]) -> set[str]:
    return {reference.partition(".")[0] for reference in references}


def _rests_on(spec: document.FieldSpec, pack: document.PackDocument) -> tuple[str, ...]:
    zone = spec.zone or document.FieldZone(name="UTC")
    return (*_made_of(spec, pack), *filter(None, (spec.not_before, zone.value, zone.minutes)))


def _is_own(spec: document.FieldSpec) -> bool:
    return spec.header is not None or spec.routing_key is not None or (spec.path is not None and not spec.remember)


def _made_of(spec: document.FieldSpec, pack: document.PackDocument) -> tuple[str, ...]:
    if spec.attribution is not None and pack.attribution is not None:
        return pack.attribution.reason
    single = tuple(reference for reference in (spec.value, spec.of) if reference is not None)
    return (*single, *(spec.join or ()), *(spec.first or ()))
