"""The listed tasks, the locks that they install from, and what CI runs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MAKEFILE = (REPOSITORY / "Makefile").read_text()
TASKS = {
    "help", "setup", "demo", "run", "conformance", "docs", "pictures", "test", "test-stress",
    "lint", "types", "unit", "integration", "bench", "bench-full", "chaos", "hostile", "audit", "sbom", "format",
    "lock", "clean",
}  # fmt: skip
LOCKS = ("requirements.lock", "requirements.runtime.lock")

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


def make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run make, free of the variables of the `make test` that may have started us."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(  # noqa: S603  our own Makefile
        [shutil.which("make") or "make", *arguments],
        cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip


@needs_make
def test_make_alone_lists_every_target_in_one_line_each() -> None:
    listed = re.findall(r"^  make ([a-z-]+) +\S", make().stdout, re.MULTILINE)
    assert sorted(listed) == sorted(TASKS)


def test_every_task_is_phony_and_documented() -> None:
    """A file that happens to be called `test` must not stop `make test`."""
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == TASKS
    assert set(re.findall(r"^([a-z-]+):.* ## ", MAKEFILE, re.MULTILINE)) == TASKS


@needs_make
@pytest.mark.parametrize("python", ["no-such-python", "python-too-old"])
def test_a_python_that_will_not_do_is_refused_with_one_sentence(tmp_path: Path, python: str) -> None:
    program = tmp_path / "python-too-old"
    program.write_text("#!/bin/sh\n[ $1 = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n")
    program.chmod(0o755)
    done = make("setup", f"PYTHON={tmp_path / python}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert "setup: this needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / "venv").exists()


@needs_make
def test_a_python_without_a_usable_pip_is_refused_with_one_sentence(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\ncase "$2" in *pip*) exit 1;; esac\nexit 0\n')
    program.chmod(0o755)
    done = make("setup", f"PYTHON={program}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert "setup: this needs pip 22.3 or newer" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_ci_runs_make_test_and_nothing_cleverer() -> None:
    script = REPOSITORY / ".ci/run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "make test"


@needs_make
def test_make_test_includes_lint_types_and_all_tests_on_real_services() -> None:
    planned = make("--dry-run", "test").stdout
    assert "ruff check" in planned
    assert "ruff format --check" in planned
    assert "-m mypy" in planned
    assert re.search(r"-m bridge\.localenv run -- \S+ -m pytest -n auto --dist worksteal$", planned, re.MULTILINE)


@needs_make
def test_make_test_stress_runs_the_same_tests_beside_the_burners() -> None:
    planned = make("--dry-run", "test-stress").stdout
    assert re.search(r"run -- \S+ -m tests\.stress \S+ -m pytest -n auto --dist worksteal$", planned, re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_and_hashes_every_package_and_names_no_index(name: str) -> None:
    text = (REPOSITORY / name).read_text()
    assert not re.search(r"https?:|file:|--index|--extra-index|--find-links|--trusted-host| @ ", text)
    entries = re.split(
        r"^(?=[a-z0-9])", "\n".join(line for line in text.splitlines() if "#" not in line), flags=re.MULTILINE
    )
    for entry in filter(str.strip, entries):
        assert re.match(r"[a-z0-9._-]+==\S+ ", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_runtime_lock_is_a_part_of_the_whole_lock() -> None:
    whole, runtime = (pins(name) for name in LOCKS)
    assert runtime < whole
    assert not any(pin.startswith(("pytest", "mypy", "ruff", "testcontainers")) for pin in runtime)


def pins(name: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+==[^\s;]+)", (REPOSITORY / name).read_text(), re.MULTILINE))
