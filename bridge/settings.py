"""The settings of one bridge: defaults, then `config/bridge.yaml`, then `BRIDGE_*` variables; the last one wins.

Every key is declared once, here. A wrong file and a wrong environment are reported together, all problems at once, each
with its line and column or its variable. Passwords appear in no message and in no `repr`.
"""

import hashlib
import ipaddress
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.environment import PREFIX, Substituted, substitute, unknown_variables
from bridge.errors import PermanentError
from bridge.listener_settings import ListenerSettings, listener_findings
from bridge.yaml_source import (
    NEVER_SHOWN,
    Finding,
    InvalidDocument,
    Problem,
    YamlSource,
    mask_secrets,
    problems_of,
    read_yaml,
    validate,
)

DEFAULT_FILE = Path("config/bridge.yaml")
MOST_PARTITIONS = 256
"""Each is a queue in RabbitMQ, and each process consumes all of them."""
FILE_VARIABLE = "BRIDGE_CONFIG"
"""Names the settings file where a command is not given one."""


class InvalidSettings(PermanentError):
    """The settings are wrong."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Keep one line a problem: `file:line:column: kind: message`, or `VARIABLE: kind: message`."""
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Mode(StrEnum):
    """Where the bridge runs. In production the development keys of the shipped buyers.yaml are refused."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


class IdentityMode(StrEnum):
    """How callers are told apart."""

    CREDENTIALS = "credentials"
    NONE = "none"


class TokenAlgorithm(StrEnum):
    """Signatures that a token may have: with a public key only, so that the bridge never holds what makes tokens."""

    RS256 = "RS256"
    PS256 = "PS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


class QueueType(StrEnum):
    """The type of the bridge's own queues in RabbitMQ."""

    QUORUM = "quorum"
    CLASSIC = "classic"


