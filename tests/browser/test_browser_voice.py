"""A conversation by voice: asked, answered aloud with its sources, interrupted; and why there is none, where that is so."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from browser_support import CHROMIUM, Site, Visit, looks, until, visit
from lossy import behind_a_line
from playwright.async_api import Browser, Locator, Page, WebSocket, async_playwright, expect
from spoken import ESPEAK, MICROPHONE, microphone_file, say, still

pytest.importorskip("moonshine_voice", reason="the extra `voice` is not installed")
pytestmark = pytest.mark.skipif(ESPEAK is None, reason="espeak-ng is not installed")

QUESTION = "How many days do customers have to return a product?"
LAST = "What is the travel allowance for a hotel night?"
HEARING_MS = 180_000
"""How long a loaded machine may take to make out what was said."""
FAKE = ["--no-sandbox", "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def talkative(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A browser whose microphone asks the question a second after it is opened."""
    heard = microphone_file(Path(tmp_path_factory.mktemp("microphone")) / "question.wav", QUESTION)
    async with async_playwright() as playwright:
        flags = [*FAKE, f"--use-file-for-fake-audio-capture={heard}%noloop"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        await browser.close()


def told_and_said(page: Page) -> list[dict[str, Any]]:
    """What the page and the server tell each other over the socket from now on, but for the sound."""
    events: list[dict[str, Any]] = []

    def opened(socket: WebSocket) -> None:
        for name in ("framesent", "framereceived"):
            socket.on(name, lambda frame: noted(frame) if "/v1/realtime" in socket.url else None)

    def noted(frame: str | bytes) -> None:
        event = json.loads(frame)
        events.append({name: value for name, value in event.items() if name not in ("audio", "delta")})

    page.on("websocket", opened)
    return events


def some(events: list[dict[str, Any]], type: str, number: int) -> Callable[[], Awaitable[bool]]:
    """Whether there are so many of a type by now."""

    async def counted() -> bool:
        return sum(each["type"] == type for each in events) >= number

    return counted


async def call(person: Visit) -> Locator:
    """Begin a call; its bar, once the microphone is heard."""
    await person.go("/")
    await person.page.get_by_role("button", name="Talk").click()
    bar = person.page.get_by_role("region", name="Call", exact=True)
    await expect(bar).to_contain_text(re.compile("Listening|Thinking|Speaking"))
    return bar


async def test_what_the_microphone_hears_is_answered_aloud_and_a_key_interrupts(talkative: Browser, site: Site) -> None:
    """Which words are heard through a fake device on a busy machine is not certain; that they are answered is."""
    login = site.logins["oskerdale"]
    await site.ready(login, "returns-and-refunds.md")
    async with visit(talkative, site, login, permissions=["microphone"]) as caller:
        page, events = caller.page, told_and_said(caller.page)
        bar = await call(caller)
        await expect(bar).to_contain_text("Speaking", timeout=HEARING_MS)
        await until(some(events, "aura.played", 2))
        await page.keyboard.press("Escape")
        await expect(bar).to_contain_text("Listening")
        await bar.get_by_role("button", name="End").click()
        await expect(page).to_have_url(re.compile(r"/c/[0-9a-f-]{36}"))
        turn = page.get_by_role("article")
        await expect(turn).to_have_count(1)
        heard = next(each["transcript"] for each in events if each["type"].endswith("transcription.completed"))
        await expect(turn).to_contain_text(heard.strip())
        played = [each["audio_ms"] for each in events if each["type"] == "aura.played"]
        assert played == sorted(played)
        (cut,) = [each for each in events if each["type"] == "conversation.item.truncate"]
        assert cut["audio_end_ms"] >= played[-1]
        (left,) = [each for each in events if each["type"] == "conversation.item.truncated"]
        assert left["audio_end_ms"] == cut["audio_end_ms"]


async def test_captions_have_their_sources_who_speaks_meanwhile_is_heard_and_a_call_that_is_cut_off_goes_on(
    chromium: Browser, site: Site
) -> None:
    login, lost = site.logins["oskerdale"], ["ERR_", "WebSocket"]
    await site.ready(login, "returns-and-refunds.md")
    async with (
        behind_a_line(site) as (through, line),
        visit(chromium, through, login, viewport={"width": 1440, "height": 900}, allowed=lost) as caller,
    ):
        await caller.context.add_init_script(MICROPHONE)
        page, events = caller.page, told_and_said(caller.page)
        bar = await call(caller)
        await say(page, QUESTION)
        await expect(bar).to_contain_text("Speaking", timeout=HEARING_MS)
        await say(page, LAST)
        source = page.get_by_role("region", name="Source", exact=True)
        await bar.get_by_role("listitem").filter(has_text="returns-and-refunds.md").get_by_role("button").click()
        await expect(source.locator("mark")).to_contain_text("45 days")
        await until(some(events, "conversation.item.truncated", 1))
        found = await looks(page, "call-source", widths=[1440])
        # What it takes for the short word in it depends on how much else the machine has to do.
        heard = re.compile(r"How many \w+ do customers have to return a product")
        await expect(page.get_by_role("article").first).to_contain_text(heard)
        await until(some(events, "conversation.item.input_audio_transcription.completed", 2))
        await source.get_by_role("button", name="Close the source").click()
        async with still(page):
            await expect(bar).to_contain_text("Speaking", timeout=HEARING_MS)
            found += await looks(page, "call-speaking")
            line.tear()
            await expect(bar).to_contain_text("Reconnecting")
            await expect(page.locator("div[aria-live=polite]")).to_contain_text("Reconnecting")
            found += await looks(page, "call-lost", widths=[360])
            line.torn = False
            await expect(bar).to_contain_text("Say “go on” to hear the rest")
            await expect(bar).to_contain_text("Listening")
            found += await looks(page, "call-listening", widths=[360])
        assert [each["resumed"] for each in events if each["type"] == "aura.resume"] == [False, True]
        assert found == []
        await bar.get_by_role("button", name="End").click()
        await expect(bar).to_have_count(0)


@pytest.mark.parametrize(
    ("permissions", "fake", "explained"),
    [([], True, "Allow it in the address bar"), (["microphone"], False, "There is no microphone")],
    ids=["denied", "missing"],
)
async def test_why_there_is_no_call_is_explained_and_writing_goes_on(
    talkative: Browser, chromium: Browser, site: Site, permissions: list[str], fake: bool, explained: str
) -> None:
    async with visit(talkative if fake else chromium, site, site.logins["vintrisa"], permissions=permissions) as caller:
        page = caller.page
        await caller.go("/")
        await page.get_by_role("textbox", name="Message").fill("half a question")
        await page.get_by_role("button", name="Talk").click()
        await expect(page.get_by_role("alert")).to_contain_text(explained)
        assert await looks(page, f"call-{'denied' if fake else 'missing'}", widths=[360]) == []
        await page.get_by_role("button", name="Write instead").click()
        await expect(page.get_by_role("textbox", name="Message")).to_have_value("half a question")
