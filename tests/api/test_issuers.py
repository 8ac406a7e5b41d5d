"""The recipes of docs/identity.md, each played with tokens as that issuer gives them for client credentials."""

import re
from datetime import UTC, datetime
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


@pytest.mark.parametrize(
    ("recipe", "changes", "opened"),
    [
        ("entra", {"roles": "appointment"}, {Api.APPOINTMENT}),  # as a claims mapping of one value gives it
        ("entra", {"roles": []}, set()),
        ("entra", {"roles": ["Appointment", "appointment.read", "xappointment"]}, set()),  # a scope is taken as it is
        ("entra", {"roles": None, "scp": "appointment workOrder"}, set()),  # a user's token: not what was granted to it
        ("entra", {"aud": [BRIDGE]}, {Api.APPOINTMENT}),
        ("okta", {"scp": "appointment workOrder"}, BOTH),
        ("okta", {"scp": ["appointment workOrder"]}, set()),
        ("okta", {"scp": {"appointment": True}}, set()),
        ("auth0", {"scope": "  appointment\tworkOrder "}, BOTH),
        ("auth0", {"scope": "", "permissions": []}, set()),
        ("auth0", {"scope": "workOrder", "permissions": ["appointment"]}, BOTH),
        ("keycloak", {"realm_access": {"roles": "appointment"}}, {Api.APPOINTMENT}),
        ("keycloak", {"realm_access": ["appointment"]}, set()),
        ("keycloak", {"realm_access": None, "realm_access.roles": ["workOrder"]}, {Api.WORK_ORDER}),  # a mapper's name
        ("keycloak", {"aud": "mef-bridge"}, BOTH),
    ],
)
async def test_odd_members_open_what_they_plainly_say_and_no_more(
    recipe: str, changes: dict[str, Any], opened: set[Api]
) -> None:
    claims = {name: value for name, value in (PLAYED[recipe] | changes).items() if value is not None}
    assert await apis(recipe, claims, {}) == opened


async def test_a_claim_in_a_namespace_is_named_as_it_stands() -> None:
    """Auth0 lets an action add claims of one's own under the name of a URL only."""
    auth0 = parse_yaml(RECIPES["auth0"], "auth0").data["identity"]
    names = {"scope_claims": ["https://bridge.example.com/roles"], "entity_claim": "https://bridge.example.com/buyer"}
    added = {"https://bridge.example.com/roles": ["appointment"], "https://bridge.example.com/buyer": CLIENT}
    claims = {**AUTH0, **added, "azp": "somebody else"}
    assert await apis("auth0", claims, {"identity": {**auth0, **names}}) == {Api.APPOINTMENT}


@pytest.mark.parametrize("recipe", PLAYED)
async def test_an_issuers_clock_may_be_a_little_ahead_of_ours(recipe: str) -> None:
    now = int(datetime.now(UTC).timestamp())
    opened = await apis(recipe, PLAYED[recipe], {})
    assert await apis(recipe, {**PLAYED[recipe], "nbf": now + 1, "iat": now + 1}, {}) == opened
    assert await apis(recipe, {**PLAYED[recipe], "exp": now - 1}, {}) == opened
    with pytest.raises(Unauthenticated, match="not in force yet"):
        await apis(recipe, {**PLAYED[recipe], "nbf": now + 600}, {})
    with pytest.raises(Unauthenticated, match="has expired"):
        await apis(recipe, {**PLAYED[recipe], "exp": now - 600}, {})


@pytest.mark.parametrize(
    ("recipe", "changes", "said"),
    [
        *((recipe, {"aud": None}, "has no aud") for recipe in PLAYED),
        ("entra", {"iss": f"https://sts.windows.net/{TENANT}/"}, "another issuer"),  # v1, where the recipe is for v2
        ("entra", {"iss": "https://login.microsoftonline.com/other/v2.0"}, "another issuer"),
        ("auth0", {"iss": "https://acme.eu.auth0.com"}, "another issuer"),  # without its slash
        ("keycloak", {"aud": []}, "another audience|has no aud"),
        ("keycloak", {"aud": ["account", "mef-bridge-2"]}, "another audience"),
        ("keycloak", {"aud": ["mef-bridge", 5]}, "another audience"),
        ("entra", {"azp": None}, "azp names nobody"),
        ("entra", {"azp": None, "appid": CLIENT}, "azp names nobody"),
        ("keycloak", {"azp": [CLIENT]}, "azp names nobody"),
        ("okta", {"cid": None}, "cid names nobody"),
    ],
)
async def test_what_would_have_to_be_guessed_is_refused_with_what_is_wrong(
    recipe: str, changes: dict[str, Any], said: str
) -> None:
    claims = {name: value for name, value in (PLAYED[recipe] | changes).items() if value is not None}
    with pytest.raises(Unauthenticated, match=said):
        await apis(recipe, claims, {})


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
