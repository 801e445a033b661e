"""The one stream of events that every surface renders, and the answer it ends in.

`sources` → `delta`* and `citation`* → `final` | `refusal` | `error`. Sequence numbers rise by one from 0 within a response.
"""

from __future__ import annotations

from html import escape
from typing import Literal
from uuid import UUID

import msgspec

from aura.identity import ConversationId, DocumentId
from aura.index.passage import Passage


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """Proof for one marker `[n]` of an answer. `quote` is exactly `document_text[start:end]` of that version.

    `remembered`: it is no document's, but what the user said in the message `document_id`.
    """

    marker: int
    document_id: DocumentId
    version: int
    filename: str
    page: int | None
    start: int
    end: int
    quote: str
    chunk_id: str
    remembered: bool = False

    @property
    def document(self) -> str:
        """The cited file's name."""
        return self.filename


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds since the question arrived; `first_token_seconds` is None when the model was never called."""

    embedding_seconds: float = 0.0
    retrieval_seconds: float = 0.0
    first_token_seconds: float | None = None
    total_seconds: float = 0.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A finished answer. `text` carries markers `[n]` that `citations` prove; a refusal has none.

    `cost_usd` is None where the model has a price that AURA does not know. With `stopped` the text is what had been said
    until somebody stopped it, or nobody listened any more. `persona_applied` says whether the wording is the asker's
    persona's, and would have been another without one.
    """

    response_id: UUID
    question: str
    text: str
    citations: tuple[Citation, ...]
    sources: tuple[Passage, ...]
    refused: bool
    model: str
    cost_usd: float | None
    timings: Timings
    conversation_id: ConversationId | None = None
    message_id: UUID | None = None
    stopped: bool = False
    persona_applied: bool = False

    def __str__(self) -> str:
        proofs = "".join(
            f"\n[{c.marker}] {c.filename}{f' p. {c.page}' if c.page is not None else ''}: {c.quote}"
            for c in self.citations
        )
        return self.text + ("\n" + proofs if proofs else "")

    def _repr_html_(self) -> str:
        proofs = "".join(
            f"<li value='{c.marker}'><b>{escape(c.filename)}{f' p. {c.page}' if c.page is not None else ''}</b> "
            f"<q>{escape(c.quote)}</q></li>"
            for c in self.citations
        )
        cost = "price unknown" if self.cost_usd is None else f"${self.cost_usd:.4f}"
        facts = f"{self.model} · {cost} · {self.timings.total_seconds:.2f} s"
        return f"<div><p>{escape(self.text)}</p><ol>{proofs}</ol><small>{escape(facts)}</small></div>"


class AnswerEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What a stream yields. Every event names its response and its place in it."""

    response_id: UUID
    seq: int


class Sources(AnswerEvent, frozen=True, kw_only=True, tag="sources"):
    """The passages the answer may draw on, in the order of their markers."""

    passages: tuple[Passage, ...]


class Delta(AnswerEvent, frozen=True, kw_only=True, tag="delta"):
    """The next piece of the text. The pieces joined are the final text, unless the end is a refusal."""

    text: str


class Cited(AnswerEvent, frozen=True, kw_only=True, tag="citation"):
    """A marker that was just sent, with its proof."""

    citation: Citation


class Final(AnswerEvent, frozen=True, kw_only=True, tag="final"):
    """The whole answer, supported by its citations."""

    answer: Answer


class Refusal(AnswerEvent, frozen=True, kw_only=True, tag="refusal"):
    """Nothing the caller may see supports an answer; `answer.text` says so and replaces every delta."""

    answer: Answer


class Failed(AnswerEvent, frozen=True, kw_only=True, tag="error"):
    """The answer could not be finished. `kind` is the name of the error of `aura.errors`.

    One that concerns this reading alone repeats the number of the event before it, so that reading on from there works.
    """

    kind: str
    message: str
    retry_after_seconds: float | None = None


Outcome = Literal["final", "refusal", "error"]

ENDS = (Final, Refusal, Failed)
"""One of these is the last event of a response."""
AnyEvent = Sources | Delta | Cited | Final | Refusal | Failed
"""Every kind of event, as msgspec tells them apart by `type`."""
