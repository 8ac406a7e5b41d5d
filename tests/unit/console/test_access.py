"""Nobody sees a page or the admin API without a login, and no other site can act for who is logged in."""

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bridge.console.access import HEADERS
from bridge.console.sessions import COOKIE, LASTS_S
from bridge.console.users import Grants, Role, Unknown, User, Users, Values
from bridge.errors import StoreUnavailable
from tests.unit.console.conftest import TOKENS, Console, Serve, known

BEARER = {"Authorization": "Bearer ada-token"}


def paths(app: web.Application, prefix: str) -> list[tuple[str, str]]:
    """List the routes below a prefix, with something in each of their places."""
    found = [(route.method, route.resource.canonical) for route in app.router.routes() if route.resource]
    return [
        (method, path.replace("{", "").replace("}", "").replace(":\\d+", ""))
        for method, path in found
        if path.startswith(prefix) and method != "HEAD" and "/static" not in path
    ]


async def test_every_page_but_the_login_leads_to_the_login(console: Console) -> None:
    asked = [each for each in paths(console.app, "/console") if each[1] not in ("/console/login", "/console")]
    assert ("GET", "/console/audit") in asked
    for method, path in asked:
        async with console.client.request(method, path, allow_redirects=False) as answer:
            assert (answer.status, path) == (303, path)
            assert answer.headers["Location"].startswith("/console/login?next=")


async def test_nothing_of_the_api_is_told_to_who_is_not_known(console: Console) -> None:
    asked = paths(console.app, "/api")
    assert ("GET", "/api/openapi.json") in asked
    for method, path in asked:
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}):
            async with console.client.request(method, path, headers=headers) as answer:
                assert (answer.status, path) == (401, path)
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
                assert (await answer.json())["title"] == "Unauthorized"


async def test_a_token_opens_the_api_and_the_pages(console: Console) -> None:
    async with console.client.get("/api/v1/audit", headers=BEARER) as answer:
        assert await answer.json() == {"acts": []}
    assert "Audit" in await console.text("/console/audit", headers=BEARER)


async def test_what_is_not_there_is_said_to_who_is_known_only(console: Console) -> None:
    async with console.client.get("/console/nothing", allow_redirects=False) as answer:
        assert answer.status == 303
    async with console.client.get("/api/v1/nothing", headers=BEARER) as answer:
        assert (answer.status, (await answer.json())["status"]) == (404, 404)


async def test_a_login_begins_a_session_that_scripts_and_other_sites_do_not_see(console: Console) -> None:
    async with console.client.post(
        "/console/login?next=/console/audit?before=7",
        data={"token": "ada-token\n"},
        headers={"Origin": console.origin},
        allow_redirects=False,
    ) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/console/audit?before=7")
        cookie = answer.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert not cookie["secure"]
    assert "ada" in await console.text("/console/audit")
    assert [(entry.act, entry.who, entry.outcome) for entry in console.audit.entries] == [("login", "ada", "done")]


async def test_behind_tls_the_cookie_is_sent_by_tls_only() -> None:
    from bridge.console.sessions import Sessions

    response, users = web.Response(), Users(known(TOKENS))
    Sessions("k" * 32, users, is_secure=True).begin(response, TOKENS["ada-token"])
    assert response.cookies[f"__Host-{COOKIE}"]["secure"]
    assert response.cookies[f"__Host-{COOKIE}"]["path"] == "/"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.test/console/",
        "//evil.test/",
        "/console/\\evil",
        "javascript:0",
        "/console/../../x",
        "/console/..//evil.test",
        "/console/%2e%2e/x",
    ],
)
async def test_a_login_leads_nowhere_else(console: Console, wanted: str) -> None:
    async with console.client.post(
        "/console/login",
        params={"next": wanted},
        data={"token": "ada-token"},
        headers={"Origin": console.origin},
        allow_redirects=False,
    ) as answer:
        assert answer.headers["Location"] == "/console/"


async def test_a_wrong_token_is_refused_and_not_shown(console: Console) -> None:
    async with console.client.post(
        "/console/login", data={"token": "guess-4711"}, headers={"Origin": console.origin}
    ) as answer:
        assert answer.status == 401
        text = await answer.text()
    assert "not known" in text
    assert "guess-4711" not in text
    assert COOKIE not in answer.cookies
    assert console.audit.entries == []


