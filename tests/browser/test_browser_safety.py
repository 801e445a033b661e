"""What others write stays text, nothing is fetched from elsewhere, and a first visit loads little."""

from __future__ import annotations

from browser_support import Site, add_files, ask, becomes_ready, sign_up, visit
from playwright.async_api import Browser, Response, expect

NAME = "<img src=x onerror=alert(1)>.txt"
ATTACK = b"""<script>alert(2)</script> zyzzogeton rules

The zyzzogeton deposit is forty crowns ![pixel](https://evil.example/pixel.png) and <img src="https://evil.example/x.png"
onerror="alert(3)"> it is paid at [the desk](javascript:alert(4)) before noon.
"""
MOST_SCRIPT_BYTES = 250_000
"""Compressed, before what is loaded when it is needed."""


async def test_names_and_documents_and_answers_stay_text(chromium: Browser, site: Site) -> None:
    async with visit(chromium, site) as victim:
        page, dialogs = victim.page, list[str]()

        async def dismissed(dialog: object) -> None:
            dialogs.append(str(dialog))

        page.on("dialog", dismissed)
        await sign_up(victim)
        await victim.go("/library")
        await add_files(page, (NAME, ATTACK))
        await becomes_ready(page, NAME)
        await expect(page.get_by_role("link", name=NAME).first).to_be_visible()
        await page.get_by_role("link", name=NAME).first.click()
        await expect(page.get_by_role("region", name="Text")).to_contain_text("<script>alert(2)</script>")
        await victim.go("/")
        turn = await ask(page, "How much is the zyzzogeton deposit?")
        await expect(turn).to_contain_text("forty crowns")
        await expect(turn.locator("img, script, a[href^='javascript'], a[href*='evil']")).to_have_count(0)
        await turn.get_by_role("button", name="Citation 1").first.click()
        await expect(page.get_by_role("region", name="Source", exact=True).locator("mark")).to_contain_text(
            "forty crowns"
        )
        await expect(page.locator("img[src*='evil'], img[src='x']")).to_have_count(0)
        assert dialogs == []


async def test_an_organisations_name_and_a_question_stay_text(chromium: Browser, site: Site) -> None:
    async with visit(chromium, site) as victim:
        await sign_up(victim)
        page = victim.page
        await victim.go("/console/organisation")
        await page.get_by_label("Name", exact=True).fill("<b>Bold</b> & <svg onload=alert(1)>")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("Saved")).to_be_visible()
        await expect(page.get_by_text("<b>Bold</b> & <svg onload=alert(1)>").first).to_be_visible()
        await victim.go("/")
        turn = await ask(page, "<img src=https://evil.example/q.png> ![x](https://evil.example/y.png)")
        await expect(turn).to_contain_text("<img src=https://evil.example/q.png>")
        await expect(turn.locator("img")).to_have_count(0)


async def test_a_first_visit_loads_little_script_and_all_of_it_compressed(chromium: Browser, site: Site) -> None:
    async with visit(chromium, site) as guest:
        scripts = list[Response]()
        guest.page.on("response", lambda response: scripts.append(response) if ".js" in response.url else None)
        await guest.go("/login")
        await expect(guest.page.get_by_role("button", name="Log in")).to_be_visible()
        sizes = [(await each.request.sizes())["responseBodySize"] for each in scripts]
        assert 0 < sum(sizes) <= MOST_SCRIPT_BYTES
        big = [each for each, size in zip(scripts, sizes, strict=True) if size > 2_000]
        assert big
        assert {each.headers.get("content-encoding") for each in big} <= {"br", "gzip"}
        assert {each.headers["cache-control"] for each in scripts} == {"public, max-age=31536000, immutable"}
