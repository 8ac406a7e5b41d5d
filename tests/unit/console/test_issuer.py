"""Logging in at an issuer over real HTTP, the clear pages where that goes wrong, and what attackers try."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.cookies import Morsel
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from aiohttp import ClientResponse
from structlog.testing import capture_logs

from bridge.console.logins import COOKIE as LOGIN
from bridge.console.logins import LASTS_S, AtIssuer, Logins
from bridge.console.sessions import COOKIE
from bridge.console.users import Grants, Role, Users
from bridge.oidc import Client, Issuer, granted
from bridge.secret import FileSecret
from tests.api.tokens import private_key
from tests.support_issuer import CLIENT_ID, SECRET, FakeIssuer, open_issuer
from tests.unit.console.conftest import TOKENS, Clock, Console, Serve, known

BACK = "/console/login/callback"
ROLES = {"console-operators": Role.OPERATOR, "console-viewers": Role.VIEWER}


@dataclass
class Answer:
    """What a browser got, and the cookies that came with it."""

    status: int
    text: str
    location: str
    cookies: dict[str, Morsel[str]]
    headers: Any

    @property
    def query(self) -> dict[str, str]:
        """What stands in the address that it is led to."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}


@dataclass
class Browser:
    """Somebody at a browser, step by step."""

    console: Console
    issuer: FakeIssuer

    async def get(self, url: str, **options: Any) -> Answer:
        """Go somewhere, and no further."""
        whole = url if "://" in url else self.console.origin + url
        async with self.console.client.session.get(whole, allow_redirects=False, **options) as answer:
            return await _read(answer)

    async def begin(self, wanted: str = "/console/audit") -> Answer:
        """Press "Log in with …"."""
        return await self.get("/console/login/issuer?" + urlencode({"next": wanted}))

    async def at_issuer(self, begun: Answer) -> str:
        """Log in there; give the address that one is led back to."""
        return (await self.get(begun.location)).location

    async def log_in(self, wanted: str = "/console/audit") -> Answer:
        """Do all of it."""
        return await self.get(await self.at_issuer(await self.begin(wanted)))

    def cookie(self, name: str) -> str | None:
        """Give a cookie that the browser has."""
        found = [each.value for each in self.console.client.session.cookie_jar if each.key == name]
        return found[0] if found else None

    async def is_in(self) -> bool:
        """Tell whether a page is shown, and not the login."""
        return (await self.get("/console/audit")).status == 200

    async def log_out(self) -> Answer:
        """Press "Log out"."""
        form, headers = {"csrf": await self.console.csrf()}, {"Origin": self.console.origin}
        async with self.console.client.session.post(
            self.console.origin + "/console/logout", data=form, headers=headers, allow_redirects=False
        ) as answer:
            return await _read(answer)


async def _read(answer: ClientResponse) -> Answer:
    return Answer(
        answer.status, await answer.text(), answer.headers.get("Location", ""), dict(answer.cookies), answer.headers
    )


@pytest.fixture
async def issuer() -> AsyncIterator[FakeIssuer]:
    async with open_issuer() as opened:
        yield opened


Open = Callable[..., Awaitable[Browser]]


