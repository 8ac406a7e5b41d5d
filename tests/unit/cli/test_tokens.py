"""`mef-bridge token`: a key and tokens that a development bridge takes, and that production never sees."""

import json
import stat
import sys
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridge.api.identity import KeySet, Principal, TokenIdentity, reader
from bridge.app.callers import load_entities, token_rules
from bridge.cli import main
from bridge.cli.tokens import duration, make_key
from bridge.errors import PermanentError
from bridge.mef.enums import Api
from bridge.settings import load_settings

BUYERS = """
requesting_entities:
  - {name: acme, buyers: [acme-buyer]}
  - {name: reseller, client_id: 0b1c, buyers: [acme-buyer, other-buyer]}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A development bridge that takes tokens, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "buyers.yaml").write_text(BUYERS)
    for name, value in {
        "MODE": "development",
        "BUYERS": "buyers.yaml",
        "IDENTITY_JWKS": "keys/jwks.json",
        "IDENTITY_ISSUER": "https://issuer.example.com",
        "IDENTITY_AUDIENCE": "https://bridge.example.com",
    }.items():
        monkeypatch.setenv(f"BRIDGE_{name}", value)
    return tmp_path


class Cli:
    """Runs `mef-bridge token …`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Give the exit code and what was printed."""
        self._monkeypatch.setattr(sys, "argv", ["mef-bridge", "token", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        return int(ended.value.code or 0), printed.out.strip(), printed.err.strip()

    def issue(self, *arguments: str) -> str:
        code, token, _ = self("issue", "--key", "keys/private.pem", *arguments)
        assert code == 0
        return token


@pytest.fixture
def cli(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


async def taken(token: str) -> Principal:
    """Let a bridge with these settings say whose token it is."""
    settings = load_settings()
    keys = KeySet(reader(settings.identity.jwks, production=False), refresh_s=60, floor_s=1)
    return await TokenIdentity(load_entities(settings), keys, token_rules(settings)).identify(token)


async def test_a_token_is_taken_by_the_bridge_it_was_made_for(cli: Cli) -> None:
    plain, limited = cli.issue("--entity", "acme"), cli.issue("--entity", "reseller", "--scope", "workOrder")
    assert await taken(plain) == Principal("acme", ("acme-buyer",), frozenset(Api))
    reseller = await taken(limited)
    assert (reseller.name, reseller.buyers, reseller.apis) == (
        "reseller",
        ("acme-buyer", "other-buyer"),
        {Api.WORK_ORDER},
    )


def test_a_token_is_good_for_as_long_as_one_says(cli: Cli) -> None:
    for arguments, lifetime in (((), 3600), (("--expires", "90s"), 90), (("--expires", "7d"), 7 * 86400)):
        claims = jwt.decode(cli.issue("--entity", "acme", *arguments), options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == lifetime


def test_key_and_key_set_are_made_on_demand_and_kept(cli: Cli, home: Path) -> None:
    code, _, told = cli("issue", "--entity", "acme", "--key", "keys/private.pem")
    assert (code, told) == (0, "made keys/private.pem and keys/jwks.json")
    private = home / "keys" / "private.pem"
    made = private.read_bytes()
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    (published,) = json.loads((home / "keys" / "jwks.json").read_text())["keys"]
    assert published.keys() == {"crv", "kty", "x", "y", "use", "alg", "kid"}
    assert published["kid"].startswith("development-")
    cli.issue("--entity", "acme")
    assert private.read_bytes() == made


def test_a_key_is_never_written_over_another(cli: Cli, home: Path) -> None:
    assert cli("key", "k")[0] == 0
    made = (home / "k" / "private.pem").read_bytes()
    assert cli("key", "k") == (1, "", "can't write the key: k/private.pem: File exists")
    assert (home / "k" / "private.pem").read_bytes() == made


def test_no_token_is_made_in_production(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGE_MODE", "production")
    code, out, err = cli("issue", "--entity", "acme", "--key", "keys/private.pem")
    assert (code, out) == (1, "")
    assert err.startswith("mode is production, where tokens come from the issuer")
    assert not (home / "keys").exists()


def test_production_refuses_the_key_of_a_development_token(cli: Cli) -> None:
    cli("key", "keys")
    with pytest.raises(PermanentError, match="holds a development key"):
        reader("keys/jwks.json", production=True)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--entity", "stranger"), "--entity: buyers.yaml has no 'stranger'; it has acme, reseller"),
        (("--entity", "acme", "--expires", "soon"), "--expires: expected a number with s, m, h or d"),
    ],
)
def test_what_cannot_be_is_told(cli: Cli, arguments: tuple[str, ...], complaint: str) -> None:
    code, out, err = cli("issue", "--key", "keys/private.pem", *arguments)
    assert (code, out) == (1, "")
    assert err.startswith(complaint)


def test_a_bridge_that_takes_no_tokens_says_what_to_set(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JWKS", "ISSUER", "AUDIENCE"):
        monkeypatch.delenv(f"BRIDGE_IDENTITY_{name}")
    assert "set identity.jwks" in cli("issue", "--entity", "acme", "--key", "k.pem")[2]


@pytest.mark.parametrize("kind", ["text", "ed25519", "p384", "directory"])
def test_another_kind_of_key_is_refused(cli: Cli, home: Path, kind: str) -> None:
    path = home / "k.pem"
    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    match kind:
        case "text":
            path.write_text("no key")
        case "ed25519":
            path.write_bytes(ed25519.Ed25519PrivateKey.generate().private_bytes(*pem))
        case "p384":
            path.write_bytes(ec.generate_private_key(ec.SECP384R1()).private_bytes(*pem))
        case _:
            path.mkdir()
    code, out, err = cli("issue", "--entity", "acme", "--key", "k.pem")
    assert (code, out) == (1, "")
    assert err.startswith("--key: k.pem: ")


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "-1h", "1.5h", "1w", "1h ", "٣h", "1234567s"])
def test_a_duration_is_a_number_and_a_unit(text: str) -> None:
    with pytest.raises(PermanentError):
        duration(text)


def test_durations() -> None:
    assert [duration(text) for text in ("90s", "30m", "1h", "7d")] == [
        timedelta(seconds=90),
        timedelta(minutes=30),
        timedelta(hours=1),
        timedelta(days=7),
    ]


def test_a_place_that_cannot_be_written_to_is_told(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(PermanentError, match="can't write the key"):
        make_key(home / "file" / "private.pem")
