"""A served platform as people see it: pages of a browser that report whatever goes wrong on them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "out" / "browser"
"""Where screenshots go; git ignores it."""
AXE = ROOT / "src" / "aura_server" / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
PROGRAM = "from aura.cli import main; main()"
PASSWORD = "correct horse battery staple"
PATIENCE_MS = 60_000
"""How long to wait for what a loaded machine takes long for; nothing waits that long where it is not."""

LOADING_MS = 600_000
"""How long a worker may take to load what it reads and embeds documents with."""

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Login:
    """Who may log in."""

    subdomain: str
    email: str
    password: str


@dataclass(frozen=True)
class Site:
    """A running server and the first logins of its organisations, by sub-domain."""

    url: str
    logins: Mapping[str, Login]

    async def token(self, login: Login) -> str:
        """An access token of `login`, for what is not asked in a browser."""
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            body = {"email": login.email, "password": login.password, "tenant_subdomain": login.subdomain}
            answer = await client.post("/api/login", json=body)
            answer.raise_for_status()
            return answer.json()["access_token"]

    @asynccontextmanager
    async def client(self, login: Login) -> AsyncGenerator[httpx.AsyncClient]:
        """The API as `login` has it."""
        headers = {"Authorization": f"Bearer {await self.token(login)}"}
        async with httpx.AsyncClient(base_url=self.url, timeout=60, headers=headers) as client:
            yield client

    async def call(self, login: Login, method: str, path: str, **request: Any) -> httpx.Response:
        """What the API answers to `login`."""
        async with self.client(login) as client:
            return await client.request(method, path, **request)

    async def ready(self, login: Login, filename: str) -> str:
        """The id of a document, once it can be asked about."""
        async with self.client(login) as client:

            async def found() -> str | None:
                items = (await client.get("/documents/", params={"limit": 1000})).json()["items"]
                ids = [each["id"] for each in items if each["filename"] == filename and each["status"] == "ready"]
                return ids[0] if ids else None

            return await until(found)


async def until(ask: Callable[[], Awaitable[Any]], *, seconds: float = LOADING_MS / 1000, every: float = 0.5) -> Any:
    """The first answer of `ask` that says anything; it is asked `every` so many seconds."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await ask():
                return found
            await asyncio.sleep(every)


def program_environment(executable: str) -> dict[str, str]:
    """The environment of a server: this one's, with enough quota that tests do not stop each other."""
    generous = {"AURA_REQUESTS_PER_MINUTE": "100000", "AURA_USER_REQUESTS_PER_MINUTE": "100000"}
    hasty = {"AURA_MEMORY_QUIET_SECONDS": "0.2"}
    return {**os.environ, **generous, **hasty, "PATH": f"{Path(executable).parent}{os.pathsep}{os.environ['PATH']}"}