@pytest.fixture
async def open_(serve: Serve, issuer: FakeIssuer, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens consoles at whose door one logs in at the issuer, with a client's changes."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    opened = []

    async def make(**changes: Any) -> Browser:
        facts: dict[str, Any] = {
            "issuer": issuer.url,
            "client_id": CLIENT_ID,
            "secret": FileSecret(tmp_path / "secret"),
            "scopes": ("openid", "profile"),
            "algorithms": frozenset({"RS256", "ES256"}),
        }
        asked = Issuer(Client(**facts | changes), {})
        opened.append(asked)
        clock = Clock()
        grants = Grants(
            key="login", issuer=issuer.url, values=partial(granted, names=("groups", "roles")), roles=dict(ROLES)
        )
        users = Users(known(TOKENS), by_login=grants)
        at = AtIssuer("Example", asked, Logins("k" * 32, clock=clock))
        console = await serve(users, at_issuer=at, clock=clock)
        issuer.redirect_uris.append(console.origin + BACK)
        return Browser(console, issuer)

    yield make
    for each in opened:
        await each.close()


@pytest.fixture
async def browser(open_: Open) -> Browser:
    return await open_()


# ---- the way that it should go


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_who_logs_in_at_the_issuer_is_in_and_sees_the_page_that_he_asked_for(
    browser: Browser, algorithm: str
) -> None:
    browser.issuer.algorithm = algorithm
    page = await browser.get("/console/login?next=/console/audit?before%3D7")
    assert 'href="/console/login/issuer?next=%2Fconsole%2Faudit%3Fbefore%3D7">Log in with Example</a>' in page.text
    assert "Your token" in page.text
    begun = await browser.begin("/console/audit?before=7")
    assert begun.status == 303
    assert begun.query | {"state": "", "nonce": "", "code_challenge": ""} == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": browser.console.origin + BACK,
        "scope": "openid profile",
        "state": "",
        "nonce": "",
        "code_challenge": "",
        "code_challenge_method": "S256",
    }
    entered = await browser.get(await browser.at_issuer(begun))
    assert entered.status == 200
    assert 'http-equiv="refresh" content="0;url=/console/audit?before=7"' in entered.text
    assert "<span>carol <small>operator</small>" in (await browser.get("/console/audit")).text
    acts = [(entry.act, entry.who, entry.role, entry.note) for entry in browser.console.audit.entries]
    assert acts == [("login", "carol", "operator", "at Example, as 248289761001")]


async def test_the_cookies_are_sent_where_they_must_be_and_no_further(browser: Browser) -> None:
    """The issuer leads back to us, so what it leads back to is a link from another site; the session is not sent so."""
    login = (await browser.begin()).cookies[LOGIN]
    assert (login["samesite"], login["httponly"], login["max-age"]) == ("Lax", True, str(LASTS_S))
    entered = await browser.log_in()
    assert (entered.cookies[COOKIE]["samesite"], entered.cookies[COOKIE]["httponly"]) == ("Strict", True)
    assert browser.cookie(LOGIN) is None
    assert entered.headers["Referrer-Policy"] == "no-referrer"


async def test_nothing_of_the_issuers_tokens_and_codes_is_kept_in_the_browser_or_said(browser: Browser) -> None:
    with capture_logs() as logs:
        begun = await browser.begin()
        back = await browser.at_issuer(begun)
        entered = await browser.get(back)
        await browser.get(back)
    code = parse_qs(urlsplit(back).query)["code"][0]
    token = browser.issuer.id_token("n").split(".")[0]
    for said in (str(logs), entered.text, str(browser.cookie(COOKIE))):
        assert code not in said
        assert token not in said
        assert "unused" not in said


@pytest.mark.parametrize(
    ("person", "said"),
    [
        ({"groups": ["x", "console-viewers"], "preferred_username": "v"}, "<span>v <small>viewer</small>"),
        ({"roles": "console-operators", "email": "o@example.com"}, "<span>o@example.com <small>operator</small>"),
        ({"roles": ["console-viewers"], "groups": ["console-operators"]}, "<span>248289761001 <small>operator</small>"),
        ({"groups": ["console-viewers"], "preferred_username": "a\nb\u202e"}, "<span>ab <small>viewer</small>"),
        ({"groups": ["console-viewers"], "preferred_username": "<b>x"}, "<span>&lt;b&gt;x <small>viewer</small>"),
    ],
)
async def test_the_highest_role_of_his_claims_counts(browser: Browser, person: dict[str, Any], said: str) -> None:
    browser.issuer.person = person
    await browser.log_in()
    assert said in (await browser.get("/console/audit")).text


async def test_nobody_is_written_down_by_the_name_of_one_who_has_a_token_of_his_own(browser: Browser) -> None:
    browser.issuer.person["preferred_username"] = "ada"
    await browser.log_in()
    assert [entry.who for entry in browser.console.audit.entries] == [f"ada of {browser.issuer.url}"]


