"""What the pages cost: a first visit, until one can type, and an answer that grows word by word."""

from __future__ import annotations

import json
import re
from typing import Any

from browser_support import ARTEFACTS, Site, ask, visit
from playwright.async_api import Browser, Response, expect
from scripted_answers import answer, answered_with, citation

LONG_TASK_SECONDS = 0.2
"""How long a reader waits at most for a key or a touch to be answered."""
MOST_SCRIPT_BYTES = 250_000
"""Compressed, before what is loaded when it is needed."""
MOST_REQUESTS = 40
SLOW_SECONDS = 7.3
"""Where Lighthouse calls the time until a page can be used slow, on the telephone that it assumes."""
BUSY = 6
"""How many times slower than alone a machine with other work may be."""
ROUND_TRIP_SECONDS, BYTES_PER_SECOND, SLOWER = 0.15, 1_638_400 / 8, 4
"""That telephone: its network, and how many times slower it is than this machine."""

SENTENCE = "the warranty of a drill lasts for thirty one months from delivery and covers motor and gearbox"
WORDS = tuple(re.findall(r"\w+", SENTENCE))


def prose(tokens: int) -> list[str]:
    """Paragraphs of 40 tokens, each with a marker."""
    ends = {number: f" [{number // 40 + 1}].\n\n" for number in range(39, tokens, 40)}
    return [f" {WORDS[number % len(WORDS)]}{ends.get(number, '')}" for number in range(tokens)]


def points(tokens: int) -> list[str]:
    """One list without an end."""
    starts = {number: f".\n- **Point {number}**" for number in range(0, tokens, 12)}
    return [f"{starts.get(number, '')} {WORDS[number % len(WORDS)]}" for number in range(tokens)]


def table(tokens: int) -> list[str]:
    """One table of four columns."""
    head = "| motor | gearbox | drill | day |\n|---|---|---|---|\n|"
    ends = dict.fromkeys(range(3, tokens, 4), "\n|")
    return [head, *(f" {WORDS[number % len(WORDS)]} |{ends.get(number, '')}" for number in range(tokens))]


def main_thread(trace: bytes) -> list[dict[str, Any]]:
    """The tasks of the page's main thread. `tdur` is how long each had the processor, whoever else wanted it, in µs."""
    events = json.loads(trace)["traceEvents"]
    threads = {(each["pid"], each["tid"]): each["args"]["name"] for each in events if each["name"] == "thread_name"}
    tasks = [each for each in events if each["name"].endswith("RunTask") and "tdur" in each]
    return [each for each in tasks if threads.get((each["pid"], each["tid"])) == "CrRendererMain"]


async def test_nothing_waits_while_answers_of_500_words_and_more_grow(chromium: Browser, site: Site) -> None:
    """The long one is slow where what is complete is read again with each word."""
    shapes = {"prose": prose(500), "list": points(500), "table": table(500), "long": prose(2_500)}
    longest = dict[str, float]()
    async with visit(chromium, site, site.logins["vintrisa"]) as reader:
        page = reader.page
        await reader.go("/")
        await page.get_by_role("button", name="Temporary").click()
        for name, pieces in shapes.items():
            cited = [citation(marker) for marker in range(1, 70) if f"[{marker}]" in "".join(pieces)]
            await chromium.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
            async with answered_with(page, answer(pieces, cited), pause_seconds=2 / len(pieces)):
                turn = await ask(page, f"How long does a {name} last?")
            tasks = main_thread(await chromium.stop_tracing())
            await expect(turn.locator("button").filter(has_text=re.compile(r"^\d+$"))).to_have_count(len(cited))
            assert len(tasks) > 100
            longest[name] = max(each["tdur"] for each in tasks) / 1e6
    note(longest_task_seconds=longest)
    assert max(longest.values()) < LONG_TASK_SECONDS, longest


