"""An activated draft runs over the files that it was made for; others that were deployed since win."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.console.activations import Running
from bridge.flows.operator import Activation, RunningPack, Standing

AT = datetime(2026, 3, 5, 3, 0, tzinfo=UTC)
ONE = Activation(
    id="a-1", pack="acme-wfm", base="1+base", text="", version="1+draft", who="ada", note="LEFT is new", at=AT
)


@pytest.mark.parametrize(
    ("deployed", "standing"),
    [
        ("1+base", Standing.RUNS),
        ("1+later", Standing.OVERTAKEN),
        ("1+draft", Standing.REDUNDANT),
    ],
)
def test_the_files_say_whether_it_runs(deployed: str, standing: Standing) -> None:
    assert ONE.standing(deployed) is standing


@pytest.mark.parametrize("deployed", ["1+base", "1+later", "1+draft"])
def test_one_that_has_ended_does_not_come_again(deployed: str) -> None:
    assert replace(ONE, ended_at=AT).standing(deployed) is Standing.OVERTAKEN


def test_who_runs_it_who_is_to_and_who_has_other_files() -> None:
    follower = RunningPack("bridge-1", "1+draft", "1+base")
    slow = RunningPack("bridge-2", "1+base", "1+base")
    newer = RunningPack("bridge-3", "1+later", "1+later")
    of_old = RunningPack("bridge-4", "1+base", None)
    running = Running(ONE, Standing.RUNS, (follower, slow, newer, of_old))
    assert running.followed == ["bridge-1"]
    assert running.awaited == ["bridge-2"]
    assert running.elsewhere == [newer, of_old]
