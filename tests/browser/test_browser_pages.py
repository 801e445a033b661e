"""Every page, narrow and wide, light and dark: nothing that axe objects to, and nothing wider than the window."""

from __future__ import annotations

import re

import pytest
from browser_support import ARTEFACTS, Site, add_files, ask, drawn, row_of, sign_up, too_wide, violations, visit
from playwright.async_api import Browser, expect

LIBRARY = ("/library", "/library/collections", "/library/search")
SETTINGS = tuple(f"/settings/{part}" for part in ("persona", "memory", "voice", "appearance", "keys", "account"))
CONSOLE = tuple(
    f"/console/{part}"
    for part in ("dashboard", "costs", "members", "keys", "models", "jobs", "health", "audit", "organisation")
)
WIDTHS = (360, 1440)
OPEN_SECTION_IN_SIGHT = """() => [...document.querySelectorAll("main nav a[aria-current=page]")].every((each) => {
    const box = each.getBoundingClientRect();
    return box.left >= 0 && box.right <= innerWidth;
})"""
DIALOGS = (
    ("/library", "menu", ["Actions for “warranty.md”"]),
    ("/library", "private", ["Actions for “warranty.md”", "Make private"]),
    ("/library", "delete", ["Actions for “warranty.md”", "Delete"]),
    ("/library/collections", "add", ["New collection"]),
    ("/library/collections", "rename", ["Rename “general”"]),
    ("/library/collections", "delete", ["Delete “general”"]),
    ("/settings/memory", "erase", ["Erase everything"]),
    ("/settings/keys", "new", ["New API key"]),
    ("/console/members", "add", ["Add a member"]),
    ("/console/members", "change", [re.compile("^Change ")]),
)
"""Where a dialog or a menu is, what to call it, and the buttons that open it."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("pages", [("/", *LIBRARY), SETTINGS, CONSOLE], ids=["chat and library", "settings", "console"])
async def test_every_page_is_open_to_everybody_and_fits(
    chromium: Browser, site: Site, pages: tuple[str, ...], theme: str
) -> None:
    login, found = site.logins["oskerdale"], list[str]()
    async with visit(chromium, site, login, color_scheme=theme) as reader:
        page = reader.page
        for path in pages:
            await reader.go(path)
            if path == "/" and theme == "light":
                await site.ready(login, "returns-and-refunds.md")
                await ask(page, "How long do customers have to return a product?")
            await drawn(page)
            name = path.strip("/").replace("/", "-") or "chat"
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 900})
                found += [f"{path} {width}: {each}" for each in await violations(page)]
                if await too_wide(page):
                    found.append(f"{path} {width}: wider than the window")
                await page.wait_for_function(OPEN_SECTION_IN_SIGHT)
                await page.screenshot(path=ARTEFACTS / f"{name}-{theme}-{width}.png")
    assert found == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_dialog_is_open_to_everybody_and_fits(chromium: Browser, site: Site, theme: str) -> None:
    found = list[str]()
    async with visit(chromium, site, color_scheme=theme) as person:
        page = person.page
        await sign_up(person)
        await person.go("/library")
        await add_files(page, ("warranty.md", b"# Warranty\n\nIt lasts for thirty-one months.\n"))
        await expect(row_of(page, "warranty.md")).to_be_visible()
        for path, name, opening in DIALOGS:
            await person.go(path)
            await drawn(page)  # a button that moves, since what is above it has come, is missed
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 900})
                for label in opening:
                    button = page.get_by_role("button", name=label).or_(page.get_by_role("menuitem", name=label))
                    await button.first.click()
                await expect(page.get_by_role("menu" if name == "menu" else "dialog")).to_be_visible()
                found += [f"{path} {name} {width}: {each}" for each in await violations(page)]
                if await too_wide(page):
                    found.append(f"{path} {name} {width}: wider than the window")
                place = path.strip("/").replace("/", "-")
                await page.screenshot(path=ARTEFACTS / f"{place}-{name}-{theme}-{width}.png")
                await page.keyboard.press("Escape")
                await expect(page.get_by_role("menu").or_(page.get_by_role("dialog"))).to_have_count(0)
    assert found == []


@pytest.mark.parametrize("path", ["/login", "/signup"])
async def test_the_pages_of_who_is_not_logged_in_are_open_too(chromium: Browser, site: Site, path: str) -> None:
    async with visit(chromium, site, viewport={"width": 360, "height": 800}) as guest:
        await guest.go(path)
        await expect(
            guest.page.get_by_role("button", name="Log in").or_(guest.page.get_by_role("link", name="Log in"))
        ).to_be_visible()
        await guest.page.screenshot(path=ARTEFACTS / f"{path[1:]}-360.png")
        assert await violations(guest.page) == []


async def test_a_password_is_changed_by_who_knows_the_old_one_and_every_session_ends(
    chromium: Browser, site: Site
) -> None:
    async with visit(chromium, site, allowed=["status of 40[013]"]) as person:
        page, login = person.page, await sign_up(person)
        await person.go("/settings/account")
        old, new = page.get_by_label("Password until now"), page.get_by_label("New password")
        change = page.get_by_role("button", name="Change the password")
        await old.fill("not what it was at all")
        await new.fill("a quite different passphrase")
        await change.click()
        await expect(page.get_by_role("alert")).to_contain_text("the current password is wrong")
        await old.fill(login.password)
        await new.fill("short")
        await change.click()
        await expect(new).to_have_attribute("aria-invalid", "true")
        assert await violations(page) == []
        await new.fill("a quite different passphrase")
        await change.click()
        await expect(page.get_by_text("The password is changed. Log in with the new one.")).to_be_visible()
        for password in (login.password, "a quite different passphrase"):
            await page.get_by_label("Organisation").fill(login.subdomain)
            await page.get_by_label("E-mail").fill(login.email)
            await page.get_by_label("Password", exact=True).fill(password)
            await page.get_by_role("button", name="Log in").click()
            if password == login.password:
                await expect(page.get_by_role("alert")).to_be_visible()
        await expect(page).to_have_url(re.compile("/settings/account"))


async def test_the_pages_speak_german_where_the_browser_does(chromium: Browser, site: Site) -> None:
    async with visit(chromium, site, site.logins["vintrisa"], locale="de-DE") as reader:
        await reader.go("/console/dashboard")
        await expect(reader.page.get_by_role("heading", name="Übersicht")).to_be_visible()
        assert await reader.page.evaluate("document.documentElement.lang") == "de"
        await reader.go("/settings/appearance")
        await reader.page.get_by_text("English").click()
        await expect(reader.page.get_by_role("heading", name="Appearance")).to_be_visible()
        assert await violations(reader.page) == []


async def test_the_chosen_theme_is_kept(chromium: Browser, site: Site) -> None:
    async with visit(chromium, site, site.logins["vintrisa"], color_scheme="light") as reader:
        await reader.go("/settings/appearance")
        light = await reader.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        await reader.page.get_by_text("Dark", exact=True).click()
        await reader.page.reload()
        await expect(reader.page.get_by_role("radio", name="Dark")).to_be_checked()
        assert await reader.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
