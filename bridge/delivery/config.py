"""What the sending of notifications can be told. Values are checked where the settings are read."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol


class DeliveryConfig(Protocol):
    """The `delivery` section of the settings has this shape."""

    @property
    def timeout_seconds(self) -> float:
        """How long a listener may take to answer."""

    @property
    def schedule_seconds(self) -> Sequence[float]:
        """The wait before each attempt, the first included."""

    @property
    def jitter(self) -> float:
        """The random part of a wait: 0.2 is 20 % both ways."""

    @property
    def concurrency(self) -> int:
        """How many notifications may be on their way at once."""

    @property
    def disable_after_days(self) -> float:
        """A listener that has only failed for so many days is disabled; 0 is never."""

    @property
    def guide_listener_buyers(self) -> Collection[str]:
        """Buyers whose listener of a changed state has the name of the guide's Table 7."""

    @property
    def proxy(self) -> str | None:
        """The HTTP proxy through which listeners are reached, with its password; None for none."""

    @property
    def proxy_resolves(self) -> bool:
        """Whether the proxy resolves listeners' names, and so judges where they lead."""

    @property
    def ca_file(self) -> Path | None:
        """Certificates of authorities that are trusted besides the system's."""

    @property
    def allow_private_callbacks(self) -> bool:
        """Whether listeners may be on http and on addresses that are not public; for labs."""
