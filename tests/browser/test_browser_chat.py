"""A conversation as it is lived with: interrupted, offline, asked anew, long, by keyboard, and on every kind of screen."""

from __future__ import annotations

import re

import pytest
from browser_support import ARTEFACTS, Site, ask, press_together, too_wide, until, violations, visit
from playwright.async_api import Browser, Page, Route, expect
from scripted_answers import answer, answered_with, citation

RETURNS = "How long do customers have to return a product?"
VACATION = "How many days of paid vacation does a full-time employee get per year?"
PARAGRAPHS = [f"Paragraph {number} of what takes long to say, word by word by word.\n\n" for number in range(60)]
STILL = """() => new Promise((done) => {
    // Where the conversation stands, once it is not moved any more by what scrolled it.
    const scroller = document.querySelector('section[aria-label="Conversation"]');
    let place = -1, frames = 0;
    const look = () => {
        frames = scroller.scrollTop === place ? frames + 1 : 0;
        place = scroller.scrollTop;
        if (frames < 6) requestAnimationFrame(look); else done(place);
    };
    look();
})"""


async def test_an_answer_goes_on_while_another_page_is_shown(chromium: Browser, site: Site) -> None:
    async with visit(chromium, site, site.logins["vintrisa"]) as reader:
        page = reader.page
        await reader.go("/")
        async with answered_with(page, answer(PARAGRAPHS), pause_seconds=0.05):
            await page.get_by_role("textbox", name="Message").fill("Tell me at length")
            await page.keyboard.press("Enter")
            turn = page.get_by_role("article")
            await expect(turn).to_contain_text("Paragraph 3 ")
            await page.get_by_role("link", name="Documents", exact=True).click()
            await expect(page.get_by_role("heading", name="Documents").first).to_be_visible()
            await page.go_back()
            await expect(turn).to_have_attribute("aria-busy", "false")
            await expect(turn).to_contain_text("Paragraph 59 ")
            await expect(turn).to_contain_text("Paragraph 0 ")


async def test_without_a_network_it_is_said_so_and_nothing_that_was_typed_is_lost(
    chromium: Browser, site: Site
) -> None:
    login = site.logins["oskerdale"]
    await site.ready(login, "returns-and-refunds.md")
    async with visit(chromium, site, login, allowed=["ERR_INTERNET_DISCONNECTED"]) as reader:
        page, field = reader.page, reader.page.get_by_role("textbox", name="Message")
        await reader.go("/")
        await field.fill(RETURNS)
        await reader.context.set_offline(True)
        await expect(page.get_by_text("You are offline.")).to_be_visible()
        await page.keyboard.press("Enter")
        turn = page.get_by_role("article")
        await expect(turn.get_by_role("alert")).to_contain_text("The server can not be reached")
        await expect(turn).to_contain_text(RETURNS)
        await field.fill("and something else")
        assert await violations(page) == []
        await reader.context.set_offline(False)
        await expect(page.get_by_text("You are offline.")).to_have_count(0)
        await turn.get_by_role("button", name="Try again").click()
        await expect(turn).to_contain_text(re.compile(r"45\s+days"))
        await expect(turn).to_have_count(1)
        await expect(field).to_have_value("and something else")
        await page.reload()
        await expect(field).to_have_value("and something else")


async def test_asking_anew_takes_the_place_of_what_was_asked(chromium: Browser, site: Site) -> None:
    login = site.logins["oskerdale"]
    await site.ready(login, "returns-and-refunds.md")
    async with visit(chromium, site, login) as reader:
        page, turns = reader.page, reader.page.get_by_role("article")
        await reader.go("/")
        await ask(page, RETURNS)
        await ask(page, "And what is a vacation?")
        async with page.expect_response("**/chat/stream"):
            await page.get_by_role("button", name="Answer again").click()
        await expect(turns.nth(1)).to_have_attribute("aria-busy", "false")
        await expect(turns).to_have_count(2)
        await turns.first.hover()
        await turns.first.get_by_role("button", name="Edit and ask again").click()
        await expect(page.get_by_text("and the message after it")).to_be_visible()
        await page.get_by_role("textbox", name="Message").fill(VACATION)
        await page.keyboard.press("Enter")
        await expect(turns).to_have_count(1)
        await expect(turns).to_contain_text("26 days")
        await page.reload()
        await expect(turns).to_contain_text("26 days")
        await expect(turns).to_have_count(1)
        await expect(turns.get_by_text(RETURNS)).to_have_count(0)


