"""Random histories: whatever the WFM says, in whatever order, and whatever the Buyer does meanwhile, the rules hold."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.model import Accepted, JobUpdate, MovedBy, OnIllegal, Refused
from bridge.mef.enums import AppointmentStatus, Error422Code, WorkOrderState
from tests.unit.domain.builders import AFTERNOON, MORNING, NEXT_DAY, NOW, SELLER, TECHNICIAN, a_new_job, an_update
from tests.unit.domain.world import Step, World
from tests.unit.examples import examples

WINDOWS = st.sampled_from([MORNING, AFTERNOON, NEXT_DAY])
NTH = st.integers(0, 3)
REFUSED = Refused(Error422Code.OTHER_ISSUE, "no")


@st.composite
def updates(draw: st.DrawFn) -> JobUpdate:
    """Any message a pack can make, sensible or not."""
    version = draw(st.none() | st.integers(0, 4))
    minutes = draw(st.none() | st.integers(-60, 60))
    return an_update(
        draw(st.none() | st.sampled_from(WorkOrderState)),
        draw(st.none() | st.sampled_from(AppointmentStatus)),
        required=draw(st.none() | st.booleans()),
        policy=draw(st.sampled_from(OnIllegal)),
        moved_by=draw(st.sampled_from(MovedBy)),
        window=draw(st.none() | WINDOWS),
        visit=draw(st.sampled_from([None, "V-1", "V-2"])),
        contacts=draw(st.sampled_from([(), (SELLER,), (TECHNICIAN,)])),
        creates=draw(st.booleans()),
        versions={} if version is None else {"job": version},
        occurred_at=None if minutes is None else NOW + timedelta(minutes=minutes),
    )


REPLIES = st.sampled_from([Accepted(), Accepted(window=NEXT_DAY), REFUSED])

GOALS = st.sampled_from(
    [
        (WorkOrderState.PLANNED, AppointmentStatus.CONFIRMED),
        (WorkOrderState.OPEN, AppointmentStatus.CANCELLED),
        (WorkOrderState.IN_PROGRESS, AppointmentStatus.IN_PROGRESS),
        (WorkOrderState.COMPLETED, AppointmentStatus.COMPLETED),
        (WorkOrderState.CANCELLED, AppointmentStatus.CANCELLED),
        (None, AppointmentStatus.IN_PROGRESS),
        (None, AppointmentStatus.FAILED),
        (None, AppointmentStatus.MISSED),
    ]
)
AGE = st.sampled_from([timedelta(0), timedelta(minutes=3)])

BUYER_AND_REPLIES = (
    st.tuples(st.just("book"), WINDOWS),
    st.tuples(st.just("reschedule"), WINDOWS),
    st.tuples(st.just("cancel")),
    st.tuples(st.just("reply"), NTH, REPLIES, st.booleans()),
    st.tuples(st.just("expire"), NTH),
    st.tuples(st.just("announce"), NTH),
    st.tuples(st.just("begin"), NTH),
)
FIRST_ANSWERS = st.sampled_from([("reply", 0, Accepted(), True), ("reply", 0, Accepted(), False), ("expire", 0)])
ANYTHING = st.one_of(*BUYER_AND_REPLIES, st.tuples(st.just("hear"), updates()))
VISITS = st.one_of(*BUYER_AND_REPLIES, st.tuples(st.just("report"), GOALS, st.none() | WINDOWS, AGE))


@given(st.lists(ANYTHING, max_size=12))
@examples(100)
def test_no_history_breaks_a_rule(steps: list[Step]) -> None:
    """Each step checks the rules; see `World`."""
    World().assert_rules_hold(("hear", a_new_job(required=True)), *steps)


@given(FIRST_ANSWERS, st.lists(VISITS, max_size=14))
@examples(120)
def test_no_history_of_a_booked_visit_breaks_a_rule(first: Step, steps: list[Step]) -> None:
    """Begins with a booking that the WFM accepts, with or without naming its visit, or leaves without an answer."""
    World().assert_rules_hold(("hear", a_new_job(required=True)), ("book", MORNING), first, *steps)


@given(st.lists(st.tuples(st.just("hear"), updates()), max_size=8))
@examples(60)
def test_no_sequence_of_messages_about_an_unknown_job_breaks_a_rule(steps: list[Step]) -> None:
    World().assert_rules_hold(*steps)


def test_the_world_notices_a_hop_that_is_not_in_the_tables() -> None:
    """The watchman is awake."""
    world = World()
    world.hear(a_new_job())
    assert world.job.work_order is not None
    world.states[world.job.work_order.id] = WorkOrderState.COMPLETED
    with pytest.raises(AssertionError):
        world.hear(an_update(WorkOrderState.PLANNED))
