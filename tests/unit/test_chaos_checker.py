"""The checker of `make chaos` finds nothing in a good run, and each fault that is planted in one."""

from dataclasses import replace

from benchmarks.chaos.checker import check
from benchmarks.chaos.evidence import Event, Evidence, Granted, HeldVisit, Hop, JobEnd, Notified, Shown, in_sequence

START = "2026-03-06T07:00:00+00:00"
CREATED, STATE = "workOrderCreateEvent", "workOrderStateChangeEvent"
STATUS = "appointmentStatusChangeEvent"


def a_run() -> Evidence:
    """A job with a visit that the Buyer has booked, and one that is completed."""
    decided = [
        Notified("n-1", CREATED, "wo-1"),
        Notified("n-2", STATE, "wo-1"),
        Notified("n-3", CREATED, "wo-2"),
        Notified("n-4", STATUS, "ap-2"),
        Notified("n-5", STATE, "wo-2"),
        Notified("n-6", STATUS, "ap-2"),
        Notified("n-7", STATE, "wo-2"),
        Notified("n-8", STATUS, "ap-2"),
        Notified("n-9", STATE, "wo-2"),
    ]
    return Evidence(
        said=[Event("E-1", "J-1", 1, "NEW"), Event("E-2", "J-2", 1, "NEW"), Event("E-3", "J-2", 2, "DONE")],
        outcomes={"E-1": "applied", "E-2": "applied", "E-3": "applied"},
        hops=[
            Hop("J-1", "workOrder", "wo-1", None, "open"),
            Hop("J-1", "appointment", "ap-1", None, "confirmed", silently=True),
            Hop("J-1", "workOrder", "wo-1", "open", "planned"),
            Hop("J-2", "workOrder", "wo-2", None, "open"),
            Hop("J-2", "appointment", "ap-2", None, "confirmed"),
            Hop("J-2", "workOrder", "wo-2", "open", "planned"),
            Hop("J-2", "appointment", "ap-2", "confirmed", "inProgress"),
            Hop("J-2", "workOrder", "wo-2", "planned", "inProgress"),
            Hop("J-2", "appointment", "ap-2", "inProgress", "completed"),
            Hop("J-2", "workOrder", "wo-2", "inProgress", "completed"),
        ],
        decided=decided,
        told=[*decided[:2], decided[1], *decided[2:]],  # the same eventId may come twice
        jobs={"J-1": JobEnd("SCHD", HeldVisit("planned", START)), "J-2": JobEnd("DONE")},
        work_orders={"wo-1": ("J-1", "planned"), "wo-2": ("J-2", "completed")},
        appointments=[Shown("ap-1", "wo-1", "confirmed", START), Shown("ap-2", "wo-2", "completed", START)],
        granted=[Granted("ap-1", "booked")],
        left={"inbound": 0},
    )


def found(run: Evidence) -> set[str]:
    """The kinds of faults that are found."""
    return {finding.kind for finding in check(run)}


def test_nothing_is_found_where_all_is_well() -> None:
    assert check(a_run()) == []


def test_a_lost_message_is_found_whether_it_was_never_recorded_parked_or_waits() -> None:
    for outcome in (None, "parked", "waiting"):
        run = a_run()
        run.outcomes = {id_: was for id_, was in run.outcomes.items() if id_ != "E-3"}
        run.outcomes |= {} if outcome is None else {"E-3": outcome}
        assert found(run) == {"lost"}


def test_a_lost_notification_is_found_whether_it_was_not_decided_on_or_not_taken() -> None:
    run = a_run()
    run.told = [each for each in run.told if each.event != "n-5"]
    assert found(run) == {"lost"}
    run.decided = [each for each in run.decided if each.event != "n-5"]
    assert found(run) == {"lost"}


def test_a_booking_or_cancellation_that_was_granted_and_is_not_so_is_found() -> None:
    for lost in (Granted("ap-9", "booked"), Granted("ap-1", "cancelled")):
        run = a_run()
        run.granted.append(lost)
        assert found(run) == {"lost"}


def test_a_job_that_the_buyer_sees_in_another_state_or_not_at_all_is_found() -> None:
    run = a_run()
    run.work_orders["wo-2"] = ("J-2", "inProgress")
    assert found(run) == {"lost"}
    del run.work_orders["wo-2"]
    assert found(run) == {"lost"}


def test_a_doubled_transition_is_found() -> None:
    run = a_run()
    run.hops.append(run.hops[-1])
    assert "doubled" in found(run)


def test_a_transition_that_is_notified_under_two_ids_is_found() -> None:
    run = a_run()
    twice = replace(run.decided[-1], event="n-10")
    run.told.append(twice)
    assert found(run) == {"doubled"}
    run.decided.append(twice)
    assert found(run) == {"doubled"}


def test_an_illegal_hop_is_found_by_the_state_tables_and_by_where_the_object_was() -> None:
    run = a_run()
    run.hops[2] = replace(run.hops[2], target="completed")
    assert found(run) == {"illegal"}
    run = a_run()
    run.hops[4:8] = [run.hops[4], run.hops[6], run.hops[7], run.hops[5]]
    assert found(run) == {"illegal"}


def test_what_waited_for_a_reply_has_its_place_behind_it_and_what_fits_nowhere_stays_a_fault() -> None:
    """The journal has it in the order of arrival."""
    run = a_run()
    booked, planned = run.hops[1:3]
    run.hops[1:3] = [Hop("J-1", "appointment", "ap-1", "confirmed", "cancelled"), booked, planned]
    assert "illegal" in found(run)
    run.hops = in_sequence(run.hops)
    assert not found(run) & {"illegal", "doubled"}
    run.hops = in_sequence([*run.hops, planned])
    assert "doubled" in found(run)


def test_reordered_notifications_are_found_though_each_came() -> None:
    run = a_run()
    run.told[-1], run.told[-3] = run.told[-3], run.told[-1]
    assert found(run) == {"reordered"}


def test_notifications_of_different_resources_may_overtake_each_other() -> None:
    run = a_run()
    run.told[-1], run.told[-2] = run.told[-2], run.told[-1]
    assert check(run) == []


def test_a_ghost_is_found_on_either_side() -> None:
    run = a_run()
    run.jobs["J-2"] = JobEnd("DONE", HeldVisit("started", START))
    assert found(run) == {"ghost"}
    run = a_run()
    run.jobs["J-1"] = JobEnd("SCHD")
    assert found(run) == {"ghost"}


def test_a_visit_in_another_window_or_state_is_a_ghost() -> None:
    for held in (HeldVisit("planned", "2026-03-06T11:00:00+00:00"), HeldVisit("started", START)):
        run = a_run()
        run.jobs["J-1"] = JobEnd("SCHD", held)
        assert found(run) == {"ghost"}


def test_what_is_left_in_a_queue_is_found() -> None:
    run = a_run()
    run.left = {"inbound": 1}
    assert found(run) == {"left"}
