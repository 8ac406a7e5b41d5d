"""The editor of drafts: what it asks the bridge for, and what somebody at a keyboard sees of it."""

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.console.conftest import Program
from tests.console.pictures import log_in, mended
from tests.console.scene import PACK, Scene
from tests.console.test_browser import Operator, at, browser
from tests.console.test_hands import act

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = ["browser"]  # the fixture of the other module


@pytest.fixture
def text(scene: Scene) -> str:
    return (scene.pack / "pack.yaml").read_text()


async def fragment(program: Program, path: str, body: Any) -> tuple[int, str]:
    async with program.session.post(program.url + path, json=body, headers=program._headers) as answer:
        return answer.status, await answer.text()


async def test_what_may_stand_at_the_cursor_is_told(
    operator: Program, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"pack": PACK, "text": text + "\npolicies:\n  on", "line": text.count("\n") + 3, "column": 5}
    status, told = await operator.post("/console/draft/complete", asked)
    assert (status, told["start"]) == (200, 3)
    assert [(one["label"], one["insert"]) for one in told["suggestions"]] == [("on_illegal", "on_illegal: ")]
    assert told["suggestions"][0]["about"].startswith("What happens where no legal way leads")
    _, told = await operator.post("/console/draft/complete", asked | {"pack": "other"})
    assert told["suggestions"] == []
    monkeypatch.setattr("bridge.console.pages.draft_editor.MOST_COMPLETED", len(text))
    _, told = await operator.post("/console/draft/complete", asked)
    assert told["suggestions"] == []


async def test_findings_are_told_without_a_page(operator: Program, text: str) -> None:
    wrong = text.replace("type: code, required", "type: cod, required", 1)
    status, told = await fragment(operator, "/console/draft/check", {"pack": PACK, "text": wrong})
    assert (status, "<html" in told) == (200, False)
    assert "1 mistake." in told
    assert 'data-line="23" data-column=' in told
    _, told = await fragment(operator, "/console/draft/check", {"pack": PACK, "text": text})
    assert "The checker finds nothing wrong." in told
    renamed = text.replace(f"pack: {PACK}", "pack: other", 1)
    _, told = await fragment(operator, "/console/draft/check", {"pack": PACK, "text": renamed})
    assert "must stay so" in told
    _, told = await fragment(operator, "/console/draft/check", {"pack": PACK, "text": f"extends: /etc\n{text}"})
    assert "It cannot be checked." in told


@pytest.mark.parametrize("path", ["/console/draft/check", "/console/draft/complete"])
async def test_only_operators_may_ask_and_in_the_right_shape(viewer: Program, operator: Program, path: str) -> None:
    body = {"pack": PACK, "text": ""} | ({"line": 1, "column": 1} if path.endswith("complete") else {})
    assert (await fragment(viewer, path, body))[0] == 403
    assert (await fragment(operator, path, {"pack": PACK}))[0] == 400
    assert (await fragment(operator, path, body))[0] == 200


async def test_a_check_tells_which_cases_hold(operator: Program, text: str) -> None:
    status, told = await act(operator, "/draft", pack=PACK, text=text, act="check")
    assert status == 200
    assert "All 8 cases hold by the draft." in told
    other = text.replace("then: {work_order: planned, appointment_if_any: confirmed}", "then: {hold: not yet}", 1)
    _, told = await act(operator, "/draft", pack=PACK, text=other, act="check")
    assert "cases do not hold by the draft" in told
    assert told.index("cases do not hold by the draft") < told.index("Let it run")
    assert "visit-that-works.yaml" in told
    assert "work_order:" in told
    assert "- expected" in told


async def test_a_draft_that_cannot_be_checked_is_not_lost(operator: Program, text: str) -> None:
    _, told = await act(operator, "/draft", pack=PACK, text=f"extends: /etc\n{text}", act="check")
    assert "It cannot be checked." in told
    assert "extends: /etc" in told


@pytest_asyncio.fixture(loop_scope="module")
async def who(browser: Browser, scene: Scene) -> Operator:
    """Somebody at the editor."""
    found = await at(browser, scene, viewport={"width": 1120, "height": 800})
    await log_in(found.page, scene.console)
    await found.page.goto(f"{found.url}/draft?pack={PACK}")
    return found


async def put_cursor_behind(who: Operator, text: str) -> None:
    """Put the cursor behind a piece of the text."""
    script = "(it, at) => { it.focus(); it.setSelectionRange(at, at); }"
    area = who.page.get_by_label("pack.yaml")
    await area.evaluate(script, (await area.input_value()).index(text) + len(text))


