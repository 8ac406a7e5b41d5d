"""`mef-bridge token`: development tokens. In production an issuer of its own makes tokens."""

import hashlib
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from uuid import uuid4

import jwt
import typer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from bridge.api.identity import DEVELOPMENT_KID
from bridge.app.callers import load_entities
from bridge.cli.given import given_settings
from bridge.cli.options import ConfigOption
from bridge.errors import PermanentError
from bridge.settings import Mode, Settings

ALGORITHM: Final = "ES256"
PRIVATE_KEY: Final = "private.pem"
KEY_SET: Final = "jwks.json"
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def key(directory: Annotated[Path, typer.Argument(help=f"Where {PRIVATE_KEY} and {KEY_SET} go.")]) -> None:
    """Make a private key, and the public half of it as a JWKS file for `identity.jwks`."""
    make_key(directory / PRIVATE_KEY)
    typer.echo(f"made {directory / PRIVATE_KEY} (keep it to yourself) and {directory / KEY_SET} (for identity.jwks)")


def issue(
    entity: Annotated[str, typer.Option(help="Name of the requesting entity in the buyers file.")],
    private_key: Annotated[Path, typer.Option("--key", help="Private key; made, with its JWKS file, if not there.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope; again for more. Default: those of both APIs.")
    ] = None,
    expires: Annotated[str, typer.Option(help="How long it is good for: 90s, 30m, 1h, 7d.")] = "1h",
    config: ConfigOption = None,
) -> None:
    """Make a token and print it. Refused in production."""
    settings = given_settings(config)
    _demand_development(settings)
    claims = token_claims(settings, entity, scope, duration(expires))
    if not private_key.exists():
        make_key(private_key)
        typer.echo(f"made {private_key} and {private_key.with_name(KEY_SET)}", err=True)
    typer.echo(sign(claims, private_key))


def duration(text: str) -> timedelta:
    """Read `90s`, `30m`, `1h` or `7d`."""
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text, re.ASCII)
    if match is None:
        raise PermanentError(f"--expires: expected a number with s, m, h or d, such as 1h; got {text!r}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def token_claims(settings: Settings, entity: str, scopes: list[str] | None, lifetime: timedelta) -> dict[str, object]:
    """Say what a token for an entity says, so that a bridge with these settings takes it."""
    chosen = settings.identity
    if not chosen.jwks:
        raise PermanentError(
            "this bridge takes no tokens yet: set identity.jwks (the JWKS file), identity.issuer and identity.audience"
        )
    now = datetime.now(UTC)
    return {
        "iss": chosen.issuer,
        "aud": chosen.audience,
        "iat": now,
        "exp": now + lifetime,
        "jti": uuid4().hex,
        chosen.entity_claim: _claim_of(settings, entity),
        chosen.scope_claims[0]: " ".join(scopes or (chosen.appointment_scope, chosen.work_order_scope)),
    }


def sign(claims: dict[str, object], private_key: Path) -> str:
    """Sign a token with a key that `make_key` made."""
    try:
        loaded = load_pem_private_key(private_key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise PermanentError(f"--key: {private_key}: this is no private key in PEM without a password") from error
    if not isinstance(loaded, ec.EllipticCurvePrivateKey) or not isinstance(loaded.curve, ec.SECP256R1):
        raise PermanentError(f"--key: {private_key}: expected an EC key (P-256), as `mef-bridge token key` makes it")
    return jwt.encode(claims, loaded, ALGORITHM, {"kid": _published(loaded)["kid"], "typ": "at+jwt"})


def make_key(path: Path) -> None:
    """Write a new private key, readable by its owner only, and its JWKS file beside it; never over another key."""
    made = ec.generate_private_key(ec.SECP256R1())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.with_name(KEY_SET).write_text(json.dumps({"keys": [_published(made)]}, indent=2) + "\n")
    except OSError as error:
        raise PermanentError(f"can't write the key: {error.filename}: {error.strerror}") from error


def _published(private_key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """The public half, named by its thumbprint (RFC 7638) and as what it is."""
    public: dict[str, str] = ECAlgorithm.to_jwk(private_key.public_key(), as_dict=True)
    needed = {name: public[name] for name in ("crv", "kty", "x", "y")}
    thumbprint = hashlib.sha256(json.dumps(needed, separators=(",", ":")).encode()).hexdigest()
    return {**needed, "use": "sig", "alg": ALGORITHM, "kid": f"{DEVELOPMENT_KID}{thumbprint[:16]}"}


def _demand_development(settings: Settings) -> None:
    if settings.mode is Mode.PRODUCTION:
        raise PermanentError(
            "mode is production, where tokens come from the issuer that identity.issuer names; "
            "set mode: development (BRIDGE_MODE) on a machine for development"
        )


def _claim_of(settings: Settings, entity: str) -> str:
    known = {each.name: each.client_id or each.name for each in load_entities(settings)}
    if entity not in known:
        raise PermanentError(f"--entity: {settings.buyers} has no {entity!r}; it has {', '.join(sorted(known))}")
    return known[entity]