@pytest.mark.parametrize("methods", [None, ["client_secret_post"], ["private_key_jwt", "client_secret_basic"]])
async def test_the_secret_is_shown_as_the_issuer_wants_it(browser: Browser, methods: list[str] | None) -> None:
    browser.issuer.metadata = {"token_endpoint_auth_methods_supported": methods}
    assert (await browser.log_in()).status == 200
    assert ("client_secret" in browser.issuer.exchanged[0]) == (methods == ["client_secret_post"])


async def test_a_client_without_a_secret_shows_its_name(open_: Open, issuer: FakeIssuer) -> None:
    browser, issuer.secret = await open_(secret=None), None
    assert (await browser.log_in()).status == 200
    assert issuer.exchanged[0]["client_id"] == CLIENT_ID


async def test_a_secret_that_was_replaced_is_read_anew(browser: Browser, tmp_path: Path) -> None:
    browser.issuer.secret = "another"
    assert (await browser.log_in()).status == 502
    (tmp_path / "secret").write_text("another")
    assert (await browser.log_in()).status == 200


async def test_what_the_issuer_says_of_itself_is_asked_for_once(browser: Browser) -> None:
    for _ in range(3):
        assert (await browser.log_in()).status == 200
    assert browser.issuer.paths.count("/.well-known/openid-configuration") == 1
    assert browser.issuer.paths.count("/keys") == 1


async def test_behind_a_proxy_one_begins_and_comes_back_at_its_address(open_: Open, serve: Serve) -> None:
    inner = await open_()
    at = inner.console.door.at_issuer
    console = await serve(inner.console.door.users, at_issuer=at, base_url="https://admin.example")
    browser = Browser(console, inner.issuer)
    page = await browser.get("/console/login?next=/console/audit")
    assert 'href="https://admin.example/console/login/issuer?next=%2Fconsole%2Faudit"' in page.text
    assert (await browser.begin()).query["redirect_uri"] == "https://admin.example" + BACK


# ---- what goes wrong


async def test_who_has_no_role_sees_what_is_missing_and_nothing_else(browser: Browser) -> None:
    browser.issuer.person = {"groups": ["others"], "preferred_username": "dan"}
    with capture_logs() as logs:
        page = await browser.log_in()
    assert page.status == 403
    assert "dan may not enter" in page.text
    assert "console-operators (operator), console-viewers (viewer)" in page.text
    assert "groups has none; roles is not in it" in page.text
    assert "others" not in page.text
    assert COOKIE not in page.cookies
    assert not await browser.is_in()
    assert [line["event"] for line in logs] == ["jwks.read", "admin.login_refused"]
    assert browser.console.audit.entries == []


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        ("access_denied", 401, "did not let you in, or you turned back"),
        ("server_error", 401, "trouble of its own"),
        ("invalid_scope", 502, "see oidc.client_id"),
        ("&lt;b&gt;", 401, "an error that cannot be read"),
    ],
)
async def test_an_error_of_the_issuer_has_a_clear_page_and_a_line_in_the_log(
    browser: Browser, error: str, status: int, said: str
) -> None:
    browser.issuer.error = error
    with capture_logs() as logs:
        page = await browser.log_in("/console/parked")
    assert page.status == status
    assert said in page.text
    assert "said so" not in page.text
    assert "next=%2Fconsole%2Fparked" in page.text
    assert [(line["event"], said in line["reason"]) for line in logs] == [("admin.login_refused", True)]


async def test_an_issuer_that_is_away_is_said_and_tokens_go_on(open_: Open) -> None:
    browser = await open_(issuer="http://localhost:1")
    page = await browser.begin()
    assert page.status == 503
    assert "cannot be reached: http://localhost:1/.well-known" in page.text
    assert await browser.console.log_in() == 303