class LogFormat(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


def _split(value: object) -> object:
    """Take `a, b` for a list, because a variable of the environment can hold nothing else."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _seller_list(value: object) -> object:
    """Take `us=pack-a+pack-b, them=pack-c` for a list of Sellers, because a variable can hold nothing else."""
    if not isinstance(value, str):
        return value
    pairs = (part.partition("=") for part in value.split(",") if part.strip())
    return [{"id": name.strip(), "packs": [pack.strip() for pack in packs.split("+")]} for name, _, packs in pairs]


def _url(*schemes: str) -> BeforeValidator:
    """Require one of the schemes; the message never repeats the URL, which may hold a password."""
    expected = " or ".join(f"{scheme}://" for scheme in schemes)

    def check(value: object) -> object:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        scheme = re.sub(r"\+\w+$", "", text.partition("://")[0]) if isinstance(text, str) else ""
        if isinstance(text, str) and ("://" not in text or scheme not in schemes):
            raise ValueError(f"expected a URL that begins with {expected}")
        return value

    return BeforeValidator(check)


LONGEST_INSTANCE: Final = 50
"""Characters: it is part of queue names and correlation ids, which have at most 255 bytes in AMQP."""
LAST_PORT: Final = 65535
NO_HOST: Final = "there cannot be a host of this name: a part between its dots is empty, too long or no name"


def _spelt(host: str | None) -> str | None:
    """Give a host back; raises `UnicodeError`, a `ValueError`, for one that no resolver can be asked for."""
    if host is not None:
        host.encode("idna")
    return host


def _proxy_url(value: SecretStr) -> SecretStr:
    """Refuse what would be read as something else: a password with an @ or a / in it, above all. It is never shown."""
    text = value.get_secret_value().strip()  # as in _amqp_url
    try:
        parts = urlsplit(text)
        wrong = bool(re.search(r"\s", text) or parts.path.strip("/") or parts.query or parts.fragment)
        host, _ = (_spelt(parts.hostname), parts.port)
    except ValueError:
        wrong, host = True, None
    if wrong or not host:
        raise ValueError(
            "expected http://user:password@host:port; what is special in a URL must be percent-encoded in user and "
            "password: / as %2F, @ as %40, # as %23, ? as %3F, % as %25, [ as %5B, a space as %20"
        )
    return SecretStr(text)


ProxyUrl = Annotated[SecretStr, _url("http"), AfterValidator(_proxy_url)]

_IN_FRONT: Final = frozenset({"url", "host", "port", "login", "password", "virtualhost", "ssl", "ssl_options"})
"""What stands in front of the query in an address of RabbitMQ; in the query it would be lost, or set twice."""


def _amqp_url(value: SecretStr) -> SecretStr:
    """Refuse what would be read as something else: a password with an @ or a / in it, above all. It is never shown."""
    text = value.get_secret_value().strip()  # a newline at the end of a file with a secret is none of it
    try:
        parts = urlsplit(text)
        wrong = bool(re.search(r"\s", text) or parts.fragment or "@" in parts.path + parts.query)
        host, _ = (_spelt(parts.hostname), parts.port)
    except UnicodeError:
        raise ValueError(NO_HOST) from None
    except ValueError:
        wrong, host = True, None
    if wrong:
        raise ValueError(
            "expected amqp://user:password@host:port/vhost; what is special in a URL must be percent-encoded in user, "
            "password and vhost: / as %2F, @ as %40, # as %23, ? as %3F, % as %25, [ as %5B, a space as %20"
        )
    if not host:
        raise ValueError("expected amqp://user:password@host:port/vhost, but there is no host")
    if misplaced := sorted(_IN_FRONT & dict(parse_qsl(parts.query, keep_blank_values=True)).keys()):
        raise ValueError(f"expected amqp://user:password@host:port/vhost, without {', '.join(misplaced)} behind the ?")
    return SecretStr(text)


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_SCOPE = r"^[!#-\[\]-~]+$"  # RFC 6749, 3.3: a scope token


def _network(value: str) -> str:
    """Require an address, or a network without bits beside its mask."""
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("expected an address or a network, such as 10.0.0.5 or 10.0.0.0/24") from None
    return value


Network = Annotated[str, AfterValidator(_network)]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _issuer(value: str) -> str:
    """Require the URL of an issuer (OpenID Connect Discovery 1.0, 3): by TLS, unless it is on this machine."""
    if not value:
        return value
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in ("https", "http") and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        is_url = False
    if not is_url or (parts.scheme == "http" and not _is_loopback(parts.hostname or "")):
        raise ValueError("expected a URL that begins with https://, without a query or a fragment")
    return value


class Section(BaseModel):
    """A group of keys: closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class HttpSettings(Section):
    """The Buyer's side."""

    host: str = Field(
        "127.0.0.1", description="Address to listen on; `0.0.0.0` listens on all, and in production needs `base_url`."
    )
    port: int = Field(8137, ge=0, le=LAST_PORT, description="Port to listen on; 0 takes a free one.")
    base_url: Annotated[str, _url("http", "https")] | None = Field(
        None, description="How Buyers reach the bridge, without a path; hrefs begin with it. Empty: `http://host:port`."
    )
    seller_prefix: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="Path in front of `/mefApi`, such as `/seller`; empty for none.",
    )
    max_body_bytes: int = Field(1024 * 1024, ge=1024, description="Largest body of a request, in bytes.")
    default_limit: int = Field(100, ge=1, description="Records in a page when the Buyer gives no `limit`.")
    max_limit: int = Field(1000, ge=1, description="Most records in one page, whatever the Buyer asks for.")
    max_listeners: int = Field(20, ge=1, description="Most listeners that a Buyer may register with one API.")
    max_connections: int = Field(
        500,
        ge=1,
        description="Most connections at once. Beyond that, the one that has been idle for longest is closed; if none "
        "is, the new one gets 503.",
    )
    head_timeout_seconds: Seconds = Field(10.0, description="Seconds in which the head of a request must have come.")
    body_timeout_seconds: Seconds = Field(
        30.0,
        description="Seconds in which its body must have come, and in which the client must take more of its answer.",
    )
    idle_timeout_seconds: Seconds = Field(
        75.0,
        description="Seconds after which a connection without a request is closed; should be longer than a proxy in "
        "front keeps one.",
    )
    drain_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = Field(
        0.0,
        description="Seconds for which a bridge that is asked to stop goes on, and says that it is not ready, before "
        "it closes its door: longer than a load balancer takes to notice.",
    )
    requests_per_second: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] = Field(
        0.0,
        description="Requests a second, on the average, that each requesting entity may make of one process; beyond "
        "that it gets 429 and Retry-After. 0 is no limit.",
    )
    requests_burst: int = Field(
        100, ge=1, le=1_000_000, description="Requests that it may make at once before that average counts."
    )
    idempotency_hours: Annotated[float, Field(gt=0, le=8760)] = Field(
        24.0, description="Hours for which the answer to a POST with an `Idempotency-Key` is kept."
    )

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        if self.default_limit > self.max_limit:
            raise ValueError(
                f"default_limit ({self.default_limit}) must not be greater than max_limit ({self.max_limit})"
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach the bridge."""
        return _is_loopback(self.host)

    @property
    def is_wildcard(self) -> bool:
        """Tell whether the bridge listens on all addresses, so that none of them is its own."""
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return self.host == ""

    @property
    def public_url(self) -> str:
        """`base_url` without a trailing slash, or what follows from `host` and `port`."""
        if self.base_url:
            return self.base_url.rstrip("/")
        host = "localhost" if self.is_wildcard else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class IdentitySettings(Section):
    """Who a caller is."""

    mode: IdentityMode = Field(
        IdentityMode.CREDENTIALS,
        description="`credentials`: API keys of the buyers file and, with `jwks`, OAuth2 tokens. `none`: everybody is "
        "`buyer`; only in `mode: development` on a loopback address.",
    )
    buyer: str = Field("", description="The Buyer that everybody is taken for in mode `none`.")
    jwks: str = Field(
        "", description="Public keys of the token's issuer: a JWKS file, or its https URL; empty: no tokens."
    )
    issuer: str = Field("", description="What a token must have as `iss`; required with `jwks`.")
    audience: str = Field("", description="What a token must have in `aud`; required with `jwks`.")
    algorithms: Annotated[tuple[TokenAlgorithm, ...], BeforeValidator(_split), Field(min_length=1)] = Field(
        tuple(TokenAlgorithm), description="Signatures a token may have. In a variable: separated by commas."
    )
    leeway_seconds: float = Field(
        30.0, ge=0, le=300, description="Seconds by which the issuer's clock and ours may differ."
    )
    entity_claim: str = Field(
        "client_id",
        min_length=1,
        description="Claim that names the requesting entity: its `client_id`, or else its `name`, in the buyers file. "
        "A dot leads into an object.",
    )
    scope_claims: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_split), Field(min_length=1)
    ] = Field(
        ("scope", "scp"),
        description="Claims that hold scopes, each as a list or as text with spaces; all of them count. A dot "
        "leads into an object: `realm_access.roles`. In a variable: separated by commas.",
    )
    appointment_scope: str = Field("appointment", pattern=_SCOPE, description="Scope for the Appointment API.")
    work_order_scope: str = Field("workOrder", pattern=_SCOPE, description="Scope for the WorkOrder API.")
    certificate_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]*$")] = Field(
        "",
        description="Header in which a proxy in front tells of the client's certificate (mTLS): "
        "`X-Forwarded-Client-Cert`, `ssl-client-cert`, `Client-Cert`, or another with a PEM. Empty: none. Needs "
        "`trusted_proxies`.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_split)] = Field(
        (),
        description="Addresses and networks from which `certificate_header` counts; from any other it is ignored. In a "
        "variable: separated by commas.",
    )
    jwks_refresh_minutes: Seconds = Field(
        60.0, description="Minutes after which the keys are read again; an unknown key has them read at once."
    )
    jwks_floor_seconds: Seconds = Field(
        30.0, description="Fewest seconds between two readings of the keys, whatever tokens come in."
    )

    jwks_proxy_url: ProxyUrl | None = Field(
        None,
        description="HTTP proxy through which the keys are fetched (CONNECT): `http://user:password@host:port`. "
        "Empty: none.",
    )
    jwks_ca_file: Path | None = Field(
        None, description="Certificates (PEM) of authorities that are trusted besides the system's to fetch the keys."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = [name for name in ("issuer", "audience") if self.jwks and not getattr(self, name)]
        if missing:
            raise ValueError(f"jwks needs {' and '.join(missing)}: tokens made for others must not work here")
        if "://" in self.jwks and not self.jwks.startswith("https://"):
            raise ValueError("jwks must be a file or an https:// URL: whoever changes the keys can be anybody")
        if self.certificate_header and not self.trusted_proxies:
            raise ValueError("certificate_header needs trusted_proxies: else anybody could claim any certificate")
        if self.mode is IdentityMode.NONE and not self.buyer:
            raise ValueError("mode none needs a buyer that everybody is taken for")
        return self


class SellerSettings(Section):
    """One of several Sellers behind this bridge."""

    id: str = Field(min_length=1, description="How requests and notifications name the Seller (`sellerId`).")
    packs: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = Field(
        description="Names of the packs of its WFMs."
    )


class BrokerSettings(Section):
    """RabbitMQ, where the WFM is."""

    url: Annotated[SecretStr, _url("amqp", "amqps"), AfterValidator(_amqp_url)] = Field(
        SecretStr("amqp://guest:guest@localhost:5672/"), description="Where RabbitMQ is, with user and password."
    )
    password_file: Path | None = Field(
        None,
        description="File with the password, for a `url` with a user and none. A newline at its end is none of it.",
    )
    ca_file: Path | None = Field(
        None,
        description="Certificates (PEM) of the authority that signed RabbitMQ's; needs `amqps://`. Empty: the "
        "system's.",
    )
    certificate_file: Path | None = Field(
        None, description="Certificate (PEM, with its chain) that the bridge shows RabbitMQ; needs `amqps://`."
    )
    key_file: Path | None = Field(None, description="Its private key (PEM, without a password).")
    namespace: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]*$",
        description="Put in front of all names in RabbitMQ: the bridge's own, and the WFM's as packs give them.",
    )
    queue_type: QueueType = Field(
        QueueType.QUORUM, description="Type of the bridge's own queues: `quorum` or `classic`."
    )
    prefetch: int = Field(500, ge=1, le=65535, description="Messages taken from a queue before they are acknowledged.")
    declare_exchanges: bool = Field(
        False, description="Declare the WFM's exchanges instead of expecting them to exist. For labs."
    )
    connect_timeout_seconds: Seconds = Field(10.0, description="Seconds to wait for a connection before trying again.")

    @property
    def safe_url(self) -> str:
        """The URL without its password, for logs."""
        return mask_secrets(self.url.get_secret_value())


class WfmSettings(Section):
    """How the WFM's messages are taken."""

    partitions: int = Field(
        1,
        ge=1,
        le=MOST_PARTITIONS,
        description="Queues that the messages of each pack are divided among by their job, so that as many processes "
        "can handle them; 1: one process handles all. The same for all processes (see scaling.md).",
    )


class DatabaseSettings(Section):
    """Where the state is kept."""

    url: Annotated[SecretStr, _url("sqlite", "postgresql")] = Field(
        SecretStr("sqlite:///var/mef-bridge.sqlite3"),
        description="`sqlite:///file` (one process, no set-up) or `postgresql://user:password@host/database`.",
    )
    password_file: Path | None = Field(
        None,
        description="File with the password, for a `url` with a user and none. A newline at its end is none of it.",
    )
    prepared_statements: bool | None = Field(
        None,
        description="Whether PostgreSQL keeps prepared statements between transactions. Empty: unless a pooler such as "
        "PgBouncer stands in between.",
    )
    commit_within_seconds: Seconds = Field(
        60.0, description="Seconds for which a message of the WFM may wait to be stored before the bridge is not ready."
    )

    @property
    def safe_url(self) -> str:
        """The URL without its password, for logs."""
        return mask_secrets("".join(self.url.get_secret_value().split()))  # a password may have a space, a host none


class CommandSettings(Section):
    """Commands towards the WFM."""

    timeout_seconds: Seconds = Field(10.0, description="Seconds to wait for the WFM's reply before the Buyer gets 504.")
    max_search_periods: int = Field(
        20, ge=1, description="Most periods that one search for time slots may ask for; each is a question to the WFM."
    )
    slot_memory_minutes: Seconds = Field(60.0, description="Minutes for which an offered time slot can be booked.")


class DeliverySettings(Section):
    """Webhooks towards the Buyers' listeners."""

    timeout_seconds: Seconds = Field(10.0, description="Seconds a listener has for its answer.")
    schedule_seconds: Annotated[
        tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...], BeforeValidator(_split), Field(min_length=1)
    ] = Field(
        (0, 5, 300, 1800, 7200, 18000, 36000, 36000),
        description="Seconds to wait before each attempt, the first included; after the last one the notification is "
        "given up. In a variable: separated by commas.",
    )
    jitter: float = Field(0.2, ge=0, lt=1, description="Random part of each wait, both ways: 0.2 is ±20 %.")
    concurrency: int = Field(50, ge=1, description="Notifications on their way at the same time.")
    disable_after_days: float = Field(
        5.0,
        ge=0,
        le=365,
        allow_inf_nan=False,
        description="Days of nothing but failures after which a listener is disabled: it is sent nothing, and what it "
        "should hear is kept. 0 is never; one that answers 410 is disabled at once.",
    )
    guide_listener_buyers: Annotated[tuple[str, ...], BeforeValidator(_split)] = Field(
        (),
        description="Buyers who are told of a changed state at `workOrderAttributeValueChangeEvent`, as Table 7 of the "
        "guide has it, instead of `workOrderStateChangeEvent`. In a variable: separated by commas.",
    )
    proxy_url: ProxyUrl | None = Field(
        None,
        description="HTTP proxy through which listeners, and the servers that give tokens for them, are reached "
        "(CONNECT): `http://user:password@host:port`. Empty: none.",
    )
    proxy_resolves: bool = Field(
        False,
        description="Leave it to the proxy to resolve listeners' names. It must then refuse addresses that are not "
        "public itself: the bridge does not see them. By default the bridge resolves and judges them, and asks the "
        "proxy for the address.",
    )
    ca_file: Path | None = Field(
        None, description="Certificates (PEM) of authorities that are trusted besides the system's."
    )
    allow_private_callbacks: bool = Field(
        False, description="Allow listeners on `http` and on private or loopback addresses. For labs."
    )

    @property
    def proxy(self) -> str | None:
        """The proxy's URL with its password."""
        return None if self.proxy_url is None else self.proxy_url.get_secret_value()