async def test_a_pack_is_written_by_the_keyboard(who: Operator) -> None:
    """A key and a value are completed, a mistake is seen at its line, and what cases say by the button."""
    page, area = who.page, who.page.get_by_label("pack.yaml")
    box = page.get_by_role("listbox", name="Suggestions")
    await put_cursor_behind(who, "  on_illegal: park")
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await page.keyboard.type("ds")
    await expect(box.get_by_role("option")).to_have_count(1)
    assert await area.evaluate("it => it.getAttribute('aria-activedescendant')") == "suggestion-0"
    await expect(box).to_contain_text("An hour that happens twice")
    barriers = await who.barriers()
    await page.keyboard.press("Enter")
    await expect(box.get_by_role("option")).to_have_count(3)  # the values of the key
    await expect(page.locator(".suggestions p")).to_contain_text("An hour that happens twice")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Tab")
    await expect(box).to_be_hidden()
    assert "\n  dst: later\n" in await area.input_value()
    await page.keyboard.press("Control+Space")
    await expect(box).to_be_hidden()  # it is complete

    await put_cursor_behind(who, "type: boolean")
    await page.keyboard.type("x")
    wrong = page.locator(".gutter .wrong")
    await expect(wrong).to_have_text("27")
    await expect(page.locator("#at-line")).to_contain_text("Line 27: expected")
    await expect(page.locator("#findings")).to_contain_text("1 mistake.")
    barriers += await who.barriers()
    await page.keyboard.press("Control+Home")
    await expect(page.locator("#at-line")).to_have_text("Something is wrong in line 27.")
    await page.get_by_role("link", name="line 27").click()
    await expect(page.locator("#at-line")).to_contain_text("Line 27: expected")
    await area.fill(
        (await area.input_value())
        .replace("booleanx", "boolean")
        .replace("{work_order: planned, app", "{work_order: open, app")
    )
    await expect(wrong).to_have_count(0)
    await who.press("Check")
    await who.sees("cases do not hold by the draft")
    await expect(page.locator("details pre").first).to_contain_text("- expected")
    barriers += await who.barriers()
    assert barriers == []
    assert who.complaints == []


async def test_suggestions_close_and_do_not_trap_the_keyboard(who: Operator) -> None:
    page, area = who.page, who.page.get_by_label("pack.yaml")
    box = page.get_by_role("listbox", name="Suggestions")
    await area.fill("rules:\n  - rule: x\n    ")
    await page.keyboard.press("Control+End")
    await page.keyboard.press("Control+Space")
    await expect(box.get_by_role("option")).to_have_count(2)
    await page.keyboard.press("Escape")
    await expect(box).to_be_hidden()
    await page.keyboard.press("Control+Space")
    await box.get_by_role("option", name="when").click()
    assert (await area.input_value()).endswith("\n    when:")
    await page.keyboard.press("Enter")
    assert (await area.input_value()).endswith("\n    when:\n      ")
    await page.keyboard.press("Tab")
    await expect(area).not_to_be_focused()
    assert who.complaints == []


async def test_on_a_phone_in_the_dark_nothing_is_wider_than_the_page(browser: Browser, scene: Scene) -> None:
    who = await at(browser, scene, viewport={"width": 390, "height": 844}, color_scheme="dark")
    await log_in(who.page, scene.console)
    await who.page.goto(f"{who.url}/draft?pack={PACK}")
    area = who.page.get_by_label("pack.yaml")
    await area.fill("nonsense: x\n" + mended(await area.input_value()))
    await expect(who.page.locator(".gutter .wrong")).to_have_text("1")
    await put_cursor_behind(who, "values: [NEW, SCHD, ENRT, WIP, ")
    await who.page.keyboard.press("Control+Space")
    wide = await who.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    assert await who.barriers() == []
    assert who.complaints == []


async def test_without_scripts_the_buttons_do_it(browser: Browser, scene: Scene, text: str) -> None:
    who = await at(browser, scene, java_script_enabled=False)
    await log_in(who.page, scene.console)
    await who.page.goto(f"{who.url}/draft?pack={PACK}")
    await expect(who.page.locator("#editor-help")).to_be_hidden()
    await who.page.get_by_label("pack.yaml").fill(text.replace("type: boolean", "type: booleanx", 1))
    await who.press("Check")
    await who.sees("1 mistake.")
    await who.sees("line 27, column")
    assert await who.page.get_by_role("listbox").count() == 0
    assert await who.page.locator(".gutter").count() == 0
