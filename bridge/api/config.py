"""What the Buyer's side can be told. Values are checked, and have their defaults, where the settings are read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client, or all together, may take: connections, and seconds for a head, a body, and between requests.

    `body_seconds` is also how long a client may leave an answer untaken. `requests_per_second` and `burst` are for each
    requesting entity; 0 is no limit.
    """

    connections: int
    head_seconds: float
    body_seconds: float
    idle_seconds: float
    requests_per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """`base_url` is how Buyers reach the bridge, without a path (`https://bridge.example.com`); hrefs begin with it.

    `prefix` is the optional seller prefix in front of `/mefApi`. `default_limit` and `max_limit` are records a page.
    """

    base_url: str
    prefix: str
    default_limit: int
    max_limit: int
    max_body_bytes: int  # attachments may be embedded, so a few hundred KB are normal
    limits: Limits

    @property
    def path(self) -> str:
        """The seller prefix as a path: empty, or with a leading and no trailing slash."""
        stripped = self.prefix.strip("/")
        return f"/{stripped}" if stripped else ""

    @property
    def root(self) -> str:
        """The absolute URL in front of `/mefApi`."""
        return self.base_url.rstrip("/") + self.path
