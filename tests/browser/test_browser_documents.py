"""Documents in a browser: each format on its way, what went wrong and what helps, pages, versions, and who sees them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from zipfile import ZipFile

import pytest_asyncio
from browser_files import every_format, printed, sentence
from browser_support import (
    LOADING_MS,
    Login,
    Site,
    Visit,
    add_files,
    becomes_ready,
    row_of,
    sign_up,
    visit,
    watch_stages,
)
from playwright.async_api import Browser, Locator, Page, expect

FORMATS = every_format()
REFUSED = ["status of 400"]
"""What the browser says of a file that is refused, as it is to be."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def librarian(chromium: Browser, site: Site) -> AsyncIterator[Visit]:
    """The admin of a new organisation, at the page of documents, who has put in a file of each format."""
    async with visit(chromium, site, allowed=REFUSED) as person:
        person.login = await sign_up(person)
        await person.go("/library")
        await expect(person.page.get_by_role("heading", name="No documents yet")).to_be_visible()
        await watch_stages(person.page)
        await add_files(person.page, *FORMATS.items())
        await becomes_ready(person.page, "lantern.md")
        yield person


def uploads(page: Page) -> Locator:
    return page.get_by_role("region", name="Added now")


async def test_a_file_of_each_format_is_seen_on_its_way_and_becomes_ready(librarian: Visit) -> None:
    page = librarian.page
    for name in FORMATS:
        await expect(row_of(page, name).get_by_text("Ready")).to_be_visible(timeout=LOADING_MS)
    shown: list[str] = await page.evaluate("[...window.shown]")
    for name in FORMATS:
        seen = " ".join(each for each in shown if each.startswith(name))
        assert "Sending" in seen, name
        assert re.search("Queued|Reading|Splitting|Embedding|Indexing", seen), (name, seen)
    # A small file may be done before the page asks how far it is; of so many, some are not.
    assert re.search(r"(Reading|Splitting|Embedding|Indexing)\s+\d+", " ".join(shown)), shown
    await expect(uploads(page)).to_contain_text("All have ended.")


async def test_the_search_finds_what_each_format_says_and_tells_where_the_time_went(librarian: Visit) -> None:
    page = librarian.page
    await librarian.go("/library/search")
    await page.get_by_label("Question").fill("Within how many days is a returned lantern repaired?")
    await page.get_by_label("At most").select_option("50")
    await page.get_by_role("main").get_by_role("button", name="Search", exact=True).click()
    found = page.get_by_role("main").get_by_role("listitem")
    for name in FORMATS:
        await expect(found.filter(has_text=name).filter(has_text=sentence(name.split(".")[1])).first).to_be_visible()
    for part in ("Embedding of the question", "Search and passages"):
        await expect(page.get_by_role("term").filter(has_text=part).locator("+ dd")).to_contain_text(
            re.compile(r"\d+ ms")
        )
    await page.screenshot(path="out/browser/library-search-found.png")


async def test_a_pdf_is_shown_page_by_page_and_any_document_as_its_text_and_its_chunks(librarian: Visit) -> None:
    page = librarian.page
    await librarian.go("/library")
    await page.get_by_role("link", name="lantern.pdf").first.click()
    await expect(page.get_by_role("img", name="Page 1 as it was printed")).to_be_visible()
    await page.get_by_role("button", name="Next page").click()
    await expect(page.get_by_role("img", name="Page 2 as it was printed")).to_be_visible()
    await expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    await expect(page.get_by_role("button", name="Next page")).to_be_disabled()
    drawn = "() => document.querySelector('canvas').getContext('2d').getImageData(0, 0, 400, 400).data.includes(0)"
    await page.wait_for_function(drawn)  # black on white
    await page.get_by_role("tab", name="Text").click()
    await expect(page.get_by_role("region", name="Text")).to_contain_text(sentence("pdf"))
    await page.get_by_role("tab", name="Chunks").click()
    await expect(page.get_by_role("listitem").filter(has_text=sentence("pdf"))).to_contain_text("Page 1")


async def test_the_same_name_again_is_a_new_version_and_the_old_one_can_be_kept(librarian: Visit) -> None:
    page = librarian.page
    await librarian.go("/library")
    await add_files(
        page, ("lantern.txt", b"The txt rule says that a returned lantern is repaired within forty days.\n")
    )
    await row_of(page, "lantern.txt").get_by_role("link", name="lantern.txt").click()
    await expect(page.get_by_role("region", name="Text")).to_contain_text("forty days", timeout=LOADING_MS)
    await page.get_by_role("tab", name="Versions").click()
    rows = page.get_by_role("table", name="Versions").get_by_role("row")
    await expect(rows).to_have_count(3)  # with the heads
    await expect(rows.nth(1)).to_contain_text("answers now")
    async with page.expect_download() as begun:
        await page.get_by_role("button", name="Download version 1").click()
    old = await begun.value
    assert old.suggested_filename == "lantern.txt"
    assert (await old.path()).read_bytes() == FORMATS["lantern.txt"]


