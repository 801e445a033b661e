"""An answer's text for readers of markdown: its markers become footnotes, which quote what they stand for."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from aura import errors
from aura.answering.events import Answer, AnswerEvent, Citation, Cited, Delta, Failed, Refusal
from aura.answering.events import Final as Finished
from aura.answering.hygiene import defanged
from aura.errors import AuraError, BackendError, LimitExceeded, Unavailable

_LAST_MARKER: Final = re.compile(r"\[(\d+)\]$")
_MARKER_OR_CODE: Final = re.compile(r"`|\[(\d+)\]")
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>!#|~])")
_URL: Final = re.compile(r"(?<![a-z])(?:https?://|ftp://|www\.|(?:javascript|data):)\S+", re.IGNORECASE)


async def footnoted(events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[str | Answer]:
    """The text of an answer in pieces, its footnotes behind it, and last the answer itself. Closes `events`.

    The text is held back until its first citation: where nothing supports it the answer is a refusal, and a reader of
    this form can not take back what was shown.

    Raises:
        AuraError: the answer could not be finished.
    """
    text = _Text()
    async with aclosing(events):
        async for event in events:
            piece = ""
            if isinstance(event, Delta):
                piece = text.add(event.text)
            elif isinstance(event, Cited):
                piece = text.prove(event.citation.marker)
            elif isinstance(event, Failed):
                raise error_of(event)
            elif isinstance(event, Finished | Refusal):
                yield text.end(event.answer)
                yield event.answer
                return
            if piece:
                yield piece


class _Text:
    """The text so far: what may be shown of it, with `[^n]` for each marker that was proved."""

    def __init__(self) -> None:
        self._held = ""
        self._shown = ""
        self._proved = set[int]()
        self._in_code = False

    def add(self, text: str) -> str:
        """What can be shown now. A marker at the end waits for its proof, which comes next."""
        self._held += text
        if not self._proved:
            return ""
        marker = _LAST_MARKER.search(self._held)
        waits = marker is not None and int(marker[1]) not in self._proved
        return self._show(marker.start() if marker and waits else len(self._held))

    def prove(self, marker: int) -> str:
        """What can be shown now that this marker is proved."""
        self._proved.add(marker)
        return self._show(len(self._held))

    def end(self, answer: Answer) -> str:
        """The rest: the footnotes, or the refusal."""
        if answer.refused:
            return f"\n\n{answer.text}" if self._shown else answer.text
        return self._show(len(self._held)) + footnotes(answer.citations)

    def _show(self, end: int) -> str:
        shown, self._held = self._held[:end], self._held[end:]
        self._shown += shown
        return _MARKER_OR_CODE.sub(self._written, shown)

    def _written(self, found: re.Match[str]) -> str:
        if found[0] == "`":
            self._in_code = not self._in_code
        elif not self._in_code and int(found[1]) in self._proved:
            return f"[^{found[1]}]"
        return found[0]


def footnotes(citations: tuple[Citation, ...]) -> str:
    """One footnote for each marker, as `[^1]: handbook.pdf p. 3: "quote"`; nothing where there are no citations.

    What stands in a document is shown and never followed: its markup is escaped, its addresses lead nowhere.
    """
    by_marker: dict[int, list[Citation]] = {}
    for citation in citations:
        by_marker.setdefault(citation.marker, []).append(citation)
    lines = (f"[^{marker}]: {'; '.join(_quoted(each) for each in cited)}" for marker, cited in by_marker.items())
    return "".join(f"\n{line}" if n else f"\n\n{line}" for n, line in enumerate(lines))


def _quoted(citation: Citation) -> str:
    page = "" if citation.page is None else f" p. {citation.page}"
    return f'{_plain(citation.filename)}{page}: "{_plain(citation.quote)}"'


def _plain(text: str) -> str:
    harmless = _URL.sub(lambda url: _inert(url[0]), " ".join(text.split()))
    return _MARKUP.sub(r"\\\1", harmless)


def _inert(url: str) -> str:
    return url.replace(".", "[.]", 1) if url[:3].lower() == "www" else defanged(url)


def error_of(failed: Failed) -> AuraError:
    """The error that an event tells of."""
    if failed.kind == Unavailable.__name__:
        return Unavailable(failed.message, retry_after_seconds=failed.retry_after_seconds or 1.0)
    if failed.kind == LimitExceeded.__name__:
        return LimitExceeded(failed.message, limit="requests")
    kind: type[AuraError] = getattr(errors, failed.kind, BackendError)
    return kind(failed.message)