async def test_another_site_logs_nobody_in(console: Console) -> None:
    assert await console.log_in(Origin="https://evil.example") == 403
    assert await console.log_in(Origin="null") == 403


@pytest.mark.parametrize(
    ("origin", "field", "status"),
    [
        (None, "right", 303),
        ("https://evil.example", "right", 403),
        ("null", "right", 403),
        ("", "right", 403),
        (None, "", 403),
        (None, "wrong", 403),
    ],
)
async def test_a_form_counts_with_its_csrf_token_and_from_our_own_pages_only(
    console: Console, origin: str | None, field: str, status: int
) -> None:
    await console.log_in()
    form = {"csrf": await console.csrf() if field == "right" else field}
    headers = {"Origin": console.origin if origin is None else origin}
    async with console.client.post("/console/logout", data=form, headers=headers, allow_redirects=False) as answer:
        assert answer.status == status
    said = [entry.act for entry in console.audit.entries]
    assert said == (["login", "logout"] if status == 303 else ["login"])


async def test_what_a_script_of_ours_asks_for_counts_by_the_same_rules(console: Console) -> None:
    await console.log_in()
    ours = {"Origin": console.origin, "X-CSRF-Token": await console.csrf()}
    for headers, status in (
        ({"Origin": console.origin}, 403),
        (ours | {"Origin": "https://evil.test"}, 403),
        (ours | {"X-CSRF-Token": "guess"}, 403),
        (ours, 400),  # let in, and then not understood
    ):
        async with console.client.post("/console/draft/complete", json={}, headers=headers) as answer:
            assert (headers, answer.status) == (headers, status)


async def test_the_csrf_token_of_another_session_does_not_count(console: Console) -> None:
    await console.log_in("bob-token")
    theirs = await console.csrf()
    await console.log_in("ada-token")
    assert theirs
    assert theirs != await console.csrf()
    async with console.client.post(
        "/console/logout", data={"csrf": theirs}, headers={"Origin": console.origin}
    ) as answer:
        assert answer.status == 403


async def test_who_logs_out_is_out(console: Console) -> None:
    await console.log_in()
    form = {"csrf": await console.csrf()}
    async with console.client.post("/console/logout", data=form, headers={"Origin": console.origin}):
        pass
    async with console.client.get("/console/audit", allow_redirects=False) as answer:
        assert answer.status == 303


async def _copy(console: Console) -> dict[str, str]:
    """Copy the session of the browser, and let it forget it."""
    (cookie,) = [each for each in console.client.session.cookie_jar if each.key == COOKIE]
    console.client.session.cookie_jar.clear()
    return {"Cookie": f"{COOKIE}={cookie.value}"}


async def _log_out(console: Console, **headers: str) -> int:
    async with console.client.get("/console/audit", headers=headers) as answer:
        csrf = (await answer.text()).partition('name="csrf" value="')[2].partition('"')[0]
    sent = {"Origin": console.origin, **headers}
    async with console.client.post(
        "/console/logout", data={"csrf": csrf}, headers=sent, allow_redirects=False
    ) as answer:
        assert answer.cookies[COOKIE].value == ""
        return answer.status


async def _status(console: Console, path: str = "/console/audit", **headers: str) -> int:
    async with console.client.get(path, headers=headers, allow_redirects=False) as answer:
        return answer.status


async def test_who_logs_out_is_out_with_every_copy_of_his_session_and_with_no_other(console: Console) -> None:
    await console.log_in()
    other = await _copy(console)
    await console.log_in()
    copy = await _copy(console)
    assert await _log_out(console, **copy) == 303
    assert await _status(console, **copy) == 303
    assert await _status(console, "/console/", **copy) == 303
    assert await _status(console, "/api/v1/audit", **copy) == 401
    assert await _status(console, **other) == 200
    (ends_at,) = console.kept.ids.values()
    assert ends_at.timestamp() == pytest.approx(console.clock.seconds + LASTS_S)


