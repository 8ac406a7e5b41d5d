"""`replace` does what the library's does."""

import dataclasses
from dataclasses import dataclass, field

import pytest

from bridge.domain.model import Job, JobRef
from bridge.domain.replacing import replace


@dataclass(frozen=True, slots=True)
class Plain:
    """As nearly all of ours."""

    name: str
    items: tuple[int, ...] = ()
    value: object = None
    new: object = None


@dataclass(frozen=True, slots=True)
class Checked:
    """One that checks itself."""

    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("expected none below zero")


@dataclass
class Open:
    """One that may be changed, and has no slots."""

    number: int = 0
    made: list[int] = field(default_factory=list)


@pytest.mark.parametrize("changes", [{}, {"name": "b"}, {"items": (1,), "value": None}, {"value": 1, "new": 2}])
def test_what_is_not_named_stays_and_the_old_value_is_left_alone(changes: dict[str, object]) -> None:
    before = Plain("a", (2, 3), {"k": 1}, "n")
    after = replace(before, **changes)
    assert after == dataclasses.replace(before, **changes)
    assert type(after) is Plain
    assert before == Plain("a", (2, 3), {"k": 1}, "n")


def test_what_stays_is_the_very_same() -> None:
    job = Job(ref=JobRef("p", "j"), record={"a": 1})
    after = replace(job, holds=True)
    assert after.record is job.record
    assert after == dataclasses.replace(job, holds=True)
    assert hash(replace(Plain("a"), name="b")) == hash(Plain("b"))


def test_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(TypeError, match="other"):
        replace(Plain("a"), other=1)  # type: ignore[call-arg]


def test_one_that_checks_itself_is_checked() -> None:
    assert replace(Checked(1), number=2) == Checked(2)
    with pytest.raises(ValueError, match="below zero"):
        replace(Checked(1), number=-1)


def test_one_without_slots_is_replaced_too() -> None:
    before = Open(1, [1])
    assert replace(before, number=2) == Open(2, [1])
    assert before.number == 1
