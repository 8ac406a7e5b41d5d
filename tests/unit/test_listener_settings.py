"""The `listeners` section of the buyers file: what is wrong is said with its place, and secrets never stand in it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.app.listener_access import load_access
from bridge.delivery.signing import new_key
from bridge.domain.model import BuyerId
from bridge.errors import PermanentError
from bridge.settings import DeliverySettings, Mode, Settings, load_buyers
from bridge.yaml_source import InvalidDocument
from tests.unit.delivery.certificates import Authority

NOT_HERE = (
    "plain-secret: a secret must not stand here; write ${NAME} for a variable of the environment, or {file: path}"
)
NO_KEY = "A signing key begins with whsec_ (HMAC, 24 to 64 bytes) or whsk_ (ed25519, 32 or 64 bytes), then base64."
NO_FILE = "No such file or directory (expected: PEM, and of a certificate the key that fits it)"
BY_OAUTH2 = (
    "listeners: [{buyer: a, authentication: {type: oauth2, token_url: 'http://i/t', client_id: c, "
    "client_secret: '${ACME_SECRET}'}}]"
)
CALLERS = "requesting_entities: [{name: acme, buyers: [acme-buyer]}]\n"
KEY = new_key(is_symmetric=True)
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the section below a head that is in order; two secrets are in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACME_SECRET", "hunter2")
    monkeypatch.setenv("ACME_KEY", KEY)

    def written(section: str) -> Path:
        path = tmp_path / "buyers.yaml"
        path.write_text(CALLERS + section)
        return path

    return written


def settings(path: Path, **delivery: object) -> Settings:
    return Settings(buyers=path, delivery=DeliverySettings(**delivery))  # type: ignore[arg-type]


def problems(path: Path, mode: Mode = Mode.PRODUCTION) -> list[str]:
    with pytest.raises(InvalidDocument) as refused:
        load_buyers(path, mode)
    return [str(finding).partition("buyers.yaml:")[2] for finding in refused.value.findings]


def test_without_the_section_everybody_is_called_plainly(write: Write) -> None:
    assert load_access(settings(write(""))) == {}


def test_every_way_of_calling_can_be_said(write: Write, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    access = load_access(
        settings(
            write(
                "listeners:\n"
                "- {buyer: a, authentication: {type: none}}\n"
                "- {buyer: b, authentication: {type: bearer, token: {file: token}}, signing: ['${ACME_KEY}']}\n"
                "- buyer: c\n"
                "  authentication:\n"
                "    type: oauth2\n"
                "    token_url: https://idp.example/token\n"
                "    client_id: bridge\n"
                "    client_secret: ${ACME_SECRET}\n"
                "    scope: webhooks\n"
                "    audience: acme\n"
                "    client_authentication: body\n"
            )
        )
    )
    a, b, c = (access[BuyerId(name)] for name in "abc")
    assert (a.bearer, a.oauth2, a.keys, a.tls) == (None, None, (), None)
    assert b.bearer is not None
    assert (b.bearer.reveal(), [key.reveal() for key in b.keys]) == ("t0ken", [KEY])
    assert c.oauth2 is not None
    assert c.oauth2.client_secret.reveal() == "hunter2"
    assert (c.oauth2.url, c.oauth2.client_id, c.oauth2.scope, c.oauth2.audience) == (
        "https://idp.example/token",
        "bridge",
        "webhooks",
        "acme",
    )
    assert c.oauth2.client_authentication == "body"
    assert not [text for text in ("hunter2", "t0ken", KEY) if text in repr(access)]


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        (
            "listeners: [{buyer: a, authentication: {type: bearer, token: plain}}]",
            f"2:62: {NOT_HERE}",
        ),
        (
            "listeners: [{buyer: a, signing: [whsec_abc]}]",
            f"2:34: {NOT_HERE}",
        ),
        (
            "listeners: [{buyer: a}, {buyer: a}]",
            "2:33: duplicate-name: this Buyer is listed already, further up",
        ),
        (
            "listeners: [{buyer: a, authentication: {type: basic}}]",
            "2:47: wrong-value: expected one of 'none', 'bearer', 'oauth2', got 'basic'",
        ),
        ("listeners: [{buyer: a, authentication: {}}]", "2:40: missing-key: the key 'type' is missing"),
        ("listeners: [{buyer: a, tls: {key: k.pem}}]", "2:29: wrong-value: certificate and key belong together"),
        (
            "listeners: [{buyer: a, authentification: {type: none}}]",
            "2:24: unknown-key: unknown key 'authentification'; did you mean 'authentication'?",
        ),
        (BY_OAUTH2, "2:66: wrong-value: must be https://, or anybody could read the token"),
        (
            "listeners: [{buyer: a, authentication: {type: bearer, token: '${NO_SUCH}'}}]",
            "2:62: missing-variable: environment variable NO_SUCH is not set",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(section: str, problem: str, write: Write) -> None:
    assert problems(write(section)) == [problem]


def test_a_secret_of_a_wrong_type_is_not_shown(write: Write) -> None:
    section = "listeners: [{buyer: a, authentication: {type: bearer, token: [hunter2]}}]"
    (problem,) = problems(write(section))
    assert "hunter2" not in problem


def test_in_development_tokens_may_be_fetched_in_the_clear(write: Write) -> None:
    (listed,) = load_buyers(write(BY_OAUTH2), Mode.DEVELOPMENT).listeners
    assert listed.buyer == "a"


@pytest.mark.parametrize(
    ("section", "line"),
    [
        (
            "listeners: [{buyer: a, authentication: {type: bearer, token: {file: none}}}]",
            "listeners of a: none: No such file or directory",
        ),
        (
            "listeners: [{buyer: a, signing: ['${ACME_SECRET}']}]",
            f"listeners of a: {NO_KEY}",
        ),
        (
            "listeners: [{buyer: a, tls: {certificate: c.pem, key: k.pem}}]",
            f"listeners of a: c.pem: {NO_FILE}",
        ),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line_without_the_secret(section: str, line: str, write: Write) -> None:
    with pytest.raises(PermanentError) as refused:
        load_access(settings(write(section)))
    assert str(refused.value) == line


def test_a_proxy_that_resolves_names_is_warned_of(write: Write) -> None:
    path = write("")
    with capture_logs() as logs:
        load_access(settings(path))
        load_access(settings(path, proxy_url="http://proxy:3128", proxy_resolves=True))
    assert [(log["event"], log["log_level"]) for log in logs] == [("delivery.proxy_resolves", "warning")]


def test_the_example_of_the_docs_is_as_it_should_be(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = next(each for each in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if each.startswith("listeners:"))
    certificate = Authority(tmp_path).issue("acme")
    (tmp_path / "key-password").write_text("\n none")
    (tmp_path / "signing").write_text(KEY)
    monkeypatch.setenv("ACME_CLIENT_SECRET", "s")
    monkeypatch.setenv("ACME_SIGNING_OLD", KEY)
    places = {
        "/run/secrets/acme-signing": "signing",
        "/run/secrets/acme-key": "key-password",
        "/run/secrets/other-token": "signing",
        "/etc/bridge/acme.pem": certificate.certificate.name,
        "/etc/bridge/acme.key": certificate.key.name,
        "/etc/bridge/acme-ca.pem": "authority.pem",
    }
    for place, name in places.items():
        assert place in example
        example = example.replace(place, str(tmp_path / name))
    access = load_access(settings(write(example)))
    assert set(access) == {"acme-buyer", "other-buyer"}
    assert access[BuyerId("acme-buyer")].tls is not None
    assert len(access[BuyerId("acme-buyer")].keys) == 2
