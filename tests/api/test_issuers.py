"""The recipes of docs/identity.md, each played with tokens as that issuer gives them for client credentials."""

import re
from pathlib import Path
from typing import Any

import jwt
import pytest

from bridge.api.identity import KeySet, RequestingEntity, TokenIdentity, Unauthenticated
from bridge.api.identity.claims import claim, scopes_in
from bridge.app.callers import token_rules
from bridge.mef.enums import Api
from bridge.settings import Settings
from bridge.yaml_source import parse_yaml
from tests.api.fakes import ACME
from tests.api.tokens import jwk, key_set, private_key

PAGE = (Path(__file__).parents[2] / "docs" / "identity.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"```yaml\n# recipe: (\w+)\n(.*?)```", PAGE, re.DOTALL))
CLIENT = "0oa1b2c3d4"
TENANT = "11111111-aaaa-4aaa-8aaa-111111111111"
BRIDGE = "22222222-bbbb-4bbb-8bbb-222222222222"
SOON = 4_102_444_800  # the year 2100
TIMES = {"iat": 1_772_000_000, "exp": SOON}
BOTH = {Api.APPOINTMENT, Api.WORK_ORDER}

# What stands in the claims, by issuer; the names of their members are what the issuers send.
ENTRA = {
    "aud": BRIDGE,
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "nbf": 1_772_000_000,
    "aio": "k2RgYFg4/3BqAA==",
    "azp": CLIENT,
    "azpacr": "1",
    "oid": "33333333-cccc-4ccc-8ccc-333333333333",
    "rh": "1.AX0A.",
    "roles": ["appointment"],
    "sub": "33333333-cccc-4ccc-8ccc-333333333333",
    "tid": TENANT,
    "uti": "s7Xv",
    "ver": "2.0",
    **TIMES,
}
AUTH0 = {
    "iss": "https://acme.eu.auth0.com/",
    "sub": f"{CLIENT}@clients",
    "aud": "https://bridge.example.com",
    "scope": "appointment workOrder",
    "gty": "client-credentials",
    "azp": CLIENT,
    **TIMES,
}
OKTA = {
    "ver": 1,
    "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
    "iss": "https://acme.okta.com/oauth2/default",
    "aud": "api://default",
    "cid": CLIENT,
    "scp": ["workOrder"],
    "sub": CLIENT,
    **TIMES,
}
KEYCLOAK = {
    "jti": "trrtcc:6ac1b2f6-3f5e-4f39-9c57-0f6f1a1d5a11",
    "iss": "https://sso.example.com/realms/mef",
    "aud": ["mef-bridge", "account"],
    "sub": "8f6d7c5e-1b2a-4c3d-9e8f-7a6b5c4d3e2f",
    "typ": "Bearer",
    "azp": CLIENT,
    "acr": "1",
    "allowed-origins": ["/*"],
    "realm_access": {"roles": ["default-roles-mef", "offline_access", "uma_authorization", "appointment", "workOrder"]},
    "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}},
    "scope": "profile email",
    "clientHost": "10.0.0.5",
    "email_verified": False,
    "preferred_username": f"service-account-{CLIENT}",
    "clientAddress": "10.0.0.5",
    "client_id": CLIENT,
    **TIMES,
}
PLAYED = {"entra": ENTRA, "auth0": AUTH0, "okta": OKTA, "keycloak": KEYCLOAK}


async def apis(recipe: str, claims: dict[str, Any], changes: dict[str, Any], **header: str) -> set[Api]:
    """What a token with these claims opens, in a bridge that is set up by a recipe."""
    settings = Settings(**{**parse_yaml(RECIPES[recipe], recipe).data, **changes})
    keys = KeySet(lambda: _published(), refresh_s=3600, floor_s=30)
    entity = RequestingEntity(name="acme", client_id=CLIENT, buyers=(ACME,))
    identity = TokenIdentity([entity], keys, token_rules(settings))
    made = jwt.encode(claims, private_key("RSA", "first"), "RS256", {"kid": "k1", **header})
    principal = await identity.authenticate({"Authorization": f"Bearer {made}"})
    assert principal.name == "acme"
    return set(principal.apis)


async def _published() -> bytes:
    """Entra's keys name no `alg`."""
    return key_set(jwk("RSA", "k1", x5t="k1"))


def test_the_page_has_a_recipe_for_each_of_them() -> None:
    assert set(RECIPES) == set(PLAYED)


@pytest.mark.parametrize(
    ("recipe", "changes", "opened"),
    [
        ("entra", {}, {Api.APPOINTMENT}),
        ("entra", {"roles": ["workOrder", "appointment"]}, BOTH),
        ("entra", {"roles": None}, set()),
        ("auth0", {}, BOTH),
        ("auth0", {"scope": None, "permissions": ["workOrder"]}, {Api.WORK_ORDER}),
        ("auth0", {"aud": ["https://bridge.example.com", "https://acme.eu.auth0.com/userinfo"]}, BOTH),
        ("okta", {}, {Api.WORK_ORDER}),
        ("keycloak", {}, BOTH),
        ("keycloak", {"realm_access": {"roles": ["offline_access"]}}, set()),
    ],
)
async def test_a_token_for_client_credentials_opens_what_it_was_given(
    recipe: str, changes: dict[str, Any], opened: set[Api]
) -> None:
    claims = {name: value for name, value in (PLAYED[recipe] | changes).items() if value is not None}
    assert await apis(recipe, claims, {}) == opened


async def test_other_forms_that_the_page_names_are_taken_with_the_settings_it_names() -> None:
    entra = parse_yaml(RECIPES["entra"], "entra").data["identity"]
    first = {"issuer": f"https://sts.windows.net/{TENANT}/", "audience": f"api://{BRIDGE}", "entity_claim": "appid"}
    old = {**ENTRA, "iss": first["issuer"], "aud": first["audience"], "appid": CLIENT, "ver": "1.0"}
    del old["azp"]
    assert await apis("entra", old, {"identity": {**entra, **first}}, x5t="k1") == {Api.APPOINTMENT}
    auth0 = {**AUTH0, "client_id": CLIENT, "jti": "73WakrfVbNJBaAmhQtEeDv"}
    del auth0["azp"], auth0["gty"]
    rfc9068 = {**parse_yaml(RECIPES["auth0"], "auth0").data["identity"], "entity_claim": "client_id"}
    assert await apis("auth0", auth0, {"identity": rfc9068}, typ="at+jwt") == BOTH
    keycloak = parse_yaml(RECIPES["keycloak"], "keycloak").data["identity"]
    of_client = {**keycloak, "scope_claims": ["resource_access.mef-bridge.roles"]}
    roles = {"realm_access": {"roles": ["appointment"]}, "resource_access": {"mef-bridge": {"roles": ["workOrder"]}}}
    assert await apis("keycloak", {**KEYCLOAK, **roles}, {"identity": of_client}) == {Api.WORK_ORDER}
    scopes = {**keycloak, "scope_claims": ["scope"]}
    assert await apis("keycloak", {**KEYCLOAK, "scope": "profile appointment"}, {"identity": scopes}) == {
        Api.APPOINTMENT
    }


@pytest.mark.parametrize("recipe", PLAYED)
async def test_a_token_of_the_same_issuer_for_somebody_else_opens_nothing(recipe: str) -> None:
    with pytest.raises(Unauthenticated, match="another audience"):
        await apis(recipe, {**PLAYED[recipe], "aud": "account"}, {})


@pytest.mark.parametrize(
    ("claims", "name", "value"),
    [
        ({"a": 1}, "a", 1),
        ({"a": {"b": {"c": [1]}}}, "a.b.c", [1]),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),  # as it stands comes first
        ({"https://x.example/roles": ["r"]}, "https://x.example/roles", ["r"]),
        ({"resource_access": {"api.example.com": {"roles": ["r"]}}}, "resource_access.api.example.com.roles", ["r"]),
        ({"a": "b"}, "a.b", None),
        ({"a": [{"b": 1}]}, "a.b", None),
        ({}, "a.b.c", None),
    ],
)
def test_a_claim_is_found_as_it_stands_or_by_its_path(claims: dict[str, Any], name: str, value: object) -> None:
    assert claim(claims, name) == value


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "a b", "scp": ["c"]}, {"a", "b", "c"}),
        ({"scope": ["a b"]}, {"a b"}),  # an element of a list is one scope, whatever it looks like
        ({"scope": {"a": "a"}, "scp": 5}, set()),
        ({"scope": True, "scp": [None, 1, "a", ["b"]]}, {"a"}),
    ],
)
def test_scopes_of_all_claims_count_and_what_is_none_does_not(claims: dict[str, Any], scopes: set[str]) -> None:
    assert scopes_in(claims, ("scope", "scp")) == scopes