@asynccontextmanager
async def serving(data_dir: Path, env: Mapping[str, str]) -> AsyncGenerator[Site]:
    """`aura serve --demo`, ended with all that it started."""
    command = (sys.executable, "-c", PROGRAM, "--data-dir", str(data_dir), "--json", "serve", "--demo", "--port", "0")
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    with (ARTEFACTS / "server.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=log, env=dict(env))
        assert process.stdout is not None
        try:
            async with asyncio.timeout(180):
                said = json.loads(await process.stdout.readline())
            logins = (Login(each["tenant_subdomain"], each["email"], each["password"]) for each in said["logins"])
            yield Site(url=said["url"], logins={login.subdomain: login for login in logins})
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()


@dataclass
class Visit:
    """One person at one browser. `trouble` is whatever no page of ours may do."""

    page: Page
    context: BrowserContext
    site: Site
    trouble: list[str] = field(default_factory=list)
    allowed: tuple[str, ...] = ()
    """Patterns of messages that a test brings about on purpose."""
    login: Login | None = None
    """Who it is, as far as a test needs to know."""

    async def go(self, path: str) -> None:
        """Open a page of the site by its address."""
        await self.page.goto(f"{self.site.url}{path}")

    def heard(self, message: ConsoleMessage) -> None:
        """Note what the browser complains of: a policy that was broken, say."""
        if message.type == "error" and not any(re.search(each, message.text) for each in self.allowed):
            self.trouble.append(f"{message.type}: {message.text}")

    def requested(self, request: Request) -> None:
        """Note a request to anywhere but the site."""
        if not request.url.startswith((f"{self.site.url}/", "blob:", "data:")):
            self.trouble.append(f"a request left for {request.url}")


@asynccontextmanager
async def visit(
    chromium: Browser, site: Site, login: Login | None = None, *, allowed: Sequence[str] = (), **options: Any
) -> AsyncGenerator[Visit]:
    """A browser of its own, logged in as `login`; at its end there must have been no trouble."""
    context = await chromium.new_context(**{"locale": "en-GB", "reduced_motion": "reduce"} | options)
    context.set_default_timeout(PATIENCE_MS)
    if login is not None:
        await enter(context, site, login)
    page = await context.new_page()
    found = Visit(page=page, context=context, site=site, allowed=tuple(allowed), login=login)
    context.on("console", found.heard)
    context.on("request", found.requested)
    context.on("weberror", lambda error: found.trouble.append(f"a script broke: {error.error}"))
    try:
        yield found
    except Exception as error:
        error.add_note(f"at {page.url}, with the trouble {found.trouble}")
        await page.screenshot(path=ARTEFACTS / f"failed-{uuid4().hex[:8]}.png")
        raise
    finally:
        await context.close()
    assert found.trouble == []


async def enter(context: BrowserContext, site: Site, login: Login) -> None:
    """Log in as the page itself does, without filling in its form."""
    body = {"email": login.email, "password": login.password, "tenant_subdomain": login.subdomain}
    answer = await context.request.post(f"{site.url}/api/login", data=body, headers={"X-Aura-Session": "cookie"})
    assert answer.ok, await answer.text()
    await context.add_init_script("localStorage.getItem('aura.session') ?? localStorage.setItem('aura.session', '1')")


async def sign_up(person: Visit) -> Login:
    """Fill in the form of a new organisation; who it belongs to."""
    page, name = person.page, f"quillon{uuid4().hex[:6]}"
    await person.go("/signup")
    await page.get_by_label("Name of the organisation").fill(name)
    await page.get_by_label("E-mail").fill(f"ada@{name}.example")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Create the organisation").click()
    await expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    return Login(name, f"ada@{name}.example", PASSWORD)


async def add_files(page: Page, *files: tuple[str, bytes]) -> None:
    """Choose files on the page of documents, as the file dialog does."""
    chosen = [{"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files]
    await page.locator("input[type=file]:not([webkitdirectory])").set_input_files(chosen)  # pyright: ignore


async def watch_stages(page: Page) -> None:
    """Keep every word that the list of uploads ever shows."""
    await page.evaluate(
        """() => {
            window.shown = new Set();
            new MutationObserver(() => {
                const list = document.querySelector('section[aria-label="Added now"]');
                for (const item of list?.querySelectorAll('li') ?? []) window.shown.add(item.innerText);
            }).observe(document.body, { subtree: true, childList: true, characterData: true });
        }"""
    )


def row_of(page: Page, filename: str) -> Locator:
    """The row of a document in the list."""
    return page.get_by_role("table", name="Documents").get_by_role("row").filter(has_text=filename)


async def becomes_ready(page: Page, filename: str) -> Locator:
    """The row of a document, once it can be asked about: the first one waits until the worker has loaded its models."""
    row = row_of(page, filename)
    await expect(row.get_by_text("Ready")).to_be_visible(timeout=LOADING_MS)
    return row


async def ask(page: Page, question: str) -> Locator:
    """Ask on the page of the chat; the turn, once its answer has ended."""
    before = await page.get_by_role("article").count()
    await page.get_by_role("textbox", name="Message").fill(question)
    await page.get_by_role("button", name="Send", exact=True).click()
    turn = page.get_by_role("article").nth(before)
    await expect(turn).to_have_attribute("aria-busy", "false")
    return turn


async def drawn(page: Page) -> None:
    """Wait until a page stands there and nothing of it is still on its way."""
    await expect(page.get_by_role("main")).not_to_be_empty()
    await expect(page.get_by_role("main").locator("[aria-busy=true]")).to_have_count(0)


async def press_together(page: Page, *keys: str) -> None:
    """Press keys one behind the other as fast as a hand does, however long the page takes to answer the first."""
    await asyncio.gather(*(page.keyboard.press(key) for key in keys))


async def too_wide(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return await page.evaluate("document.documentElement.scrollWidth > innerWidth")


async def looks(page: Page, name: str, *, widths: Sequence[int] = (360, 1440), height: int = 800) -> list[str]:
    """What is wrong with the page as it is now, narrow and wide, light and dark; with a picture of each."""
    found, before = list[str](), page.viewport_size
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme)
        for width in widths:
            await page.set_viewport_size({"width": width, "height": height})
            found += [f"{name} {theme} {width}: {each}" for each in await violations(page)]
            if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{name} {theme} {width}: wider than the window")
            await page.screenshot(path=ARTEFACTS / f"{name}-{theme}-{width}.png")
    if before is not None:
        await page.set_viewport_size(before)
    return found


async def violations(page: Page) -> list[str]:
    """What axe finds on the page as it is now."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{each['id']}: {[node['html'][:160] for node in each['nodes']][:3]}" for each in found["violations"]]