async def test_who_reads_further_up_stays_there_while_the_answer_grows(chromium: Browser, site: Site) -> None:
    async with visit(chromium, site, site.logins["vintrisa"], viewport={"width": 900, "height": 600}) as reader:
        page, latest = reader.page, reader.page.get_by_role("button", name="To the latest message")
        await reader.go("/")
        async with answered_with(page, answer(PARAGRAPHS), pause_seconds=0.1):
            await page.get_by_role("textbox", name="Message").fill("Tell me at length")
            await page.keyboard.press("Enter")
            said = page.get_by_role("article")
            await expect(said.get_by_text("Paragraph 25 ")).to_be_in_viewport()  # it follows by itself
            await page.get_by_role("region", name="Conversation").hover()
            await page.mouse.wheel(0, -400)
            await expect(latest).to_be_visible()
            place = await page.evaluate(STILL)
            await expect(said.get_by_text("Paragraph 40 ")).to_be_attached()
            assert await page.evaluate(STILL) == place
            await latest.click()
            await expect(said.get_by_text("Paragraph 59 ")).to_be_in_viewport()
            await expect(latest).to_have_count(0)


async def test_of_a_long_conversation_what_is_seen_is_drawn(chromium: Browser, site: Site) -> None:
    async with visit(chromium, site, site.logins["vintrisa"]) as reader:
        page = reader.page
        await page.route("**/chat/history/**", _long_history)
        await reader.go("/c/11111111-0000-4000-8000-000000000001")
        await expect(page.get_by_text("Answer 399", exact=True)).to_be_in_viewport()
        scroller = page.get_by_role("region", name="Conversation")

        async def begins() -> bool:
            await scroller.evaluate("element => element.scrollTo({ top: 0 })")
            assert await page.get_by_role("article").count() < 40
            return await page.get_by_text("Answer 1", exact=True).count() == 1

        await until(begins, every=0.05)


async def _long_history(route: Route) -> None:
    """400 messages, 40 to a page, the latest first."""
    start = int((re.findall(r"cursor=(\d+)", route.request.url) or ["0"])[0])
    numbers = range(399 - start, max(-1, 359 - start), -1)
    items = [_message(number) for number in numbers]
    await route.fulfill(json={"items": items, "next_cursor": str(start + 40) if start < 360 else None})


def _message(number: int) -> dict[str, object]:
    answered = number % 2 == 1
    told = {"citations": [], "model_used": "scripted", "refused": False, "stopped": False}
    return {
        "message_id": f"55555555-0000-4000-8000-{number:012}",
        "session_id": "11111111-0000-4000-8000-000000000001",
        "role": "assistant" if answered else "user",
        "text": f"{'Answer' if answered else 'Question'} {number}",
        "created_at": "2026-01-01T00:00:00Z",
        **told,
    }


