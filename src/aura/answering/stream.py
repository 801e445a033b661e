"""A model's text as it streams, made safe: every marker proved or removed, nothing in it that a reader's browser would load.

The text is consumed from the left by rules that look at a bounded piece ahead and decide the same however the text was
cut into deltas: a rule that can not decide yet waits for more. What no rule wants passes through at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set

import msgspec

from aura.answering.events import Citation
from aura.answering.hygiene import defanged, host_of, is_listed, without_tag
from aura.answering.prompts import is_refusal, may_become_refusal, refusal
from aura.answering.proofs import Proofs
from aura.index.passage import Passage

Piece = str | Citation
"""What a stream yields: text to append, or the proof of the marker that was just appended."""

MAX_HELD = 200
"""Characters that are held back at most while it is undecided what they are."""
MAX_URL = 2000
"""The same for an address, whose host decides."""

# What a bare URL begins with, and what must follow there. An empty scheme is `//host`.
_SCHEMES = (
    dict.fromkeys(("http", "https", "ftp", "ftps", "file"), r"://")
    | dict.fromkeys(("javascript", "vbscript", "data"), r":\S")
    | {"www": r"\.\w", "": r"//\w"}
)
_BEGINNINGS = {scheme[:length] for scheme in _SCHEMES for length in range(len(scheme) + 1)}
_RUN = re.compile(r"[A-Za-z0-9]*")
_NOT_ASCII = re.compile(r"[^\x00-\x7f【]+")
_IMAGE = re.compile(r"!\[([^\[\]<!`\\]*)\]\(([^\s()]*)\)")
_ADDRESS = re.compile(r"\(([^()\n]*(?:\([^()\n]*\)[^()\n]*)*)\)")
_SPACE = re.compile(r"[ \t]+")
_MARKER = re.compile(
    r"[\[【]\s*\^?(?:(?:passages?|sources?|documents?|quellen?)\s*)?"
    r"(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)(?::\d+)?(?:†[^\]】]{0,40})?\s*[\]】]",
    re.IGNORECASE,
)
_URL = re.compile(r"[^\s<>\"'`)\[\]}|\\^]+")
_URL_END = re.compile(r"[.,;:!?*_~]+$")


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a stream. `pieces` were held until now; all pieces' texts joined are `text`, unless `refused`."""

    text: str
    citations: tuple[Citation, ...]
    refused: bool
    pieces: tuple[Piece, ...] = ()


