"""A secret is never shown, has no newline at its end, and changes with its file."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.errors import PermanentError
from bridge.secret import FileSecret, Secret


@pytest.mark.parametrize(
    ("written", "secret"),
    [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a"), (" a \n", " a "), ("ł\n", "ł")],
)
def test_a_newline_at_the_end_is_none(written: str, secret: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(written.encode())
    assert FileSecret(file).reveal() == Secret(written).reveal() == secret


def test_a_byte_order_mark_at_the_beginning_is_none_of_it(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes("\ufeffa\r\n".encode())
    assert FileSecret(file).reveal() == "a"


def test_it_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2")
    for secret in (Secret("hunter2"), FileSecret(file)):
        assert "hunter2" not in f"{secret} {secret!r}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff", "is not UTF-8")],
)
def test_a_file_without_one_is_said_in_one_line(content: bytes | None, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PermanentError) as refused:
        FileSecret(file)
    assert str(refused.value) == f"{file}: {reason}"


def test_a_file_that_changes_is_taken_up_and_one_that_goes_takes_nothing_away(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("first")
    secret = FileSecret(file)
    file.write_text("second")
    with capture_logs() as logs:
        secret.refresh()
        assert secret.reveal() == "second"
        file.unlink()
        secret.refresh()
        assert secret.reveal() == "second"
    assert [log["event"] for log in logs] == ["secret.renewed", "secret.not_read"]
    assert "second" not in str(logs)


def test_a_text_that_cannot_be_the_secret_is_refused_and_later_not_taken_up(tmp_path: Path) -> None:
    def demand_even(text: str) -> None:
        if len(text) % 2:
            raise PermanentError("odd")

    file = tmp_path / "secret"
    file.write_text("odd")
    with pytest.raises(PermanentError, match="odd"):
        FileSecret(file, demand_even)
    file.write_text("even")
    secret = FileSecret(file, demand_even)
    file.write_text("broken!")
    secret.refresh()
    assert secret.reveal() == "even"
