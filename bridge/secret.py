"""A secret that the environment gives, or a file: never shown, and read anew when its file changes.

Files are looked at by `refresh` alone, which may block and is called beside the work: who needs a secret has it at
hand.
"""

from collections.abc import Callable
from pathlib import Path

import structlog

from bridge.errors import PermanentError

log = structlog.get_logger(__name__)


class Secret:
    """A secret. Neither a newline at the end of a file is part of it nor a byte-order mark: editors put them there."""

    def __init__(self, text: str) -> None:
        self._text = _without_newline(text)

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"{type(self).__name__}('**********')"

    def reveal(self) -> str:
        """Give the secret itself."""
        return self._text

    def refresh(self) -> None:
        """Look whether it has changed, which a text does not."""


class FileSecret(Secret):
    """A secret in a file. Raises `PermanentError` if it cannot be read at first; later, the last one stays.

    `check` may raise `PermanentError` for a text that cannot be the secret.
    """

    def __init__(self, path: Path, check: Callable[[str], object] = str) -> None:
        self._path = path
        self._check = check
        super().__init__(self._read())

    def refresh(self) -> None:
        """Read the file again."""
        try:
            text = self._read()
        except PermanentError as trouble:
            log.warning("secret.not_read", reason=str(trouble))
            return
        if text != self._text:
            self._text = text
            log.info("secret.renewed", file=str(self._path))

    def _read(self) -> str:
        try:
            text = _without_newline(self._path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise PermanentError(f"{self._path}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from error
        if not text:
            raise PermanentError(f"{self._path}: is empty")
        self._check(text)
        return text


def _without_newline(text: str) -> str:
    return text.rstrip("\r\n")
