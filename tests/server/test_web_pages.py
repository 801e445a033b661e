"""The web interface over HTTP: one page for all of its addresses, files to be kept for good, and what to do without it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from asgi_support import ask
from litestar.types import ASGIApp
from server_support import Served, client_of

from aura_server import create_app
from aura_server.app import Options
from aura_server.web_app import CLIENT_ROUTES, WebApp

PAGE = '<!doctype html><script type="module" src="/assets/index-1a2b.js"></script>'
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = "export const answer = 42;\n" * 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built interface, as small as can be."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "assets" / "index-1a2b.js").write_text(SCRIPT)
    (tmp_path / "assets" / "index-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (tmp_path / "assets" / "index-1a2b.js.br").write_bytes(b"as if brotli")
    return tmp_path


@pytest.fixture
def app(world: Served, folder: Path) -> ASGIApp:
    return create_app(world.aura, Options(web_folder=folder))


@pytest.mark.parametrize("address", ["/", *(f"/{each}" for each in CLIENT_ROUTES), "/c/some-id", "/console/jobs/x"])
async def test_every_address_of_the_interface_is_the_one_page(app: ASGIApp, address: str) -> None:
    answer = await ask(app, "GET", address, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


async def test_an_address_of_the_api_stays_the_apis_when_a_browser_asks(app: ASGIApp) -> None:
    for address, status in (("/documents/", 401), ("/admin/dashboard", 401), ("/v1/nothing", 404), ("/health", 200)):
        answer = await ask(app, "GET", address, headers=BROWSER)
        assert answer.status_code == status
        assert "html" not in answer.headers["content-type"]
    for address in ("/login", "/signup"):
        assert (await ask(app, "POST", address, json={})).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("address", ["/nonsense", "/chat/unknown", "/chat/", "/memory", "/nonsense.png", "/%00"])
async def test_a_mistyped_address_is_the_page_for_a_browser_and_a_problem_for_programs(
    app: ASGIApp, address: str
) -> None:
    page = await ask(app, "GET", address, headers=BROWSER)
    assert (page.status_code, page.text) == (404, PAGE)
    same = ("content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy")
    index = await ask(app, "GET", "/")
    assert {name: page.headers[name] for name in same} == {name: index.headers[name] for name in same}
    assert (page.headers["cache-control"], page.headers["vary"]) == ("no-store", "Accept")
    for method, accepted in (
        ("GET", "*/*"),
        ("GET", "application/json"),
        ("GET", "text/html;q=0"),
        ("PUT", "text/html"),
    ):
        answer = await ask(app, method, address, headers={"Accept": accepted})
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] in (404, 405)


async def test_the_page_is_asked_for_each_time_and_sent_when_it_changed(app: ASGIApp) -> None:
    first = await ask(app, "GET", "/")
    again = await ask(app, "GET", "/", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    changed = await ask(app, "GET", "/", headers={"If-None-Match": '"other"'})
    assert (changed.status_code, changed.text) == (200, PAGE)


async def test_an_asset_is_kept_for_good(app: ASGIApp) -> None:
    answer = await ask(app, "GET", "/assets/index-1a2b.js")
    assert answer.text == SCRIPT
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", None), ("zstd", None)],
)
async def test_an_asset_is_sent_in_the_smallest_form_that_the_client_reads(
    app: ASGIApp, accepted: str, encoding: str | None
) -> None:
    headers = {"Accept-Encoding": accepted}
    async with client_of(app) as client:
        async with client.stream("GET", "/assets/index-1a2b.js", headers=headers) as answer:
            assert answer.headers.get("content-encoding") == encoding
            assert answer.headers["vary"] == "Accept-Encoding"
        async with client.stream("GET", "/favicon.svg", headers=headers) as answer:
            assert "content-encoding" not in answer.headers  # it has no other form


@pytest.mark.parametrize(
    "address", ["/assets/none.js", "/assets/../index.html", "/assets/%2e%2e/%2e%2e/app.py", "/assets/index-1a2b.js.gz"]
)
async def test_no_address_leads_to_a_file_that_was_not_built(app: ASGIApp, address: str) -> None:
    assert (await ask(app, "GET", address)).status_code == 404


async def test_nothing_on_the_page_runs_but_the_files_beside_it(app: ASGIApp) -> None:
    policy = (await ask(app, "GET", "/c/x")).headers["content-security-policy"]
    rules = dict(each.strip().split(" ", 1) for each in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert rules["style-src"] == rules["connect-src"] == rules["font-src"] == "'self'"
    assert "unsafe-inline" not in policy
    assert "http" not in policy.replace("https", "http")


async def test_without_a_built_interface_its_addresses_say_how_to_build_it(world: Served, tmp_path: Path) -> None:
    app = create_app(world.aura, Options(web_folder=tmp_path))
    for address in ("/", "/library", "/c/some-id"):
        answer = await ask(app, "GET", address)
        assert answer.status_code == 200
        assert "nox -s web" in answer.text
    assert (await ask(app, "GET", "/assets/index-1a2b.js")).status_code == 404
    mistyped = await ask(app, "GET", "/nonsense", headers=BROWSER)
    assert (mistyped.status_code, mistyped.headers["content-type"]) == (404, "application/problem+json")


async def test_the_interface_is_what_was_there_when_the_server_started(folder: Path) -> None:
    app = WebApp(folder)
    (folder / "later.html").write_text("no")
    assert app.built
    assert app.named("later.html") is None
