"""Hooks: shell commands that stand for the WFM side, and what happens when one is missing or fails."""

from pathlib import Path

import pytest

from bridge.conformance.findings import NotExercised
from bridge.conformance.hooks import MEANINGS, Hook, HookFailed, Hooks, parse_hook, shell_hook


async def test_a_hook_prints_what_its_command_prints() -> None:
    hooks = Hooks(dict([parse_hook("create-job=echo ' J-7 w-1 '")]))
    assert await hooks.run(Hook.CREATE_JOB) == "J-7 w-1"


async def test_the_reference_of_a_job_cannot_break_out_of_its_place(tmp_path: Path) -> None:
    spilled = tmp_path / "spilled"
    printed = await shell_hook("printf %s {job}")(f"J-7'; touch {spilled}; '")
    assert printed == f"J-7'; touch {spilled}; '"
    assert not spilled.exists()


async def test_a_command_that_fails_is_told_with_what_it_says() -> None:
    with pytest.raises(HookFailed, match=r"ended with 3: echo no >&2; exit 3\nno"):
        await shell_hook("echo no >&2; exit 3")("J-7")


async def test_a_hook_that_was_not_given_leaves_the_check_unexercised() -> None:
    with pytest.raises(NotExercised, match=r"needs --hook move-visit=…"):
        await Hooks({}).run(Hook.MOVE_VISIT, "J-7")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fly=echo", "there is no hook 'fly'; hooks are create-job, "),
        ("start", "--hook start needs a command"),
        ("start= ", "--hook start needs a command"),
    ],
)
def test_a_wrong_hook_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_hook(text)


def test_every_hook_says_what_it_means() -> None:
    assert set(MEANINGS) == set(Hook)
