"""The console in a real Chromium: what a tired operator does at three in the morning, and what all must be able to."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from bridge.mef.enums import EventType
from tests.console.browser import open_browser
from tests.console.pictures import log_in, mended
from tests.console.scene import PACK, TICKET, Scene, all_delivered
from tests.support import PATIENCE_S, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

AXE = (Path(axe_playwright_python.__file__).with_name("axe.min.js")).read_text(encoding="utf-8")
RUN = "axe.run({resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
SELECTED = "it => it.value.slice(it.selectionStart, it.selectionEnd).trim().slice(0, 7)"
PLACE = "document.querySelector('#steps li.message').getBoundingClientRect().top"
PATIENCE_MS = PATIENCE_S * 1000

expect.set_options(timeout=PATIENCE_MS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A Chromium."""
    async with open_browser() as opened:
        yield opened


class Operator:
    """Somebody at a browser, and all that it complains of."""

    def __init__(self, page: Page, scene: Scene) -> None:
        self.page = page
        self.url = f"{scene.console}/console"
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._noted)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _noted(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    async def press(self, name: str) -> None:
        """Press a button."""
        await self.page.get_by_role("button", name=name).click()

    async def follow(self, name: str) -> None:
        """Follow a link."""
        await self.page.get_by_role("link", name=name).first.click()

    async def sees(self, text: str) -> None:
        """Hold that a text is there."""
        await expect(self.page.get_by_text(text).first).to_be_visible()

    async def barriers(self) -> list[str]:
        """Give what axe-core finds serious in the page. It comes by a way that our own CSP does not bar."""
        await self.page.evaluate(AXE)
        found: Any = await self.page.evaluate(RUN)
        return [
            f"{self.page.url}: {each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]


async def at(browser: Browser, scene: Scene, **options: Any) -> Operator:
    """Sit down before a new page."""
    return Operator(await browser.new_page(**options), scene)


async def test_at_three_in_the_morning(browser: Browser, scene: Scene) -> None:
    """A WorkOrder is open though the technician left: find it, see why, mend the pack, replay; the Buyer is told."""
    order = await scene.stuck_order()
    who = await at(browser, scene)
    await log_in(who.page, scene.console)
    barriers = await who.barriers()

    await who.follow("WorkOrders")
    await who.page.get_by_label("Any id").fill(TICKET)
    await who.press("Search")
    await who.sees("the bridge cannot say what it means")
    await who.sees('came "LEFT"')
    barriers += await who.barriers()
    await who.follow("See why, and mend it")
    await who.sees("none held")

    await who.follow(f"Edit a draft of {PACK}")
    text = who.page.get_by_label("pack.yaml")
    was = await text.input_value()
    await text.fill(was.replace("CANC, HOLD]}", "CANC, HOLD, LEFT]", 1))
    await who.press("Check")
    await who.sees("1 mistake.")
    await who.follow("line 24, column 3")
    assert await text.evaluate(SELECTED) == "reason:"
    await text.fill(mended(was))
    await who.press("Check")
    await who.sees("The checker finds nothing wrong.")
    await who.sees("Nothing for other jobs")
    await expect(who.page.get_by_text("It would mend")).to_have_text("It would mend 3 of 3.")
    barriers += await who.barriers()
    assert (scene.pack / "pack.yaml").read_text() == was
    await who.page.get_by_label("Why").fill("LEFT is new")
    await who.press("Activate")
    await who.sees("The pack runs as 1.0+")
    await who.sees("It runs on bridge-1. All processes that are to run it do.")
    assert (scene.pack / "pack.yaml").read_text() == was

    before = len(scene.buyer.received)
    await who.press("Preview a replay")
    await who.sees("Replay 3 messages?")
    barriers += await who.barriers()
    await who.page.get_by_label("Why", exact=True).fill("the pack knows LEFT now")
    await who.press("Replay")
    await who.sees("3 replayed.")
    await who.follow("WorkOrders")
    await who.page.get_by_label("Any id").fill(order)
    await who.press("Search")
    await expect(who.page.get_by_role("heading", level=1)).to_contain_text("completed")
    told = await eventually(
        lambda: [each.event for each in scene.buyer.received[before:] if each.event.event.id == order]
    )
    assert told[0].event_type == EventType.WORK_ORDER_STATE_CHANGE
    await who.follow("Audit")
    for act in ("login", "activate pack", "replay", "3 applied, 0 stay parked", "LEFT is new"):
        await who.sees(act)
    await who.follow("Packs")
    await who.sees("activated draft")
    await who.follow(PACK)
    await who.sees("A draft runs in place of the deployed files")
    await who.sees("Put it into your version control")
    barriers += await who.barriers()
    assert barriers == []
    assert who.complaints == []


async def test_every_page_is_for_everybody(browser: Browser, scene: Scene) -> None:
    """In the dark and on a phone, too: nothing is wider than the page, axe-core finds nothing, nor does the browser."""
    who = await at(browser, scene, viewport={"width": 390, "height": 844}, color_scheme="dark")
    await who.page.goto(f"{who.url}/login")
    barriers = await who.barriers()
    await log_in(who.page, scene.console, "viewer-key")
    order = await scene.stuck_order()
    hands = (
        "/packs",
        f"/packs/{PACK}",
        "/deliveries?state=pending",
        "/deliveries/1",
        "/listeners",
        "/commands?all",
        "/outbox?state=",
    )
    for path in ("/", "/work-orders", f"/work-orders/{order}", "/parked", "/parked/1", *hands, "/audit", "/nothing"):
        await who.page.goto(who.url + path)
        barriers += await who.barriers()
        wide = await who.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (path, wide) == (path, 0)
    assert barriers == []
    assert [each for each in who.complaints if "/nothing" not in each] == []


async def test_the_charts_move_and_a_step_opens_by_the_keyboard(
    browser: Browser, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.console.pages.now.EVERY_S", 0.3)
    who = await at(browser, scene)
    await log_in(who.page, scene.console)
    async with who.page.expect_response("**/now/stream"):
        await who.page.reload()
    await who.page.evaluate("document.getElementById('now').insertAdjacentHTML('beforeend', '<p id=mark></p>')")
    await expect(who.page.locator("#mark")).to_have_count(0)
    await who.page.goto(f"{who.url}/work-orders/{await scene.stuck_order()}")
    first = who.page.locator("li.message summary").first
    await first.focus()
    await who.page.keyboard.press("Enter")
    await expect(who.page.get_by_text('"STAT": "NEW"')).to_be_visible()
    assert who.complaints == []


async def test_a_story_goes_on_by_itself_and_leaves_alone_what_one_reads(
    browser: Browser, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New steps come, with state and path; what is open stays open, with scroll and focus; and it can be stopped."""
    monkeypatch.setattr("bridge.console.event_streams.LOOK_S", 0.05)
    monkeypatch.setattr("bridge.flows.following.LOOK_S", 0.05)
    job = await scene.wfm.create_job(ticket="TT-2001", visit_required=False)
    await eventually(lambda: all_delivered(scene))
    who = await at(browser, scene, viewport={"width": 900, "height": 420})
    page = who.page
    await log_in(page, scene.console)
    await page.goto(f"{who.url}/work-orders?q=TT-2001")
    first = page.locator("#steps li.message").first
    await first.locator("summary").click()
    await first.locator("pre").first.focus()
    await page.evaluate("scrollBy(0, 40)")
    before = await page.evaluate(PLACE)

    await scene.wfm.start_work(job)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("inProgress")
    await eventually(lambda: all_delivered(scene))
    await expect(page.locator("#steps > li.fresh .chip.fresh")).to_have_text(["new"] * 3)
    await expect(page.get_by_role("status")).to_have_text("3 new since you opened it")
    await expect(page.locator("#story-paths svg")).to_have_attribute("aria-label", re.compile("inProgress"))
    assert await first.locator("details").evaluate("it => it.open")
    assert await page.evaluate("document.activeElement.tagName") == "PRE"
    assert abs(await page.evaluate(PLACE) - before) < 2
    barriers = await who.barriers()

    await page.get_by_role("switch", name="Follow").uncheck()
    await scene.wfm.finish(job)
    await eventually(lambda: all_delivered(scene))
    await expect(page.locator("#steps > li")).to_have_count(6)
    await page.get_by_role("switch", name="Follow").check()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("completed")
    await expect(page.locator("#steps > li")).not_to_have_count(6)
    assert await first.locator("details").evaluate("it => it.open")
    opened = page.locator("#steps > li").nth(3)
    await opened.locator("summary").click()
    await expect(opened.locator(".fresh")).to_have_count(0)
    assert barriers + await who.barriers() == []
    assert who.complaints == []


async def test_a_story_without_scripts_is_the_same_page(browser: Browser, scene: Scene) -> None:
    who = await at(browser, scene, java_script_enabled=False)
    await log_in(who.page, scene.console)
    await who.page.goto(f"{who.url}/work-orders/{await scene.stuck_order()}")
    await expect(who.page.locator("#steps > li")).not_to_have_count(0)
    await expect(who.page.locator("#following")).to_be_hidden()
    assert who.complaints == []


async def test_a_tab_that_nobody_sees_does_not_follow(browser: Browser, scene: Scene) -> None:
    who = await at(browser, scene)
    await log_in(who.page, scene.console)
    hidden = "(hidden) => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
    hidden += "document.dispatchEvent(new Event('visibilitychange')); }"
    async with who.page.expect_response("**/story/stream*"):
        await who.page.goto(f"{who.url}/work-orders/{await scene.stuck_order()}")
    async with who.page.expect_event("requestfailed", lambda request: "/story/stream" in request.url):
        await who.page.evaluate(hidden, True)
    async with who.page.expect_response("**/story/stream*") as again:
        await who.page.evaluate(hidden, False)
    assert (await again.value).ok