async def test_what_another_process_ended_is_ended(serve: Serve) -> None:
    """Both sign with one key, and have one database."""
    here, there = await serve(), await serve()
    there.kept.ids = here.kept.ids
    await here.log_in()
    copy = await _copy(here)
    assert await _status(there, **copy) == 200
    await _log_out(here, **copy)
    assert await _status(there, **copy) == 303


async def test_a_page_asks_the_database_for_no_more_than_one_key(console: Console) -> None:
    await console.log_in()
    await console.text("/console/")
    assert console.kept.asked == 1
    await console.text("/console/static/console.css")
    await console.text("/console/login")
    await console.text("/console/audit", headers=BEARER)
    assert console.kept.asked == 1


@pytest.mark.parametrize("trouble", ["is_away", "hangs"])
async def test_while_the_database_does_not_answer_one_sees_that_it_does_not_and_changes_nothing(
    serve: Serve, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At three in the morning, *Now* says what is wrong."""
    monkeypatch.setattr("bridge.console.sessions.PATIENCE_S", 0.01)
    console = await serve()
    await console.log_in()
    csrf = await console.csrf()
    setattr(console.kept, trouble, True)
    assert await _status(console, "/console/") == 200
    form, headers = {"csrf": csrf, "note": "x"}, {"Origin": console.origin}
    async with console.client.post("/console/messages/1/discard", data=form, headers=headers) as answer:
        text = await answer.text()
    assert answer.status == 503
    assert "The database does not answer. Nothing was changed." in text


async def test_who_logs_out_meanwhile_is_out_here_at_once_and_everywhere_once_it_answers(serve: Serve) -> None:
    here, there = await serve(), await serve()
    there.kept.ids = here.kept.ids
    await here.log_in()
    copy = await _copy(here)
    here.kept.is_away = True
    assert await _log_out(here, **copy) == 503
    assert await _status(here, "/console/", **copy) == 303
    assert await _status(there, **copy) == 200
    here.kept.is_away = False
    await here.log_in()
    assert await _status(here) == 200
    assert await _status(there, **copy) == 303


async def test_one_comes_in_while_the_audit_log_cannot_be_written_and_that_is_in_the_log(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> int:
        raise StoreUnavailable

    monkeypatch.setattr(console.audit, "begin", away)
    with capture_logs() as logs:
        assert await console.log_in() == 303
    assert await _status(console, "/console/") == 200
    said = [(line["event"], line["who"]) for line in logs]
    assert said == [("admin.login", "ada"), ("admin.act_not_written", "ada")]


async def test_a_stream_ends_with_its_session(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.console.pages.now.EVERY_S", 0.01)
    await console.log_in()
    copy = await _copy(console)
    async with console.client.get("/console/now/stream", headers=copy) as answer:
        assert await answer.content.readline() == b"event: numbers\n"
        await _log_out(console, **copy)
        assert (await answer.content.read()).endswith(b"\n\n")


async def test_a_session_ends_after_its_time(console: Console) -> None:
    await console.log_in()
    assert "Audit" in await console.text("/console/audit")
    console.clock.seconds += LASTS_S
    async with console.client.get("/console/audit", allow_redirects=False) as answer:
        assert answer.status == 303


async def test_a_forged_session_is_none(console: Console) -> None:
    await console.log_in("bob-token")
    (cookie,) = [each for each in console.client.session.cookie_jar if each.key == COOKIE]
    facts, _, rest = cookie.value.partition(".")
    forged = "A" + facts[1:] + "." + rest
    console.client.session.cookie_jar.clear()
    for value in (forged, "", "x.y.z"):
        async with console.client.get(
            "/console/audit", headers={"Cookie": f"{COOKIE}={value}"}, allow_redirects=False
        ) as answer:
            assert answer.status == 303


async def test_who_is_taken_out_of_the_settings_is_out_and_a_lower_role_counts_at_once(serve: Serve) -> None:
    tokens = known(dict(TOKENS))
    console = await serve(Users(tokens))
    await console.log_in()
    tokens[:] = known({"ada-token": User("ada", Role.VIEWER)})
    assert "viewer" in await console.text("/console/audit")
    tokens.clear()
    async with console.client.get("/console/audit", allow_redirects=False) as answer:
        assert answer.status == 303


async def test_each_answer_keeps_browsers_from_doing_more(console: Console) -> None:
    for path in (
        "/console/login",
        "/console/audit",
        "/console/nothing",
        "/api/v1/audit",
        "/console/static/console.css",
    ):
        async with console.client.get(path, headers=BEARER) as answer:
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "://" not in policy


async def test_no_page_has_scripts_or_styles_of_its_own_or_names_another_host(console: Console) -> None:
    for path in ("/console/login", "/console/audit", "/console/"):
        text = await console.text(path, headers=BEARER)
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert "<script>" not in text
        assert "http" not in text.replace("http-equiv", "")


async def test_answers_are_not_kept_but_static_files_are(console: Console) -> None:
    async with console.client.get("/console/audit", headers=BEARER) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
    async with console.client.get("/console/static/htmx.min.js") as answer:
        assert "immutable" in answer.headers["Cache-Control"]


async def test_on_loopback_only_its_names_are_answered_to(serve: Serve) -> None:
    console = await serve(only_loopback=True)
    for host, status in (("evil.example:8138", 421), ("localhost:8138", 200), ("[::1]:8138", 200), ("127.0.0.1", 200)):
        async with console.client.get("/api/v1/audit", headers=BEARER | {"Host": host}) as answer:
            assert (host, answer.status) == (host, status)


async def test_behind_a_proxy_forms_come_from_its_address(serve: Serve) -> None:
    console = await serve(base_url="https://admin.example")
    assert await console.log_in(Origin="https://admin.example") == 303
    assert await console.log_in(Origin="http://admin.example") == 403
    assert await console.log_in() == 403


async def _read(token: str) -> Mapping[str, Any]:
    if token != "ey.good.token":
        raise Unknown("The token has expired.")
    return {"scope": "mefBridge.operate", "exp": 4e9, "preferred_username": "carol"}


def _scopes(claims: Mapping[str, Any]) -> Values:
    return {"scope": frozenset(claims["scope"].split())}


BY_SCOPE = Grants(
    key="token",
    issuer="https://issuer.example",
    values=_scopes,
    roles={"mefBridge.operate": Role.OPERATOR, "mefBridge.view": Role.VIEWER},
)


async def test_a_token_of_the_issuer_gives_the_role_of_its_scope(serve: Serve) -> None:
    console = await serve(Users((), _read, BY_SCOPE))
    assert await console.log_in("ey.bad.token") == 401
    assert await console.log_in("ey.good.token") == 303
    assert "carol <small>operator</small>" in await console.text("/console/audit")


@pytest.mark.parametrize("claims", [{"scope": "workOrder"}, {"scope": "mefBridge.operate", "cnf": {}}])
async def test_a_token_of_a_buyer_or_bound_to_a_certificate_opens_nothing(claims: dict[str, Any]) -> None:
    async def read(_: str) -> Mapping[str, Any]:
        return {"exp": 4e9, "sub": "x", **claims}

    users = Users((), read, BY_SCOPE)
    with pytest.raises(Unknown):
        await users.identify("ey.x.y")


async def test_an_act_that_is_refused_or_never_ends_is_in_the_log(console: Console) -> None:
    from bridge.console.acts import Acts
    from tests.unit.console.conftest import ADA, NOW

    acts = Acts(console.audit, lambda: NOW)
    with pytest.raises(Unknown):
        async with acts.writing(ADA, "replay", "message 7", "<b>why</b>"):
            raise Unknown
    await console.audit.begin(console.audit.entries[0].__class__(at=NOW, who="x", role="operator", act="a", thing="t"))
    text = await console.text("/console/audit", headers=BEARER)
    assert "refused: The token is not known, or no longer valid." in text
    assert "&lt;b&gt;why&lt;/b&gt;" in text
    assert "nobody knows" in text


async def test_a_stream_ends_with_the_bridge(console: Console) -> None:
    async with console.client.get("/console/now/stream", headers=BEARER) as answer:
        assert await answer.content.readline() == b"event: numbers\n"
        await console.client.server.close()
        assert (await answer.content.read()).endswith(b"\n\n")


async def test_a_page_number_that_is_none_is_said(console: Console) -> None:
    async with console.client.get("/api/v1/audit?before=x", headers=BEARER) as answer:
        assert (answer.status, (await answer.json())["detail"]) == (400, "before: expected a number, got 'x'")