@pytest.mark.parametrize(
    ("broken", "status", "said"),
    [
        ({"/.well-known/openid-configuration": 404}, 502, "answered 404: see oidc.issuer"),
        ({"/.well-known/openid-configuration": 302}, 502, "answered 302: see oidc.issuer"),
        ({"/.well-known/openid-configuration": 503}, 503, "answered 503"),
        ({"/token": 503}, 503, "/token answered 503"),
        ({"/token": 404}, 502, "gave no ID token"),
        ({"/keys": 500}, 503, "keys of their issuer cannot be read"),
    ],
)
async def test_trouble_of_the_issuer_is_told_from_what_somebody_must_mend(
    browser: Browser, broken: dict[str, int], status: int, said: str
) -> None:
    browser.issuer.broken = broken
    begun = await browser.begin()
    page = begun if begun.status != 303 else await browser.get(await browser.at_issuer(begun))
    assert page.status == status
    assert said in page.text


async def test_an_issuer_that_came_back_is_asked_again(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.issuer.broken = {"/.well-known/openid-configuration": 503}
    assert [(await browser.begin()).status for _ in range(5)] == [503] * 5
    assert len(browser.issuer.paths) == 1
    browser.issuer.broken = {}
    monkeypatch.setattr("bridge.oidc.issuer.PAUSE_S", 0)
    assert (await browser.log_in()).status == 200


async def test_the_metadata_of_another_issuer_is_refused(browser: Browser) -> None:
    browser.issuer.metadata = {"issuer": browser.issuer.url + "/"}
    page = await browser.begin()
    assert (page.status, "to the last slash" in page.text) == (502, True)


@pytest.mark.parametrize("minutes", [-5, 5])
async def test_a_wrong_clock_is_called_so(browser: Browser, minutes: int) -> None:
    then = datetime.now(UTC) + timedelta(minutes=minutes)
    browser.issuer.claims = {"iat": then, "exp": then + timedelta(minutes=1)}
    page = await browser.log_in()
    assert page.status == 401
    assert "The clocks of the issuer and of this machine differ." in page.text


async def test_a_code_that_is_too_old_is_said(browser: Browser) -> None:
    back = await browser.at_issuer(await browser.begin())
    browser.issuer.grants.clear()
    page = await browser.get(back)
    assert (page.status, "it was used, or is too old" in page.text) == (401, True)


async def test_a_login_that_took_too_long_is_begun_anew(browser: Browser) -> None:
    back = await browser.at_issuer(await browser.begin())
    browser.console.clock.seconds += LASTS_S
    page = await browser.get(back)
    assert (page.status, "more than ten minutes ago" in page.text) == (401, True)
    assert browser.issuer.exchanged == []


async def test_an_answer_without_an_id_token_is_refused(browser: Browser) -> None:
    browser.issuer.token_error = (200, {"access_token": "x"})
    page = await browser.log_in()
    assert (page.status, "oidc.scopes must have openid" in page.text) == (502, True)


# ---- what attackers try


async def test_an_answer_counts_once(browser: Browser) -> None:
    back = await browser.at_issuer(await browser.begin())
    stolen = browser.cookie(LOGIN)
    assert (await browser.get(back)).status == 200
    assert (await browser.get(back)).status == 401
    browser.console.client.session.cookie_jar.clear()
    page = await browser.get(back, headers={"Cookie": f"{LOGIN}={stolen}"})
    assert (page.status, "it was used" in page.text) == (401, True)
    assert COOKIE not in page.cookies


async def test_an_answer_to_what_another_browser_asked_logs_nobody_in(open_: Open) -> None:
    """Login CSRF: an attacker has somebody's browser finish the attacker's own login."""
    attacker, victim = await open_(), await open_()
    back = await attacker.at_issuer(await attacker.begin())
    theirs = victim.console.origin + BACK + "?" + urlsplit(back).query
    for begun in (False, True):
        if begun:
            await victim.begin()
        page = await victim.get(theirs)
        assert (page.status, "not begun in this browser" in page.text) == (401, True)
    assert COOKIE not in page.cookies
    assert len(attacker.issuer.exchanged) == 0
    assert (await victim.get(await victim.at_issuer(await victim.begin()))).status == 200


async def test_a_strangers_answer_does_not_spoil_a_login_under_way(browser: Browser) -> None:
    back = await browser.at_issuer(await browser.begin())
    assert (await browser.get(f"{BACK}?code=x&state=y")).status == 401
    assert (await browser.get(f"{BACK}?error=access_denied")).status == 401
    assert (await browser.get(back)).status == 200


async def test_a_stolen_code_is_no_good_in_the_thiefs_own_login(open_: Open) -> None:
    """Code injection: the code is bound to the browser that asked by PKCE and by the nonce."""
    victim, thief = await open_(), await open_()
    code = parse_qs(urlsplit(await victim.at_issuer(await victim.begin())).query)["code"][0]
    mine = await thief.at_issuer(await thief.begin())
    state = parse_qs(urlsplit(mine).query)["state"][0]
    page = await thief.get(BACK + "?" + urlencode({"code": code, "state": state}))
    assert page.status == 401
    assert COOKIE not in page.cookies


async def test_the_answer_of_another_issuer_is_refused_and_its_code_not_used(browser: Browser) -> None:
    """Mix-up (RFC 9207)."""
    browser.issuer.answer = {"iss": "https://evil.example"}
    page = await browser.log_in()
    assert (page.status, "of another issuer" in page.text) == (401, True)
    browser.issuer.answer = {"iss": browser.issuer.url}
    assert (await browser.log_in()).status == 200
    assert len(browser.issuer.exchanged) == 1


async def test_what_an_answer_says_twice_it_does_not_say(browser: Browser) -> None:
    back = await browser.at_issuer(await browser.begin())
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert (await browser.get(f"{back}&state={state}")).status == 401
    assert browser.issuer.exchanged == []


def _signed(algorithm: str, key: Any, **headers: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode(claims, key, algorithm, headers)


FORGERIES: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], str] | None]] = {
    "for another client": ({"aud": "other"}, None),
    "for several, and made for another": ({"aud": [CLIENT_ID, "other"], "azp": "other"}, None),
    "by another issuer": ({"iss": "https://evil.example"}, None),
    "expired": ({"exp": datetime.now(UTC) - timedelta(hours=1)}, None),
    "not in force yet": ({"nbf": datetime.now(UTC) + timedelta(hours=1)}, None),
    "of another login": ({"nonce": "another"}, None),
    "of no login": ({"nonce": None}, None),
    "without an end": ({"exp": None}, None),
    "without a person": ({"sub": None}, None),
    "without a moment": ({"iat": None}, None),
    "without an audience": ({"aud": None}, None),
    "without a signature": ({}, _signed("none", None)),
    "by a shared secret": ({}, _signed("HS256", SECRET * 2)),
    "by another key": ({}, _signed("RS256", private_key("RSA", "forger"), kid="RS256")),
    "by a key of another name": ({}, _signed("RS256", private_key("RSA", "first"), kid="nobody")),
    "no token": ({}, lambda _: "eyJ.nonsense"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_an_id_token_that_is_not_for_this_login_lets_nobody_in(browser: Browser, forgery: str) -> None:
    browser.issuer.claims, browser.issuer.sign = FORGERIES[forgery]
    with capture_logs() as logs:
        page = await browser.log_in()
    assert page.status == 401
    assert COOKIE not in page.cookies
    assert not await browser.is_in()
    assert "admin.login_refused" in [line["event"] for line in logs]


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.test/console/",
        "//evil.test/console/",
        "/console/\\evil",
        "javascript:0",
        "/\t/evil",
        "/console/\nx",
        "/consolex",
        "",
        "/console/" + "x" * 5000,
        "/console/ä",
        'https:evil.test/console/"',
    ],
)
async def test_a_login_at_the_issuer_leads_nowhere_else(browser: Browser, wanted: str) -> None:
    assert 'content="0;url=/console/"' in (await browser.log_in(wanted)).text