async def test_a_file_that_fails_says_why_with_the_one_action_that_helps(librarian: Visit, tmp_path: Path) -> None:
    page, poison = librarian.page, tmp_path / "poison.docx"
    with ZipFile(poison, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("word/document.xml", "<w:document")
    await librarian.go("/library")
    await add_files(
        page, ("poison.docx", poison.read_bytes()), ("empty.txt", b""), ("mislabelled.pdf", b"PK\3\4nothing")
    )
    for name in ("poison.docx", "empty.txt", "mislabelled.pdf"):
        row = uploads(page).get_by_role("listitem").filter(has_text=name)
        await expect(row).to_contain_text(re.compile("Failed|Refused"))
        reason = (await row.inner_text()).split("\n")
        assert max(len(line.split()) for line in reason) > 4, reason  # a sentence
        await expect(row.get_by_role("button", name=f"Choose the file again: {name}")).to_be_visible()
        # What was refused for what is in it would be refused again.
        await expect(row.get_by_role("button", name="Try again")).to_have_count(0)
    failed = row_of(page, "poison.docx")
    await expect(failed.get_by_role("button", name="Choose the file again: poison.docx")).to_be_visible()
    async with page.expect_file_chooser() as choosing:
        await uploads(page).get_by_role("button", name="Choose the file again: empty.txt").click()
    mended = {"name": "filled.txt", "mimeType": "text/plain", "buffer": b"An otter is in it now."}
    await (await choosing.value).set_files([mended])  # pyright: ignore
    await expect(uploads(page).get_by_role("link", name="empty.txt")).to_be_visible()
    await page.screenshot(path="out/browser/library-failed.png")


async def test_a_folder_is_added_with_the_folders_in_it(librarian: Visit, tmp_path: Path) -> None:
    page, folder = librarian.page, tmp_path / "shelf"
    (folder / "inner").mkdir(parents=True)
    (folder / "one.md").write_text("# One\n\nThe first sheet of the shelf.\n")
    (folder / "inner" / "two.md").write_text("# Two\n\nThe second sheet of the shelf.\n")
    await librarian.go("/library")
    await page.locator("input[webkitdirectory]").set_input_files(folder)
    for name in ("shelf/one.md", "shelf/inner/two.md"):
        await becomes_ready(page, name)


async def test_an_upload_is_stopped_and_begun_anew(librarian: Visit) -> None:
    page, large = librarian.page, ("large.txt", b"A slow sentence about otters.\n" * 60_000)
    await librarian.go("/library")
    network = await librarian.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    await network.send("Network.emulateNetworkConditions", slow)
    await add_files(page, large)
    row = uploads(page).get_by_role("listitem").filter(has_text="large.txt")
    await expect(row).to_contain_text(re.compile(r"Sending\s*[1-9]\d?\s?%"))
    await row.get_by_role("button", name="Cancel: large.txt").click()
    await expect(row).to_contain_text("Cancelled")
    await network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    await row.get_by_role("button", name="Send again: large.txt").click()
    await expect(row).to_contain_text(re.compile("Queued|Reading|Splitting|Embedding"))
    await row.get_by_role("button", name="Cancel: large.txt").click()
    await expect(row).to_contain_text("Cancelled")
    await expect(row_of(page, "large.txt").get_by_text("Cancelled")).to_be_visible()


async def test_a_document_is_hidden_from_others_and_shown_to_them_again(
    librarian: Visit, chromium: Browser, site: Site
) -> None:
    page, owner = librarian.page, librarian.login
    assert owner is not None
    member = Login(owner.subdomain, f"bob@{owner.subdomain}.example", "a third long passphrase")
    body = {"email": member.email, "password": member.password, "role": "user"}
    assert (await site.call(owner, "POST", "/tenant/users", json=body)).status_code == 201
    await librarian.go("/library")
    async with visit(chromium, site, member) as other:
        await other.go("/library")
        theirs = row_of(other.page, "lantern.html")
        await expect(theirs.get_by_text("Ready")).to_be_visible()
        await row_of(page, "lantern.html").get_by_role("button", name="Actions for").click()
        await page.get_by_role("menuitem", name="Make private").click()
        await page.get_by_role("dialog").get_by_role("button", name="Make private").click()
        await expect(page.get_by_text("You alone see it now.")).to_be_visible()
        await expect(row_of(page, "lantern.html").get_by_text("Only me")).to_be_visible()
        await other.page.reload()
        await expect(row_of(other.page, "lantern.md").get_by_text("Ready")).to_be_visible()
        await expect(theirs).to_have_count(0)
        for name in ("lantern.html", "lantern.csv"):
            await row_of(page, name).get_by_role("checkbox").check()
        await page.get_by_role("button", name="Show to everybody").click()
        await page.get_by_role("dialog").get_by_role("button", name="Show to everybody").click()
        await expect(page.get_by_text("Everybody sees it now.")).to_be_visible()
        await expect(theirs.get_by_text("Ready")).to_be_visible()  # by the stream of changes


async def test_several_documents_go_together_with_one_receipt(librarian: Visit) -> None:
    page = librarian.page
    await librarian.go("/library")
    await add_files(page, *((f"passing {n}.pdf", printed(f"Page {n} is here for a short time.")) for n in (1, 2)))
    for n in (1, 2):
        await (await becomes_ready(page, f"passing {n}.pdf")).get_by_role("checkbox").check()
    await page.get_by_role("button", name="Delete 2 documents").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("listitem")).to_have_count(2)
    await dialog.get_by_role("button", name="Delete 2 documents").click()
    await expect(page.get_by_text(re.compile(r"Removed: 2 documents, 2 chunks, 2 vectors, \d+ files"))).to_be_visible()
    for n in (1, 2):
        await expect(row_of(page, f"passing {n}.pdf")).to_have_count(0)
