"""How each Buyer's listeners are called: the `listeners` section of the buyers file.

A Buyer that is not listed is called without credentials and signatures. Secrets are given by the environment
(`${NAME}`) or by a file (`{file: path}`), and never stand in the file itself.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from bridge.yaml_source import Finding, YamlSource

Name = Annotated[str, Field(min_length=1)]
Place = tuple[str | int, ...]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretFile(_Section):
    """A secret that a file holds. It is read again when it changes."""

    file: Path


SecretSource = SecretStr | SecretFile


class NoAuthentication(_Section):
    """The listener asks for nothing."""

    type: Literal["none"]


class BearerAuthentication(_Section):
    """The listener asks for a token that does not change, or that somebody else puts into the file."""

    type: Literal["bearer"]
    token: SecretSource


class ClientCredentials(_Section):
    """The listener asks for a token that the Buyer's authorization server gives (OAuth 2, RFC 6749, 4.4)."""

    type: Literal["oauth2"]
    token_url: Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+[^#\s]*$")]
    client_id: Name
    client_secret: SecretSource
    scope: str = ""
    audience: str = ""
    client_authentication: Literal["basic", "body"] = "basic"


Authentication = Annotated[NoAuthentication | BearerAuthentication | ClientCredentials, Field(discriminator="type")]


class ClientTls(_Section):
    """The certificate that the bridge shows (mTLS), and whom it trusts besides the system's authorities."""

    certificate: Path | None = None
    key: Path | None = None
    key_password: SecretSource | None = None
    ca: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        return self


MOST_KEYS: Final = 4  # two while one replaces the other, and as much again of the other kind


class ListenerSettings(_Section):
    """How the listeners of one Buyer are called. `signing` keys sign side by side, so that one can replace another.

    `hosts`, if given, are all that his listeners may have: what is shown to a listener is shown to nobody else, even if
    somebody who has the Buyer's key registers a listener of his own.
    """

    buyer: Name
    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9._:-]+$")], ...] = ()
    authentication: Authentication = NoAuthentication(type="none")
    signing: Annotated[tuple[SecretSource, ...], Field(max_length=MOST_KEYS)] = ()
    tls: ClientTls = ClientTls()


def listener_findings(
    source: YamlSource, listeners: Iterable[ListenerSettings], hidden: Collection[Place], *, production: bool
) -> Iterator[Finding]:
    """Say what is wrong besides the types: a Buyer listed twice, a secret in the file, a token fetched in the clear."""
    seen: set[str] = set()
    for number, listener in enumerate(listeners):
        here: Place = ("listeners", number)
        if listener.buyer in seen:
            yield source.finding((*here, "buyer"), "duplicate-name", "this Buyer is listed already, further up")
        seen.add(listener.buyer)
        for place in _secrets(source.data["listeners"][number], here):
            if place not in hidden:
                message = (
                    "a secret must not stand here; write ${NAME} for a variable of the environment, or {file: path}"
                )
                yield source.finding(place, "plain-secret", message)
        url = getattr(listener.authentication, "token_url", "https://")
        if production and not url.startswith("https://"):
            yield source.finding(
                (*here, "authentication", "token_url"),
                "wrong-value",
                "must be https://, or anybody could read the token",
            )


def _secrets(data: dict[str, Any], here: Place) -> Iterator[Place]:
    """Give the places of secrets that are written as text."""
    for section, key in (("authentication", "token"), ("authentication", "client_secret"), ("tls", "key_password")):
        if isinstance((data.get(section) or {}).get(key), str):
            yield (*here, section, key)
    for index, key in enumerate(data.get("signing") or ()):
        if isinstance(key, str):
            yield (*here, "signing", index)