async def test_a_first_visit_loads_little_and_can_be_used_soon_on_a_slow_telephone(
    chromium: Browser, site: Site
) -> None:
    """As Lighthouse reckons it: what was loaded and how long the page had the processor, on a slower machine and network."""
    async with visit(chromium, site, site.logins["vintrisa"]) as guest:
        page, answers = guest.page, list[Response]()
        page.on("response", lambda each: answers.append(each))
        await chromium.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
        await guest.go("/")
        await expect(page.get_by_role("textbox", name="Message")).to_be_editable()
        tasks = main_thread(await chromium.stop_tracing())
        loaded = [
            each for each in answers if each.request.resource_type in ("document", "script", "stylesheet", "font")
        ]
        sizes = {each.url: (await each.request.sizes())["responseBodySize"] for each in loaded}
        script = [url for url in sizes if url.endswith((".js", ".mjs"))]
        first = [url for url in script if "answer-text" not in url]
        assert 0 < sum(sizes[url] for url in first) <= MOST_SCRIPT_BYTES
        assert len(answers) <= MOST_REQUESTS
        rounds = await page.evaluate(ROUNDS)
        busy = sum(each["tdur"] for each in tasks) / 1e6
        usable = rounds * ROUND_TRIP_SECONDS + sum(sizes.values()) / BYTES_PER_SECOND + SLOWER * busy
        note(usable_seconds=usable, busy_seconds=busy, bytes=sum(sizes.values()), requests=len(answers), rounds=rounds)
        assert usable < SLOW_SECONDS, f"{rounds} round trips, {sum(sizes.values())} bytes, {busy:.2f} s of work"


async def test_on_a_slow_telephone_the_field_takes_what_is_typed_soon_after_it_is_seen(
    chromium: Browser, site: Site
) -> None:
    """Measured there, on a slowed network and processor; on a machine that has other work besides, so with much room."""
    async with visit(chromium, site, site.logins["vintrisa"], viewport={"width": 360, "height": 740}) as guest:
        page, field = guest.page, guest.page.get_by_role("textbox", name="Message")
        await page.add_init_script(WATCH)
        slow = await guest.context.new_cdp_session(page)
        speed = {"latency": 1_000 * ROUND_TRIP_SECONDS, "downloadThroughput": BYTES_PER_SECOND}
        await slow.send("Network.emulateNetworkConditions", {"offline": False, "uploadThroughput": 96_000, **speed})
        await slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        await guest.go("/")
        await field.press_sequentially("a")
        await expect(field).to_have_value("a")
        await page.wait_for_function(QUIET)
        seen, quiet, typed, answered = await page.evaluate(MOMENTS)
    note(seen_seconds=seen, interactive_seconds=quiet, key_seconds=answered - typed)
    assert 0 < seen <= quiet
    assert quiet < BUSY * SLOW_SECONDS
    assert answered - typed < BUSY * LONG_TASK_SECONDS


def note(**measured: object) -> None:
    """Keep what was measured beside the screenshots."""
    place = ARTEFACTS / "speed.json"
    known = json.loads(place.read_text()) if place.exists() else {}
    place.write_text(json.dumps(known | measured, indent=2))


ROUNDS = """
() => {
  // How often something is asked for that only an answer made known: chains of requests that did not overlap.
  const asked = performance.getEntriesByType('resource').map((each) => [each.startTime, each.responseEnd]);
  asked.sort((one, other) => one[0] - other[0]);
  let rounds = 2, end = 0;  // the connection, and the page itself
  for (const [start, done] of asked) if (start >= end) { rounds += 1; end = done; }
  return rounds;
}
"""

WATCH = """
(() => {
  window.longTasks = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries()))
    .observe({ type: 'longtask', buffered: true });
  addEventListener('keydown', (event) => {
    window.typed ??= event.timeStamp;
    requestAnimationFrame(() => setTimeout(() => (window.answered ??= performance.now())));
  }, true);
})()
"""
"""Notes what keeps the page busy, and when the first key was pressed and its letter drawn."""

QUIET = """
() => {
  const last = Math.max(0, ...window.longTasks.map((each) => each.startTime + each.duration));
  return window.answered !== undefined && performance.now() - last > 1_000;
}
"""
"""The letter was drawn, and for a second nothing has kept the page busy."""

MOMENTS = """
() => {
  const seen = performance.getEntriesByName('first-contentful-paint')[0].startTime;
  const last = Math.max(seen, ...window.longTasks.map((each) => each.startTime + each.duration));
  return [seen, last, window.typed, window.answered].map((each) => each / 1_000);
}
"""
"""Seconds since the page was asked for: something is seen, the last long task has ended, the key, its letter."""
