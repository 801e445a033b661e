"""The web interface as it was built: which files it has, and how each is sent."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from anyio import Path as AsyncPath
from litestar import Request, Response

BUILT: Final = Path(__file__).parent / "web" / "dist"
"""Where the build puts it: `nox -s web` in a checkout, the build hook in a wheel."""

CLIENT_ROUTES: Final = ("c", "library", "settings", "console", "login", "signup")
"""First segments of the interface's own addresses. No GET route of the API begins with one of them."""
ROOT_FILES: Final = ("favicon.svg", "manifest.webmanifest")
"""Files that browsers look for beside the page."""

_PAGE: Final = "index.html"
_ASSETS: Final = "assets/"
_ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}
"""The forms that the build compresses files to, the smaller first, and how such a file's name ends."""
_TYPES: Final = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
"""Of suffixes that machines have different opinions about."""


class WebFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file, with the forms of it that are compressed already, by encoding."""

    path: Path
    media_type: str
    tag: str
    immutable: bool
    compressed: Mapping[str, Path]


class WebApp:
    """The built interface, or that there is none. Knows its files by name, so no address leads to another file."""

    def __init__(self, folder: Path = BUILT) -> None:
        """Reads each file of `folder` once, for its tag; without an `index.html` in it there is no interface."""
        self._files = _found(folder) if (folder / _PAGE).is_file() else {}
        self._instead = (folder / _PAGE).read_bytes() if self._files else None

    @property
    def built(self) -> bool:
        """Whether there is an interface to send."""
        return bool(self._files)

    def page(self) -> WebFile | None:
        """The one page; its script tells the addresses apart."""
        return self._files.get(_PAGE)

    def instead(self) -> bytes | None:
        """The page's content as it was at the start, for an answer that says that there is nothing at an address."""
        return self._instead

    def named(self, name: str) -> WebFile | None:
        """The file `name`, relative to the folder."""
        return self._files.get(name)


async def sent(request: Request[Any, Any, Any], file: WebFile) -> Response[bytes]:
    """The file, as small as the client can read it, or that it has it already (304)."""
    tag = f'"{file.tag}"'
    lasting = "public, max-age=31536000, immutable" if file.immutable else "no-cache"
    headers = {"ETag": tag, "Cache-Control": lasting, "Vary": "Accept-Encoding"}
    if tag in _listed(request.headers.get("if-none-match", "").replace("W/", "")):
        return Response(b"", status_code=304, media_type=file.media_type, headers=headers)
    encoding = _accepted(request.headers.get("accept-encoding", ""), file)
    if encoding is not None:
        headers["Content-Encoding"] = encoding
    path = file.path if encoding is None else file.compressed[encoding]
    return Response(await AsyncPath(path).read_bytes(), media_type=file.media_type, headers=headers)


def reads_pages(request: Request[Any, Any, Any]) -> bool:
    """Whether a person's browser asks for a page, which programs and scripts do not: they name no `text/html`."""
    named = (each.partition(";") for each in _listed(request.headers.get("accept", "")))
    return request.method == "GET" and any(
        name.strip().lower() == "text/html" and not _refused(parameters) for name, _, parameters in named
    )


def _accepted(header: str, file: WebFile) -> str | None:
    """The first of our encodings that the client takes, and the file has."""
    takes = {
        name.strip().lower() for each in _listed(header) for name, _, q in (each.partition(";"),) if not _refused(q)
    }
    return next((encoding for encoding in _ENCODINGS if encoding in takes and encoding in file.compressed), None)


def _refused(parameters: str) -> bool:
    return parameters.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000")


def _listed(header: str) -> list[str]:
    return [each.strip() for each in header.split(",")]


def _found(folder: Path) -> dict[str, WebFile]:
    names = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: _described(name, path, names) for name, path in names.items() if not name.endswith((".br", ".gz"))}


def _described(name: str, path: Path, names: Mapping[str, Path]) -> WebFile:
    guessed = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    compressed = {encoding: names[name + suffix] for encoding, suffix in _ENCODINGS.items() if name + suffix in names}
    return WebFile(
        path=path,
        media_type=guessed,
        tag=sha256(path.read_bytes()).hexdigest()[:32],
        immutable=name.startswith(_ASSETS),
        compressed=compressed,
    )