Days = Annotated[float, Field(ge=0, le=36500, allow_inf_nan=False)]


class RetentionSettings(Section):
    """How long what is done with is kept."""

    journal_days: Days = Field(
        90.0, description="Days for which messages of the WFM are kept in the journal; parked and waiting ones stay."
    )
    deliveries_days: Days = Field(
        30.0,
        description="Days after an event in which its finished notifications are kept, and after sending, messages for "
        "the WFM; also for which requests that were refused are.",
    )
    inbox_days: Days = Field(
        365.0,
        description="Days for which a message sent again is known; at least `journal_days`. 0 is for ever, in all.",
    )

    @model_validator(mode="after")
    def _inbox_outlives_journal(self) -> Self:
        if self.inbox_days and (not self.journal_days or self.inbox_days < self.journal_days):
            raise ValueError("inbox_days must be 0 or at least journal_days: what the journal shows must be known")
        return self


class AdminRole(StrEnum):
    """What somebody may do in the console: a viewer looks, an operator acts, too."""

    VIEWER = "viewer"
    OPERATOR = "operator"


class AdminUser(Section):
    """Somebody who may use the console and the admin API by a token: long, random, and kept as SHA-256 or in a file."""

    name: str = Field(min_length=1, max_length=100, description="How the audit log calls him; no two have the same.")
    role: AdminRole = Field(AdminRole.VIEWER, description="`viewer` or `operator`.")
    token_sha256: tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...] = Field(
        (), description="SHA-256 of his token, lower-case hex; several allow one to be replaced."
    )
    token_file: Path | None = Field(None, description="File with his token itself, for secrets that are mounted.")

    @model_validator(mode="after")
    def _has_a_token(self) -> Self:
        if not self.token_sha256 and self.token_file is None:
            raise ValueError(f"{self.name} needs token_sha256 or token_file")
        return self


