"""A WFM is silent if it answers nothing, several times in a row."""

from datetime import timedelta

from bridge.admin.silence import IN_A_ROW, Silence
from bridge.domain.model import CommandState, Outcome
from tests.unit.admin.test_metrics import NOW, booking, entry


def test_one_command_without_a_reply_is_no_silence() -> None:
    silence = Silence()
    for _ in range(IN_A_ROW - 1):
        silence.settled(booking(CommandState.EXPIRED), NOW)
    assert silence.problems == []


def test_several_in_a_row_are_said_with_the_last_sign_of_life() -> None:
    silence = Silence()
    silence.recorded(entry(Outcome.APPLIED))
    for _ in range(IN_A_ROW):
        silence.settled(booking(CommandState.EXPIRED), NOW + timedelta(minutes=1))
    assert silence.problems == [
        "the WFM of acme-wfm has not answered the last 3 commands; last heard of: 2026-03-05T12:00:00Z"
    ]


def test_an_answer_ends_it_be_it_a_no() -> None:
    silence = Silence()
    for state in (*[CommandState.EXPIRED] * IN_A_ROW, CommandState.REFUSED):
        silence.settled(booking(state), NOW)
    assert silence.problems == []