async def test_everything_is_reached_by_keys(chromium: Browser, site: Site) -> None:
    async with visit(chromium, site, site.logins["vintrisa"], allowed=["404"]) as reader:  # there is no such document
        page = reader.page
        await reader.go("/")
        await expect(page.get_by_role("textbox", name="Message")).to_be_visible()
        cited = [citation(1), citation(2, start=10, end=19)]
        async with answered_with(page, answer(["One [1]", " and two [2]."], cited)):
            await ask(page, "Which?")
        await page.get_by_role("heading", level=1).click()  # out of the field
        for key, pressed in (("]", 1), ("]", 2), ("[", 1)):
            await page.keyboard.press(key)
            await expect(page.get_by_role("button", name=f"Citation {pressed}: handbook.txt")).to_have_attribute(
                "aria-pressed", "true"
            )
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("region", name="Source", exact=True)).to_have_count(0)
        await page.keyboard.press("?")
        keys = page.get_by_role("dialog", name="Keyboard")
        for word in ("Send the message", "Hold to talk", "Next citation", "Documents", "Search and commands"):
            await expect(keys.get_by_text(word, exact=True)).to_be_visible()
        await page.keyboard.press("Escape")
        await page.keyboard.press("/")
        await page.get_by_role("combobox", name="Search conversations and pages").fill("sett")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile("/settings"))
        for last, place in (("d", "/library"), ("a", "/console"), ("s", "/settings"), ("c", "/$")):
            await press_together(page, "g", last)
            await expect(page).to_have_url(re.compile(place))
        await expect(page.get_by_role("textbox", name="Message")).to_be_visible()  # its page hears the key
        await page.keyboard.press("v")
        await expect(page.get_by_role("alert")).to_contain_text("There is no microphone")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_what_opens_over_the_chat_is_open_to_everybody_too(chromium: Browser, site: Site, theme: str) -> None:
    """Looked at in the screenshots as well: the chat, its sources, and each dialog, narrow and wide."""
    login, found = site.logins["oskerdale"], list[str]()
    await site.ready(login, "employee-handbook.pdf")
    async with visit(chromium, site, login, color_scheme=theme) as reader:
        page = reader.page
        await reader.go("/")
        turn = await ask(page, VACATION)
        for width in (1440, 360):
            await page.set_viewport_size({"width": width, "height": 900})

            async def looked_at(name: str, width: int = width) -> None:
                found.extend(f"{name} {width}: {each}" for each in await violations(page))
                if await too_wide(page):
                    found.append(f"{name} {width}: wider than the window")
                await page.screenshot(path=ARTEFACTS / f"over-{name}-{theme}-{width}.png")

            await looked_at("chat")
            await turn.get_by_role("button", name=re.compile("^Citation 1")).first.click()
            source = page.get_by_role("region", name="Source", exact=True)
            await expect(source.locator("mark").first).to_be_visible()
            await looked_at("source")
            await source.get_by_role("button", name="Close the source").click()
            await turn.get_by_role("button", name="Not a good answer").click()
            await expect(page.get_by_role("dialog")).to_be_visible()
            await looked_at("opinion")
            await page.keyboard.press("Escape")
            await page.keyboard.press("Control+k")
            search = page.get_by_role("combobox", name="Search conversations and pages")
            await search.fill("no word of this is anywhere")
            await expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("Nothing found.")
            await looked_at("search-none")
            await search.fill("vacation")
            await expect(page.get_by_role("option").filter(has_text=VACATION).first).to_be_visible()
            await looked_at("search")
            await page.keyboard.press("Escape")
            await page.get_by_role("heading", level=1).click()
            await page.keyboard.press("?")
            await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
            await looked_at("keys")
            await page.keyboard.press("Escape")
            await _over_the_rail(page, narrow=width < 720)
            await looked_at("delete")
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("dialog", name="Delete this conversation?")).to_have_count(0)
            if width < 720:
                await expect(page.get_by_role("dialog", name="Menu")).to_be_visible()
                await looked_at("rail")
                await page.keyboard.press("Escape")
                await expect(page.get_by_role("dialog")).to_have_count(0)
    assert found == []


async def _over_the_rail(page: Page, *, narrow: bool) -> None:
    """Begin to delete the conversation."""
    if narrow:
        await page.get_by_role("button", name="Open the menu").click()
    talk = page.get_by_role("navigation", name="Conversations").get_by_role("listitem").first
    await talk.hover()  # what can be done with it is seen then
    await talk.get_by_role("button", name=re.compile("^Actions for")).click()
    await page.get_by_role("menuitem", name="Delete").click()
    await expect(page.get_by_role("dialog", name="Delete this conversation?")).to_be_visible()