def _user_list(value: object) -> object:
    """Take `ada=operator:<SHA-256>, bob=viewer:<SHA-256>` for a list, because a variable can hold nothing else."""
    if not isinstance(value, str):
        return value
    parts = (part.strip().partition("=") for part in value.split(",") if part.strip())
    known = ((name, *rest.partition(":")) for name, _, rest in parts)
    return [{"name": name, "role": role, "token_sha256": [digest]} for name, role, _, digest in known]


CONSOLE_KEYS: Mapping[str, str] = {
    hashlib.sha256(key.encode()).hexdigest(): key for key in ("operator-key", "viewer-key")
}
"""What opens the console in `mode: development` on loopback as long as it has no users of its own."""


class AdminSettings(Section):
    """What operators and their tools reach: probes, metrics, the console and its API."""

    enabled: bool = Field(True, description="Serve it at all.")
    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. Probes and metrics ask nobody who he is: only those who may see them should "
        "reach it.",
    )
    port: int = Field(8138, ge=0, le=LAST_PORT, description="Port to listen on; 0 takes a free one.")
    base_url: Annotated[str, _url("http", "https")] | None = Field(
        None,
        description="How operators reach the console, if a proxy is in front: `https://bridge-admin.example.com`, "
        "without a path. Empty: by `host` and `port`.",
    )
    users: Annotated[tuple[AdminUser, ...], BeforeValidator(_user_list)] = Field(
        (),
        description="Who may use the console and the admin API by a token; each has a `name`, a `role` and "
        "`token_sha256` or `token_file`. In a variable: `ada=operator:SHA-256, bob=viewer:SHA-256`.",
    )
    operator_scope: str = Field(
        "mefBridge.operate", pattern=_SCOPE, description="Scope of a JWT (`identity.jwks`) that makes an operator."
    )
    viewer_scope: str = Field("mefBridge.view", pattern=_SCOPE, description="Scope of one that makes a viewer.")
    session_key_file: Path | None = Field(
        None,
        description="File with a long random text that signs sessions, the same for all processes behind one address. "
        "Empty: each has its own, and a restart ends sessions.",
    )

    @model_validator(mode="after")
    def _users_are_apart(self) -> Self:
        names = [user.name for user in self.users]
        digests = [digest for user in self.users for digest in user.token_sha256]
        if len(set(names)) < len(names) or len(set(digests)) < len(digests):
            raise ValueError("users: no two may have the same name, or the same token")
        if any(digest in CONSOLE_KEYS for digest in digests):
            raise ValueError("users: this is a well-known development key; make a token with openssl rand -hex 32")
        return self

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        return _is_loopback(self.host)


