"""The shapes of OpenAI's API, as far as AURA speaks it. Fields that are AURA's own are said to be so."""

from __future__ import annotations

import base64
import re
from typing import Literal

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from aura.answering.ask import Said
from aura.answering.events import Answer
from aura.errors import InvalidRequest
from aura.index.embeddings import Embedded
from aura_server.wire.chat import CitationResponse

_FOOTNOTES = re.compile(r"\n\n(?=\[\^\d+\]: )")
_CONTENT = frozenset({"text", "input_text", "output_text", "refusal"})
_ROLES = frozenset({"system", "developer", "user", "assistant"})


class ContentPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message. Text alone is read."""

    type: str
    text: str = ""
    refusal: str = ""


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message. Those of `system` and `developer` are taken and not followed: the organisation's rules stand."""

    role: str
    content: str | tuple[ContentPart, ...] | None = None


class StreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`include_usage`: one more chunk at the end, with the usage."""

    include_usage: bool = False


class ChatCompletionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A question, and what was said before it. `model` is one of `GET /v1/models`. Other parameters are ignored."""

    model: str
    messages: tuple[ChatMessage, ...]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None

    def turns(self) -> tuple[Said, ...]:
        """What was said, the question last. Raises `InvalidRequest` where that can not be read."""
        if self.n not in (None, 1):
            raise InvalidRequest(f"n is {self.n}: there is one answer to a question, so send 1", field="n")
        turns = tuple(said for n, message in enumerate(self.messages) if (said := _said(message, n)))
        if not turns or turns[-1].role != "user" or not turns[-1].text.strip():
            raise InvalidRequest("the last message must be the user's question", field="messages")
        return turns


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of the messages and of the answer, as the embedding model counts them. Passages are not counted."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, prompt: int, completion: int) -> Usage:
        """Both, and their sum."""
        return cls(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


class CompletionMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. AURA's own: `citations` prove the footnotes; `refused` where nothing supports an answer."""

    role: Literal["assistant"]
    content: str
    refusal: None
    citations: tuple[CitationResponse, ...]
    refused: bool


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The one choice."""

    index: Literal[0]
    message: CompletionMessage
    logprobs: None
    finish_reason: Literal["stop"]


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[Choice, ...]
    usage: Usage

    @classmethod
    def of(cls, head: Head, text: str, answer: Answer, usage: Usage) -> ChatCompletion:
        """`answer` with the footnoted `text`."""
        message = CompletionMessage(
            role="assistant", content=text, refusal=None, citations=citations_of(answer), refused=answer.refused
        )
        choice = Choice(index=0, message=message, logprobs=None, finish_reason="stop")
        return cls(
            id=head.id,
            object="chat.completion",
            created=head.created,
            model=head.model,
            system_fingerprint=head.system_fingerprint,
            choices=(choice,),
            usage=usage,
        )


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """What is new. `citations` and `refused` are AURA's own, and come with the last one."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    citations: tuple[CitationResponse, ...] | UnsetType = UNSET
    refused: bool | UnsetType = UNSET


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The one choice, as it comes."""

    index: Literal[0]
    delta: Delta
    logprobs: None
    finish_reason: Literal["stop"] | None


class ChatCompletionChunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an answer. Where the usage was asked for, it is null in all but the last, which has no choice."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[ChunkChoice, ...]
    usage: Usage | UnsetType | None = UNSET


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every piece of one answer says."""

    id: str
    created: int
    model: str
    system_fingerprint: str

    def chunk(
        self, delta: Delta | None, usage: Usage | UnsetType | None, *, end: Literal["stop"] | None = None
    ) -> ChatCompletionChunk:
        """The next piece."""
        choices = () if delta is None else (ChunkChoice(index=0, delta=delta, logprobs=None, finish_reason=end),)
        return ChatCompletionChunk(
            id=self.id,
            object="chat.completion.chunk",
            created=self.created,
            model=self.model,
            system_fingerprint=self.system_fingerprint,
            choices=choices,
            usage=usage,
        )


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation's assistant, the assistant over one collection (`aura:NAME`), or the embedding model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(msgspec.Struct, frozen=True, kw_only=True):
    """All that a caller can name as `model`."""

    object: Literal["list"]
    data: tuple[Model, ...]


class EmbeddingsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to embed. Lists of tokens are not taken: they are another model's."""

    model: str
    input: str | tuple[str, ...]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts, in order."""
        return (self.input,) if isinstance(self.input, str) else self.input


class EmbeddingsUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of the texts."""

    prompt_tokens: int
    total_tokens: int


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """A vector of unit length: numbers, or base64 of them as little-endian float32."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The vectors, in the order of the texts."""

    object: Literal["list"]
    data: tuple[Embedding, ...]
    model: str
    usage: EmbeddingsUsage

    @classmethod
    def of(cls, embedded: Embedded, request: EmbeddingsRequest) -> EmbeddingsResponse:
        """`embedded` as `request` wants it."""
        rows = embedded.vectors.astype(np.dtype("<f4"), copy=False)
        written = (
            base64.b64encode(row.tobytes()).decode() if request.encoding_format == "base64" else row.tolist()
            for row in rows
        )
        return cls(
            object="list",
            data=tuple(Embedding(object="embedding", index=n, embedding=each) for n, each in enumerate(written)),
            model=request.model,
            usage=EmbeddingsUsage(prompt_tokens=embedded.tokens, total_tokens=embedded.tokens),
        )


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong."""

    message: str
    type: str
    code: str | None
    param: str | None


class ErrorResponse(msgspec.Struct, frozen=True, kw_only=True):
    """An error under `/v1`."""

    error: Error

    @classmethod
    def of(cls, status: int, message: str, *, param: str | None = None) -> ErrorResponse:
        """The error that a client of OpenAI's knows by `status`."""
        kind, code = _ERRORS.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
        return cls(error=Error(message=message, type=kind, code=code, param=param))


_ERRORS: dict[int, tuple[str, str | None]] = {
    401: ("authentication_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    403: ("permission_error", "permission_denied"),
    404: ("invalid_request_error", "not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}


def citations_of(answer: Answer) -> tuple[CitationResponse, ...]:
    """The answer's proofs on the wire."""
    return tuple(CitationResponse.of(citation) for citation in answer.citations)


def _said(message: ChatMessage, n: int) -> Said | None:
    if message.role not in _ROLES:
        raise InvalidRequest(
            f"messages[{n}] has the role {message.role[:40]!r}: send {', '.join(sorted(_ROLES))}",
            field=f"messages[{n}].role",
        )
    text = _text(message.content, n)
    if message.role == "user":
        return Said(role="user", text=text)
    if message.role == "assistant" and (kept := _FOOTNOTES.split(text)[0]):
        return Said(role="assistant", text=kept)
    return None


def _text(content: str | tuple[ContentPart, ...] | None, n: int) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    for k, part in enumerate(content):
        if part.type not in _CONTENT:
            raise InvalidRequest(
                f"messages[{n}].content[{k}] is of type {part.type[:40]!r}: text alone can be read",
                field=f"messages[{n}].content[{k}].type",
            )
    return "\n".join(part.text or part.refusal for part in content)
