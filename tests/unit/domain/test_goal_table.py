"""The tables of goals in docs/pack-reference.md are what `decide` does, and the sentences beside them hold."""

import os
import re
from pathlib import Path

import pytest

from bridge.domain.goal_table import GOALS, Said, Situation, effect, shown, situations, tables
from bridge.domain.model import Goal
from bridge.domain.work_order import TERMINAL
from bridge.mef.enums import AppointmentStatus as Status
from bridge.mef.enums import WorkOrderState as State

PAGE = Path(__file__).parents[3] / "docs" / "pack-reference.md"
TABLES = re.compile(r"(?<=<!-- goals -->\n).*?(?=<!-- /goals -->)", re.DOTALL)
UNKNOWN, OPEN = Situation(None, None), Situation(State.OPEN, None)
ENDED = [situation for situation in situations() if situation.work_order in TERMINAL]


def test_the_page_in_the_docs_says_what_is_decided() -> None:
    text = PAGE.read_text(encoding="utf-8")
    drawn, found = TABLES.subn(lambda _: f"{tables()}\n", text)
    assert found == 1
    if os.environ.get("MEF_BRIDGE_WRITE_DOCS"):
        PAGE.write_text(drawn, encoding="utf-8")
    elif text != drawn:
        pytest.fail("docs/pack-reference.md has other goals than the domain; `make docs` writes it anew")


def test_every_situation_of_the_standard_is_walked() -> None:
    assert {(str(state), str(status)) for state, status in situations()} == {
        ("None", "None"),
        ("open", "None"),
        ("planned", "None"),
        ("planned", "confirmed"),
        ("planned", "inProgress"),
        ("inProgress", "None"),
        ("inProgress", "inProgress"),
        ("completed", "None"),
        ("cancelled", "None"),
        ("unableToComplete", "None"),
    }


@pytest.mark.parametrize("goal", GOALS, ids=str)
@pytest.mark.parametrize("said", UNKNOWN.windows)
def test_what_creates_goes_on_as_from_open(goal: Goal, said: Said) -> None:
    steps = effect(OPEN, goal, said)
    created = ("created", *(steps if steps != ("unchanged",) else ()))
    assert effect(UNKNOWN, goal, said) == (steps if steps == ("parked",) else created)


@pytest.mark.parametrize("goal", GOALS, ids=str)
@pytest.mark.parametrize("situation", ENDED)
def test_what_has_ended_stays(goal: Goal, situation: Situation) -> None:
    is_no_news = goal.work_order in (None, situation.work_order)
    for said in situation.windows:
        assert effect(situation, goal, said) == ("unchanged" if is_no_news else "parked",)


def test_the_tables_show_goals_of_one_object_and_those_of_both_that_these_lead_to() -> None:
    goals = {(goal.work_order, goal.appointment) for goal in shown()}
    assert {(None, status) for status in Status} | {(state, None) for state in State} <= goals
    assert {(State.PLANNED, Status.CONFIRMED), (State.COMPLETED, Status.COMPLETED)} <= goals
    assert (State.OPEN, Status.IN_PROGRESS) not in goals


def test_a_row_says_each_step_in_the_order_of_its_notifications() -> None:
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in tables().splitlines()
        if row.startswith("| `appointment: confirmed` |")
    ]
    assert rows == [
        [
            "`appointment: confirmed`",
            "*no window:* unchanged<br>*a window:* A confirmed, W planned",
            "*no window:* unchanged<br>*a window:* A confirmed",
            "*no window:* unchanged<br>*a window:* parked",
        ],
        [
            "`appointment: confirmed`",
            "*none or the same:* unchanged<br>*another window:* A cancelled, W open, asked",
            "parked",
            "parked",
        ],
    ]