class OidcSettings(Section):
    """Logging in to the console at an issuer, by OpenID Connect."""

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(
        "",
        description="Where people log in to the console, exactly as the issuer writes itself: "
        "`https://login.example.com/realms/seller`. Empty: by tokens only. Needs `admin.base_url`, unless `admin.host` "
        "is a loopback address.",
    )
    client_id: str = Field("", description="What the issuer calls the console; required with `issuer`.")
    client_secret_file: Path | None = Field(
        None, description="File with the secret of that client. Empty: it has none (a public client, by PKCE alone)."
    )
    name: str = Field("", description="What the login page calls the issuer. Empty: its host.")
    scopes: Annotated[tuple[Annotated[str, Field(pattern=_SCOPE)], ...], BeforeValidator(_split)] = Field(
        ("openid", "profile", "email"),
        description="Scopes that are asked for; `openid` must be one. In a variable: separated by commas.",
    )
    role_claims: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_split), Field(min_length=1)
    ] = Field(
        ("roles", "groups"),
        description="Claims of the ID token that give roles; all of them count. A dot leads into an object; `email` "
        "counts only where it is verified. In a variable: separated by commas.",
    )
    operators: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_split)] = Field(
        (), description="Values in those claims that make an operator. In a variable: separated by commas."
    )
    viewers: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_split)] = Field(
        (), description="Values that make a viewer. Who has none of both may not enter."
    )
    proxy_url: ProxyUrl | None = Field(
        None,
        description="HTTP proxy through which the bridge asks the issuer (CONNECT): `http://user:password@host:port`. "
        "Empty: none.",
    )
    ca_file: Path | None = Field(
        None, description="Certificates (PEM) of authorities that are trusted besides the system's to ask it."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.issuer and not self.client_id:
            raise ValueError("issuer needs a client_id, which the issuer gives")
        if self.issuer and not (self.operators or self.viewers):
            raise ValueError("issuer needs operators or viewers: else nobody who logs in there may enter")
        if both := sorted({*self.operators} & {*self.viewers}):
            raise ValueError(f"{both[0]} makes either operators or viewers, not both")
        if "openid" not in self.scopes:
            raise ValueError("scopes must have openid: without it the issuer tells nobody who somebody is")
        return self


class TracingSettings(Section):
    """Traces of OpenTelemetry. They need `pip install 'mef-bridge[otel]'`."""

    endpoint: Annotated[str, _url("http", "https")] | None = Field(
        None, description="Where spans are sent: OTLP over HTTP, such as `http://localhost:4318/v1/traces`. None: off."
    )
    service: str = Field("mef-bridge", min_length=1, description="The `service.name` of the spans.")
    ratio: float = Field(
        1.0, ge=0, le=1, description="The part of new traces that is kept; a trace begun elsewhere goes on as it came."
    )


class LogSettings(Section):
    """Log lines, on standard error."""

    format: LogFormat = Field(LogFormat.CONSOLE, description="`console` for people, `json` for machines.")
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    ] = Field("info", description="Least important level that is logged: `debug`, `info`, `warning` or `error`.")


