"""One server with the demo organisations and one Chromium for all of these tests, in one event loop."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from browser_support import CHROMIUM, Site, program_environment, serving
from playwright.async_api import Browser, async_playwright
from pytest_asyncio import is_async_test

from aura_server.web_app import WebApp


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The server and the browser are one, so their event loop is too."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def _missing(what: str) -> None:
    """Where everything must be tested, what is missing is a failure."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site() -> AsyncIterator[Site]:
    """A running `aura serve --demo`, with the built interface."""
    if not WebApp().built:
        _missing("the web interface is not built: python tools/web.py build")
    with tempfile.TemporaryDirectory(prefix="aura-tests-", ignore_cleanup_errors=True) as folder:
        async with serving(Path(folder), program_environment(sys.executable)) as found:
            yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser that is installed."""
    if CHROMIUM is None:
        _missing("no Chromium on the path: apt-get install chromium")
    async with async_playwright() as playwright:
        # The sandbox of the browser wants rights that containers and root have not; its pages are our own.
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()
