"""The first minutes of a new organisation: from its sign-up to a cited answer, and what one decides about oneself."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest_asyncio
from browser_support import Login, Site, Visit, add_files, ask, becomes_ready, sign_up, until, visit, watch_stages
from playwright.async_api import Browser, expect

HANDBOOK = b"""# Quillon handbook

## Warranty

The warranty of a Quillon drill lasts thirty-one months from the day of delivery.
It covers the motor and the gearbox. It does not cover the drill bits.

## Service

A defective drill is collected within two working days. The repair takes nine days.
"""
STORES = b"".join(
    b"## Store %d\n\nThis store opens at %d in the morning and keeps %d drill bits of each size on its shelves.\n\n"
    % (n, 6 + n % 5, 40 + n)
    for n in range(200)
)
"""So much that the page sees it on its way: the handbook may be done before it asks."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def newcomer(chromium: Browser, site: Site) -> AsyncIterator[Visit]:
    """The first admin of a new organisation, who has put one document in."""
    async with visit(chromium, site, allowed=["status of 400"]) as person:  # an empty file is put in on purpose
        person.login = await sign_up(person)
        page = person.page
        await page.get_by_role("link", name="Documents", exact=True).click()
        await expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()
        await watch_stages(page)
        await add_files(page, ("handbook.md", HANDBOOK), ("stores.md", STORES))
        await becomes_ready(page, "handbook.md")
        await becomes_ready(page, "stores.md")
        yield person


async def test_an_upload_is_seen_going_through_its_stages(newcomer: Visit) -> None:
    shown = " ".join(await newcomer.page.evaluate("[...window.shown]"))
    assert {word for word in ("Sending", "Queued", "Ready") if word in shown} >= {"Sending", "Ready"}
    assert re.search(r"(Queued|Reading|Splitting|Embedding|Indexing)\s+\d+", shown), shown
    await expect(newcomer.page.get_by_role("region", name="Added now")).to_contain_text("All have ended.")


async def test_a_question_gets_a_cited_answer_and_its_citation_opens_the_marked_passage(newcomer: Visit) -> None:
    page = newcomer.page
    await newcomer.go("/")
    turn = await ask(page, "How long does the warranty of a Quillon drill last?")
    await expect(turn).to_contain_text("thirty-one months")
    await turn.get_by_role("button", name="Citation 1: handbook.md").first.click()
    source = page.get_by_role("region", name="Source", exact=True)
    await expect(source.locator("mark")).to_contain_text("thirty-one months")
    await expect(source.get_by_role("heading", name="handbook.md")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(source).to_be_hidden()


async def test_what_no_document_says_is_a_state_of_its_own(newcomer: Visit) -> None:
    await newcomer.go("/")
    turn = await ask(newcomer.page, "What is the airspeed of an unladen swallow?")
    await expect(turn.get_by_role("heading", name="Nothing found in your documents")).to_be_visible()
    await expect(turn.get_by_role("button", name=re.compile("^Citation"))).to_have_count(0)


async def test_a_file_that_can_not_be_read_says_why_and_what_helps(newcomer: Visit) -> None:
    page = newcomer.page
    await newcomer.go("/library")
    await add_files(page, ("broken.pdf", b"%PDF-1.4\nthis is no PDF\n%%EOF\n"), ("nothing.txt", b""))
    uploads = page.get_by_role("region", name="Added now")
    await expect(uploads.get_by_role("listitem").filter(has_text="nothing.txt")).to_contain_text("empty")
    broken = page.get_by_role("listitem").filter(has_text="broken.pdf")
    await expect(broken).to_contain_text(re.compile("Failed|Refused"))
    assert len((await broken.inner_text()).split()) > 6  # a word and a sentence


async def test_a_chosen_persona_alters_the_next_answer_and_not_its_citations(newcomer: Visit) -> None:
    page, question = newcomer.page, "What does the warranty of a Quillon drill cover?"
    await newcomer.go("/")
    before = await ask(page, question)
    plain = await before.inner_text()
    await newcomer.go("/settings/persona")
    await page.get_by_label("How to address you").fill("Dr. Okafor")
    await page.get_by_role("slider", name="Detail").press("End")
    await expect(page.get_by_role("region", name="Preview")).to_contain_text("Dr. Okafor")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved")).to_be_visible()
    await expect(page.get_by_text("Chosen by you").first).to_be_visible()
    await newcomer.go("/")
    after = await ask(page, question)
    assert await after.inner_text() != plain
    await expect(after.get_by_role("button", name="Citation 1: handbook.md").first).to_be_visible()


async def test_a_fact_is_shown_with_its_source_and_forgotten(newcomer: Visit, site: Site) -> None:
    page, login = newcomer.page, newcomer.login
    assert login is not None
    await newcomer.go("/")
    await ask(page, "I work in Lisbon. How long does the warranty of a Quillon drill last?")
    async with site.client(login) as client:

        async def known() -> bool:
            return "Lisbon" in (await client.get("/memory/facts")).text

        await until(known)  # the page shows what is known when it is opened
    await newcomer.go("/settings/memory")
    fact = page.get_by_role("main").get_by_role("listitem").filter(has_text="Lisbon")
    await fact.get_by_role("button", name=re.compile("Why this is known")).click()
    await expect(page.get_by_role("dialog").locator("mark")).to_contain_text("Lisbon")
    await page.keyboard.press("Escape")
    await fact.get_by_role("button", name=re.compile("^Forget")).click()
    await page.get_by_role("dialog").get_by_role("button", name="Forget", exact=True).click()
    await expect(fact).to_have_count(0)


async def test_a_document_is_deleted_with_a_receipt(newcomer: Visit) -> None:
    page = newcomer.page
    await newcomer.go("/library")
    await add_files(page, ("passing.md", b"# Passing\n\nThis document is here for a short time only.\n"))
    row = await becomes_ready(page, "passing.md")
    await row.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Delete 1 document").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete 1 document").click()
    await expect(page.get_by_text(re.compile(r"Removed: 1 document, \d+ chunk"))).to_be_visible()
    await expect(row).to_have_count(0)


async def test_the_pages_for_admins_are_for_admins(newcomer: Visit, chromium: Browser, site: Site) -> None:
    page = newcomer.page
    await newcomer.go("/console/members")
    await page.get_by_role("button", name="Add a member").click()
    dialog = page.get_by_role("dialog")
    organisation = (await page.get_by_role("cell", name=re.compile("@")).first.inner_text()).split("@")[1]
    member = Login(organisation.partition(".")[0], f"grace@{organisation}", "a third long passphrase")
    await dialog.get_by_label("E-mail").fill(member.email)
    await dialog.get_by_label("First password", exact=True).fill(member.password)
    await dialog.get_by_role("button", name="Add a member").click()
    await expect(page.get_by_role("row").filter(has_text="grace@")).to_be_visible()
    async with visit(chromium, site, member) as other:
        await other.go("/console/members")
        await expect(other.page.get_by_role("heading", name="For admins")).to_be_visible()
        await expect(other.page.get_by_role("link", name="Admin")).to_have_count(0)
        assert (await site.call(member, "GET", "/tenant/users")).status_code == 403