class Settings(BaseSettings):
    """All settings. Paths are relative to the working directory."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        enable_decoding=False,
    )

    instance: str = Field(
        "bridge-1",
        min_length=1,
        max_length=LONGEST_INSTANCE,
        pattern=r"^[A-Za-z0-9_.:@#,/+ -]+$",  # what the client takes for the name of a queue
        description=f"Name of this process, in logs and in RabbitMQ; at most {LONGEST_INSTANCE} characters: letters, "
        "digits, blanks and `-_.:@#,/+`.",
    )
    mode: Mode = Field(
        Mode.PRODUCTION, description="`production`, or `development`, where the shipped development keys work."
    )
    packs: Annotated[tuple[Path, ...], BeforeValidator(_split), Field(min_length=1)] = Field(
        (Path("mappings/acme-wfm"),),
        description="Directories of the packs to run, or names of packs in the box. In a variable: separated by "
        "commas.",
    )
    packs_watch: bool = Field(
        False, description="Take up changed pack files by themselves; else on SIGHUP only. Bad ones are refused."
    )
    buyers: Path = Field(Path("config/buyers.yaml"), description="File that says who may call, and for which Buyers.")
    sellers: Annotated[tuple[SellerSettings, ...], BeforeValidator(_seller_list)] = Field(
        (),
        description="The Sellers behind this bridge, each with an `id` and its `packs`. With several of them, "
        "`sellerId` is required in requests (R7). In a variable: `us=pack-a+pack-b, them=pack-c`.",
    )
    http: HttpSettings = Field(HttpSettings(), description="The Buyer's side.")
    identity: IdentitySettings = Field(IdentitySettings(), description="Who a caller is.")
    broker: BrokerSettings = Field(BrokerSettings(), description="RabbitMQ, where the WFM is.")
    wfm: WfmSettings = Field(WfmSettings(), description="How the WFM's messages are taken.")
    database: DatabaseSettings = Field(DatabaseSettings(), description="Where the state is kept.")
    commands: CommandSettings = Field(CommandSettings(), description="Commands towards the WFM.")
    delivery: DeliverySettings = Field(DeliverySettings(), description="Webhooks towards the Buyers' listeners.")
    retention: RetentionSettings = Field(RetentionSettings(), description="How long what is done with is kept.")
    admin: AdminSettings = Field(AdminSettings(), description="What operators reach: probes, metrics, the console.")
    oidc: OidcSettings = Field(OidcSettings(), description="Logging in to the console at an issuer.")
    tracing: TracingSettings = Field(TracingSettings(), description="Traces of OpenTelemetry.")
    log: LogSettings = Field(LogSettings(), description="Log lines.")

    _file: Path | None = PrivateAttr(None)

    @property
    def file(self) -> Path | None:
        """The settings file that was read; None where there was none."""
        return self._file

    def named_by(self, *path: str) -> str:
        """Say where a setting has its value from: its variable, `key in file`, or that it is the default."""
        key = ".".join(path)
        section = getattr(self, path[0]) if len(path) > 1 else self
        if (variable := _variable(path)) is not None:
            return variable
        if self._file is not None and path[-1] in section.model_fields_set:
            return f"{key} in {self._file}"
        read = f"not set in {self._file}" if self._file is not None else f"there is no {DEFAULT_FILE.absolute()}"
        return f"{key}, by default: {read}"

    @model_validator(mode="after")
    def _open_only_at_home(self) -> Self:
        if self.identity.mode is not IdentityMode.NONE:
            return self
        if self.mode is not Mode.DEVELOPMENT:
            raise ValueError("identity.mode none lets everybody in; it needs mode: development")
        if not self.http.is_loopback:
            raise ValueError(
                f"identity.mode none lets everybody in; http.host must be a loopback address, not {self.http.host}"
            )
        return self

    @model_validator(mode="after")
    def _buyers_get_hrefs_they_can_follow(self) -> Self:
        if self.mode is Mode.PRODUCTION and self.http.is_wildcard and not self.http.base_url:
            raise ValueError(
                f"http.host {self.http.host} is no address that Buyers can reach; "
                "set http.base_url, or mode: development"
            )
        return self

    @model_validator(mode="after")
    def _issuer_can_lead_back(self) -> Self:
        if not self.oidc.issuer or not self.admin.enabled:
            return self
        if not self.admin.base_url and not self.admin.is_loopback:
            raise ValueError(
                "oidc.issuer needs admin.base_url, how operators reach the console: it leads them back there"
            )
        if self.admin.base_url and self.admin.base_url.startswith("http:"):
            host = urlsplit(self.admin.base_url).hostname or ""
            if not _is_loopback(host):
                raise ValueError(
                    "oidc.issuer needs an admin.base_url with https://: logins must not be seen on their way"
                )
        return self

    @model_validator(mode="after")
    def _sellers_are_apart(self) -> Self:
        ids = [seller.id for seller in self.sellers]
        packs = [pack for seller in self.sellers for pack in seller.packs]
        for what, names in (("Seller", ids), ("pack", packs)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"sellers: the {what} {', '.join(twice)} is listed more than once")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read known variables only (others are reported by name), over the file, which comes in as arguments."""
        if isinstance(env_settings, EnvSettingsSource):
            given = env_settings.env_vars
            env_settings.env_vars = {key: given[key] for key in map(str.lower, variables()) if key in given}
        return env_settings, init_settings


