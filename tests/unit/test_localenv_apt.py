"""Installing a package never starts a system service, and never leaves a trace of how that was prevented."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.localenv import apt
from bridge.localenv.apt import apt_install
from bridge.localenv.service import NotHere

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt.os, "geteuid", lambda: 0)
    monkeypatch.setattr(apt.shutil, "which", lambda name: f"/usr/bin/{name}")


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[list[str]], int]) -> None:
    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(command, answer(command), "", "E: no such package\n")

    monkeypatch.setattr(apt.subprocess, "run", run)


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("before", [None, "#!/bin/sh\nexit 0\n"])
def test_services_may_not_start_while_a_package_is_installed_and_the_policy_is_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    policy = tmp_path / "policy-rc.d"
    if before:
        policy.write_text(before)
    steps: list[tuple[str, str]] = []

    def answer(command: list[str]) -> int:
        steps.append(("update" if "update" in command else command[-1], policy.read_text()))
        return 0

    answering(monkeypatch, answer)
    apt_install("rabbitmq-server", policy=policy)
    denial = "#!/bin/sh\nexit 101\n"
    assert steps == [("update", denial), ("rabbitmq-server", denial)]
    assert [path.read_text() for path in tmp_path.iterdir()] == ([before] if before else [])


@pytest.mark.usefixtures("as_root")
def test_a_failed_installation_restores_the_policy_and_says_what_apt_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, lambda command: 0 if "update" in command else 100)
    with pytest.raises(NotHere, match=r"apt-get install .* failed: E: no such package"):
        apt_install("rabbitmq-server", policy=tmp_path / "policy-rc.d")
    assert list(tmp_path.iterdir()) == []


def test_only_root_installs_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt.os, "geteuid", lambda: 1000)
    with pytest.raises(NotHere, match="not root, so no apt-get install rabbitmq-server"):
        apt_install("rabbitmq-server")
