"""What an issuer says of itself is believed if it is that very issuer's, and complete."""

import json
from typing import Any

import pytest

from bridge.oidc import IssuerWrong, parse_metadata, well_known

ISSUER = "https://login.example/realms/x"
GOOD = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


def parsed(**changes: Any) -> Any:
    return parse_metadata(json.dumps(GOOD | changes).encode(), ISSUER)


@pytest.mark.parametrize("issuer", ["https://a.example", "https://a.example/"])
def test_it_stands_below_the_issuer_whatever_it_ends_with(issuer: str) -> None:
    assert well_known(issuer) == "https://a.example/.well-known/openid-configuration"


def test_what_it_leaves_out_has_the_defaults_of_the_standard() -> None:
    found = parsed()
    assert (found.takes_basic, found.names_itself, found.end_session_endpoint) == (True, False, None)


def test_what_it_says_is_taken() -> None:
    found = parsed(
        token_endpoint_auth_methods_supported=["client_secret_post"],
        authorization_response_iss_parameter_supported=True,
        end_session_endpoint="https://login.example/out",
    )
    assert (found.takes_basic, found.names_itself) == (False, True)
    assert found.end_session_endpoint == "https://login.example/out"


@pytest.mark.parametrize("other", [f"{ISSUER}/", "https://LOGIN.example/realms/x", "https://evil.example", None, 7])
def test_that_of_another_issuer_is_refused(other: object) -> None:
    with pytest.raises(IssuerWrong, match="to the last slash"):
        parsed(issuer=other)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"])
@pytest.mark.parametrize("url", ["http://login.example/x", "javascript:alert(1)", "https://", "https://[x", 7, "/auth"])
def test_every_endpoint_is_reached_by_tls(name: str, url: object) -> None:
    with pytest.raises(IssuerWrong, match=f"{name}: expected a URL that begins with https://"):
        parsed(**{name: url})


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(IssuerWrong, match="expected a JSON object"):
        parse_metadata(raw, ISSUER)
