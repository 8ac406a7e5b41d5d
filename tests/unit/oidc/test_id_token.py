"""Which values of an ID token give roles, and what it must say of the login."""

from typing import Any

import pytest

from bridge.oidc import LoginRefused, granted
from bridge.oidc.id_token import check_login

GOOD = {"aud": "console", "sub": "1", "iat": 1, "nonce": "n"}


def test_lists_and_texts_count_whole_and_a_dot_leads_into_an_object() -> None:
    claims = {"groups": ["a b", 7, "c"], "role": "d e", "realm_access": {"roles": ["f"]}, "scope": "g h", "n": 7}
    assert granted(claims, ["groups", "role", "realm_access.roles", "scope", "n", "none"]) == {
        "groups": {"a b", "c"},
        "role": {"d e"},
        "realm_access.roles": {"f"},
        "scope": {"g", "h"},
        "n": set(),
        "none": None,
    }


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_an_address_that_the_issuer_has_not_verified_gives_nothing(verified: object) -> None:
    claims = {"email": "ada@example.com", "email_verified": verified}
    assert granted(claims, ["email"]) == {"email": None}
    assert granted(claims | {"email_verified": True}, ["email"]) == {"email": {"ada@example.com"}}


def test_parts_of_an_address_are_none() -> None:
    claims = {"email": '"x ada@example.com y"@evil.example', "email_verified": True}
    assert "ada@example.com" not in (granted(claims, ["email"])["email"] or ())


@pytest.mark.parametrize(
    "changes",
    [{}, {"azp": "console"}, {"aud": ["console"]}, {"aud": ["console", "other"], "azp": "console"}],
)
def test_an_id_token_of_this_login_counts(changes: dict[str, Any]) -> None:
    check_login({**GOOD, **changes}, "console", "n")
    assert changes.get("azp", "console") == "console"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"nonce": "m"}, "of another login"),
        ({"nonce": None}, "of another login"),
        ({"nonce": ["n"]}, "of another login"),
        ({"azp": "other"}, "for another client"),
        ({"aud": ["console", "other"]}, "for another client"),
        ({"aud": ["console", "other"], "azp": "other"}, "for another client"),
        ({"sub": ...}, "has no sub"),
        ({"iat": ...}, "has no iat"),
    ],
)
def test_one_of_another_does_not(changes: dict[str, Any], why: str) -> None:
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    with pytest.raises(LoginRefused, match=why):
        check_login(claims, "console", "n")