class AnswerStream:
    """Turns a model's deltas into text and citations. One instance serves one answer.

    Args:
        passages: What the markers `[1]`, `[2]` … stand for, in order.
        question: Decides the language of a refusal,
        language: unless this code does.
        allowed_hosts: Hosts (with their sub-domains) that links and images may lead to.
        knowledge: Whether the answer must come from the passages; if not, it needs no citation.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        *,
        question: str = "",
        language: str | None = None,
        allowed_hosts: Set[str] = frozenset(),
        knowledge: bool = True,
    ) -> None:
        self._proofs = Proofs(passages)
        self._refusal = refusal(question, language)
        self._allowed_hosts = allowed_hosts
        self._knowledge = knowledge
        self._rest = ""  # not decided yet
        self._text = ""  # sent
        self._gap = ""  # spaces not sent yet: a marker that is removed takes them along
        self._marks: list[tuple[int, int]] = []  # where the kept markers stand in the sent text
        self._citations: list[Citation] = []
        self._fence: str | None = None  # what closes the code block that we are in
        self._after_marker = False
        self._in_url = False  # in the part of a URL that is too long to be held: it is dropped
        self._undecided: list[Piece] | None = []  # what may still be the sentence that refuses; None: it is another

    def feed(self, delta: str) -> list[Piece]:
        """What can be sent now that `delta` has arrived: nothing while it may become a refusal, which is an event alone."""
        self._rest += delta
        pieces = _joined(self._consume(final=False))
        if self._undecided is None:
            return pieces
        self._undecided += pieces
        return [] if may_become_refusal(self._text) else self._decided()

    @property
    def held(self) -> str:
        """What has arrived and can not be read yet."""
        return self._gap + self._rest

    def finish(self) -> Checked:
        """The whole answer, with what was still held. Call it once, at the end of the model's text."""
        last = list(self._consume(final=True))
        pieces = tuple(_joined(iter([*self._decided(), *last])))
        if is_refusal(self._text):
            return Checked(text=self._refusal, citations=(), refused=True)
        if self._knowledge and not self._citations:
            return Checked(text=self._refusal, citations=(), refused=True, pieces=pieces)
        return Checked(text=self._text, citations=tuple(self._citations), refused=False, pieces=pieces)

    def _decided(self) -> list[Piece]:
        """What was held as it might have been a refusal."""
        pieces, self._undecided = self._undecided or [], None
        return _joined(iter(pieces))

    def _consume(self, final: bool) -> Iterator[Piece]:
        while self._rest:
            pieces = self._code(final) if self._fence else self._prose(final)
            if pieces is None:
                return
            yield from pieces
        if final and self._gap:
            yield self._sent("")

    # --- one step: None when more text is needed to decide -----------------------------------------------------------

    def _prose(self, final: bool) -> list[Piece] | None:
        if self._in_url:
            rest = _URL.match(self._rest)
            self._take(rest.end() if rest else 0)
            self._in_url = not self._rest
            return []
        if self._after_marker:
            return self._link_of_marker(final)
        head = self._rest[0]
        if space := _SPACE.match(self._rest):
            self._gap += self._take(space.end())
            return []
        if head in "`~":
            return self._backticks(final)
        if head in "[【":
            return self._bracket(final)
        if head == "!":
            return self._exclamation(final)
        if head == "<":
            return self._angle(final)
        if head == "\\":
            return None if len(self._rest) < 2 and not final else [self._sent(self._take(2))]
        if head == "/" or (head.isascii() and head.isalnum()):
            return self._word(final)
        plain = _NOT_ASCII.match(self._rest)
        return [self._sent(self._take(plain.end() if plain else 1))]

    def _word(self, final: bool) -> list[Piece] | None:
        """A run of letters and digits; or a URL, when it is a scheme that no letter stands before."""
        run = _RUN.match(self._rest)
        assert run is not None
        word, following = run.group().lower(), self._rest[run.end() : run.end() + 3]
        last = "" if self._gap else self._text[-1:]
        if (last.isascii() and last.isalnum()) or word not in _BEGINNINGS:
            return [self._sent(self._take(max(1, run.end())))]
        if not final and (not following or (len(following) < 3 and re.fullmatch(r"[:/.]+", following))):
            return None
        if not re.match(_SCHEMES.get(word, r"(?!)"), following):
            return [self._sent(self._take(max(1, run.end())))]
        return self._url(final)

    def _url(self, final: bool) -> list[Piece] | None:
        """A bare URL stays if it is listed; of another its host stays, as text."""
        run = _URL.match(self._rest)
        assert run is not None
        if run.end() == len(self._rest) < MAX_URL and not final:
            return None
        url = _URL_END.sub("", run.group()[:MAX_URL]) or run.group()
        self._take(len(url))
        self._in_url = len(url) == MAX_URL
        if is_listed(url, self._allowed_hosts) and not self._in_url:
            return [self._sent(url)]
        if re.match(r"data:(?![\w+-]+/|[;,])", url, re.IGNORECASE):
            return [self._sent(url)]
        host = host_of(url) if re.match(r"\w*:?//|www\.", url, re.IGNORECASE) else ""
        return [self._sent(host)] if host else []

    def _bracket(self, final: bool) -> list[Piece] | None:
        """A marker, a link, or a bracket."""
        close = _closing(self._rest)
        if close is None:
            return None if self._may_close() and not final else [self._sent(self._take(1))]
        marker = _MARKER.fullmatch(self._rest, 0, close)
        if marker is not None:
            self._take(close)
            self._after_marker = True
            return self._markers(marker.group(1))
        if close == len(self._rest) and not final:
            return None
        if self._rest[close : close + 1] != "(":
            return [self._sent(self._take(1))]
        address = _ADDRESS.match(self._rest, close, close + MAX_HELD)
        if address is None and not final and len(self._rest) < close + MAX_HELD and "\n" not in self._rest[close:]:
            return None
        label = self._rest[1 : close - 1]
        plain = re.search(r"[\[\]<!`\\]", label) is None
        if address is not None and plain and is_listed(address.group(1).strip(), self._allowed_hosts):
            return [self._sent(self._take(address.end()))]
        # The label is read again, since anything can stand in it; an address too long to be held is read as text.
        self._rest = label + self._rest[address.end() if address else close :]
        return []

    def _exclamation(self, final: bool) -> list[Piece] | None:
        """An image that is listed, the text of another, or an exclamation mark."""
        if len(self._rest) == 1 and not final:
            return None
        if self._rest[1:2] != "[":
            return [self._sent(self._take(1))]
        close = _closing(self._rest[1:])
        if not final and (self._may_close() if close is None else close + 1 == len(self._rest)):
            return None
        linked = close is None or self._rest[close + 1 : close + 2] in ("(", "[")
        if not linked:
            return [self._sent(self._take(1))]
        image = _IMAGE.match(self._rest, 0, MAX_HELD)
        if image is None and not final and ")" not in self._rest and len(self._rest) < MAX_HELD:
            return None
        if image is not None and is_listed(image.group(2), self._allowed_hosts):
            return [self._sent(self._take(image.end()))]
        self._take(1)
        return []

    def _may_close(self) -> bool:
        return len(self._rest) < MAX_HELD and "\n\n" not in self._rest

    def _angle(self, final: bool) -> list[Piece] | None:
        """HTML is removed; a `<` that can not begin a tag stays."""
        if len(self._rest) == 1 and not final:
            return None
        if not re.match(r"<[A-Za-z/!?]", self._rest):
            return [self._sent(self._take(1))]
        end = self._rest.find(">", 0, MAX_HELD)
        if end >= 0:
            kept = without_tag(self._take(end + 1))
            return [self._sent(kept)] if kept else []
        if len(self._rest) < MAX_HELD and not final:
            return None
        self._take(1)
        return [self._sent("‹")]

    def _backticks(self, final: bool) -> list[Piece] | None:
        """Code: a block is entered, a span is sent when it is complete, a stray backtick stays."""
        run = re.match(r"`+|~+", self._rest)
        assert run is not None
        if run.end() == len(self._rest) and not final:
            return None
        ticks = run.group()
        if len(ticks) >= 3 and re.search(r"(?:^|\n) {0,3}$", self._text[-4:] + self._gap):
            line = re.compile(r"[^\n`]*\n").match(self._rest, run.end(), MAX_HELD)
            if line is not None:
                self._fence = ticks
                return [self._sent(self._take(line.end()))]
            if not re.search(r"[`\n]", self._rest[run.end() :]) and len(self._rest) < MAX_HELD and not final:
                return None
        if ticks[0] == "~":
            return [self._sent(self._take(run.end()))]
        span = re.compile(rf"`{{{len(ticks)}}}(?!`)(.*?[^`])`{{{len(ticks)}}}(?!`)", re.DOTALL).match(
            self._rest, 0, MAX_HELD + len(ticks) + 1
        )
        complete = span is not None and (span.end() < len(self._rest) or final)
        if span is not None and complete and span.end() <= MAX_HELD and "\n\n" not in span.group():
            return [self._sent(self._inert(self._take(span.end())))]
        if self._may_close() and not final:
            return None
        return [self._sent(self._take(run.end()))]

    def _code(self, final: bool) -> list[Piece] | None:
        """A line of a code block at a time: unchanged, but for the URLs in it."""
        assert self._fence is not None
        end = self._rest.find("\n", 0, MAX_URL) + 1
        if not end and not final and len(self._rest) < MAX_URL:
            return None
        line = self._take(end or MAX_URL)
        closing = re.fullmatch(r" {0,3}(`{3,}|~{3,})\s*", line)
        if closing and closing.group(1).startswith(self._fence):
            self._fence = None
        return [self._sent(self._inert(line))]

    def _link_of_marker(self, final: bool) -> list[Piece] | None:
        """`[1](address)`: a marker needs no address."""
        address = re.compile(r"\([^\s()]*\)").match(self._rest, 0, MAX_HELD)
        if address is None and re.fullmatch(r"\([^\s()]*", self._rest) and len(self._rest) < MAX_HELD and not final:
            return None
        self._after_marker = False
        self._take(address.end() if address else 0)
        return []

    # --- markers -----------------------------------------------------------------------------------------------------

    def _markers(self, numbers: str) -> list[Piece]:
        """The markers of one bracket that are proved, each with its citation when it is the first for its quote."""
        gap, pieces = self._gap, list[Piece]()
        for number in _numbers(numbers):
            citation = self._proofs.of(number, self._text, self._marks)
            if citation is None:
                continue
            pieces.append(self._sent(f"[{number}]"))
            self._marks.append((len(self._text) - len(f"[{number}]"), len(self._text)))
            if citation not in self._citations:
                self._citations.append(citation)
                pieces.append(citation)
        if not pieces and gap:
            self._gap = ""
        return pieces

    # --- small steps -------------------------------------------------------------------------------------------------

    def _take(self, count: int) -> str:
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _sent(self, text: str) -> str:
        text = self._gap + text
        self._gap = ""
        self._text += text
        return text

    def _inert(self, code: str) -> str:
        pattern = r"(?<![A-Za-z0-9])(?:(?:https?|ftps?|file)://|(?:javascript|vbscript|data):)[^\s<>\"'`)]*"
        return re.sub(
            pattern,
            lambda url: url.group() if is_listed(url.group(), self._allowed_hosts) else defanged(url.group()),
            code,
            flags=re.IGNORECASE,
        )


def _closing(text: str) -> int | None:
    """Where the bracket that `text` begins with ends, or None when it does not within `MAX_HELD` characters."""
    depth = 0
    for n, character in enumerate(text[:MAX_HELD]):
        depth += (character in "[【") - (character in "]】")
        if depth == 0:
            return n + 1
        if character == "\n" and text[n + 1 : n + 2] == "\n":
            return None
    return None


def _numbers(text: str) -> list[int]:
    """1, 2 and 4–6 as 1, 2, 4, 5, 6."""
    found: list[int] = []
    for part in re.split(r"[,;]", text):
        first, *last = (int(number) for number in re.findall(r"\d+", part))
        found.extend(range(first, min(last[0], first + 9) + 1) if last else [first])
    return list(dict.fromkeys(found))


def _joined(pieces: Iterator[Piece]) -> list[Piece]:
    """`pieces` with neighbouring texts joined."""
    found: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] += piece
        elif piece != "":
            found.append(piece)
    return found
