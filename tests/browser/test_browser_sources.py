"""Answers from the demo's documents: the page behind a citation, a stream that outlives a reload, and two organisations."""

from __future__ import annotations

import asyncio
import re
from io import BytesIO

import pypdfium2
from browser_support import ARTEFACTS, Site, add_files, ask, sign_up, violations, visit
from pdf_files import DEPOSIT, east_asian
from PIL import Image
from playwright.async_api import Browser, Response, expect
from scripted_answers import answer, answered_with

VACATION = "How many days of paid vacation does a full-time employee get per year?"
RETURNS = "How long do customers have to return a product?"


HIDDEN = """
(hidden) => {
  // Browsers without a screen hide no tab: this is what the page would see of it.
  const told = { hidden, visibilityState: hidden ? 'hidden' : 'visible' };
  for (const [name, value] of Object.entries(told)) Object.defineProperty(document, name, { configurable: true, value });
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
}
"""


async def test_a_citation_opens_the_page_that_says_it_with_the_passage_marked(chromium: Browser, site: Site) -> None:
    login = site.logins["oskerdale"]
    document = await site.ready(login, "employee-handbook.pdf")
    async with visit(chromium, site, login) as reader:
        await reader.go("/")
        turn = await ask(reader.page, VACATION)
        cite = turn.get_by_role("button", name=re.compile(r"Citation \d+: employee-handbook\.pdf, page \d+")).first
        cited = int(re.findall(r"page (\d+)", await cite.get_attribute("aria-label") or "")[0])
        await cite.click()
        source = reader.page.get_by_role("region", name="Source", exact=True)
        await expect(source.get_by_role("img", name=f"Page {cited} as it was printed")).to_be_visible()
        await expect(source.locator("mark").first).to_be_visible()
        marked = " ".join(await source.locator("mark").all_inner_texts())
        assert "26 days" in " ".join(marked.split())
        await reader.page.screenshot(path="out/browser/answer-source.png")
    original = (await site.call(login, "GET", f"/documents/{document}/content")).content
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(BytesIO(original))]
    assert [number for number, text in enumerate(pages, start=1) if "26 days" in " ".join(text.split())] == [cited]


async def test_a_page_whose_letters_need_a_map_of_encodings_is_read_and_marked(chromium: Browser, site: Site) -> None:
    """What the letters look like is up to the fonts of the reader's machine: we ship none for East Asia."""
    async with visit(chromium, site) as reader:
        page, fetched = reader.page, list[Response]()
        page.on("response", lambda each: fetched.append(each) if "/pdfjs-" in each.url else None)
        login = await sign_up(reader)
        await reader.go("/library")
        await add_files(page, ("harbin.pdf", east_asian()))
        await site.ready(login, "harbin.pdf")
        await reader.go("/")
        turn = await ask(page, "How much is the zhongbao deposit in Harbin?")
        await turn.get_by_role("button", name=re.compile("^Citation 1: harbin.pdf, page 1")).first.click()
        source = page.get_by_role("region", name="Source", exact=True)
        await expect(source.get_by_text(DEPOSIT)).to_be_attached()
        await expect(source.locator("mark").first).to_be_attached()
        assert {each.status for each in fetched} == {200}
        assert "cmaps" in {each.url.rsplit("/", 2)[1] for each in fetched}
        await page.screenshot(path=ARTEFACTS / "source-east-asian.png")


async def test_an_answer_goes_on_after_a_reload_in_the_middle_of_it(chromium: Browser, site: Site) -> None:
    login = site.logins["oskerdale"]
    await site.ready(login, "returns-and-refunds.md")
    async with visit(chromium, site, login, allowed=["ERR_", "network"]) as reader:
        page, resumed = reader.page, list[str]()
        page.on("request", lambda request: resumed.append(request.headers.get("last-event-id", "")))
        await reader.go("/")
        network = await reader.context.new_cdp_session(page)
        slow = {"offline": False, "latency": 0, "downloadThroughput": 300, "uploadThroughput": -1}
        await page.get_by_role("textbox", name="Message").fill(RETURNS)
        await network.send("Network.emulateNetworkConditions", slow)
        await page.get_by_role("button", name="Send", exact=True).click()
        turn = page.get_by_role("article").last
        await expect(turn).to_have_attribute("aria-busy", "true")
        await page.wait_for_url(re.compile(r"/c/[0-9a-f-]{36}"))
        await network.send("Network.emulateNetworkConditions", {**slow, "downloadThroughput": -1})
        await page.reload()
        await expect(turn).to_have_attribute("aria-busy", "false")
        await expect(turn).to_contain_text(re.compile("45\\s+days"))
        await expect(turn.get_by_role("button", name=re.compile("^Citation 1")).first).to_be_visible()
        await expect(page.get_by_role("article")).to_have_count(1)


async def test_an_answer_goes_on_while_its_tab_is_hidden_and_frozen(chromium: Browser, site: Site) -> None:
    words = [f"Word {number}. " for number in range(60)]
    async with visit(chromium, site, site.logins["vintrisa"], allowed=["ERR_"]) as reader:
        page = reader.page
        await reader.go("/")
        browser = await reader.context.new_cdp_session(page)
        async with answered_with(page, answer(words), pause_seconds=0.03) as sent:
            await page.get_by_role("textbox", name="Message").fill("Tell me at length")
            await page.keyboard.press("Enter")
            turn = page.get_by_role("article")
            await expect(turn).to_contain_text("Word 5.")
            await page.evaluate(HIDDEN, True)
            await browser.send("Debugger.enable")
            frozen = asyncio.Event()
            browser.on("Debugger.paused", lambda _: frozen.set())
            await browser.send("Debugger.pause")
            await frozen.wait()
            await sent.wait()
            await browser.send("Debugger.resume")
            await browser.send("Debugger.disable")
            await page.evaluate(HIDDEN, False)
            await expect(turn).to_have_attribute("aria-busy", "false")
        said = await turn.locator("div[dir=auto]").inner_text()
        assert re.findall(r"Word (\d+)\.", said) == [str(number) for number in range(60)]