def variables() -> dict[str, tuple[str, ...]]:
    """Give every setting as its variable's name and the path of its key: `BRIDGE_HTTP_PORT` → `("http", "port")`."""
    return {PREFIX + "_".join(path).upper(): path for path in setting_paths()}


def setting_paths() -> list[tuple[str, ...]]:
    """Give the paths of all keys that hold a value, in the order of their declaration."""
    paths: list[tuple[str, ...]] = []
    for name, declared in Settings.model_fields.items():
        if isinstance(declared.annotation, type) and issubclass(declared.annotation, Section):
            paths += [(name, key) for key in declared.annotation.model_fields]
        else:
            paths.append((name,))
    return paths


def load_settings(path: Path | None = None) -> Settings:
    """Load the settings; None means the file that `BRIDGE_CONFIG` names, or else `config/bridge.yaml`, if there.

    Raises `InvalidSettings` with all problems.
    """
    unknown = unknown_variables(os.environ, {**variables(), FILE_VARIABLE: ()})
    file = path or _file_of_environment()
    try:
        document = _document(file, FILE_VARIABLE if path is None else "--config")
    except InvalidDocument as error:
        raise InvalidSettings([*map(str, error.findings), *unknown]) from None
    settings = _settings(document, unknown)
    if document is not None:
        settings._file = Path(document.source.file)  # noqa: SLF001 - whoever makes it with others' keys has no file
    return settings


def _file_of_environment() -> Path | None:
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else None


def _document(path: Path | None, named_by: str) -> Substituted | None:
    if path is None:
        return substitute(read_yaml(DEFAULT_FILE), os.environ) if DEFAULT_FILE.exists() else None
    try:
        return substitute(read_yaml(path), os.environ)
    except InvalidDocument as invalid:
        raise invalid.unreadable_by(path, named_by) from None


def _settings(document: Substituted | None, unknown: list[str]) -> Settings:
    """Validate file and environment together."""
    missing = sorted(document.missing.values()) if document else []
    try:
        settings = Settings(**(document.source.data if document else {}))
    except ValidationError as error:
        problems = problems_of(error, Settings, document.hidden if document else ())
        raise InvalidSettings(_lines(document, problems) + unknown) from None
    if missing or unknown:
        raise InvalidSettings([*map(str, missing), *unknown])
    return settings


def _lines(document: Substituted | None, problems: Iterable[Problem]) -> list[str]:
    """Say each problem where it can be mended: in the file, or in the variable that the value came from."""
    findings = list(document.missing.values()) if document else []
    others = []
    for problem in problems:
        name = _variable(problem.path)
        if name is None and document is not None:
            findings += [document.source.place(problem)] if problem.path not in document.missing else []
        else:
            others.append(
                f"{name or '.'.join(map(str, problem.path)) or 'settings'}: {problem.kind}: {problem.message}"
            )
    return [*map(str, sorted(findings)), *sorted(others)]


def _variable(path: tuple[str | int, ...]) -> str | None:
    """Name the variable that a value came from, if it came from one."""
    given = {name.upper() for name, text in os.environ.items() if text}
    return next((name for name, key in variables().items() if path[: len(key)] == key and name in given), None)


