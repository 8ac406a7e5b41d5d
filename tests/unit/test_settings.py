"""Settings: defaults, then the file, then the environment; all problems at once; no password anywhere."""

import hashlib
import json
import os
import re
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from bridge.app.buyer_side import listen
from bridge.app.packs import load_packs
from bridge.errors import PermanentError
from bridge.settings import (
    DEVELOPMENT_KEYS,
    InvalidSettings,
    Mode,
    QueueType,
    Section,
    Settings,
    buyers_of,
    load_buyers,
    load_settings,
    setting_paths,
    variables,
)
from bridge.yaml_source import InvalidDocument, read_yaml

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config" / "bridge.yaml"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BRIDGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(text: str) -> Path:
        path = tmp_path / "bridge.yaml"
        path.write_text(text)
        return path

    return _write


def problems(path: Path | None) -> list[str]:
    """Give what loading complains about, with the file's directory cut off."""
    with pytest.raises(InvalidSettings) as caught:
        load_settings(path)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [line.replace(f"{path.parent}/", "") if path else line for line in caught.value.problems]


def plain(value: Any) -> Any:
    """Write a default as the YAML file writes it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    return value.value if isinstance(value, Enum) else value


def defaults() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path in setting_paths():
        value: Any = Settings()
        for key in path:
            value = getattr(value, key)
        values[".".join(path)] = plain(value)
    return values


def test_the_shipped_file_holds_exactly_every_setting_with_its_default() -> None:
    shipped: dict[str, Any] = {}
    for key, value in read_yaml(SHIPPED).data.items():
        shipped |= {f"{key}.{name}": each for name, each in value.items()} if isinstance(value, dict) else {key: value}
    assert shipped == defaults()
    assert list(shipped) == list(defaults())
    assert load_settings(SHIPPED).model_dump() == Settings().model_dump()


def test_every_setting_is_documented_with_its_variable_default_and_meaning() -> None:
    rows = re.findall(r"^\| `[a-z_.]+` \|.*$", (ROOT / "docs" / "configuration.md").read_text(), re.MULTILINE)
    names = {path: name for name, path in variables().items()}
    shipped = defaults()
    assert rows == [_row(path, names[path], shipped[".".join(path)]) for path in setting_paths()]


def _row(path: tuple[str, ...], name: str, default: object) -> str:
    declared = Settings.model_fields[path[0]]
    if len(path) > 1:
        assert isinstance(declared.annotation, type)
        assert issubclass(declared.annotation, Section)
        declared = declared.annotation.model_fields[path[1]]
    shown = f"`{default if isinstance(default, str) else json.dumps(default)}`" if default not in ("", None) else "–"
    return f"| `{'.'.join(path)}` | `{name}` | {shown} | {declared.description} |"


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None) == Settings()


def test_without_a_path_the_file_in_config_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bridge.yaml").write_text("instance: from-file")
    assert load_settings().instance == "from-file"


def test_a_named_file_must_exist_and_who_named_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why = "none.yaml:1:1: unreadable: No such file or directory (named by"
    assert problems(tmp_path / "none.yaml") == [f"{why} --config)"]
    monkeypatch.setenv("BRIDGE_CONFIG", str(tmp_path / "none.yaml"))
    assert problems(None) == [f"{tmp_path}/{why} BRIDGE_CONFIG)"]


def test_a_variable_names_the_file_unless_the_command_does(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_CONFIG", str(write("instance: from-variable")))
    other = tmp_path / "other.yaml"
    other.write_text("instance: from-option")
    assert (load_settings().instance, load_settings(other).instance) == ("from-variable", "from-option")
    assert (load_settings().file, load_settings(other).file) == (tmp_path / "bridge.yaml", other)


def test_a_misspelt_variable_for_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_CONFG", "bridge.yaml")
    assert problems(None) == ["BRIDGE_CONFG: unknown-variable: no setting has this name; did you mean 'BRIDGE_CONFIG'?"]


def test_a_setting_tells_where_it_comes_from(write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_BUYERS", "b.yaml")
    path = write("database: {url: 'sqlite:///x'}\nbuyers: a.yaml")
    settings = load_settings(path)
    assert settings.named_by("buyers") == "BRIDGE_BUYERS"
    assert settings.named_by("database", "url") == f"database.url in {path}"
    assert settings.named_by("broker", "url") == f"broker.url, by default: not set in {path}"
    assert load_settings().named_by("packs") == f"packs, by default: there is no {tmp_path}/config/bridge.yaml"


def test_a_file_that_cannot_be_read_is_told_with_the_setting_that_names_it(write: Any, tmp_path: Path) -> None:
    settings = load_settings(write(f"packs: [{tmp_path}/nosuch]\nbuyers: {tmp_path}/none.yaml"))
    with pytest.raises(InvalidDocument) as no_pack:
        load_packs(settings)
    with pytest.raises(InvalidDocument) as no_buyers:
        buyers_of(settings)
    missing, file = "1:1: unreadable: No such file or directory", tmp_path / "bridge.yaml"
    assert str(no_pack.value) == f"{tmp_path}/nosuch/pack.yaml:{missing} (named by packs in {file})"
    assert str(no_buyers.value) == f"{tmp_path}/none.yaml:{missing} (named by buyers in {file})"


def test_the_environment_overrides_the_file(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("instance: a\nhttp: {port: 1, host: h}\ndelivery: {concurrency: 7}")
    monkeypatch.setenv("BRIDGE_HTTP_PORT", "2")
    monkeypatch.setenv("BRIDGE_HTTP_MAX_BODY_BYTES", "4096")
    monkeypatch.setenv("BRIDGE_PACKS", "mappings/a, mappings/b")
    monkeypatch.setenv("BRIDGE_DELIVERY_SCHEDULE_SECONDS", "0,1.5")
    monkeypatch.setenv("BRIDGE_DELIVERY_ALLOW_PRIVATE_CALLBACKS", "true")
    monkeypatch.setenv("BRIDGE_DELIVERY_GUIDE_LISTENER_BUYERS", "acme-buyer, other-buyer")
    monkeypatch.setenv("BRIDGE_BROKER_QUEUE_TYPE", "classic")
    settings = load_settings(path)
    assert settings.instance == "a"
    assert (settings.http.host, settings.http.port, settings.http.max_body_bytes) == ("h", 2, 4096)
    assert settings.packs == (Path("mappings/a"), Path("mappings/b"))
    assert settings.delivery.schedule_seconds == (0, 1.5)
    assert settings.delivery.allow_private_callbacks
    assert settings.delivery.guide_listener_buyers == ("acme-buyer", "other-buyer")
    assert settings.delivery.concurrency == 7
    assert settings.broker.queue_type is QueueType.CLASSIC


def test_every_variable_reaches_its_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names = {name: ".".join(path) for name, path in variables().items()}
    for name in names:
        monkeypatch.setenv(name, "")  # an empty variable counts as not set
    assert load_settings() == Settings()
    for name in names:
        monkeypatch.setenv(name, "\x7f-1")
    complained = {line.split(":")[0] for line in problems(None)}
    free_text = {
        "BRIDGE_PACKS",
        "BRIDGE_BUYERS",
        "BRIDGE_HTTP_HOST",
        "BRIDGE_ADMIN_HOST",
        "BRIDGE_ADMIN_SESSION_KEY_FILE",
        "BRIDGE_DELIVERY_GUIDE_LISTENER_BUYERS",
        "BRIDGE_DELIVERY_CA_FILE",
        "BRIDGE_TRACING_SERVICE",
        "BRIDGE_DATABASE_PASSWORD_FILE",
        "BRIDGE_IDENTITY_JWKS_CA_FILE",
    }
    free_text |= {f"BRIDGE_BROKER_{name}_FILE" for name in ("PASSWORD", "CA", "CERTIFICATE", "KEY")}
    free_text |= {
        f"BRIDGE_IDENTITY_{name}" for name in ("BUYER", "ISSUER", "AUDIENCE", "ENTITY_CLAIM", "SCOPE_CLAIMS", "JWKS")
    }
    free_text |= {
        f"BRIDGE_OIDC_{name}"
        for name in ("CLIENT_ID", "CLIENT_SECRET_FILE", "NAME", "ROLE_CLAIMS", "OPERATORS", "VIEWERS", "CA_FILE")
    }
    assert complained == names.keys() - free_text


def test_all_problems_of_file_and_environment_come_at_once(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("instanze: a\nhttp:\n  port: many\n  host: 5\nbroker:\n  prefetch: 0\n  prefetc: 1\nlog: []\n")
    monkeypatch.setenv("BRIDGE_COMMANDS_TIMEOUT_SECONDS", "soon")
    monkeypatch.setenv("BRIDGE_DELIVERY_JITTER", "2")
    monkeypatch.setenv("BRIDGE_HTTP_PROT", "1")
    monkeypatch.setenv("BRIDGE_HTTP", "x")
    monkeypatch.setenv("BRIDGE_TEST_DATABASE_URL", "not ours")
    monkeypatch.setenv("BRIDGE_LOCALENV", "not ours")
    assert problems(path) == [
        "bridge.yaml:1:1: unknown-key: unknown key 'instanze'; did you mean 'instance'?",
        "bridge.yaml:3:9: wrong-type: expected a whole number, got 'many'",
        "bridge.yaml:4:9: wrong-type: expected text, got the number 5; put it in quotes if it is meant as text",
        "bridge.yaml:6:13: wrong-value: expected a number not less than 1, got the number 0",
        "bridge.yaml:7:3: unknown-key: unknown key 'prefetc'; did you mean 'prefetch'?",
        "bridge.yaml:8:6: wrong-type: expected a mapping, got a list",
        "BRIDGE_COMMANDS_TIMEOUT_SECONDS: wrong-type: expected a number, got 'soon'",
        "BRIDGE_DELIVERY_JITTER: wrong-value: expected a number less than 1.0, got '2'",
        "BRIDGE_HTTP: unknown-variable: no setting has this name; did you mean 'BRIDGE_HTTP_PORT'?",
        "BRIDGE_HTTP_PROT: unknown-variable: no setting has this name; did you mean 'BRIDGE_HTTP_PORT'?",
    ]


def test_an_unknown_variable_alone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_MOOD", "production")
    assert problems(None) == ["BRIDGE_MOOD: unknown-variable: no setting has this name; did you mean 'BRIDGE_MODE'?"]


def test_a_file_that_does_not_parse_is_reported_with_the_environment(
    write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_MOOD", "x")
    assert [line.split(": ")[:2] for line in problems(write("a: [1\n"))] == [
        ["bridge.yaml:2:1", "syntax"],
        ["BRIDGE_MOOD", "unknown-variable"],
    ]


def test_rules_over_several_keys_are_reported_at_their_section(write: Any) -> None:
    assert problems(write("http:\n  default_limit: 50\n  max_limit: 20\n")) == [
        "bridge.yaml:2:3: wrong-value: default_limit (50) must not be greater than max_limit (20)"
    ]


def test_rules_over_several_keys_name_the_section_without_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_HTTP_MAX_LIMIT", "20")
    assert problems(None) == ["http: wrong-value: default_limit (100) must not be greater than max_limit (20)"]


def test_variables_are_filled_into_scalars_after_parsing(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "h: [evil\nport: 1")
    monkeypatch.setenv("PORT", "99")
    settings = load_settings(write("buyers: a-${WHERE}-$${WHERE}\nhttp: {port: '${PORT}'}"))
    assert str(settings.buyers) == "a-h: [evil\nport: 1-${WHERE}"
    assert settings.http.port == 99


def test_missing_variables_are_reported_where_they_stand(write: Any) -> None:
    path = write("packs: [a, '${NO_A}']\nhttp:\n  port: ${NO_B}\n  host: ${}\nlog: {level: loud}\n")
    assert problems(path) == [
        "bridge.yaml:1:12: missing-variable: environment variable NO_A is not set",
        "bridge.yaml:3:9: missing-variable: environment variable NO_B is not set",
        "bridge.yaml:4:9: missing-variable: ${} names no variable",
        "bridge.yaml:5:14: wrong-value: expected 'debug', 'info', 'warning' or 'error', got 'loud'",
    ]


def test_a_missing_variable_alone_is_refused(write: Any) -> None:
    assert problems(write("instance: ${NO_A}x")) == [
        "bridge.yaml:1:11: missing-variable: environment variable NO_A is not set"
    ]


def test_no_message_shows_a_password(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "hunter2")
    monkeypatch.setenv("BRIDGE_DATABASE_URL", "mysql://me:hunter2@host/db")
    path = write("broker: {url: 'http://me:hunter2@host/'}\nhttp: {port: '${PASSWORD}', base_url: 'x://a:hunter2@b'}")
    lines = problems(path)
    assert "hunter2" not in "\n".join(lines)
    assert lines == [
        "bridge.yaml:1:15: wrong-value: expected a URL that begins with amqp:// or amqps://",
        "bridge.yaml:2:14: wrong-type: expected a whole number, got a value that is not shown",
        "bridge.yaml:2:39: wrong-value: expected a URL that begins with http:// or https://",
        "BRIDGE_DATABASE_URL: wrong-value: expected a URL that begins with sqlite:// or postgresql://",
    ]


def test_settings_show_no_password_but_hand_it_over(write: Any) -> None:
    settings = load_settings(write("broker: {url: 'amqps://me:hunter2@host:1/v'}\ndatabase: {url: 'sqlite:///x'}"))
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.broker.safe_url == "amqps://me:***@host:1/v"
    assert settings.broker.url.get_secret_value() == "amqps://me:hunter2@host:1/v"
    assert settings.database.safe_url == "sqlite:///x"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("postgresql://me:p@ss:w@host/db", "postgresql://me:***@host/db"),
        (
            "postgresql+asyncpg://host/db?user=me&password=hunter2&x=1",
            "postgresql+asyncpg://host/db?user=me&password=***&x=1",
        ),
        ("sqlite+aiosqlite:///x", "sqlite+aiosqlite:///x"),
    ],
)
def test_a_safe_url_hides_the_password_wherever_it_stands(url: str, safe: str, write: Any) -> None:
    assert load_settings(write(f"database: {{url: '{url}'}}")).database.safe_url == safe


@pytest.mark.parametrize(
    ("http", "url"),
    [
        ("{}", "http://127.0.0.1:8137"),
        ("{port: 80, host: 0.0.0.0}", "http://localhost:80"),
        ("{host: '::1'}", "http://[::1]:8137"),
        ("{base_url: 'https://bridge.example.com/'}", "https://bridge.example.com"),
    ],
)
def test_buyers_reach_the_bridge_at_its_public_url(http: str, url: str, write: Any) -> None:
    assert load_settings(write(f"mode: development\nhttp: {http}")).http.public_url == url


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0:0::0"])  # noqa: S104 - compared, not bound
def test_in_production_a_bridge_on_all_addresses_must_know_how_buyers_reach_it(host: str, write: Any) -> None:
    """Its hrefs would lead every Buyer to his own machine."""
    (line,) = problems(write(f"http: {{host: '{host}'}}"))
    assert line == (
        f"bridge.yaml:1:1: wrong-value: http.host {host} is no address that Buyers can reach; "
        "set http.base_url, or mode: development"
    )
    url = "https://bridge.example.com"
    assert load_settings(write(f"http: {{host: '{host}', base_url: '{url}'}}")).http.public_url == url


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().http.port = 1


# ---- identity and Sellers --------------------------------------------------------------------------------------------

TOKENS = "jwks: keys.json, issuer: i, audience: a"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("identity: {jwks: keys.json}", "1:11: wrong-value: jwks needs issuer and audience"),
        ("identity: {jwks: 'http://x/', issuer: i, audience: a}", "1:11: wrong-value: jwks must be a file or an https"),
        (f"identity: {{{TOKENS}, algorithms: [HS256]}}", "1:66: wrong-value: expected 'RS256', 'PS256', 'ES256' or"),
        (f"identity: {{{TOKENS}, algorithms: [none]}}", "1:66: wrong-value: expected 'RS256'"),
        (f"identity: {{{TOKENS}, algorithms: []}}", "1:65: wrong-value: expected at least 1"),
        (f"identity: {{{TOKENS}, appointment_scope: 'a b'}}", "1:72: wrong-value: expected text that matches"),
        ("mode: development\nidentity: {mode: none}", "2:11: wrong-value: mode none needs a buyer"),
        ("identity: {mode: none, buyer: x}", "1:1: wrong-value: identity.mode none lets everybody in; it needs mode"),
        (
            "mode: development\nhttp: {host: 0.0.0.0}\nidentity: {mode: none, buyer: x}",
            "1:1: wrong-value: identity.mode none lets everybody in; http.host must be a loopback address, not 0.0.0.0",
        ),
        ("sellers: [{id: us, packs: []}]", "1:27: wrong-value: expected at least 1"),
        (
            "sellers: [{id: us, packs: [a]}, {id: us, packs: [b]}]",
            "1:1: wrong-value: sellers: the Seller us is listed more than once",
        ),
        (
            "sellers: [{id: us, packs: [a]}, {id: them, packs: [a]}]",
            "1:1: wrong-value: sellers: the pack a is listed more than once",
        ),
    ],
)
def test_identity_that_would_let_strangers_in_is_refused(text: str, complaint: str, write: Any) -> None:
    (line,) = problems(write(text))
    assert line.startswith(f"bridge.yaml:{complaint}")


ISSUER = "oidc: {issuer: 'https://login.example.com', client_id: console, operators: [ops]"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("oidc: {issuer: login.example.com}", "1:16: wrong-value: expected a URL that begins with https://"),
        ("oidc: {issuer: 'http://login.example.com'}", "1:16: wrong-value: expected a URL that begins with https://"),
        (
            "oidc: {issuer: 'https://login.example.com?x'}",
            "1:16: wrong-value: expected a URL that begins with https://",
        ),
        ("oidc: {issuer: 'https://[x'}", "1:16: wrong-value: expected a URL that begins with https://"),
        ("oidc: {issuer: 'https://login.example.com'}", "1:7: wrong-value: issuer needs a client_id"),
        ("oidc: {issuer: 'https://a.example', client_id: x}", "1:7: wrong-value: issuer needs operators or viewers"),
        (ISSUER + ", viewers: [ops]}", "1:7: wrong-value: ops makes either operators or viewers"),
        (ISSUER + ", scopes: [profile]}", "1:7: wrong-value: scopes must have openid"),
        (ISSUER + ", role_claims: []}", "1:96: wrong-value: expected at least 1"),
        (ISSUER + "}\nadmin: {host: 0.0.0.0}", "1:1: wrong-value: oidc.issuer needs admin.base_url"),
        (ISSUER + "}\nadmin: {base_url: 'http://a.example'}", "1:1: wrong-value: oidc.issuer needs an admin.base_url"),
    ],
)
def test_an_issuer_that_could_log_nobody_in_safely_is_refused(text: str, complaint: str, write: Any) -> None:
    (line,) = problems(write(text))
    assert line.startswith(f"bridge.yaml:{complaint}")


@pytest.mark.parametrize("admin", ["{}", "{host: 0.0.0.0, base_url: 'https://admin.example'}", "{enabled: false}"])
def test_an_issuer_can_lead_back_to_loopback_or_to_an_address_by_tls(admin: str, write: Any) -> None:
    assert load_settings(write(f"{ISSUER}}}\nadmin: {admin}")).oidc.operators == ("ops",)


def test_an_issuer_on_this_machine_needs_no_tls(write: Any) -> None:
    text = "oidc: {issuer: 'http://localhost:9000/realms/x', client_id: console, viewers: [all]}"
    assert load_settings(write(text)).oidc.issuer == "http://localhost:9000/realms/x"


def test_what_concerns_several_sections_is_said_of_the_settings_without_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_IDENTITY_MODE", "none")
    monkeypatch.setenv("BRIDGE_IDENTITY_BUYER", "acme-buyer")
    assert problems(None) == ["settings: wrong-value: identity.mode none lets everybody in; it needs mode: development"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_a_laboratory_may_do_without_identity_on_a_loopback_address(host: str, write: Any) -> None:
    text = f"mode: development\nhttp: {{host: '{host}'}}\nidentity: {{mode: none, buyer: x}}"
    assert load_settings(write(text)).identity.buyer == "x"


def test_sellers_are_named_with_their_packs(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("sellers: [{id: us, packs: [a, b]}, {id: them, packs: [c]}]")
    assert [(seller.id, seller.packs) for seller in load_settings(path).sellers] == [
        ("us", ("a", "b")),
        ("them", ("c",)),
    ]
    monkeypatch.setenv("BRIDGE_SELLERS", "we=x+y, they=z")
    assert [(seller.id, seller.packs) for seller in load_settings(path).sellers] == [
        ("we", ("x", "y")),
        ("they", ("z",)),
    ]


# ---- buyers.yaml -----------------------------------------------------------------------------------------------------

BUYERS = ROOT / "config" / "buyers.yaml"


def test_the_shipped_buyers_hold_two_development_entities() -> None:
    entities = load_buyers(BUYERS, Mode.DEVELOPMENT).requesting_entities
    assert [(one.api_keys_sha256, one.buyers) for one in entities] == [
        ((hashlib.sha256(b"acme-buyer-key").hexdigest(),), ("acme-buyer",)),
        ((hashlib.sha256(b"other-buyer-key").hexdigest(),), ("other-buyer",)),
    ]
    assert "FOR DEVELOPMENT ONLY" in BUYERS.read_text()
    assert set(DEVELOPMENT_KEYS.values()) == {"acme-buyer-key", "other-buyer-key"}


def _refused(path: Path, mode: Mode = Mode.PRODUCTION) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        load_buyers(path, mode)
    return [f"{one.line}:{one.column}: {one.kind}: {one.message}" for one in caught.value.findings]


def test_development_keys_are_refused_in_production() -> None:
    lines = _refused(BUYERS)
    assert [line.split(": ")[1] for line in lines] == ["development-key", "development-key"]
    assert "'acme-buyer-key', which is refused in production" in lines[0]


def test_keys_of_ones_own_are_taken_in_production(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "b" * 64)
    path = write(f"requesting_entities: [{{name: n, api_keys_sha256: [{'a' * 64}, '${{KEY}}'], buyers: [x, y]}}]")
    (entity,) = load_buyers(path).requesting_entities
    assert entity.api_keys_sha256 == ("a" * 64, "b" * 64)
    assert entity.buyers == ("x", "y")


def test_two_entities_cannot_share_a_key(write: Any) -> None:
    entries = [f"  - {{name: {name}, api_keys_sha256: [{'a' * 64}], buyers: [x]}}\n" for name in "nm"]
    assert _refused(write("requesting_entities:\n" + "".join(entries))) == [
        "3:33: duplicate-key: this API key is in use already, further up"
    ]


def test_no_two_entities_go_by_the_same_name(write: Any) -> None:
    """Neither for us, nor in a token."""
    entries = ["{name: n, buyers: [x]}", "{name: n, buyers: [x]}", "{name: m, client_id: n, buyers: [x]}"]
    assert _refused(write("requesting_entities:\n" + "".join(f"  - {entry}\n" for entry in entries))) == [
        "3:12: duplicate-name: this names another entity already, further up",
        "4:26: duplicate-name: this names another entity already, further up",
    ]


def test_an_entity_may_have_a_token_and_no_key(write: Any) -> None:
    (entity,) = load_buyers(write("requesting_entities: [{name: n, client_id: 0a1b, buyers: [x]}]")).requesting_entities
    assert (entity.client_id, entity.api_keys_sha256) == ("0a1b", ())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{}", "1:1: missing-key: the key 'requesting_entities' is missing"),
        ("requesting_entities: []", "1:22: wrong-value: expected at least 1 entries, got a list"),
        (
            "requesting_entities: [{name: n, api_keys_sha256: [acme-buyer-key], buyers: [x]}]",
            "1:51: wrong-value: expected text that matches ^[0-9a-f]{64}$, got a value that is not shown",
        ),
        (
            "requesting_entities: [{name: n, api_keys_sha256: ['${NO_KEY}'], buyers: [x]}]",
            "1:51: missing-variable: environment variable NO_KEY is not set",
        ),
    ],
)
def test_wrong_buyers_are_reported_with_their_place(text: str, line: str, write: Any) -> None:
    assert _refused(write(text), Mode.DEVELOPMENT) == [line]


@pytest.mark.parametrize(("journal", "inbox"), [(90, 89), (0, 365)])
def test_a_message_is_known_for_as_long_as_the_journal_shows_it(write: Any, journal: int, inbox: int) -> None:
    path = write(f"retention: {{journal_days: {journal}, inbox_days: {inbox}}}\n")
    assert "inbox_days must be 0 or at least journal_days" in problems(path)[0]
    load_settings(write("retention: {journal_days: 0, inbox_days: 0}\n"))


def test_the_name_of_an_instance_fits_into_amqp(write: Any) -> None:
    """Behind the id of a command, too."""
    assert len(f"{uuid4()}@{load_settings(write('instance: ' + 'x' * 50)).instance}".encode()) <= 255
    (line,) = problems(write("instance: " + "x" * 51))
    assert line.startswith("bridge.yaml:1:11: wrong-value: expected text of at most 50 characters")


@pytest.mark.parametrize(
    "url",
    [
        "amqp://me:hun@ter2/x#y@host/",
        "amqp://me:hunter2/x@host/",
        "amqp://me:12/hunter2@host/",
        "amqp://me:hunter2#@host/",
        "amqp://me:hunter2?@host/",
        "amqp://me:[hunter2@host/",
        "amqp://me:hunter2 @host/",
        "amqp://me:hunter2@host:port/",
    ],
)
def test_an_amqp_address_that_would_be_read_as_another_one_is_refused_and_not_shown(write: Any, url: str) -> None:
    (line,) = problems(write(f"broker: {{url: {url!r}}}"))
    assert "must be percent-encoded in user, password and vhost: / as %2F, @ as %40" in line
    assert "hunter2" not in line


def test_an_amqp_address_without_a_host_is_refused(write: Any) -> None:
    (line,) = problems(write("broker: {url: 'amqp:///vhost'}"))
    assert line.endswith("expected amqp://user:password@host:port/vhost, but there is no host")


@pytest.mark.parametrize(
    "url",
    ["amqp://me:p%40ss%2Fw@host/v%2Fhost", "amqp://me:a@b:c@host", "amqps://host//?cafile=/a/b.pem", "amqp://host/\n"],
)
def test_an_amqp_address_that_means_one_thing_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Also with the newline that ends a file with a secret."""
    monkeypatch.setenv("BRIDGE_BROKER_URL", url)
    assert load_settings(None).broker.url.get_secret_value() == url.strip()


