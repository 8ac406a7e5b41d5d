"""The pages for Buyers' developers in a real Chromium: what only reads can be tried; their policy allows no more."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.async_api import Page, expect
from rich.console import Console

from bridge.demo.stage import API_KEY, Ports, Stage, set_up
from tests.console.browser import open_browser
from tests.support import PATIENCE_S, eventually

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
RUN = "axe.run({resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
WORK_ORDERS = "/mefApi/sonata/workOrderManagement/v2/"

pytestmark = pytest.mark.integration


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A bridge with one job, and RabbitMQ in memory."""
    async with set_up(Console(file=io.StringIO()), None, Ports()) as stage:
        await stage.wfm.create_job()
        await eventually(lambda: stage.buyer.work_orders())
        yield stage


@pytest.fixture
async def page(chromium: str) -> AsyncIterator[Page]:
    async with open_browser() as browser:
        context = await browser.new_context(bypass_csp=False)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        yield page


async def test_what_only_reads_is_tried_from_its_page(stage: Stage, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    (ordered,) = await stage.buyer.work_orders()
    await page.goto(stage.bridge.url + WORK_ORDERS)
    await page.get_by_label("Your key or token").fill(API_KEY)
    section = page.locator("section#retrieveWorkOrder")
    await section.locator("summary", has_text="Try it").click()
    await section.locator("input[name=id]").fill(ordered.id)
    await section.get_by_role("button", name="Try it").click()
    told = section.locator("pre[aria-live]")
    await expect(told).to_contain_text("200 OK", timeout=PATIENCE_S * 1000)
    await expect(told).to_contain_text(f'"id": "{ordered.id}"')
    assert await page.locator("section#registerListener summary", has_text="Try it").count() == 0
    assert complaints == []


async def test_the_pages_are_for_everybody(stage: Stage, page: Page) -> None:
    """axe-core finds nothing; it is put in beside the pages' policy, which would not let it in."""
    found = []
    for path in ("/docs", WORK_ORDERS):
        await page.goto(stage.bridge.url + path)
        await page.evaluate(AXE)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            violations = (await page.evaluate(RUN))["violations"]
            found += [(path, scheme, each["id"], each["nodes"][0]["html"][:80]) for each in violations]
    assert found == []