# ---- buyers.yaml -----------------------------------------------------------------------------------------------------

DEVELOPMENT_KEYS: Mapping[str, str] = {
    hashlib.sha256(key.encode()).hexdigest(): key for key in ("acme-buyer-key", "other-buyer-key")
}


KeyDigest = Annotated[str, Field(pattern="^[0-9a-f]{64}$"), NEVER_SHOWN]
"""Of an API key. Some put the key itself there, and the message about it must not show it."""


class RequestingEntity(Section):
    """Somebody who calls the API, by one of its keys or by a token, for one or several Buyers (R5-R9).

    Keys are kept as SHA-256 in lower-case hex; several allow one to be replaced without a pause. `client_id` is how
    tokens name the entity; without it, they do so by its `name`. Client certificates are known by the SHA-256 of their
    DER form.
    """

    name: Annotated[str, Field(min_length=1)]
    client_id: Annotated[str, Field(min_length=1)] | None = None
    api_keys_sha256: Annotated[tuple[KeyDigest, ...], NEVER_SHOWN] = ()
    certificates_sha256: tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...] = ()
    buyers: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class Buyers(Section):
    """The file: who may call, and how each Buyer's listeners are called."""

    requesting_entities: Annotated[tuple[RequestingEntity, ...], Field(min_length=1)]
    listeners: tuple[ListenerSettings, ...] = ()


def load_buyers(path: Path, mode: Mode = Mode.PRODUCTION) -> Buyers:
    """Load who may call (R5-R9), and how listeners are called.

    Raises `InvalidDocument`, in production also for the well-known development keys.
    """
    document = substitute(read_yaml(path), os.environ)
    if document.missing:
        raise InvalidDocument(document.missing.values())
    source, production = document.source, mode is Mode.PRODUCTION
    buyers = validate(Buyers, source, document.hidden)
    entities = buyers.requesting_entities
    findings = [*_shared_keys(source, entities), *_shared_certificates(source, entities)]
    findings += _shared_names(source, entities)
    findings += listener_findings(source, buyers.listeners, document.hidden, production=production)
    if production:
        findings += _development_keys(source, entities)
    if findings:
        raise InvalidDocument(findings)
    return buyers


def buyers_of(settings: Settings) -> Buyers:
    """Load the Buyers of a bridge, as `load_buyers`; a file that cannot be read is told with the setting it is from."""
    try:
        return load_buyers(settings.buyers, settings.mode)
    except InvalidDocument as invalid:
        raise invalid.unreadable_by(settings.buyers, settings.named_by("buyers")) from None


Place = tuple[str | int, ...]


def _digests(entities: Iterable[RequestingEntity]) -> Iterator[tuple[str, Place]]:
    for number, entity in enumerate(entities):
        for index, digest in enumerate(entity.api_keys_sha256):
            yield digest, ("requesting_entities", number, "api_keys_sha256", index)


def _shared_keys(source: YamlSource, entities: Iterable[RequestingEntity]) -> Iterator[Finding]:
    """A key must tell who calls, so no two entries may have the same."""
    for path in _repeated(_digests(entities)):
        yield source.finding(path, "duplicate-key", "this API key is in use already, further up")


def _shared_certificates(source: YamlSource, entities: Iterable[RequestingEntity]) -> Iterator[Finding]:
    """So must a certificate."""
    digests = [
        (digest, ("requesting_entities", number, "certificates_sha256", index))
        for number, entity in enumerate(entities)
        for index, digest in enumerate(entity.certificates_sha256)
    ]
    for path in _repeated(digests):
        yield source.finding(path, "duplicate-key", "this certificate is in use already, further up")


def _shared_names(source: YamlSource, entities: Sequence[RequestingEntity]) -> Iterator[Finding]:
    """So must what a token calls it; and what is kept for a caller is kept under its name."""
    names = [(entity.name, ("requesting_entities", number, "name")) for number, entity in enumerate(entities)]
    claims = [
        (entity.client_id or entity.name, (*path[:2], "client_id" if entity.client_id else "name"))
        for entity, (_, path) in zip(entities, names, strict=True)
    ]
    for path in dict.fromkeys([*_repeated(names), *_repeated(claims)]):
        yield source.finding(path, "duplicate-name", "this names another entity already, further up")


def _repeated(values: Iterable[tuple[str, Place]]) -> Iterator[Place]:
    seen: set[str] = set()
    for value, path in values:
        if value in seen:
            yield path
        seen.add(value)


def _development_keys(source: YamlSource, entities: Iterable[RequestingEntity]) -> Iterator[Finding]:
    for digest, path in _digests(entities):
        if digest in DEVELOPMENT_KEYS:
            message = (
                f"this is the well-known development key '{DEVELOPMENT_KEYS[digest]}', which is refused in production; "
                "give the Buyer a key of its own, or set mode: development (BRIDGE_MODE) on a machine for development"
            )
            yield source.finding(path, "development-key", message)