async def test_what_is_wanted_is_no_more_than_a_path_in_the_page_after(browser: Browser) -> None:
    page = await browser.log_in('/console/audit?x=";url=//evil.test/<script>')
    assert "<script>" not in page.text.partition("http-equiv")[2]
    assert 'content="0;url=/console/audit?x=&#34;;url=//evil.test/&lt;script&gt;"' in page.text


async def test_a_session_of_before_is_not_the_one_after(browser: Browser) -> None:
    """Fixation: whoever planted a cookie knows nothing of the session that begins."""
    await browser.console.log_in("bob-token")
    planted = browser.cookie(COOKIE)
    await browser.log_in()
    assert browser.cookie(COOKIE) != planted
    browser.console.client.session.cookie_jar.clear()
    page = await browser.get("/console/audit", headers={"Cookie": f"{COOKIE}={planted}"})
    assert "<span>bob" in page.text
    assert "<span>carol" not in page.text


async def test_no_cookie_stands_in_for_another_or_was_made_by_somebody_else(browser: Browser) -> None:
    back = await browser.at_issuer(await browser.begin())
    login = str(browser.cookie(LOGIN))
    browser.console.client.session.cookie_jar.clear()
    flipped = ("A" if login[0] != "A" else "B") + login[1:]
    for name, value in ((COOKIE, login), (LOGIN, flipped), (LOGIN, ""), (LOGIN, login.rpartition(".")[0])):
        headers = {"Cookie": f"{name}={value}"}
        assert (await browser.get("/console/audit", headers=headers)).status == 303
        assert (await browser.get(back, headers=headers)).status == 401


