"""`make pictures`: a picture of each page of the console, for the docs."""

import asyncio
import tempfile
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from playwright.async_api import Page

from bridge.app import admin_side
from tests.console.browser import open_browser
from tests.console.scene import PACK, ROOT, TICKET, Scene, let_a_night_pass, open_scene
from tests.support import eventually

IMAGES = ROOT / "docs" / "img"


async def log_in(page: Page, console: str, key: str = "operator-key") -> None:
    """Log in by the page."""
    await page.goto(f"{console}/")
    await page.get_by_label("Your token").fill(key)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"{console}/console/")


def mended(text: str) -> str:
    """Give the text of the pack with the code that it does not know, as an operator would put it in."""
    return (
        text.replace("CANC, HOLD]}", "CANC, HOLD, LEFT]}", 1)
        .replace("when: {status: [DONE, CLSD]}", "when: {status: [DONE, CLSD, LEFT]}", 1)
        .replace("    NEW:  [SCHD, WIP, HOLD, CANC]", "    NEW:  [SCHD, WIP, HOLD, CANC, LEFT]\n    LEFT: [CLSD]", 1)
    )


async def take(scene: Scene, page: Page, directory: Path) -> None:
    """Take all of them."""

    async def shot(name: str) -> None:
        await page.screenshot(path=directory / f"console-{name}.png", animations="disabled")

    await page.goto(f"{scene.console}/")
    await shot("login")
    await log_in(page, scene.console)
    await page.get_by_text("Parked, by reason").wait_for()
    await shot("now")
    await page.goto(f"{scene.console}/console/work-orders")
    await shot("work-orders")
    await page.get_by_label("Any id").fill(TICKET)
    await page.get_by_role("button", name="Search").click()
    await page.locator("li.message.hot summary").click()
    await page.evaluate("scrollTo(0, 0)")
    await shot("story")
    await page.get_by_role("link", name="See why, and mend it").click()
    await shot("message")
    await page.goto(f"{scene.console}/console/parked?pack={PACK}")
    await shot("parked")
    reason = (await page.get_by_role("link", name="field status").first.inner_text()).strip()
    await page.goto(f"{scene.console}/console/draft?" + urlencode({"pack": PACK, "reason": reason}))
    text = page.get_by_label("pack.yaml")
    await text.fill((await text.input_value()).replace("CANC, HOLD]}", "CANC, HOLD, LEFT]", 1))
    await page.get_by_role("link", name="line 24").click()
    await page.keyboard.press("Home")
    await page.keyboard.insert_text("\n")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.type("  note:         {path: $.NOTE, e")
    await page.get_by_role("option").first.wait_for()
    await page.evaluate("scrollTo(0, 0)")
    await shot("draft-mistakes")
    await text.fill(mended(scene.pack.joinpath("pack.yaml").read_text()))
    await page.get_by_role("button", name="Check").click()
    await page.locator("#outlook").scroll_into_view_if_needed()
    await shot("draft")
    await page.goto(f"{scene.console}/console/packs/{PACK}")
    await shot("pack")
    for name in ("deliveries", "listeners", "commands?all", "outbox?state="):
        await page.goto(f"{scene.console}/console/{name}")
        await shot(name.partition("?")[0])
    await page.goto(f"{scene.console}/console/listeners")
    await page.locator("tbody a").first.click()
    await shot("listener")
    await page.goto(f"{scene.console}/console/audit")
    await shot("audit")


async def _let_time_fly(scene: Scene) -> None:
    """Let some jobs live, so that there is something in the charts."""
    draw = Random(7)
    for number in range(60):
        for _ in range(draw.randint(0, 3)):
            job = await scene.wfm.create_job(ticket=f"TT-3{number:03d}", visit_required=False)
            told = len(scene.buyer.received)
            await scene.wfm.start_work(job)
            await eventually(lambda told=told: len(scene.buyer.received) > told)


async def main(directory: Path) -> None:
    """Let a night pass and take the pictures."""
    vars(admin_side).update(SAMPLE_S=0.1, FRESH_S=0.1)  # minutes pass in seconds
    with tempfile.TemporaryDirectory(prefix="mef-bridge-pictures-") as place:
        async with open_scene(Path(place)) as scene, open_browser() as browser:
            await let_a_night_pass(scene)
            await _let_time_fly(scene)
            page = await browser.new_page(viewport={"width": 1120, "height": 660})
            await take(scene, page, directory)
            phone = await browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
            await log_in(phone, scene.console)
            await phone.goto(f"{scene.console}/console/work-orders/{await scene.stuck_order()}")
            await phone.screenshot(path=directory / "console-phone.png", animations="disabled")


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(IMAGES))
