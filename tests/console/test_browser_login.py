"""Logging in at an issuer, and out again, in a real Chromium: its rules for cookies and forms are those that count."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from bridge.settings import OidcSettings
from tests.console.browser import open_browser
from tests.console.scene import open_scene
from tests.console.test_browser import Operator
from tests.support_issuer import CLIENT_ID, SECRET, FakeIssuer, open_issuer


@pytest.fixture
async def issuer(chromium: str) -> AsyncIterator[FakeIssuer]:
    """An issuer of another site, which asks who it is."""
    async with open_issuer() as opened:
        opened.asks = True
        yield opened


async def test_one_logs_in_at_the_issuer_and_out_again(issuer: FakeIssuer, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    oidc = OidcSettings(
        issuer=issuer.url,
        client_id=CLIENT_ID,
        client_secret_file=tmp_path / "secret",
        name="Example",
        operators=("console-operators",),
    )
    async with open_scene(tmp_path, oidc) as scene, open_browser() as chromium:
        issuer.redirect_uris.append(f"{scene.console}/console/login/callback")
        context = await chromium.new_context()
        who = Operator(await context.new_page(), scene)

        await who.page.goto(f"{who.url}/parked?pack=acme-wfm")
        assert await who.page.get_by_label("Your token").count() == 0
        barriers = await who.barriers()
        await who.follow("Log in with Example")
        await who.follow("Log in as Carol")
        await expect(who.page).to_have_url(f"{who.url}/parked?pack=acme-wfm")
        await expect(who.page.locator("form.who")).to_contain_text("carol operator")
        kept = {each["name"]: each for each in await context.cookies()}
        assert kept.keys() == {"mef_bridge_session"}
        assert (kept["mef_bridge_session"]["httpOnly"], kept["mef_bridge_session"]["sameSite"]) == (True, "Strict")
        await who.follow("Audit")
        await expect(who.page.get_by_role("row", name="carol operator login")).to_be_visible()

        await who.press("Log out")
        await expect(who.page).to_have_url(f"{who.url}/login")
        assert issuer.left == [{"client_id": CLIENT_ID, "post_logout_redirect_uri": f"{who.url}/login"}]
        assert await context.cookies() == []
        await context.add_cookies([{**kept["mef_bridge_session"]}])  # type: ignore[typeddict-item]
        await who.page.goto(f"{who.url}/audit")
        await expect(who.page.get_by_role("heading", level=1)).to_have_text("Log in")

        issuer.person["groups"] = ["others"]
        await who.follow("Log in with Example")
        await who.follow("Log in as Carol")
        await who.sees("carol may not enter")
        barriers += await who.barriers()
    assert barriers == []
    assert [each for each in who.complaints if who.url in each and "403" not in each] == []