async def test_a_value_that_gives_no_role_any_more_ends_its_sessions(browser: Browser) -> None:
    await browser.log_in()
    roles: Any = browser.console.door.users._by_login.roles  # type: ignore[union-attr]
    roles["console-operators"] = Role.VIEWER
    assert "<span>carol <small>viewer</small>" in (await browser.get("/console/audit")).text
    del roles["console-operators"]
    assert not await browser.is_in()


async def test_only_who_asks_for_a_page_begins_or_ends_a_login(browser: Browser) -> None:
    for path in ("/console/login/issuer", BACK):
        for method in ("HEAD", "POST"):
            async with browser.console.client.request(method, path, allow_redirects=False) as answer:
                assert answer.status == 405


# ---- and out again


async def test_who_logs_out_is_led_to_the_issuer_to_log_out_there_too(browser: Browser) -> None:
    await browser.log_in()
    copy = browser.cookie(COOKIE)
    page = await browser.log_out()
    back = urlencode({"client_id": CLIENT_ID, "post_logout_redirect_uri": f"{browser.console.origin}/console/login"})
    assert f'content="0;url={browser.issuer.url}/logout?{back.replace("&", "&amp;")}"' in page.text
    assert browser.cookie(COOKIE) is None
    assert (await browser.get("/console/audit", headers={"Cookie": f"{COOKIE}={copy}"})).status == 303


@pytest.mark.parametrize(
    "trouble", [{"metadata": {"end_session_endpoint": None}}, {"broken": {"/.well-known/openid-configuration": 503}}]
)
async def test_where_the_issuer_has_nothing_for_it_or_is_away_one_is_out_all_the_same(
    browser: Browser, trouble: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "metadata" in trouble:
        browser.issuer.metadata = trouble["metadata"]
    await browser.log_in()
    if "broken" in trouble:
        browser.issuer.broken = trouble["broken"]
        at: Any = browser.console.door.at_issuer
        at.issuer._metadata = None  # as after a restart
    page = await browser.log_out()
    assert (page.status, page.location) == (303, "/console/login")
    assert not await browser.is_in()


async def test_who_came_by_a_token_is_not_led_to_the_issuer(browser: Browser) -> None:
    await browser.console.log_in()
    assert (await browser.log_out()).location == "/console/login"
    assert browser.issuer.paths == []