async def test_a_temporary_chat_goes_on_with_what_is_suggested_and_is_kept_nowhere(
    chromium: Browser, site: Site
) -> None:
    login = site.logins["oskerdale"]
    await site.ready(login, "returns-and-refunds.md")
    before = (await site.call(login, "GET", "/conversations", params={"limit": 200})).json()["items"]
    async with visit(chromium, site, login) as reader:
        page, turns = reader.page, reader.page.get_by_role("article")
        await reader.go("/")
        await page.get_by_role("button", name="Temporary").click()
        turn = await ask(page, RETURNS)
        suggested = turn.get_by_role("region", name="What to ask next").get_by_role("button").first
        question = await suggested.inner_text()
        await suggested.click()
        await expect(turns).to_have_count(2)
        await expect(turns.nth(1)).to_have_attribute("aria-busy", "false")
        await expect(turns.nth(1)).to_contain_text(question)
        await expect(turns.nth(1).get_by_role("button", name=re.compile("^Citation")).first).to_be_visible()
        assert page.url == f"{site.url}/"
        await page.reload()
        await expect(page.get_by_role("textbox", name="Message")).to_be_visible()
        await expect(turns).to_have_count(0)
    after = (await site.call(login, "GET", "/conversations", params={"limit": 200})).json()["items"]
    assert [each["session_id"] for each in after] == [each["session_id"] for each in before]


async def test_two_organisations_side_by_side_see_nothing_of_each_other(chromium: Browser, site: Site) -> None:
    oskerdale, vintrisa = site.logins["oskerdale"], site.logins["vintrisa"]
    document = await site.ready(oskerdale, "returns-and-refunds.md")
    await site.ready(vintrisa, "parts-returns.html")
    async with (
        visit(chromium, site, oskerdale) as one,
        visit(chromium, site, vintrisa, allowed=["404"]) as other,
    ):
        await one.go("/")
        await other.go("/")
        first, second = await ask(one.page, RETURNS), await ask(other.page, RETURNS)
        await expect(first).to_contain_text(re.compile("45\\s+days"))
        await expect(second).to_contain_text(re.compile("14\\s+days"))
        talk = one.page.url.removeprefix(site.url)
        await other.go("/library")
        await expect(other.page.get_by_role("link", name="parts-returns.html")).to_be_visible()
        await expect(other.page.get_by_text("returns-and-refunds.md")).to_have_count(0)
        await other.go(f"/library/{document}")
        await expect(other.page.get_by_role("alert")).to_contain_text("there is no such document")
        await other.go(talk)
        await expect(other.page.get_by_text("45 days")).to_have_count(0)


async def test_an_organisations_logo_and_colour_are_on_its_own_pages_alone(chromium: Browser, site: Site) -> None:
    async with (
        visit(chromium, site, color_scheme="light") as one,
        visit(chromium, site, site.logins["vintrisa"], color_scheme="light") as other,
    ):
        await sign_up(one)
        await one.go("/console/organisation")
        picture = BytesIO()
        Image.new("RGB", (900, 300), (200, 30, 90)).save(picture, "png")
        chooser = one.page.get_by_role("region", name="Logo").locator("input[type=file]")
        drawn = {
            "name": "logo.svg",
            "mimeType": "image/svg+xml",
            "buffer": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        }
        await chooser.set_input_files([drawn])  # pyright: ignore
        await expect(one.page.get_by_role("alert")).to_contain_text("SVG is not taken")
        await chooser.set_input_files([{"name": "logo.png", "mimeType": "image/png", "buffer": picture.getvalue()}])
        logo = one.page.get_by_role("complementary", name="Menu").locator("img")
        await expect(logo).to_be_visible()
        assert await logo.evaluate("(img) => [img.naturalWidth, img.naturalHeight]") == [256, 85]
        await one.page.get_by_label("Colour").fill("#ffee00")
        await one.page.get_by_role("button", name="Save", exact=True).click()
        accents = "() => getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
        await one.page.wait_for_function(f"() => ({accents})().startsWith('#')")
        readable = await one.page.evaluate(accents)
        assert readable != "#ffee00"  # it could not be read on white
        await one.page.screenshot(path="out/browser/console-organisation-branded.png")
        assert await violations(one.page) == []
        await other.go("/console/organisation")
        await expect(other.page.get_by_role("button", name="Add a logo")).to_be_visible()
        await expect(other.page.get_by_role("complementary", name="Menu").locator("img")).to_have_count(0)
        assert await other.page.evaluate(accents) != readable


async def test_the_search_is_tried_with_the_scores_of_both_legs(chromium: Browser, site: Site) -> None:
    login = site.logins["oskerdale"]
    await site.ready(login, "returns-and-refunds.md")
    async with visit(chromium, site, login) as reader:
        await reader.go("/library/search")
        await reader.page.get_by_label("Question").fill(RETURNS)
        await reader.page.get_by_role("button", name="Search", exact=True).last.click()
        first = reader.page.get_by_role("main").get_by_role("listitem").first
        for leg in ("Together", "Dense", "BM25"):
            await expect(first.get_by_text(leg, exact=True)).to_be_visible()
        await expect(reader.page.get_by_text(re.compile(r"\d+ passages, in \d+"))).to_be_visible()