@pytest.mark.parametrize("keys", ["[hunter2-hunter2]", "hunter2", "{hunter2: x}", "[[hunter2]]", "['${CANARY}']"])
def test_a_key_that_stands_where_its_digest_belongs_is_not_shown(
    write: Any, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("CANARY", "hunter2")
    lines = _refused(write(f"requesting_entities: [{{name: n, api_keys_sha256: {keys}, buyers: [x]}}]"))
    assert lines
    assert "hunter2" not in str(lines)


def test_what_the_environment_gives_to_the_buyers_file_is_never_shown(
    write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "hunter2")
    (line,) = _refused(write("requesting_entities: [{name: n, certificates_sha256: ['${CANARY}'], buyers: [x]}]"))
    assert line.endswith("got a value that is not shown")


def test_an_address_that_stands_where_a_key_belongs_shows_no_password(write: Any) -> None:
    (line,) = problems(write("broker: {'amqp://u:hunter2@h/': 1}"))
    assert "unknown key 'amqp://u:***@h/'" in line


@pytest.mark.parametrize("name", ["password", "login", "host", "url", "ssl"])
def test_what_stands_in_front_of_the_query_of_an_amqp_address_is_refused_behind_it(write: Any, name: str) -> None:
    (line,) = problems(write(f"broker: {{url: 'amqp://localhost/?{name}=hunter2'}}"))
    assert line.endswith(f"expected amqp://user:password@host:port/vhost, without {name} behind the ?")
    assert "hunter2" not in line


PROXIES = ["delivery: {proxy_url: %s}", "identity: {jwks_proxy_url: %s}", "oidc: {proxy_url: %s}"]


@pytest.mark.parametrize("section", PROXIES)
@pytest.mark.parametrize(
    "url",
    ["h:abc", "h:99999", ":3128", "", "[::", "u:hunter2/x@h:1", "u:hunter2#x@h:1", "u:1?hunter2@h:1", "u:a b@h", "h/x"],
)
def test_a_proxy_that_would_be_read_as_another_one_is_refused_and_not_shown(write: Any, section: str, url: str) -> None:
    (line,) = problems(write(section % f"'http://{url}'"))
    assert "expected http://user:password@host:port; what is special in a URL" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("url", ["http://u:p%40%2F@h:3128", "http://h/", "http://h:3128\n", "http://[::1]:3128"])
def test_a_proxy_that_means_one_thing_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Also with the newline that ends a file with a secret."""
    monkeypatch.setenv("BRIDGE_DELIVERY_PROXY_URL", url)
    assert load_settings(None).delivery.proxy == url.strip()


NO_HOSTS = ["a..b", ".a", "h" * 64, "h" * 300]


@pytest.mark.parametrize("host", NO_HOSTS)
def test_an_amqp_address_with_a_host_that_cannot_be_is_refused(write: Any, host: str) -> None:
    (line,) = problems(write(f"broker: {{url: 'amqp://u:hunter2@{host}/'}}"))
    assert "there cannot be a host of this name" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("host", NO_HOSTS)
def test_a_proxy_with_a_host_that_cannot_be_is_refused(write: Any, host: str) -> None:
    (line,) = problems(write(f"delivery: {{proxy_url: 'http://u:hunter2@{host}:1'}}"))
    assert "expected http://user:password@host:port" in line


@pytest.mark.parametrize("instance", ["a\nb", "a\n", "zażółć", "a'b", "a*b", "\x1b[31m"])
def test_an_instance_that_cannot_be_in_the_name_of_a_queue_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, instance: str
) -> None:
    monkeypatch.setenv("BRIDGE_INSTANCE", instance)
    (line,) = problems(None)
    assert line.startswith("BRIDGE_INSTANCE: wrong-value: expected text that matches")
    assert line.isprintable()


@pytest.mark.parametrize("host", ["a..b", "é..x", "no-such-host.invalid"])
def test_a_host_that_cannot_be_listened_on_is_said_in_one_line(host: str) -> None:
    with pytest.raises(PermanentError, match=r"can't listen on .*:0 \(http.host, http.port\): .+"):
        listen(host, 0, "http")
