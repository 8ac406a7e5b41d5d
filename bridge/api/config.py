"""What the Buyer's side can be told. Values are checked where the settings are read."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client, or all together, may take: connections, and seconds for a head, a body, and between requests.

    `body_seconds` is also how long a client may leave an answer untaken. `requests_per_second` and `burst` are for each
    requesting entity; 0 is no limit.
    """

    connections: int = 500
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 75.0
    requests_per_second: float = 0.0
    burst: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """`base_url` is how Buyers reach the bridge, without a path (`https://bridge.example.com`); hrefs begin with it.

    `prefix` is the optional seller prefix in front of `/mefApi`. `default_limit` and `max_limit` are records a page.
    """

    base_url: str
    prefix: str = ""
    default_limit: int = 100
    max_limit: int = 1000
    max_body_bytes: int = 1024 * 1024  # attachments may be embedded, so a few hundred KB are normal
    limits: Limits = field(default_factory=Limits)

    @property
    def path(self) -> str:
        """The seller prefix as a path: empty, or with a leading and no trailing slash."""
        stripped = self.prefix.strip("/")
        return f"/{stripped}" if stripped else ""

    @property
    def root(self) -> str:
        """The absolute URL in front of `/mefApi`."""
        return self.base_url.rstrip("/") + self.path
