"""How the listeners of one Buyer are called: credentials, a certificate, signatures."""

import asyncio
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from bridge.delivery.access_tokens import TokenRequest
from bridge.domain.model import BuyerId
from bridge.errors import PermanentError
from bridge.loops import every
from bridge.secret import Secret

REFRESH_S: Final = 30.0  # how often files are looked at

log = structlog.get_logger(__name__)


class TlsFiles:
    """Whom to trust besides the system's authorities, and the certificate to show, made anew when a file changes.

    Raises `PermanentError` for files that cannot be used at first; later, what was made last stays.
    """

    def __init__(
        self,
        authorities: Iterable[Path] = (),
        certificate: Path | None = None,
        key: Path | None = None,
        password: Secret | None = None,
    ) -> None:
        self._authorities = tuple(authorities)
        self._certificate = certificate
        self._key = key
        self._password = password
        self._seen = self._stamps()
        self.context = self._make()

    def refresh(self) -> None:
        """Look whether a file has changed. It may block."""
        stamps = self._stamps()
        if stamps == self._seen:
            return
        try:
            self.context = self._make()
        except PermanentError as trouble:
            log.warning("tls.not_read", reason=str(trouble))
            return
        self._seen = stamps
        log.info("tls.renewed", files=[str(path) for path in self._files()])

    def _files(self) -> list[Path]:
        return [path for path in (*self._authorities, self._certificate, self._key) if path is not None]

    def _stamps(self) -> list[tuple[int, int] | None]:
        return [_stamp(path) for path in self._files()]

    def _make(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        for path in self._authorities:
            with _about(path):
                context.load_verify_locations(cafile=str(path))
        if self._certificate is not None:
            # Without a password, OpenSSL would ask for one on the terminal.
            with _about(self._certificate):
                context.load_cert_chain(
                    self._certificate, self._key, lambda: self._password.reveal() if self._password else ""
                )
        return context


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Say in one line what is wrong with a file."""
    try:
        yield
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "cannot be used"
        raise PermanentError(f"{path}: {reason} (expected: PEM, and of a certificate the key that fits it)") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the listeners of a Buyer are called; `keys` are signing keys. Without `hosts`, they may be at any host."""

    hosts: frozenset[str] = frozenset()
    bearer: Secret | None = None
    oauth2: TokenRequest | None = None
    keys: tuple[Secret, ...] = ()
    tls: TlsFiles | None = None

    def refresh(self) -> None:
        """Look whether files have changed. It may block."""
        secrets = [self.bearer, self.oauth2.client_secret if self.oauth2 else None, *self.keys]
        for each in (*secrets, self.tls):
            if each is not None:
                each.refresh()


PLAIN: Final = Access()
"""How a Buyer's listeners are called of whom the settings say nothing."""


async def keep_fresh(all_access: Mapping[BuyerId, Access]) -> None:
    """Look at the files of all Buyers now and then, in one thread: a share that is away holds up nothing else."""

    async def look() -> None:
        for access in all_access.values():
            await asyncio.to_thread(access.refresh)

    await every(REFRESH_S, look, "secrets")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
